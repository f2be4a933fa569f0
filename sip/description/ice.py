"""ICE in the description (RFC 8839, RFC 8445), as its lite side: host candidates of our port, the other side's read."""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sip.negotiated import Candidate, IceCredentials
from sip.sdp import Attribute, Media, SessionDescription

MOST_CANDIDATES: Final = 32
"""Of one section; further ones are passed over."""
SESSION_ATTRIBUTES: Final = (Attribute("ice-lite"), Attribute("ice-options", "ice2"))

_UFRAG: Final = re.compile(r"[A-Za-z0-9+/]{4,256}", re.ASCII)
_PASSWORD: Final = re.compile(r"[A-Za-z0-9+/]{22,256}", re.ASCII)
_CANDIDATE: Final = re.compile(
    r"(?P<foundation>[A-Za-z0-9+/]{1,32})[ ]+(?P<component>[0-9]{1,3})[ ]+UDP[ ]+(?P<priority>[0-9]{1,10})[ ]+(?P<address>\S{1,255})[ ]+"
    r"(?P<port>[0-9]{1,5})[ ]+typ[ ]+(?P<kind>[a-z]{1,10})(?:[ ].*)?",
    re.ASCII | re.IGNORECASE,
)
_PREFERENCE: Final = (126 << 24) | (65_535 << 8) | 255
"""Of the likeliest host candidate for RTP (RFC 8445 §5.1.2.1); each further one has a local preference of one less."""
_HIGHEST_PORT: Final = 65_535


@dataclass(frozen=True, slots=True)
class RemoteIce:
    """What the other side says of its ICE."""

    credentials: IceCredentials
    candidates: tuple[Candidate, ...]
    is_lite: bool
    is_mismatched: bool
    """The section's address is none of the candidates': something between us rewrote it (RFC 8839 §4.2.5)."""


def ice_in(description: SessionDescription, media: Media) -> RemoteIce | None:
    """What a section says; None where it has no credentials, or such as the grammar forbids."""
    ufrag = media.attribute("ice-ufrag") or description.attribute("ice-ufrag") or ""
    password = media.attribute("ice-pwd") or description.attribute("ice-pwd") or ""
    if not (_UFRAG.fullmatch(ufrag) and _PASSWORD.fullmatch(password)):
        return None
    lines = [line for value in media.values("candidate")[:MOST_CANDIDATES] if (line := _CANDIDATE.fullmatch(value)) is not None]
    candidates = tuple(candidate for line in lines if (candidate := _candidate(line)) is not None)
    is_lite = description.attribute("ice-lite") is not None
    # a name among the candidates may be the section's address, so it proves nothing
    is_mismatched = len(candidates) == len(lines) and _is_mismatched(description.address_of(media) or "", media.port, candidates)
    return RemoteIce(IceCredentials(ufrag, password), candidates, is_lite, is_mismatched)


def fresh_credentials(entropy: Callable[[int], bytes]) -> IceCredentials:
    """Credentials of ours: 32 bits to be told apart by, 128 to be trusted by (RFC 8839 §5.4 asks for 24 and 128)."""
    return IceCredentials(entropy(4).hex(), entropy(16).hex())


def attributes(credentials: IceCredentials, hosts: tuple[str, ...], port: int) -> tuple[Attribute, ...]:
    """The lines of our section: one port, at each of these addresses."""
    return (
        Attribute("ice-ufrag", credentials.ufrag),
        Attribute("ice-pwd", credentials.password),
        *(
            Attribute("candidate", f"{number + 1} 1 UDP {_PREFERENCE - (number << 8)} {host} {port} typ host")
            for number, host in enumerate(hosts)
        ),
        Attribute("end-of-candidates"),  # RFC 8840 §8.2: there is no other, so nothing trickles from us
    )


def is_without_address(address: str, port: int) -> bool:
    """Whether ``c=`` and ``m=`` say that no candidate is known yet (RFC 8840 §4.1.1), which beside ICE is no hold."""
    return port == 9 and address in ("0.0.0.0", "::")


def _candidate(line: re.Match[str]) -> Candidate | None:
    """A candidate with an IP address; None for names (mDNS hides addresses so) and ports that are none."""
    try:
        address = str(ipaddress.ip_address(line["address"]))
    except ValueError:
        return None
    port = int(line["port"])
    if port > _HIGHEST_PORT:
        return None
    return Candidate(line["foundation"], int(line["component"]), int(line["priority"]), address, port, line["kind"].lower())


def _is_mismatched(address: str, port: int, candidates: tuple[Candidate, ...]) -> bool:
    if not candidates or is_without_address(address, port):
        return False
    return not any((candidate.address, candidate.port) == (address, port) for candidate in candidates)
