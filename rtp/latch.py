"""Whose packets are a leg's: the signalled address, the latched source, or a stranger. A table of verdicts, no sockets.

Packets from the present source never come here. A valid packet (with a negotiated payload type) from another address becomes
the source where

- it is the signalled address, and the media was set less than `PREFERENCE` ago (always, where the leg is strict);
- the leg is not strict, and nothing was heard since the media was set, or the source has been silent for `SILENCE`.

A source that the new media replaced does not come back within `PREFERENCE`, however it lingers.
"""

from dataclasses import dataclass
from typing import Final

PREFERENCE: Final = 2.0
"""Seconds after new media in which the signalled address takes over at once."""
SILENCE: Final = 1.0
"""Seconds without a packet after which a source may be replaced."""

Address = tuple[str, int]
"""Host as the socket writes it, port."""


@dataclass(slots=True)
class Latch:
    """One leg's latch."""

    strict: bool
    signalled: Address | None = None
    source: Address | None = None
    """Where packets are sent to and taken from."""
    replaced: Address | None = None
    """The source before the media was last changed."""
    opened: float = 0.0
    """When the media was set."""
    heard: bool = False
    """Whether the source sent anything since."""

    def set_media(self, signalled: Address | None, now: float) -> bool:
        """Take what was signalled (None: no address); whether packets now go elsewhere.

        The same address signalled again keeps the source, wherever it was latched.
        """
        self.opened = now
        if signalled is None or signalled == self.signalled:
            return False
        self.replaced = self.source if self.source != signalled else None
        moves = self.source != signalled
        self.signalled, self.source, self.heard = signalled, signalled, False
        return moves

    def accepts(self, address: Address, last_packet: float, now: float) -> bool:
        """Whether a valid packet from another address makes that the source; ``last_packet``: when the present one last sent."""
        if not self.welcomes(address, last_packet, now):
            return False
        self.source, self.heard = address, True
        return True

    def welcomes(self, address: Address, last_packet: float, now: float) -> bool:
        """Whether `accepts` would say yes."""
        if address == self.signalled and (self.strict or now - self.opened < PREFERENCE):
            return True
        if self.strict or self.signalled is None:
            return False
        if not self.heard:
            return address != self.replaced or now - self.opened >= PREFERENCE
        return now - last_packet >= SILENCE
