"""Whose packets are a leg's: the signalled address, the latched source, or a stranger. A table of verdicts, no sockets.

Packets from the present source never come here. Of a valid packet (with a negotiated payload type) from another address the first
of these rules that fits decides:

- a strict leg hears the signalled address alone;
- a leg that agreed not to send has no other source than the one it has;
- the signalled address becomes the source at once, where the media was set less than `PREFERENCE` ago;
- the *places* of a leg are the hosts of its signalled address, its signalling and its source. From another host nobody becomes the
  source, but where the signalled address is one of a private network and not where the signalling comes from (a translator *and* a
  proxy in between): then whoever proves himself within `PREFERENCE`, while nothing was heard; and there the host of the source that new
  media replaced is a place until another was heard;
- from a place of its own the source is found at once within `PREFERENCE`, and by a proof later, where nothing was heard since the media
  was set; else by a proof once the source has been silent for `SILENCE` (a translator that chose another port).

A proof is `PROOF` packets with numbers one behind the other, of one SSRC and one address. On a secured leg the key is the proof, from
any host. A source that the new media replaced does not come back within `PREFERENCE`, however it lingers.
"""

from dataclasses import dataclass, field
from enum import Enum, auto
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

PREFERENCE: Final = 2.0
"""Seconds after new media in which the signalled address takes over at once, and a source is looked for."""
SILENCE: Final = 1.0
"""Seconds without a packet after which a source may be replaced."""
PROOF: Final = 4
"""Packets in a row by which a newcomer shows that he means this leg."""
MOST_NEWCOMERS: Final = 8
"""So many addresses may prove themselves at a time; whoever sends between does not disturb them."""

Address = tuple[str, int]
"""Host as the socket writes it, port."""

_PRIVATE: Final = tuple(
    map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "fc00::/7", "fe80::/10"))
)


class Verdict(Enum):
    """What becomes of a packet from another address than the source."""

    TAKEN = auto()
    """Its address may become the source."""
    STRANGER = auto()
    """No packet from there can be the leg's."""
    NOT_SENDING = auto()
    """The leg agreed not to send."""
    BESIDE = auto()
    """It may come from there, but has a source that sends, or was just moved away from there."""
    UNPROVEN = auto()
    """It may come from there, and more packets have to show it."""


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
    peer: str = ""
    """The host that its signalling comes from; empty where that is not known."""
    sends: bool = True
    """Whether it agreed to send."""
    newcomers: dict[Address, tuple[int, int, int]] = field(default_factory=dict)
    """Who proves himself, the latest last: his SSRC, the number that his next packet has, and how many in a row came."""

    def set_media(self, signalled: Address | None, now: float, *, peer: str = "", sends: bool = True) -> bool:
        """Take what was signalled (None: no address), where that came from, and whether the leg sends; whether packets now go elsewhere.

        The same address signalled again keeps the source, wherever it was latched.
        """
        self.opened, self.peer, self.sends = now, peer or self.peer, sends
        self.newcomers.clear()
        if signalled is None or signalled == self.signalled:
            return False
        self.replaced = self.source if self.source != signalled else None
        moves = self.source != signalled
        self.signalled, self.source, self.heard = signalled, signalled, False
        return moves

    def judge(self, address: Address, ssrc: int, sequence: int, last_packet: float, now: float, *, has_key: bool = False) -> Verdict:
        """What becomes of a valid packet from another address than the source; a proof that has begun is noted.

        ``last_packet``: when the source last sent; ``has_key``: the leg is secured, and a packet that is taken is still to be opened.
        """
        is_signalled, is_fresh = address == self.signalled, now - self.opened < PREFERENCE
        if self.strict or self.signalled is None:
            return Verdict.TAKEN if is_signalled else Verdict.STRANGER
        if not self.sends:
            return Verdict.NOT_SENDING
        if is_signalled and is_fresh:
            return Verdict.TAKEN
        is_at_home = has_key or self._is_place_of(address[0])
        if not is_at_home and (self.heard or not is_fresh or not self._is_out_of_sight()):
            return Verdict.STRANGER
        if self.heard:
            if now - last_packet < SILENCE:
                return Verdict.BESIDE
        elif is_fresh and address == self.replaced:
            return Verdict.BESIDE
        if has_key or (is_at_home and is_fresh and not self.heard):
            return Verdict.TAKEN
        return Verdict.TAKEN if self._is_proven(address, ssrc, sequence) else Verdict.UNPROVEN

    def take(self, address: Address) -> None:
        """An address that was judged so is the source from now on."""
        self.source, self.heard = address, True
        self.newcomers.clear()

    def _is_place_of(self, host: str) -> bool:
        """Whether the leg's packets may come from this host.

        One that it just left counts only where nothing else tells where it is, until it was heard: else who is still there would hear on.
        """
        left = None if self.heard or not self._is_out_of_sight() else self.replaced
        others = (self.signalled, self.source, left)
        places = [self.peer, *[address[0] for address in others if address is not None]]
        if host in places or ":" not in host:  # nothing is parsed for what a flood of IPv4 sends
            return host in places
        network = _network(host)
        return any(":" in place and _network(place) == network for place in places)

    def _is_out_of_sight(self) -> bool:
        """Whether neither what was signalled nor where the signalling comes from tells where packets come from."""
        return self.signalled is not None and self.signalled[0] != self.peer and _is_private(self.signalled[0])

    def _is_proven(self, address: Address, ssrc: int, sequence: int) -> bool:
        known, following, proofs = self.newcomers.pop(address, (ssrc, sequence, 0))
        if len(self.newcomers) >= MOST_NEWCOMERS:
            del self.newcomers[next(iter(self.newcomers))]
        proofs = proofs + 1 if (known, following) == (ssrc, sequence) else 1
        self.newcomers[address] = ssrc, (sequence + 1) & 0xFFFF, proofs
        return proofs >= PROOF


@lru_cache(maxsize=1024)
def _network(host: str) -> int:
    """What stands for a host of IPv6: the first 64 bits of an address, of which a host has several."""
    return int(IPv6Address(host)) >> 64


@lru_cache(maxsize=1024)
def _is_private(host: str) -> bool:
    address = ip_address(host)
    return any(address.version == network.version and address in network for network in _PRIVATE)
