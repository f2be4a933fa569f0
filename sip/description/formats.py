"""Payload types, parameters and packet times of a leg's formats: who numbers what, and what is sent in."""

from collections.abc import Container, Iterable
from dataclasses import replace
from typing import Final

from sip.negotiated import COMFORT_NOISE, L16_WIDE, OPUS, Codec
from sip.sdp import STATIC_CODECS, Media

TELEPHONE_EVENT: Final = "TELEPHONE-EVENT"
EVENTS: Final = "0-15"
"""The digits of RFC 4733 §3.2: what we take."""
PTIMES_MS: Final = (10, 20, 30, 40, 50, 60)
"""Packet times that we send in; another one is rounded down to the next of these."""
DEFAULT_PTIME_MS: Final = 20
LONGEST_PARAMETERS: Final = 400
"""Characters of a fmtp that are read."""

PARAMETERS: Final = {OPUS: "minptime=10;useinbandfec=1;maxplaybackrate=16000;sprop-maxcapturerate=16000"}
"""What we say of our formats (RFC 7587 §6.1): no packets under 10 ms, FEC is taken, and 16 kHz is all that we play and send."""
SENDS_STEREO: Final = ";sprop-stereo=1"
"""What we add where we send in stereo. What is sent to us may be mono, as without a ``stereo`` of ours."""
TAKES_DTX: Final = ";usedtx=1"
"""What we add where nothing need be sent to us in silence."""

_LONGEST_PTIMES_MS: Final = {L16_WIDE: 40}
"""What fits 1,400 bytes, where that is less than 60 ms."""
_STATIC_NUMBERS: Final = {codec: int(number) for number, codec in STATIC_CODECS.items()}
_PAYLOAD_TYPES: Final = frozenset(str(number) for number in range(128))
_EVENT: Final = Codec(TELEPHONE_EVENT)
_USUAL_EVENT: Final = 101
_DYNAMIC: Final = (*range(96, 101), *range(102, 128))
"""Numbers we give out, in order. 101 is kept for telephone-event: there are phones that know it under no other."""


def event_of(codec: Codec) -> Codec:
    """The telephone-event at a codec's clock (RFC 4733 §2.1: they share one timestamp line)."""
    return Codec(TELEPHONE_EVENT, codec.clock_rate)


def events_of(codecs: Iterable[Codec]) -> tuple[Codec, ...]:
    """What we offer of telephone-event beside codecs: one for each clock."""
    return tuple(dict.fromkeys(event_of(codec) for codec in codecs))


def noise_of(codec: Codec) -> Codec:
    """The comfort noise at a codec's clock (RFC 3389 §4)."""
    return replace(COMFORT_NOISE, clock_rate=codec.clock_rate)


def noises_of(codecs: Iterable[Codec]) -> tuple[Codec, ...]:
    """What we offer of comfort noise beside codecs: one for each clock."""
    return tuple(dict.fromkeys(noise_of(codec) for codec in codecs if codec != OPUS))


def event_beside(codec: Codec, numbers: Container[Codec]) -> Codec | None:
    """The telephone-event among formats that goes with a codec: that of its clock. Beside opus many name that of 8 kHz alone."""
    for event in (event_of(codec), _EVENT) if codec == OPUS else (event_of(codec),):
        if event in numbers:
            return event
    return None


def noise_beside(codec: Codec, numbers: Container[Codec]) -> Codec | None:
    """The comfort noise among formats that goes with a codec: that of its clock. Opus has a silence of its own."""
    return noise_of(codec) if codec != OPUS and noise_of(codec) in numbers else None


def numbers_in(media: Media) -> dict[Codec, int]:
    """Every format of a section that can be told, telephone-events too, in its order; the first number of each."""
    numbers: dict[Codec, int] = {}
    for text in media.formats:
        codec = media.rtpmap(text)
        if codec is not None and text in _PAYLOAD_TYPES:
            numbers.setdefault(OPUS if (codec.name, codec.clock_rate) == (OPUS.name, OPUS.clock_rate) else codec, int(text))
    return numbers


def numbered(numbers: dict[Codec, int], codecs: tuple[Codec, ...]) -> dict[Codec, int]:
    """``numbers`` and a payload type for each further codec: its static one, or a dynamic one that never meant anything else."""
    result = dict(numbers)
    for codec in codecs:
        if codec not in result:
            taken = set(result.values())
            usual = _USUAL_EVENT if codec == _EVENT else _STATIC_NUMBERS.get(codec)
            result[codec] = usual if usual is not None and usual not in taken else next(n for n in _DYNAMIC if n not in taken)
    return result


def renumbered(numbers: dict[Codec, int], theirs: dict[Codec, int]) -> dict[Codec, int]:
    """``numbers`` with those of an offer that we answer; a number means one thing only, and the offer's meaning is the newer one."""
    taken = set(theirs.values())
    return {codec: number for codec, number in numbers.items() if number not in taken} | theirs


def longest_ptime_ms(codec: Codec) -> int:
    """The longest packet time that a codec can be sent and taken in."""
    return _LONGEST_PTIMES_MS.get(codec, PTIMES_MS[-1])


def parameters_in(media: Media, number: int) -> str:
    """A section's fmtp for a payload type; empty where there is none, or more than anybody needs."""
    parameters = media.fmtp(str(number)) or ""
    return parameters if len(parameters) <= LONGEST_PARAMETERS else ""


def asks_for_stereo(parameters: str) -> bool:
    """Whether a fmtp of opus says that two channels are wanted (RFC 7587 §6.1)."""
    return _says(parameters, "stereo=1")


def asks_for_dtx(parameters: str) -> bool:
    """Whether it says that nothing need be sent in silence."""
    return _says(parameters, "usedtx=1")


def _says(parameters: str, wanted: str) -> bool:
    return wanted in (parameter.replace(" ", "").lower() for parameter in parameters.split(";"))


def ptime_for(media: Media) -> int:
    """The packet time we send in: what the section wants, not less than its least and never more than its most."""
    wanted_ms = max(media.ptime_ms or DEFAULT_PTIME_MS, media.minptime_ms or 0)
    limit_ms = wanted_ms if media.maxptime_ms is None else min(wanted_ms, media.maxptime_ms)
    return max((ptime_ms for ptime_ms in PTIMES_MS if ptime_ms <= limit_ms), default=PTIMES_MS[0])
