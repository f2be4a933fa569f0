"""Our side of a leg and descriptions of phones, as short as a test can say them."""

from sip.description.profiles import Security, Terms
from sip.negotiated import PCMA, PCMU, Codec, Fingerprint, NegotiatedMedia
from sip.offer_answer import Negotiation
from sip.sdp import Media, SessionDescription
from tests.sip.network import seeded_entropy

OURS = Fingerprint("sha-256", bytes(range(32)))
THEIRS = Fingerprint("sha-256", bytes(range(100, 132)))
KEY = "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkw"
"""Thirty bytes: 123456789012345678901234567890."""
CRYPTO = f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}"
DTLS = (f"a=fingerprint:{THEIRS}", "a=setup:actpass")
ICE = ("a=ice-ufrag:8hhY", "a=ice-pwd:asd88fgpdd777uzjYhagZg", "a=candidate:1 1 UDP 2130706431 192.0.2.9 4000 typ host")


def ours(
    security: str = "accept",
    *,
    codecs: tuple[Codec, ...] = (PCMU, PCMA),
    address: str = "192.0.2.1",
    fingerprint: Fingerprint | None = OURS,
    faces_browser: bool = False,
    ice_for_all: bool = False,
) -> Negotiation:
    """Our side, on port 20000."""
    terms = Terms(seeded_entropy(3), Security(security), fingerprint, faces_browser, ice_for_all)
    return Negotiation(address, 20_000, codecs, session_id=7, terms=terms)


def phone(*lines: str, address: str = "192.0.2.9", session: tuple[str, ...] = ()) -> SessionDescription:
    """A phone's description with these lines from its first m-line on, and ``session`` above them."""
    family = "IP6" if ":" in address else "IP4"
    head = ["v=0", f"o=- 1 1 IN {family} {address}", "s=-", f"c=IN {family} {address}", "t=0 0", *session]
    return SessionDescription.parse("\r\n".join([*head, *lines, ""]).encode())


def answered(leg: Negotiation, offer: SessionDescription) -> tuple[SessionDescription, NegotiatedMedia]:
    """The answer to an offer, as the other side reads it, and what was agreed."""
    leg.receive_offer(offer)
    answer, media = leg.make_answer()
    return SessionDescription.parse(answer.serialize()), media


def audio(description: SessionDescription) -> Media:
    """The one section that is not refused."""
    (section,) = [media for media in description.media if media.port]
    return section
