"""What an Opus stream should be like, as fmtp says it (RFC 7587 §6.1). Free of numpy, so signalling may read it."""

from dataclasses import dataclass, replace
from typing import Final, Self

MIN_BITRATE: Final = 6_000
MAX_BITRATE: Final = 128_000
"""Bits a second; the RFC allows 510000, which would not fit 60 ms into a datagram."""
DEFAULT_COMPLEXITY: Final = 5

_MIN_RATE, _MAX_RATE = 8_000, 48_000
_LONGEST_VALUE: Final = 8


@dataclass(frozen=True, slots=True)
class OpusParameters:
    """The wishes of who receives a stream, and how hard its encoder works."""

    takes_fec: bool = False
    """``useinbandfec``: a packet should tell of the one before it."""
    takes_dtx: bool = False
    """``usedtx``: nothing should be sent in silence."""
    takes_stereo: bool = False
    """``stereo``: two channels are better than one."""
    is_constant: bool = False
    """``cbr``: every packet should have the same size."""
    max_playback_rate: int = _MAX_RATE
    """Samples a second; what is above half of it is not heard."""
    max_bitrate: int = MAX_BITRATE
    """``maxaveragebitrate``: bits a second at most."""
    bitrate: int = 0
    """Bits a second that we send where that is allowed; 0: what suits the sample rate. No RFC has it, and no remote chooses it."""
    complexity: int = DEFAULT_COMPLEXITY
    """0 (quick) to 10; likewise."""

    @classmethod
    def read(cls, text: str) -> Self:
        """From the text of fmtp; what is unknown or nonsense there is passed over."""
        values = dict(_pairs(text))
        return cls(
            takes_fec=values.get("useinbandfec") == "1",
            takes_dtx=values.get("usedtx") == "1",
            takes_stereo=values.get("stereo") == "1",
            is_constant=values.get("cbr") == "1",
            max_playback_rate=_bounded(values, "maxplaybackrate", _MIN_RATE, _MAX_RATE, _MAX_RATE),
            max_bitrate=_bounded(values, "maxaveragebitrate", MIN_BITRATE, MAX_BITRATE, MAX_BITRATE),
            bitrate=_bounded(values, "bitrate", 0, MAX_BITRATE, 0),
            complexity=_bounded(values, "complexity", 0, 10, DEFAULT_COMPLEXITY),
        )

    def within(self, *, bitrate: int, complexity: int, sends_fec: bool, sends_dtx: bool, sends_stereo: bool) -> "OpusParameters":
        """The remote's wishes as far as we follow them: our bitrate and complexity, and what we are willing to send."""
        takes_fec, takes_dtx = self.takes_fec and sends_fec, self.takes_dtx and sends_dtx
        takes_stereo = self.takes_stereo and sends_stereo
        return replace(self, bitrate=bitrate, complexity=complexity, takes_fec=takes_fec, takes_dtx=takes_dtx, takes_stereo=takes_stereo)

    def __str__(self) -> str:
        """As fmtp says it, every parameter of it: `read` gives the same again."""
        flags = {"useinbandfec": self.takes_fec, "usedtx": self.takes_dtx, "stereo": self.takes_stereo, "cbr": self.is_constant}
        values = {name: int(flag) for name, flag in flags.items()}
        values |= {"maxplaybackrate": self.max_playback_rate, "maxaveragebitrate": self.max_bitrate}
        values |= {"bitrate": self.bitrate, "complexity": self.complexity}
        return ";".join(f"{name}={value}" for name, value in values.items())


def _pairs(text: str) -> list[tuple[str, str]]:
    """Names and values, backwards, so that of two with one name the first wins."""
    parameters = [parameter.partition("=") for parameter in text.split(";")]
    return [(name.strip().lower(), value.strip()) for name, _, value in reversed(parameters)]


def _bounded(values: dict[str, str], name: str, least: int, most: int, default: int) -> int:
    value = values.get(name, "")
    if not (value.isascii() and value.isdigit() and len(value) <= _LONGEST_VALUE):
        return default
    return min(max(int(value), least), most)
