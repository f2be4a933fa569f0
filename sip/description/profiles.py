"""Protocols of audio sections, the ways to key them, and the policy that chooses among these."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sip.description.sdes import SUITES
from sip.negotiated import Fingerprint


class Keying(StrEnum):
    """Where the keys of a section's packets come from."""

    NONE = "none"
    """Plain RTP."""
    SDES = "sdes"
    DTLS = "dtls"


PLAIN: Final = "RTP/AVP"
SECURED: Final = "RTP/SAVP"
FOR_BROWSERS: Final = "UDP/TLS/RTP/SAVPF"

KEYINGS: Final = {
    PLAIN: frozenset(Keying),  # keys beside the plain profile: best effort, RFC 8643
    "RTP/AVPF": frozenset(Keying),
    SECURED: frozenset({Keying.SDES, Keying.DTLS}),  # RFC 3711, RFC 4568
    "RTP/SAVPF": frozenset({Keying.SDES, Keying.DTLS}),  # RFC 5124
    "UDP/TLS/RTP/SAVP": frozenset({Keying.DTLS}),  # RFC 5764 §8
    FOR_BROWSERS: frozenset({Keying.DTLS}),
}
"""Protocols that we know, and how packets may be keyed under each. Feedback (the F) is taken for its profile alone."""


class Security(StrEnum):
    """Whether a leg's packets may, or must, be secured."""

    REFUSE = "refuse"
    ACCEPT = "accept"
    """Plain where the other side leaves the choice, secured where it does not."""
    PREFER = "prefer"
    """Secured where the other side can, plain where it cannot."""
    REQUIRE = "require"


PREFERENCE: Final = {
    Security.REFUSE: (Keying.NONE,),
    Security.ACCEPT: (Keying.NONE, Keying.SDES, Keying.DTLS),
    Security.PREFER: (Keying.SDES, Keying.NONE, Keying.DTLS),
    Security.REQUIRE: (Keying.SDES, Keying.DTLS),
}
"""What each policy takes, best first. DTLS comes last: its handshake takes time before anything is heard."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a leg may agree on beside codecs."""

    entropy: Callable[[int], bytes]
    """So many bytes that nobody can guess: keys and ICE passwords are made of them."""
    security: Security = Security.ACCEPT
    fingerprint: Fingerprint | None = None
    """Of the certificate that our DTLS handshakes show; None: no DTLS."""
    faces_browser: bool = False
    """Our own offers are as browsers want them: DTLS, ICE and one port for RTP and RTCP."""
    ice_for_all: bool = False
    """Take part in ICE with whoever offers it; False: with DTLS alone, since browsers insist on it and phones do not."""
    more_hosts: tuple[str, ...] = ()
    """Beside the address of the description: where else who does ICE may find our port, the likeliest first."""
    sends_stereo: bool = False
    """Who asks for Opus in stereo hears it, so opus is agreed on with him."""
    takes_dtx: bool = False
    """Who would be sent nothing in silence (Opus, ``usedtx=1``) is asked to do the same."""
    takes_comfort_noise: bool = False
    """Silence may be sent as comfort noise (RFC 3389), either way."""
    suites: tuple[str, ...] = SUITES
    """Those of SDES, in the order in which we offer them; none: no SDES."""

    def first_offer(self) -> tuple[str, tuple[Keying, ...]]:
        """Protocol of our first offer, and what it may be answered with."""
        if self.faces_browser and self.fingerprint is not None and self.security is not Security.REFUSE:
            return FOR_BROWSERS, (Keying.DTLS,)
        match self.security:
            case Security.PREFER if self.suites:
                return PLAIN, (Keying.SDES, Keying.NONE)
            case Security.REQUIRE:
                return SECURED, (Keying.SDES,)
            case _:
                return PLAIN, (Keying.NONE,)
