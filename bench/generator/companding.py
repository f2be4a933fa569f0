"""G.711 in tables, both laws (ITU-T G.711 §3). Written for the bench, so that an error in the server's tables shows."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Samples = NDArray[np.int16]

FRAME: Final = 160
"""Samples of 20 ms at 8 kHz, and bytes of its payload."""
RATE: Final = 8000


def _mulaw_values() -> Samples:
    code = ~np.arange(256, dtype=np.uint8)
    exponent = (code >> 4 & 7).astype(np.int32)
    magnitude = (((code & 15).astype(np.int32) << 3) + 132 << exponent) - 132
    return np.where(code & 128, -magnitude, magnitude).astype(np.int16)


def _alaw_values() -> Samples:
    code = np.arange(256, dtype=np.uint8) ^ 0x55
    exponent = (code >> 4 & 7).astype(np.int32)
    mantissa = (code & 15).astype(np.int32)
    magnitude = np.where(exponent == 0, (mantissa << 4) + 8, (mantissa << 4) + 264 << np.maximum(exponent - 1, 0))
    return np.where(code & 128, magnitude, -magnitude).astype(np.int16)


def _encode_table(values: Samples) -> Bytes:
    """Nearest code for each of the 65,536 int16 values, indexed by the value's own bits as uint16."""
    order = np.argsort(values, kind="stable")
    levels = values[order].astype(np.int32)
    wanted = np.arange(-32768, 32768, dtype=np.int32)
    borders = (levels[:-1] + levels[1:]) / 2
    codes = order[np.searchsorted(borders, wanted, side="left")].astype(np.uint8)
    return np.roll(codes, 32768)


DECODE: Final = {"PCMU": _mulaw_values(), "PCMA": _alaw_values()}
"""Code to int16 sample, by encoding name."""
ENCODE: Final = {name: _encode_table(values) for name, values in DECODE.items()}
PAYLOAD_TYPE: Final = {"PCMU": 0, "PCMA": 8}
SILENCE: Final = {"PCMU": 0xFF, "PCMA": 0xD5}


def decode(payload: Bytes, codec: str) -> Samples:
    """Payload bytes to samples, any shape."""
    return np.asarray(DECODE[codec][payload], np.int16)


def encode(samples: NDArray[np.generic], codec: str) -> Bytes:
    """Samples of any shape and kind to payload bytes; clipped to int16, rounded to the nearest code."""
    clipped = np.clip(np.rint(samples), -32768, 32767).astype(np.int16)
    return np.asarray(ENCODE[codec][clipped.view(np.uint16)], np.uint8)


def step(magnitude: NDArray[np.float64]) -> NDArray[np.float64]:
    """Width of the µ-law quantisation step around a sample of this magnitude (dither is as wide as this)."""
    exponent = np.clip(np.floor(np.log2((magnitude + 132) / 132)), 0, 7)
    return 8.0 * 2.0**exponent
