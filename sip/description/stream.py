"""The audio section of the other side, read: where its packets go, what they are, and how they may be keyed."""

import ipaddress
from dataclasses import dataclass
from functools import lru_cache

from sip.description.dtls import RemoteDtls, dtls_in
from sip.description.formats import numbers_in, parameters_in, ptime_for
from sip.description.ice import RemoteIce, ice_in, is_without_address
from sip.description.profiles import KEYINGS, Keying
from sip.description.sdes import Crypto, cryptos_in
from sip.negotiated import Codec, Direction
from sip.sdp import Media, SdpUnusable, SessionDescription

NOWHERE = "0.0.0.0"
"""The address of who wants no packets."""


@dataclass(frozen=True, slots=True)
class Stream:
    """A remote audio section."""

    index: int
    """Its place among the m-lines."""
    protocol: str
    address: str
    port: int
    numbers: dict[Codec, int]
    """Every codec that it names, telephone-events too, in its order."""
    parameters: dict[Codec, str]
    """Their fmtp, where they have one."""
    ptime_ms: int
    direction: Direction
    """As the other side sees it, hold by address included."""
    rtcp_mux: bool
    rtcp: tuple[str, int] | None
    cryptos: tuple[Crypto, ...]
    dtls: RemoteDtls | None
    ice: RemoteIce | None

    @property
    def keyings(self) -> frozenset[Keying]:
        """How its packets may be keyed, by its protocol and by what it brings for each."""
        brought = {Keying.NONE} | ({Keying.SDES} if self.cryptos else set()) | ({Keying.DTLS} if self.dtls is not None else set())
        return KEYINGS[self.protocol] & brought


def read_stream(description: SessionDescription, index: int, ours: str) -> Stream:
    """Read the section at ``index``. Raises `SdpUnusable` where it is refused, or we (at address ``ours``) cannot send there."""
    media = description.media[index]
    if media.port == 0:
        raise SdpUnusable("the audio stream is switched off")
    if media.protocol not in KEYINGS:
        raise SdpUnusable(f"audio over {media.protocol[:30]} is not known here")
    ice = ice_in(description, media)
    said = description.address_of(media) or ""
    is_found_by_ice = ice is not None and (is_without_address(said, media.port) or not _is_within_reach(said, ours))
    address = NOWHERE if is_found_by_ice else _destination(said, ours)
    direction = description.direction_of(media)
    if address == NOWHERE and not is_found_by_ice:
        # the hold of RFC 2543: send nothing here, whatever the attribute says (RFC 3264 §8.4)
        direction = Direction.of(sends=direction.sends, receives=False)
    numbers = numbers_in(media)
    return Stream(
        index,
        media.protocol,
        address,
        media.port,
        numbers,
        {codec: parameters for codec, number in numbers.items() if (parameters := parameters_in(media, number))},
        ptime_for(media),
        direction,
        rtcp_mux=media.attribute("rtcp-mux") is not None or media.attribute("rtcp-mux-only") is not None,
        rtcp=_rtcp(media, address, ours),
        cryptos=cryptos_in(media),
        dtls=dtls_in(description, media),
        ice=ice,
    )


def _is_within_reach(said: str, ours: str) -> bool:
    """Whether packets could be sent to an address; beside ICE it is only one of those that the other side has."""
    try:
        _destination(said, ours)
    except SdpUnusable:
        return False
    return True


@lru_cache(maxsize=4096)
def _destination(text: str, ours: str) -> str:
    """An address that we can send to, ``0.0.0.0`` for none of either family. Raises `SdpUnusable`."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise SdpUnusable(f"c= must hold an IP address, not {text[:60]!r}") from None
    if address.is_unspecified:
        return NOWHERE
    if address.is_multicast or text == "255.255.255.255" or "%" in text:
        raise SdpUnusable(f"{address} is not the address of one host")
    if (address.version == 6) != (":" in ours):
        raise SdpUnusable(f"{address} cannot be reached from {ours}")
    return str(address)


def _rtcp(media: Media, address: str, ours: str) -> tuple[str, int] | None:
    """``a=rtcp:<port> [IN IP4|IP6 <address>]`` (RFC 3605 §2.1); None where there is none that can be used."""
    fields = (media.attribute("rtcp") or "").split()
    if len(fields) not in (1, 4) or not (fields[0].isascii() and fields[0].isdigit() and 0 < int(fields[0][:6]) <= 65_535):
        return None
    if len(fields) == 1:
        return address, int(fields[0])
    try:
        return _destination(fields[3], ours), int(fields[0])
    except SdpUnusable:
        return None
