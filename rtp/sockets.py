"""UDP sockets of legs: the lent one that owns the port, and beside it one that is connected to the present source.

Two sockets share a port (SO_REUSEADDR). The kernel hands a datagram to the socket that fits it best: what comes from the source
goes to the connected one, read and written without addresses; everything else goes to the lent one. When the worker dies,
the connected socket dies with it and the lent one gets everything again.
"""

import contextlib
import os
import socket
import sys
from typing import Final

from rtp.latch import Address

RECEIVE_BUFFER: Final = 65_536
"""Bytes that the kernel keeps for a socket: some fifty packets, a second of one leg."""
_MAX_STALE: Final = 1000
_NON_BLOCKING: Final = socket.SOCK_DGRAM | socket.SOCK_NONBLOCK
_SO_MEMINFO: Final = 55
"""Linux: nine 32-bit numbers about a socket's memory (sock_diag(7)); Python has no name for it."""
_DROPS: Final = slice(32, 36)
_FAMILIES: Final = (socket.AF_INET, socket.AF_INET6)


def adopt(descriptor: int) -> socket.socket:
    """A lent descriptor as a socket; `OSError` where it is no bound UDP socket (it is closed then)."""
    try:
        lent = socket.socket(fileno=descriptor)
    except OSError:
        os.close(descriptor)
        raise
    try:
        if lent.type != socket.SOCK_DGRAM or lent.family not in _FAMILIES:
            raise OSError("not a UDP socket")
        lent.setblocking(False)
        lent.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        lent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    except OSError:
        lent.close()
        raise
    return lent


def drain(end: socket.socket) -> int:
    """Throw away what waits in a socket, at most `_MAX_STALE` datagrams; how many it was."""
    for count in range(_MAX_STALE):
        try:
            end.recv(1)
        except ConnectionRefusedError:
            continue
        except OSError:
            return count
    return _MAX_STALE


def connect_beside(lent: socket.socket, address: Address) -> tuple[socket.socket, int]:
    """A socket on the lent one's port, connected to a source; and how many datagrams came between its birth and that, and were dropped.

    `OSError` where the address cannot be reached from here.
    """
    family = lent.family
    beside = socket.socket(family, _NON_BLOCKING)
    try:
        beside.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        beside.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        _copy_class(lent, beside, family)
        beside.bind(lent.getsockname())
        beside.connect(addressed(family, address))
    except OSError:
        beside.close()
        raise
    return beside, drain(beside)


def overflowed(end: socket.socket) -> int:
    """How many datagrams the kernel has dropped since the socket is there, its buffer being full; counts on from 0 after 2³²."""
    return int.from_bytes(end.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 36)[_DROPS], sys.byteorder)


def plain_address(address: tuple[str, int] | tuple[str, int, int, int]) -> Address:
    """An address as `recvfrom` gives it, with IPv4 in IPv6 written as IPv4."""
    return address[0].removeprefix("::ffff:") if "." in address[0] else address[0], address[1]


def addressed(family: int, address: Address) -> Address:
    """An address as a socket of this family takes it: IPv4 mapped into IPv6 where that is what it is."""
    host, port = address
    return (f"::ffff:{host}", port) if family == socket.AF_INET6 and ":" not in host else address


def _copy_class(lent: socket.socket, beside: socket.socket, family: int) -> None:
    """The traffic class (DSCP) that signalling set on the lent socket."""
    service = lent.getsockopt(socket.IPPROTO_IP, socket.IP_TOS)
    if service:
        beside.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, service)
    if family == socket.AF_INET6:
        with contextlib.suppress(OSError):
            traffic_class = lent.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS)
            beside.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, traffic_class)
