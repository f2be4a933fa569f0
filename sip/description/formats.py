"""Payload types and packet times of a leg: who numbers what, and what is sent in."""

from typing import Final

from sip.negotiated import Codec
from sip.sdp import STATIC_CODECS, Media

TELEPHONE_EVENT: Final = "TELEPHONE-EVENT"
EVENTS: Final = "0-15"
"""The digits of RFC 4733 §3.2: what we take."""
PTIMES_MS: Final = (10, 20, 30, 40, 50, 60)
"""Packet times that we send in; another one is rounded down to the next of these."""
DEFAULT_PTIME_MS: Final = 20

_STATIC_NUMBERS: Final = {codec: int(number) for number, codec in STATIC_CODECS.items()}
_PAYLOAD_TYPES: Final = frozenset(str(number) for number in range(128))
_DYNAMIC: Final = (101, *range(96, 101), *range(102, 128))
"""Numbers we give out, in order; 101 first, for phones that know telephone-event under no other."""


def event_of(codec: Codec) -> Codec:
    """The telephone-event at a codec's clock (RFC 4733 §2.1: they share one timestamp line)."""
    return Codec(TELEPHONE_EVENT, codec.clock_rate)


def numbers_in(media: Media) -> dict[Codec, int]:
    """Every format of a section that can be told, telephone-events too, in its order; the first number of each."""
    numbers: dict[Codec, int] = {}
    for text in media.formats:
        codec = media.rtpmap(text)
        if codec is not None and text in _PAYLOAD_TYPES:
            numbers.setdefault(codec, int(text))
    return numbers


def numbered(numbers: dict[Codec, int], codecs: tuple[Codec, ...]) -> dict[Codec, int]:
    """``numbers`` and a payload type for each further codec: its static one, or a dynamic one that never meant anything else."""
    result = dict(numbers)
    for codec in codecs:
        if codec not in result:
            taken = set(result.values())
            static = _STATIC_NUMBERS.get(codec)
            result[codec] = static if static is not None and static not in taken else next(n for n in _DYNAMIC if n not in taken)
    return result


def renumbered(numbers: dict[Codec, int], theirs: dict[Codec, int]) -> dict[Codec, int]:
    """``numbers`` with those of an offer that we answer; a number means one thing only, and the offer's meaning is the newer one."""
    taken = set(theirs.values())
    return {codec: number for codec, number in numbers.items() if number not in taken} | theirs


def ptime_for(media: Media) -> int:
    """The packet time we send in: what the section wants, not less than its least and never more than its most."""
    wanted_ms = max(media.ptime_ms or DEFAULT_PTIME_MS, media.minptime_ms or 0)
    limit_ms = wanted_ms if media.maxptime_ms is None else min(wanted_ms, media.maxptime_ms)
    return max((ptime_ms for ptime_ms in PTIMES_MS if ptime_ms <= limit_ms), default=PTIMES_MS[0])
