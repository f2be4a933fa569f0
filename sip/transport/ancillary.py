"""What travels beside a datagram: the local address that it came to or shall leave by, and who refused one of ours. Sans-IO.

Linux's ``struct in_pktinfo`` (ip(7)), ``struct in6_pktinfo`` (RFC 3542 §6.1) and ``struct sock_extended_err`` (ip(7), IP_RECVERR).
"""

import errno
import ipaddress
import struct
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

IPV4: Final = 0
"""Level of IPv4's options, IPPROTO_IP; the next is IPPROTO_IPV6."""
IPV6: Final = 41
IP_PKTINFO: Final = 8
IP_RECVERR: Final = 11
IPV6_RECVERR: Final = 25
IPV6_RECVPKTINFO: Final = 49
IPV6_PKTINFO: Final = 50

Ancillary = tuple[int, int, bytes]
"""Level, type, data: as ``socket.recvmsg`` gives it and ``socket.sendmsg`` takes it."""

_IN_PKTINFO: Final = struct.Struct("=I4s4s")
_IN6_PKTINFO: Final = struct.Struct("=16sI")
_EXTENDED_ERROR: Final = struct.Struct("=IBBBBII")
_FROM_ICMP: Final = (2, 3)
"""Origins of an error: ICMP, ICMPv6."""
_REFUSALS: Final = frozenset({errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.EACCES})


def local_host(ancillary: Iterable[Ancillary]) -> str:
    """The local address that a datagram was sent to; empty where nobody says."""
    for level, kind, data in ancillary:
        if (level, kind) == (IPV4, IP_PKTINFO):
            return _text(data[4:8])
        if (level, kind) == (IPV6, IPV6_PKTINFO):
            return _text(data[:16])
    return ""


@lru_cache(maxsize=256)
def leaving_by(host: str, *, is_ipv6_socket: bool) -> tuple[Ancillary, ...]:
    """What makes a datagram leave by a local address."""
    address = ipaddress.ip_address(host)
    if not is_ipv6_socket:
        return ((IPV4, IP_PKTINFO, _IN_PKTINFO.pack(0, address.packed, bytes(4))),)
    packed = address.packed if address.version == 6 else b"\0" * 10 + b"\xff\xff" + address.packed
    return ((IPV6, IPV6_PKTINFO, _IN6_PKTINFO.pack(packed, 0)),)


@lru_cache(maxsize=256)
def _text(packed: bytes) -> str:
    """An address of ours as text; we have few."""
    address = ipaddress.ip_address(packed)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def is_refusal(ancillary: Iterable[Ancillary]) -> bool:
    """Whether an entry of the error queue says that nobody is there (ICMP destination unreachable); a datagram too large is none."""
    for level, kind, data in ancillary:
        if (level, kind) in ((IPV4, IP_RECVERR), (IPV6, IPV6_RECVERR)):
            number, origin, *_ = _EXTENDED_ERROR.unpack_from(data)
            return origin in _FROM_ICMP and number in _REFUSALS
    return False
