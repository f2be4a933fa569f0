"""Sockets of the legs' own RTCP ports: looked at each `TURNS` turns, a little each time, so that a flood there costs the audio nothing.

They are not connected: what goes is addressed, and where it comes from is judged by `mediaserver.worker.reports`. The kernel says when
a datagram came, so that reading late spoils no round trip.
"""

import select
import socket
from collections.abc import Callable, Iterator
from struct import Struct
from typing import Final

from mediaserver.worker.reports import Departure, Reports
from rtp.latch import Address
from rtp.sockets import addressed, adopt, drain, plain_address

TURNS: Final = 8
MOST_SOCKETS: Final = 64
"""Read each time."""
MOST_READS: Final = 2
"""Datagrams of one of them."""
LONGEST: Final = 1472
_SO_TIMESTAMPNS: Final = 35
"""Linux: the time of arrival comes beside each datagram (socket(7)); Python has no name for it."""
_MOMENT: Final = Struct("qq")
_BESIDE: Final = socket.CMSG_SPACE(_MOMENT.size)


class ReportSockets:
    """The sockets by row, and what goes between them and `Reports`."""

    def __init__(self, reports: Reports, along: Callable[[int, bytes], bool]) -> None:
        """along: sends a datagram where a row's RTP goes; whether it went."""
        self._reports = reports
        self._along = along
        self._ready = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        self._row_of: dict[int, int] = {}
        self._turns = 0

    def fileno(self) -> int:
        """Can be read where one of the sockets can."""
        return self._ready.fileno()

    def open(self, row: int, descriptor: int) -> None:
        """Take a lent socket; what waits in it is older than the leg. `OSError` where it is no bound UDP socket."""
        self.close(row)
        lent = adopt(descriptor)
        lent.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        drain(lent)
        self._sockets[row] = lent
        self._row_of[lent.fileno()] = row
        self._ready.register(lent.fileno(), select.EPOLLIN)

    def close(self, row: int) -> None:
        """Close a row's socket, where it has one."""
        lent = self._sockets.pop(row, None)
        if lent is not None:
            self._ready.unregister(lent.fileno())
            del self._row_of[lent.fileno()]
            lent.close()

    def receive(self, now: float) -> None:
        """Hand on what came, each `TURNS` turns."""
        self._turns += 1
        if self._turns % TURNS:
            return
        offset = self._reports.wall_offset
        for descriptor, _ in self._ready.poll(0, MOST_SOCKETS):
            row = self._row_of[descriptor]
            for datagram, address, moment in _read(self._sockets[row]):
                self._reports.take_from(row, address, datagram, now if moment is None else moment - offset)

    def send(self) -> None:
        """Send what waits; what cannot be sent is counted as an error of the row."""
        for departure in self._reports.outgoing:
            if not self._depart(departure):
                self._reports.failed(departure.row)
        self._reports.outgoing.clear()

    def _depart(self, departure: Departure) -> bool:
        if departure.address is None:
            return self._along(departure.row, departure.datagram)
        lent = self._sockets.get(departure.row)
        if lent is None:
            return False
        try:
            lent.sendto(departure.datagram, addressed(lent.family, departure.address))
        except OSError:
            return False
        return True


def _read(lent: socket.socket) -> Iterator[tuple[bytes, Address, float | None]]:
    """A few datagrams: whence each came, and when, as Unix time, where the kernel says so."""
    for _ in range(MOST_READS):
        try:
            datagram, beside, _, address = lent.recvmsg(LONGEST, _BESIDE)
        except OSError:
            return
        moments = [_moment(data) for _, kind, data in beside if kind == _SO_TIMESTAMPNS and len(data) == _MOMENT.size]
        yield datagram, plain_address(address), moments[0] if moments else None


def _moment(data: bytes) -> float:
    seconds, nanoseconds = _MOMENT.unpack(data)
    return float(seconds + nanoseconds * 1e-9)
