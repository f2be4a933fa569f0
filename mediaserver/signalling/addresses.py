"""Which address we name to a peer: the advertised one, or for peers in our own networks the local one."""

import ipaddress
import socket
from collections import OrderedDict
from functools import lru_cache

_KNOWN_ROUTES = 4096
_KNOWN_PEERS = 4096
_OUTSIDE_4, _OUTSIDE_6 = "192.0.2.1", "2001:db8::1"
"""Addresses for documents (RFC 5737, RFC 3849): whatever goes outside goes that way."""


class Addresses:
    """Answers for one advertised address (empty: none) and the networks that are exempt from it."""

    def __init__(self, bind: str, advertised: str, local_networks: tuple[str, ...]) -> None:
        self._bind = bind
        self._advertised = advertised
        self._exempt = tuple(ipaddress.ip_network(network, strict=False) for network in local_networks)
        self._routes: OrderedDict[str, str] = OrderedDict()
        self.is_outside = lru_cache(_KNOWN_PEERS)(self._is_outside)
        """Whether an address is in none of our own networks; asked for each message, mostly about the same few peers."""

    def toward(self, remote: str) -> str:
        """The address of ours that ``remote`` (an IP address) should use."""
        if self._advertised and self.is_outside(remote):
            return self._advertised
        if self._bind not in ("0.0.0.0", "::", ""):
            return self._bind
        return self._routed(remote)

    def others(self, remote: str) -> tuple[str, ...]:
        """Where else ``remote`` may find us, if it is not where it seems to be: a page behind a proxy of HTTP looks like the proxy."""
        named = self.toward(remote)
        if named == self._advertised:
            return ()  # our own networks are nobody's business outside
        outward = self._bind if self._bind not in ("0.0.0.0", "::", "") else self._routed(_OUTSIDE_6 if ":" in named else _OUTSIDE_4)
        return tuple(host for host in dict.fromkeys((self._advertised, outward)) if host and host != named)

    def is_ours(self, host: str) -> bool:
        """Whether packets to this address (an IP address) come to us."""
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        plain = str(getattr(address, "ipv4_mapped", None) or address)
        if plain == self._advertised or self._bind not in ("0.0.0.0", "::", ""):
            return plain in (self._advertised, self._bind)
        return ipaddress.ip_address(plain).is_loopback or self._routed(plain) == plain

    def _is_outside(self, remote: str) -> bool:
        try:
            address = ipaddress.ip_address(remote)
        except ValueError:
            return True
        return not any(address.version == network.version and address in network for network in self._exempt)

    def _routed(self, remote: str) -> str:
        """The kernel's choice of source address; asking it sends nothing. Kept for the peers seen last."""
        known = self._routes.get(remote)
        if known is None:
            known = _source_toward(remote)
            self._routes[remote] = known
            if len(self._routes) > _KNOWN_ROUTES:
                self._routes.popitem(last=False)
        return known


def _source_toward(remote: str) -> str:
    family = socket.AF_INET6 if ":" in remote else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((remote, 9))
        except OSError:
            return "::1" if family == socket.AF_INET6 else "127.0.0.1"
        return str(probe.getsockname()[0])
