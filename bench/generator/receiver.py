"""The receiving half of the legs: what came is put by, and judged some milliseconds later, all of it at once as arrays."""

from collections.abc import Callable
from typing import Final

import numpy as np
import pylibsrtp
from numpy.typing import NDArray

from bench.generator.memory import GAP_BINS, Memory
from bench.generator.secrecy import Keys
from bench.generator.sockets import HEADER, Sockets

_REFUSED: Final = -1
"""Length of what the phone's SRTP refused."""
_SAMPLED, _LEAST_VOICE = 16, 20
"""Silence is bytes that are all the same, as G.711 has it, or a short packet, as Opus has it: bytes looked at, bytes of that."""
_PADDING: Final = 4
"""Bytes before a header that is put by, so that the payload begins at a whole word."""
_WORD: Final = 8


class Receiver:
    """All legs' incoming streams. `put_by` what the sockets gave, and now and then `settle`, which does the counting.

    An operation on an array costs more than ten of its entries, so several batches are counted together.
    """

    def __init__(self, memory: Memory, sockets: Sockets) -> None:
        """sockets: of whose inbox, arrivals and empty datagrams it takes note."""
        self._memory = memory
        self._inbox = inbox = sockets.inbox
        self._arrival = sockets.arrival
        self._empty = sockets.counters.empty
        legs, lines = memory.size.legs, 2 * len(inbox.matrix)
        kept = max(_SAMPLED, memory.size.payload if memory.size.recorded else 0)
        width = -(-(_PADDING + HEADER + kept) // _WORD) * _WORD
        self._bytes = np.zeros((lines, width), np.uint8)
        self._packets = self._bytes.view(_packet(width))[:, 0]
        self._words = self._bytes.view(np.uint64)
        self._seen = min(width - _PADDING, inbox.matrix.shape[1])
        self._legs = np.zeros(lines, np.int64)
        self._lengths = np.zeros(lines, np.int64)
        self._times = np.zeros(lines)
        self._used = 0
        self._marks = np.zeros(legs, np.int64)
        self._numbers = np.arange(lines)
        self._gaps = memory.gaps.reshape(-1)
        self._digit_payload_type = np.zeros(legs, np.int64)
        self._records = np.zeros(legs, bool)
        self._any_records = False
        self._opening: dict[int, Callable[[bytes], bytes]] = {}
        """Of legs that agreed on SRTP."""

    def start(self, leg: int, payload_type: int, digit_payload_type: int, records: bool, keys: Keys | None = None) -> None:
        """Count, and if asked keep, what this leg receives from now on, for which all before was settled; its stream begins anew."""
        self._opening.pop(leg, None)
        if keys is not None:
            self._opening[leg] = keys.opening()
        self._digit_payload_type[leg] = digit_payload_type
        self._records[leg] = records
        self._any_records = bool(self._records.any())
        self._memory.payload_type[leg] = payload_type
        self._memory.highest[leg] = -1
        self._memory.ssrc[leg] = -1

    def put_by(self, count: int) -> None:
        """Take over the first lines of the inbox, for which there must be room."""
        if not count:
            return
        inbox = self._inbox
        if self._opening:
            self._open(count)
        first, end = self._used, self._used + count
        self._bytes[first:end, _PADDING : _PADDING + self._seen] = inbox.matrix[:count, : self._seen]
        self._legs[first:end] = inbox.rows[:count]
        self._lengths[first:end] = inbox.lengths[:count]
        self._times[first:end] = self._arrival[:count]
        self._used = end

    @property
    def is_full(self) -> bool:
        """Whether there is no room for another full inbox."""
        return self._used + len(self._inbox.matrix) > len(self._legs)

    def settle(self) -> None:
        """Count, and keep, everything that was put by."""
        if self._empty.any():
            self._memory.strange += self._empty.astype(np.int64)
            self._empty[:] = 0
        if not self._used:
            return
        lines, self._used = self._numbers[: self._used], 0
        last = self._are_last(lines)
        if last.all():
            self._take(slice(len(lines)))
            return
        layers = []
        while len(lines):
            layers.append(lines[last])
            lines = lines[~last]
            last = self._are_last(lines)
        for layer in reversed(layers):
            self._take(layer)

    def _are_last(self, lines: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of these lines are their leg's last."""
        legs = self._legs[lines]
        self._marks[legs] = lines  # of several the last stays
        return np.equal(self._marks[legs], lines)

    def _open(self, count: int) -> None:
        """Open what came to secured legs, in place; what is not genuine, or comes again, is `_REFUSED`."""
        inbox = self._inbox
        for line, leg in enumerate(inbox.rows[:count].tolist()):
            opening = self._opening.get(leg)
            if opening is None:
                continue
            try:
                opened = opening(inbox.matrix[line, : inbox.lengths[line]].tobytes())
            except (pylibsrtp.Error, ValueError):
                self._memory.refused[leg] += 1
                inbox.lengths[line] = _REFUSED
            else:
                inbox.matrix[line, : len(opened)] = np.frombuffer(opened, np.uint8)
                inbox.lengths[line] = len(opened)

    def _take(self, lines: slice | NDArray[np.int64]) -> None:
        """Count lines in which each leg is at most once."""
        memory, packets, words = self._memory, self._packets[lines], self._words[lines]
        legs, length, arrival = self._legs[lines], self._lengths[lines], self._times[lines]
        streams = memory.streams[legs]
        kind = packets["kind"] & 0x7F
        is_voice = (packets["first"] == 0x80) & (kind == streams["payload_type"]) & (length >= HEADER)
        if not is_voice.all():
            is_digit = (packets["first"] == 0x80) & (kind == self._digit_payload_type[legs]) & (length >= HEADER)
            keep = is_digit | is_voice
            memory.strange[legs[~keep & (length != _REFUSED)]] += 1
            memory.digits[legs[is_digit]] += 1
            legs, length, arrival, is_voice = legs[keep], length[keep], arrival[keep], is_voice[keep]
            streams, packets, words = streams[keep], packets[keep], words[keep]
        self._count(streams, legs, packets, arrival)
        np.copyto(streams["last_voice"], arrival, where=_is_loud(words) & is_voice & (length >= HEADER + _LEAST_VOICE))
        memory.streams[legs] = streams
        if self._any_records:
            chosen = (is_voice & self._records[legs]).nonzero()[0]
            if len(chosen):
                self._record(legs[chosen], packets[chosen], length[chosen], arrival[chosen])

    def _count(self, streams: NDArray[np.void], legs: NDArray[np.int64], packets: NDArray[np.void], arrival: NDArray[np.float64]) -> None:
        """Go on with the records of these legs, which are no others' views, and their gaps."""
        memory, highest, ssrc = self._memory, streams["highest"], packets["ssrc"]
        sequence = packets["sequence"].astype(np.int64)
        since = arrival - streams["last_arrival"]
        is_first = highest < 0
        begins = bool(is_first.any())
        if begins:
            np.copyto(highest, sequence + 65535, where=is_first)
            since[is_first] = 0.0
        jumped = streams["ssrc"] != ssrc
        if jumped.any():
            streams["jumps"] += jumped & ~is_first
            streams["ssrc"] = ssrc
        ahead = (sequence - highest + 32768 & 0xFFFF) - 32768
        streams["duplicates"] += ahead == 0
        highest += np.maximum(ahead, 0)
        streams["received"] += 1
        streams["last_arrival"] = arrival
        memory.longest_gap[legs] = np.maximum(memory.longest_gap[legs], since)
        gap = legs * GAP_BINS + np.minimum(np.maximum(since * 1000, 0), GAP_BINS - 1).astype(np.int64)
        self._gaps[gap[~is_first] if begins else gap] += 1

    def _record(self, legs: NDArray[np.int64], packets: NDArray[np.void], length: NDArray[np.int64], arrival: NDArray[np.float64]) -> None:
        memory = self._memory
        first = memory.total("recorded")
        count = min(len(legs), memory.size.recorded - first)
        memory.totals[Memory.TOTALS.index("record_overflow")] += len(legs) - count
        if not count:
            return
        to = slice(first, first + count)
        memory.record_time[to] = arrival[:count]
        memory.record_leg[to] = legs[:count]
        memory.record_sequence[to] = packets["sequence"][:count]
        memory.record_timestamp[to] = packets["timestamp"][:count]
        memory.record_length[to] = np.minimum(length[:count] - HEADER, 65535)
        memory.record_payload[to] = packets["payload"][:count, : memory.size.payload]
        memory.totals[Memory.TOTALS.index("recorded")] += count


def _packet(width: int) -> np.dtype[np.void]:
    """A packet that was put by, in so many bytes."""
    payload = _PADDING + HEADER
    return np.dtype(
        {
            "names": ["first", "kind", "sequence", "timestamp", "ssrc", "payload"],
            "formats": ["u1", "u1", ">u2", ">u4", ">u4", ("u1", (width - payload,))],
            "offsets": [_PADDING, _PADDING + 1, _PADDING + 2, _PADDING + 4, _PADDING + 8, payload],
            "itemsize": width,
        }
    )


def _is_loud(words: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Whether the first 16 bytes of the payloads differ, within a word, which turning it by a byte shows, or between words."""
    first, second = words[:, 2], words[:, 3]
    loud: NDArray[np.bool_] = (first << np.uint64(8) | first >> np.uint64(56)) != first
    loud |= first != second
    return loud
