"""Sockets as SIP wants them: addresses, families, and DSCP CS3 for signalling (RFC 4594 §2.3)."""

import socket
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from sip.transport.flow import Address

CS3: Final = 24
"""Class selector 3: what networks prefer for signalling."""
_DSCP_SHIFT: Final = 2


def family_of(host: str) -> socket.AddressFamily:
    """IPv6 where the host is an IPv6 address."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def mark(sock: socket.socket) -> None:
    """Put CS3 on what a socket sends."""
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, CS3 << _DSCP_SHIFT)
    elif sock.family == socket.AF_INET:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, CS3 << _DSCP_SHIFT)


def address_of(name: "tuple[str, int] | tuple[str, int, int, int]") -> Address:
    """Host and port of a socket name, without IPv6's scope; an IPv4 address seen by an IPv6 socket as IPv4."""
    host = name[0].partition("%")[0].removeprefix("::ffff:") if "." in name[0] else name[0].partition("%")[0]
    return host, name[1]


def name_for(address: Address, family: int) -> Address:
    """What a socket of this family calls an address: the way back of `address_of`, since an IPv6 socket knows IPv4 as ``::ffff:``."""
    host, port = address
    return (f"::ffff:{host}", port) if family == socket.AF_INET6 and ":" not in host else address


def is_wildcard(host: str) -> bool:
    """Whether a bind address means every local address."""
    return host in ("", "0.0.0.0", "::")


class NoSource(Exception):
    """None of our addresses can send to one of that family."""


def source_toward(remote: str, wanted: str, hosts: Iterable[str]) -> str:
    """From which of our bound addresses to send to a remote host: the wanted one where it is ours; empty: the system may choose.

    Where nothing is bound at all, it may. Raises `NoSource` where addresses are bound, and none is of the remote's family.
    """
    family, hosts = family_of(remote), list(hosts)
    bound = [host for host in hosts if host == "::" or family_of(host) == family]
    if hosts and not bound:
        raise NoSource(f"no address of ours can send to {remote}")
    if not bound or any(is_wildcard(host) for host in bound):
        return ""
    return wanted if wanted in bound else bound[0]


@lru_cache(maxsize=4096)
def local_host_towards(remote: Address) -> str:
    """The local address by which the system would send to a remote one; the wildcard where it knows no way. Sends nothing."""
    with socket.socket(family_of(remote[0]), socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((remote[0], remote[1] or 9))
        except OSError:
            return "::" if ":" in remote[0] else "0.0.0.0"
        return address_of(probe.getsockname())[0]
