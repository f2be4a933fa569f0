"""The media ports: bound here, lent to workers, and rested for a while before they serve another leg."""

import socket
from collections import deque
from dataclasses import dataclass

_Socket = socket.socket
_RECEIVE_BUFFER_BYTES = 64 * 1024


class NoFreePort(Exception):
    """Every port of the range is lent, resting, or taken by another program."""


@dataclass(slots=True)
class LentPort:
    """Bound UDP sockets; the worker gets copies of their descriptors."""

    port: int
    """For RTP."""
    socket: _Socket
    reports: _Socket | None
    """On the port above, for RTCP; None where the range ends before it."""


class PortPool:
    """Even ports of a range (RTP), each with the odd one above it (RTCP, RFC 3550 §11).

    A port is bound alone first, so a foreign program on it is noticed, and only then opened for the worker's second,
    connected socket. After `give_back` it rests for ``rest`` seconds: late packets of the old call find nobody.
    """

    def __init__(self, bind: str, first: int, last: int, *, dscp: int, rest: float = 2.0) -> None:
        self._bind = bind
        self._dscp = dscp
        self._rest = rest
        self._family = socket.AF_INET6 if ":" in bind else socket.AF_INET
        self._last = last
        self._free = deque(range(first + first % 2, last + 1, 2))
        self._resting: deque[tuple[float, int]] = deque()
        self.lent = 0
        self.taken_by_others = 0
        """How often a port could not be bound because another program held it."""

    def check(self) -> None:
        """Raise `NoFreePort` where not one port could be bound: a wrong address is found out before the first call."""
        for port in self._free:
            try:
                close_pair(self._open_pair(port))
            except OSError:
                continue
            return
        raise NoFreePort(f"no free media port on {self._bind}")

    def lend(self, now: float) -> LentPort:
        """Bind the port that has been free the longest; raises `NoFreePort`."""
        while self._resting and self._resting[0][0] <= now:
            self._free.append(self._resting.popleft()[1])
        for _ in range(len(self._free)):
            port = self._free.popleft()
            try:
                lent = self._open_pair(port)
            except OSError:
                self.taken_by_others += 1
                self._free.append(port)
                continue
            self.lent += 1
            return lent
        raise NoFreePort(f"no free media port on {self._bind}: {self.lent} lent, {len(self._resting)} resting")

    def give_back(self, lent: LentPort, now: float) -> None:
        """Close a port and let it rest; nothing happens the second time."""
        if lent.socket.fileno() < 0:
            return
        close_pair(lent)
        self.lent -= 1
        self._resting.append((now + self._rest, lent.port))

    def _open_pair(self, port: int) -> LentPort:
        opened = self._open(port)
        try:
            return LentPort(port, opened, self._open(port + 1) if port < self._last else None)
        except OSError:
            opened.close()
            raise

    def _open(self, port: int) -> socket.socket:
        opened = socket.socket(self._family, socket.SOCK_DGRAM)
        try:
            opened.setblocking(False)
            opened.bind((self._bind, port))
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
            opened.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, self._dscp << 2)  # a port of IPv6 may send to IPv4 too
            if self._family == socket.AF_INET6:
                opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, self._dscp << 2)
        except OSError:
            opened.close()
            raise
        return opened


def close_pair(lent: LentPort) -> None:
    """Close both sockets of a port; nothing happens the second time."""
    lent.socket.close()
    if lent.reports is not None:
        lent.reports.close()
