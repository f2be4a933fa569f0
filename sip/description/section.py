"""The m-lines of our own descriptions: our audio section, the ones that we refuse, and their bundle (RFC 5888, RFC 9143)."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from sip.description import ice
from sip.description.carriage import Carriage
from sip.description.formats import EVENTS, PARAMETERS, PTIMES_MS, SENDS_STEREO, TAKES_DTX, TELEPHONE_EVENT, longest_ptime_ms
from sip.negotiated import OPUS, Codec, Direction
from sip.sdp import Attribute, Media, SessionDescription

_LOWER_CASE: Final = frozenset({TELEPHONE_EVENT, OPUS.name})
"""As their RFCs write them: there are phones that know them no other way."""
_TOKEN: Final = re.compile(r"[!#-'*+\-.0-9A-Z^-~]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Place:
    """An m-line as it was last spoken of."""

    kind: str
    protocol: str
    formats: tuple[str, ...]
    mid: str | None = None

    def refused(self) -> Media:
        """The line with port 0 and all its formats (RFC 3264 §6)."""
        return Media(self.kind, 0, self.protocol, self.formats, None, self.named())

    def named(self) -> tuple[Attribute, ...]:
        """Its name, where it has one: said again in every line about it (RFC 5888 §9.1)."""
        return (Attribute("mid", self.mid),) if self.mid is not None else ()


def places_of(description: SessionDescription) -> tuple[Place, ...]:
    """The m-lines of an offer, to be spoken of in the same order ever after (RFC 3264 §8)."""
    return tuple(Place(media.kind, media.protocol, media.formats, _mid(media)) for media in description.media)


def is_bundled(description: SessionDescription, place: Place) -> bool:
    """Whether a line is in a bundle of the description."""
    groups = [attribute.value or "" for attribute in description.attributes if attribute.name == "group"]
    return place.mid is not None and any(group.split()[:1] == ["BUNDLE"] and place.mid in group.split()[1:] for group in groups)


@lru_cache(maxsize=256)
def format_attributes(
    formats: tuple[tuple[int, Codec], ...], ptime_ms: int, direction: Direction, *, sends_stereo: bool = False, takes_dtx: bool = False
) -> tuple[Attribute, ...]:
    """What our section says of its formats. The packet time is one that the first of them can have; it is the one that is wanted.

    Remembered, since descriptions are kept as long as their calls, and nearly all say the same.
    """
    attributes = []
    for number, codec in formats:
        channels = f"/{codec.channels}" if codec.channels > 1 else ""
        name = codec.name.lower() if codec.name in _LOWER_CASE else codec.name
        attributes.append(Attribute("rtpmap", f"{number} {name}/{codec.clock_rate}{channels}"))
        parameters = EVENTS if codec.name == TELEPHONE_EVENT else PARAMETERS.get(codec)
        if parameters is not None:
            more = ((SENDS_STEREO if sends_stereo else "") + (TAKES_DTX if takes_dtx else "")) if codec == OPUS else ""
            attributes.append(Attribute("fmtp", f"{number} {parameters}{more}"))
    longest_ms = longest_ptime_ms(formats[0][1])
    attributes.append(Attribute("ptime", str(min(ptime_ms, longest_ms))))
    if longest_ms < PTIMES_MS[-1]:
        attributes.append(Attribute("maxptime", str(longest_ms)))
    return (*attributes, Attribute(direction.value))


def session_attributes(audio: Place, carriage: Carriage, *, bundled: bool) -> tuple[Attribute, ...]:
    """What stands above the m-lines: a bundle of the one line that we take (RFC 9143 §7.3), and that our ICE is lite."""
    group = (Attribute("group", f"BUNDLE {audio.mid}"),) if bundled else ()
    return group + (ice.SESSION_ATTRIBUTES if carriage.ice is not None else ())


def _mid(media: Media) -> str | None:
    mid = media.attribute("mid")
    return mid if mid is not None and _TOKEN.fullmatch(mid) else None
