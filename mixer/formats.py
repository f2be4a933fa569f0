"""The audio formats that this house speaks, each with a number of its own. Free of numpy, so signalling may read it."""

from dataclasses import dataclass
from typing import Final

NARROWBAND: Final = 8_000
WIDEBAND: Final = 16_000
"""Samples a second of the two kinds of calls."""


@dataclass(frozen=True, slots=True)
class Format:
    """An audio format as RTP carries it (RFC 3551, RFC 7587)."""

    name: str
    """SDP encoding name, upper case: ``PCMU``, ``OPUS``."""
    clock_rate: int
    """RTP ticks a second."""
    channels: int
    """As its rtpmap says; opus says 2 whatever it carries (RFC 7587 §7)."""
    sample_rate: int
    """Samples a second that its audio is worth: who speaks a format of 16000 makes his call wideband."""
    block_bytes: int
    """Bytes of 10 ms in a payload; 0 where that varies."""
    has_coder: bool
    """Coded a row at a time, with a state of its own (`mixer.coders`); False: many rows at once, from tables."""

    @property
    def block_ticks(self) -> int:
        """RTP ticks of 10 ms."""
        return self.clock_rate // 100


PCMU: Final = 0
PCMA: Final = 1
G722: Final = 2
L16_NARROW: Final = 3
L16_WIDE: Final = 4
OPUS: Final = 5

FORMATS: Final = (
    Format("PCMU", 8_000, 1, NARROWBAND, 80, has_coder=False),
    Format("PCMA", 8_000, 1, NARROWBAND, 80, has_coder=False),
    Format("G722", 8_000, 1, WIDEBAND, 80, has_coder=True),  # the clock is an old mistake that stays: RFC 3551 §4.5.2
    Format("L16", 8_000, 1, NARROWBAND, 160, has_coder=False),
    Format("L16", 16_000, 1, WIDEBAND, 320, has_coder=False),
    Format("OPUS", 48_000, 2, WIDEBAND, 0, has_coder=True),
)
"""By number."""

_NUMBERS: Final = {(form.name, form.clock_rate, form.channels): number for number, form in enumerate(FORMATS)}


def number_of(name: str, clock_rate: int, channels: int) -> int:
    """The number of a format by what its rtpmap says; -1 for one that is not spoken here."""
    return _NUMBERS.get((name.upper(), clock_rate, channels), -1)


def format_of(name: str, clock_rate: int, channels: int) -> Format | None:
    """The format by what its rtpmap says; None for one that is not spoken here."""
    number = number_of(name, clock_rate, channels)
    return FORMATS[number] if number >= 0 else None
