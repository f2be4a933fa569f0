"""The legs' sockets: read and sent in batches by the socket loop that a media worker has, which knows bytes and rows and nothing of RTP."""

import select
import socket
import struct
import time
from collections.abc import Sequence
from typing import Final

import numpy as np

from bench.generator.formats import FORMATS
from rtp.loops import Lines, SocketCounters, make_loop

HEADER: Final = 12
"""Bytes before a payload."""
_WIDEST: Final = HEADER + max(form.payload for form in FORMATS.values()) + 24
"""Bytes of a line that is sent: the largest payload, and what SRTP adds to it."""
_READ: Final = 1500
_MOST_READ: Final = 1024
"""Packets of one batch; with more the lines would not stay in the processor's cache."""
_BUFFER: Final = 128 * 1024
_SO_TIMESTAMPNS: Final = 35
_ANCILLARY: Final = socket.CMSG_SPACE(16)
_TIMES: Final = struct.Struct("qq")


class Sockets:
    """A socket a leg. `receive` fills lines of the inbox and says when they came, `send` empties those of the outbox.

    With ``kernel_times`` a packet's arrival is when the kernel queued it, however late this process looks; that costs
    about 2 µs a packet, so benches that only count leave it off: then it is the moment of the look.
    """

    def __init__(self, legs: int, kernel_times: bool = False) -> None:
        self.inbox = Lines.make(np.zeros((min(_MOST_READ, max(64, legs)), _READ), np.uint8))
        self.outbox = Lines.make(np.zeros((2 * legs + 1, _WIDEST), np.uint8))
        self.counters = SocketCounters(*(np.zeros(legs, np.uint64) for _ in range(3)))
        self.arrival = np.zeros(len(self.inbox.matrix))
        """(line) monotonic seconds."""
        self._loop = make_loop(self.inbox, self.outbox, self.counters)
        self._handles: list[socket.socket] = []
        self._watched: set[int] = set()
        self._kernel_times = kernel_times
        self._timed = select.epoll()
        self._leg_of: dict[int, int] = {}
        """By descriptor, of those in ``_timed``."""
        self._views = [memoryview(line) for line in self.inbox.matrix]

    def open(self, addresses: Sequence[str]) -> list[int]:
        """Bind the next legs, one for each address; their ports."""
        opened = [_bound(address) for address in addresses]
        self._handles += opened
        return [handle.getsockname()[1] for handle in opened]

    def __len__(self) -> int:
        """Legs that are open."""
        return len(self._handles)

    def connect(self, leg: int, remote: tuple[str, int]) -> None:
        """Send to there, and receive from there alone."""
        self._handles[leg].connect(remote)

    def watch(self, leg: int) -> None:
        """Read this leg, and send by it, from now on."""
        handle = self._handles[leg]
        if leg not in self._watched:
            self._watched.add(leg)
            self._loop.watch(leg, handle)
            if self._kernel_times:
                handle.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
                self._timed.register(handle.fileno(), select.EPOLLIN)
                self._leg_of[handle.fileno()] = leg

    def forget(self, leg: int) -> None:
        """Neither read this leg nor send by it any more."""
        if leg in self._watched:
            self._watched.remove(leg)
            self._loop.forget(leg)
            if self._kernel_times:
                self._timed.unregister(self._handles[leg].fileno())

    def receive(self) -> int:
        """Read one packet of every ready leg; the lines in use."""
        if self._kernel_times:
            return self._receive_with_times()
        count = self._loop.receive(0)
        self.arrival[:count] = time.monotonic()
        return count

    def send(self, count: int) -> None:
        """Send the first lines of the outbox."""
        self._loop.send(0, count)

    def close(self) -> None:
        """Close all legs."""
        self._timed.close()
        for handle in self._handles:
            handle.close()

    def _receive_with_times(self) -> int:
        lengths: list[int] = []
        legs: list[int] = []
        times: list[float] = []
        for descriptor, _ in self._timed.poll(0, len(self._views)):
            leg = self._leg_of[descriptor]
            try:
                length, ancillary, _, _ = self._handles[leg].recvmsg_into([self._views[len(legs)]], _ANCILLARY)
            except OSError:  # a refusal that came back for something sent, or nothing there
                continue
            seconds, nanoseconds = _TIMES.unpack(ancillary[0][2]) if ancillary else divmod(time.time_ns(), 1_000_000_000)
            lengths.append(length)
            times.append(seconds + nanoseconds * 1e-9)
            legs.append(leg)
        count = len(legs)
        self.inbox.lengths[:count] = lengths
        self.inbox.rows[:count] = legs
        self.arrival[:count] = times
        self.arrival[:count] -= time.time() - time.monotonic()
        return count


def _bound(address: str) -> socket.socket:
    handle = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    handle.setblocking(False)
    handle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
    handle.bind((address, 0))
    return handle
