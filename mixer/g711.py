"""G.711 as tables: decoding two samples a look-up, encoding by a table over all int16 that saturates.

Samples are in the 14-bit domain of µ-law (full scale ±8031; A-law's ±4032 is doubled to ±8064), so that the sum of four
full-scale voices fits int16. Source: ITU-T G.711 tables 1a/1b and 2a/2b.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from mixer.arrays import Bytes, Int16, Int64

ULAW: Final = 0
ALAW: Final = 1
LAWS: Final = {"PCMU": ULAW, "PCMA": ALAW}
"""Law by SDP encoding name."""

FULL_SCALE: Final = 8031
"""Largest sample that µ-law can say."""
SILENCE: Final = (0xFF, 0xD5)
"""The code of silence by law."""


def _decode_ulaw() -> Int16:
    code = ~np.arange(256, dtype=np.int32) & 0xFF
    magnitude = ((((code & 0x0F) << 1) + 33) << ((code >> 4) & 7)) - 33
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _decode_alaw() -> Int16:
    code = np.arange(256, dtype=np.int32) ^ 0x55
    segment, step = (code >> 4) & 7, code & 0x0F
    magnitude = np.where(segment == 0, 2 * step + 1, (2 * step + 33) << np.maximum(segment - 1, 0))
    return (2 * np.where(code & 0x80, magnitude, -magnitude)).astype(np.int16)


def _encode(decoded: Int16) -> Bytes:
    """The code nearest to each int16, saturated (of two equally near, the smaller in magnitude), indexed by the sample as uint16."""
    samples = np.arange(65_536, dtype=np.uint16).view(np.int16).astype(np.int64)
    order = np.argsort(decoded, kind="stable")
    values = decoded[order].astype(np.int64)
    right = np.clip(np.searchsorted(values, samples), 1, 255)
    nearer = np.abs(samples - values[right - 1]) - np.abs(values[right] - samples)
    take_left = (nearer < 0) | ((nearer == 0) & (samples > 0))
    codes = order[np.where(take_left, right - 1, right)].astype(np.uint8)
    codes[samples == 0] = SILENCE[ULAW] if decoded[SILENCE[ULAW]] == 0 else SILENCE[ALAW]
    return codes


def _pairs(decoded: Int16) -> npt.NDArray[np.uint32]:
    first = np.arange(65_536, dtype=np.uint16).view(np.uint8).reshape(-1, 2)
    return np.ascontiguousarray(decoded[first]).view(np.uint32).reshape(-1)


DECODE: Final[Int16] = np.stack([_decode_ulaw(), _decode_alaw()])
"""(law, code) int16 in the 14-bit domain."""
_DECODE_PAIRS: Final = np.concatenate([_pairs(DECODE[ULAW]), _pairs(DECODE[ALAW])])
"""(law · 65536 + two codes as native uint16) uint32: two samples."""
_ENCODE: Final[Bytes] = np.concatenate([_encode(DECODE[ULAW]), _encode(DECODE[ALAW])])
"""(law · 65536 + sample as uint16) uint8."""


def decode(codes: Bytes, law: Int64) -> Int16:
    """Samples (n, 2·m) int16 in the 14-bit domain from codes (n, 2·m) uint8, contiguous along the last axis; law (n) of each row."""
    index = codes.view(np.uint16)
    if law.any():
        return _DECODE_PAIRS.take(index + (law * 65_536)[:, None]).view(np.int16)
    return _DECODE_PAIRS.take(index).view(np.int16)


def encode(samples: Int16, law: Int64) -> Bytes:
    """Codes (n, m) uint8 of samples (n, m) int16 in the 14-bit domain, saturated; law (n) of each row."""
    index = samples.view(np.uint16)
    if law.any():
        return _ENCODE.take(index + (law * 65_536)[:, None])
    return _ENCODE.take(index)
