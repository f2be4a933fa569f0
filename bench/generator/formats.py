"""The audio formats that phones of the bench negotiate: numbers and clocks only, without the coders (`bench.coding`)."""

from dataclasses import dataclass
from typing import Final

PTIME_MS: Final = 20


@dataclass(frozen=True, slots=True)
class Format:
    """One row of the table."""

    name: str
    """As the bench calls it."""
    encoding: str
    """As an rtpmap says it."""
    payload_type: int
    """The number that an offer of ours gives it."""
    clock_rate: int
    """RTP ticks a second."""
    channels: int
    payload: int
    """Bytes of 20 ms."""

    @property
    def ticks(self) -> int:
        """RTP ticks of 20 ms."""
        return self.clock_rate * PTIME_MS // 1000

    @property
    def rtpmap(self) -> str:
        """What stands behind the number in an rtpmap."""
        return f"{self.encoding}/{self.clock_rate}" + (f"/{self.channels}" if self.channels > 1 else "")


FORMATS: Final = {
    form.name: form
    for form in (
        Format("PCMU", "PCMU", 0, 8_000, 1, 160),
        Format("PCMA", "PCMA", 8, 8_000, 1, 160),
        Format("G722", "G722", 9, 8_000, 1, 160),
        Format("opus", "opus", 111, 48_000, 2, 160),
        Format("L16/8000", "L16", 96, 8_000, 1, 320),
        Format("L16/16000", "L16", 97, 16_000, 1, 640),
    )
}
"""By name."""


def format_named(rtpmap: str) -> Format | None:
    """The format of an rtpmap's right side, ``NAME/CLOCK[/CHANNELS]``; None for one that is not spoken here."""
    encoding, _, rest = rtpmap.partition("/")
    clock, _, channels = rest.partition("/")
    known = (form for form in FORMATS.values() if form.encoding.upper() == encoding.upper() and str(form.clock_rate) == clock)
    return next((form for form in known if form.channels == int(channels or 1)), None)
