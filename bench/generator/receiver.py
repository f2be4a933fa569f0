"""The receiving half of the legs: one read a ready socket into a byte matrix, everything else as arrays."""

import socket
import struct
import time
from collections.abc import Callable

import numpy as np
import pylibsrtp
from numpy.typing import NDArray

from bench.generator.memory import GAP_BINS, Memory
from bench.generator.secrecy import Keys

_WIDTH = 1500
_HEADER = 12
_SO_TIMESTAMPNS = 35
_ANCILLARY = socket.CMSG_SPACE(16)
_REFUSED = -1
"""Length of what the phone's SRTP refused."""
_SAMPLED, _LEAST_VOICE = 16, 20
"""Silence is bytes that are all the same, as G.711 has it, or a short packet, as Opus has it: bytes looked at, bytes of that."""

Receive = Callable[[memoryview], int]


class Receiver:
    """All legs' incoming streams. `read` takes the descriptors that epoll named.

    With ``kernel_times`` a packet's arrival is when the kernel queued it, however late this process looks; that costs
    about 2 µs a packet, so benches that only count leave it off.
    """

    def __init__(self, memory: Memory, kernel_times: bool) -> None:
        legs = memory.size.legs
        self._memory = memory
        self._kernel_times = kernel_times
        self._matrix = np.zeros((max(64, legs), _WIDTH), np.uint8)
        self._views = [memoryview(row.data).cast("B") for row in self._matrix]
        self._reads: dict[int, Receive] = {}
        self._messages: dict[int, socket.socket] = {}
        self._leg_of: dict[int, int] = {}
        self._payload_type = np.zeros(legs, np.int64)
        self._digit_payload_type = np.zeros(legs, np.int64)
        self._records = np.zeros(legs, bool)
        self._opening: dict[int, Callable[[bytes], bytes]] = {}
        """Of legs that agreed on SRTP."""

    @property
    def limit(self) -> int:
        """Packets that one `read` can take."""
        return len(self._views)

    def start(
        self, leg: int, handle: socket.socket, payload_type: int, digit_payload_type: int, records: bool, keys: Keys | None = None
    ) -> None:
        """Count, and if asked keep, what this leg receives from now on; its stream begins anew."""
        self._opening.pop(leg, None)
        if keys is not None:
            self._opening[leg] = keys.opening()
        descriptor = handle.fileno()
        self._leg_of[descriptor] = leg
        self._payload_type[leg] = payload_type
        self._digit_payload_type[leg] = digit_payload_type
        self._records[leg] = records
        self._memory.highest[leg] = -1
        self._memory.ssrc[leg] = -1
        if self._kernel_times:
            handle.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._messages[descriptor] = handle
        self._reads[descriptor] = handle.recv_into

    def read(self, descriptors: list[int]) -> None:
        """One packet from each of these sockets."""
        if self._kernel_times:
            self._read_with_times(descriptors)
            return
        reads, views = self._reads, self._views
        lengths: list[int] = []
        from_descriptors: list[int] = []
        for descriptor in descriptors:
            try:
                lengths.append(reads[descriptor](views[len(lengths)]))
            except OSError:  # a refusal that came back for something sent, or nothing there
                continue
            from_descriptors.append(descriptor)
        if lengths:
            now = time.monotonic()
            self._take(from_descriptors, lengths, np.full(len(lengths), now))

    def _read_with_times(self, descriptors: list[int]) -> None:
        lengths: list[int] = []
        from_descriptors: list[int] = []
        times: list[float] = []
        for descriptor in descriptors:
            try:
                length, ancillary, _, _ = self._messages[descriptor].recvmsg_into([self._views[len(lengths)]], _ANCILLARY)
            except OSError:
                continue
            seconds, nanoseconds = struct.unpack("qq", ancillary[0][2]) if ancillary else divmod(time.time_ns(), 1_000_000_000)
            lengths.append(length)
            times.append(seconds + nanoseconds * 1e-9)
            from_descriptors.append(descriptor)
        if lengths:
            self._take(from_descriptors, lengths, np.array(times) - (time.time() - time.monotonic()))

    def _take(self, descriptors: list[int], lengths: list[int], arrival: NDArray[np.float64]) -> None:
        memory = self._memory
        from_legs = [self._leg_of[descriptor] for descriptor in descriptors]
        if self._opening:
            self._open(from_legs, lengths)
        legs, length = np.array(from_legs, np.int64), np.array(lengths, np.int64)
        packets = self._matrix[: len(lengths)]
        payload_type = (packets[:, 1] & 0x7F).astype(np.int64)
        is_rtp = (length >= _HEADER) & (packets[:, 0] == 0x80)
        is_digit = is_rtp & (payload_type == self._digit_payload_type[legs])
        is_voice = is_rtp & (payload_type == self._payload_type[legs])
        memory.strange[legs[~(is_digit | is_voice) & (length != _REFUSED)]] += 1
        memory.digits[legs[is_digit]] += 1
        keep = is_digit | is_voice
        if not keep.all():
            legs, length, arrival, packets, is_voice = legs[keep], length[keep], arrival[keep], packets[keep], is_voice[keep]
        sequence = packets[:, 2].astype(np.int64) << 8 | packets[:, 3]
        self._count(legs, sequence, np.ascontiguousarray(packets[:, 8:12]).view(">u4")[:, 0].astype(np.int64), arrival)
        sampled = packets[:, _HEADER : _HEADER + _SAMPLED]
        loud = is_voice & (length >= _HEADER + _LEAST_VOICE) & (sampled != sampled[:, :1]).any(axis=1)
        memory.last_voice[legs[loud]] = arrival[loud]
        chosen = is_voice & self._records[legs]
        if chosen.any():
            self._record(legs[chosen], sequence[chosen], packets[chosen], length[chosen], arrival[chosen])

    def _open(self, legs: list[int], lengths: list[int]) -> None:
        """Open what came to secured legs, in place; what is not genuine, or comes again, is `_REFUSED`."""
        for line, leg in enumerate(legs):
            opening = self._opening.get(leg)
            if opening is None:
                continue
            try:
                opened = opening(self._views[line][: lengths[line]].tobytes())
            except (pylibsrtp.Error, ValueError):
                self._memory.refused[leg] += 1
                lengths[line] = _REFUSED
            else:
                self._views[line][: len(opened)] = opened
                lengths[line] = len(opened)

    def _count(self, legs: NDArray[np.int64], sequence: NDArray[np.int64], ssrc: NDArray[np.int64], arrival: NDArray[np.float64]) -> None:
        """Each leg is in ``legs`` at most once: one read a socket."""
        memory = self._memory
        is_first = memory.highest[legs] < 0
        jumped = ~is_first & (memory.ssrc[legs] != ssrc)
        memory.jumps[legs[jumped]] += 1
        memory.ssrc[legs] = ssrc
        highest = np.where(is_first, sequence + 65535, memory.highest[legs])
        ahead = ((sequence - highest + 32768) & 0xFFFF) - 32768
        memory.duplicates[legs] += ahead == 0
        memory.highest[legs] = highest + np.maximum(ahead, 0)
        since = np.where(is_first, 0.0, arrival - memory.last_arrival[legs])
        memory.longest_gap[legs] = np.maximum(memory.longest_gap[legs], since)
        gap = np.clip((since * 1000).astype(np.int64), 0, GAP_BINS - 1)
        memory.gaps[legs[~is_first], gap[~is_first]] += 1
        memory.last_arrival[legs] = arrival
        memory.received[legs] += 1

    def _record(
        self,
        legs: NDArray[np.int64],
        sequence: NDArray[np.int64],
        packets: NDArray[np.uint8],
        length: NDArray[np.int64],
        arrival: NDArray[np.float64],
    ) -> None:
        memory = self._memory
        first = memory.total("recorded")
        count = min(len(legs), memory.size.recorded - first)
        memory.totals[Memory.TOTALS.index("record_overflow")] += len(legs) - count
        to = slice(first, first + count)
        memory.record_time[to] = arrival[:count]
        memory.record_leg[to] = legs[:count]
        memory.record_sequence[to] = sequence[:count]
        memory.record_timestamp[to] = np.ascontiguousarray(packets[:count, 4:8]).view(">u4")[:, 0]
        memory.record_length[to] = np.minimum(length[:count] - _HEADER, 65535)
        memory.record_payload[to] = packets[:count, _HEADER : _HEADER + memory.size.payload]
        memory.totals[Memory.TOTALS.index("recorded")] += count
