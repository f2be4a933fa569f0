"""A flow: the way between one of our sockets and one remote address.

A named tuple: one is made for each message that comes, and it is looked up by in many tables.
"""

from typing import Final, NamedTuple

Address = tuple[str, int]
"""Host and port; IPv6 without brackets and scope."""

TRANSPORTS: Final = ("udp", "tcp", "tls", "ws", "wss")
OPENED_BY_US: Final = frozenset({"udp", "tcp", "tls"})
"""The others are opened by browsers only (RFC 7118 §5)."""
DEFAULT_PORTS: Final = {"udp": 5060, "tcp": 5060, "tls": 5061, "ws": 80, "wss": 443}
"""Where a URI or Via names no port (RFC 3261 §19.1.2, RFC 7118 §5.2)."""


class Flow(NamedTuple):
    """Where a message came from, and where answers to it go."""

    transport: str
    """One of `TRANSPORTS`."""
    local: Address
    """Port 0 on a reliable transport: no connection yet, one is opened."""
    remote: Address
    name: str = ""
    """The host that a TLS peer's certificate must show, on connections that we open; empty on those that peers open."""

    @property
    def is_reliable(self) -> bool:
        """Whether the transport itself retransmits."""
        return self.transport != "udp"

    @property
    def is_secure(self) -> bool:
        """Whether it is TLS, as ``sips`` asks for."""
        return self.transport in ("tls", "wss")

    @property
    def can_be_opened(self) -> bool:
        """Whether we may connect to its remote address; else it ends with the connection that the peer opened."""
        return self.transport in OPENED_BY_US

    def anew(self) -> "Flow":
        """The same way over a connection yet to be opened."""
        return self._replace(local=(self.local[0], 0)) if self.is_reliable else self

    def __str__(self) -> str:
        return f"{self.transport} {self.local[0]}:{self.local[1]} ↔ {self.remote[0]}:{self.remote[1]}"
