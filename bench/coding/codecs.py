"""The table of codecs that phones of the bench speak. A new codec is a row here, and one of its format in `bench.generator.formats`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bench.coding import g722, linear, opus
from bench.generator.formats import FORMATS, Format

Int16 = NDArray[np.int16]

MAX_PAYLOAD: Final = 1400
"""Bytes: more in a packet is not sent by anybody."""


@dataclass(frozen=True, slots=True)
class Codec:
    """A format with its coders."""

    form: Format
    rate: int
    """Samples a second of its audio."""
    encode: Callable[[Int16, int], list[bytes]]
    """(samples (n), packet time in ms) to payloads."""
    decode: Callable[[Sequence[bytes | None], int], Int16]
    """(payloads in a row, None where one is missing; packet time in ms) to samples, the codec's standard concealment in the gaps."""
    largest_ms: int = 60
    """Longest packet time of which a payload fits a packet."""
    unheard_db: float = -30.0
    """What a coder of this kind leaves beside a tone now and then, relative to it; less is no click."""

    @property
    def name(self) -> str:
        """Of the row."""
        return self.form.name

    def ticks(self, ptime_ms: int) -> int:
        """RTP ticks of a packet."""
        return self.form.clock_rate * ptime_ms // 1000

    def samples(self, ptime_ms: int) -> int:
        """Samples of a packet."""
        return self.rate * ptime_ms // 1000


def _g711(name: str) -> Codec:
    return Codec(FORMATS[name], 8_000, partial(linear.encode_g711, name, 8_000), partial(linear.decode_g711, name, 8_000))


def _l16(name: str, rate: int) -> Codec:
    largest = min(60, MAX_PAYLOAD * 1000 // (2 * rate) // 10 * 10)
    return Codec(FORMATS[name], rate, partial(linear.encode_l16, rate), partial(linear.decode_l16, rate), largest)


_ROWS: Final = (
    _g711("PCMU"),
    _g711("PCMA"),
    Codec(FORMATS["G722"], g722.RATE, g722.encode, g722.decode),
    Codec(FORMATS["opus"], opus.RATE, opus.encode, opus.decode, unheard_db=-18.0),
    _l16("L16/8000", 8_000),
    _l16("L16/16000", 16_000),
)

CODECS: Final = {codec.name: codec for codec in _ROWS}
"""By name of the row."""
