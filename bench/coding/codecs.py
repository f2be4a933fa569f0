"""The table of codecs that phones of the bench speak. A new codec is a row here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bench.coding import g722, linear, opus

Int16 = NDArray[np.int16]

MAX_PAYLOAD: Final = 1400
"""Bytes: more in a packet is not sent by anybody."""


@dataclass(frozen=True, slots=True)
class Codec:
    """A codec as its phones know it."""

    name: str
    """Of the row."""
    encoding: str
    """As an rtpmap says it."""
    payload_type: int
    clock_rate: int
    """RTP ticks a second."""
    channels: int
    rate: int
    """Samples a second of its audio."""
    encode: Callable[[Int16, int], list[bytes]]
    """(samples (n), packet time in ms) to payloads."""
    decode: Callable[[Sequence[bytes | None], int], Int16]
    """(payloads in a row, None where one is missing; packet time in ms) to samples, the codec's standard concealment in the gaps."""
    largest_ms: int = 60
    """Longest packet time of which a payload fits a packet."""
    is_exact: bool = False
    """What was decoded once goes through another encoding unharmed."""

    def ticks(self, ptime_ms: int) -> int:
        """RTP ticks of a packet."""
        return self.clock_rate * ptime_ms // 1000

    def samples(self, ptime_ms: int) -> int:
        """Samples of a packet."""
        return self.rate * ptime_ms // 1000


def _g711(name: str, payload_type: int) -> Codec:
    return Codec(
        name,
        name,
        payload_type,
        8_000,
        1,
        8_000,
        partial(linear.encode_g711, name, 8_000),
        partial(linear.decode_g711, name, 8_000),
        is_exact=True,
    )


def _l16(name: str, payload_type: int, rate: int) -> Codec:
    largest = MAX_PAYLOAD * 1000 // (2 * rate) // 10 * 10
    return Codec(
        name,
        "L16",
        payload_type,
        rate,
        1,
        rate,
        partial(linear.encode_l16, rate),
        partial(linear.decode_l16, rate),
        min(60, largest),
        is_exact=True,
    )


_ROWS: Final = (
    _g711("PCMU", 0),
    _g711("PCMA", 8),
    Codec("G722", "G722", 9, 8_000, 1, 16_000, g722.encode, g722.decode),
    Codec("opus", "opus", 111, 48_000, 2, 16_000, opus.encode, opus.decode),
    _l16("L16/8000", 96, 8_000),
    _l16("L16/16000", 97, 16_000),
)

CODECS: Final = {codec.name: codec for codec in _ROWS}
"""By name of the row."""
