"""A flow: the way between one of our sockets and one remote address."""

from dataclasses import dataclass

Address = tuple[str, int]
"""Host and port; IPv6 without brackets and scope."""


@dataclass(frozen=True, slots=True)
class Flow:
    """Where a message came from, and where answers to it go."""

    transport: str
    """``udp`` or ``tcp``."""
    local: Address
    """Port 0 on TCP: no connection yet, one is opened."""
    remote: Address

    @property
    def is_reliable(self) -> bool:
        """Whether the transport itself retransmits."""
        return self.transport != "udp"

    def __str__(self) -> str:
        return f"{self.transport} {self.local[0]}:{self.local[1]} ↔ {self.remote[0]}:{self.remote[1]}"
