"""G.711 as tables: decoding two samples a look-up, encoding by a table over all int16 that saturates.

Samples are in the 14-bit domain of µ-law (full scale ±8031; A-law's ±4032 is doubled to ±8064), so that the sum of four
full-scale voices fits int16. Source: ITU-T G.711 tables 1a/1b and 2a/2b. A sample right at a decision value, of which the
tables say nothing, belongs to the interval above it, as a positive one does in the ITU's own tools (G.191).
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


def _decisions_ulaw() -> Int64:
    """Decision values x_0 to x_127 (tables 2a and 2b): interval n goes from one to the next."""
    segment, step = np.divmod(np.arange(128), 16)
    return np.maximum(((2 * step + 32) << segment) - 33, 0)


def _decisions_alaw() -> Int64:
    """Decision values x_0 to x_127 (tables 1a and 1b), doubled."""
    segment, step = np.divmod(np.arange(128), 16)
    return 2 * np.where(segment == 0, 2 * step, (2 * step + 32) << np.maximum(segment - 1, 0))


def _encode(decisions: Int64, silence: int) -> Bytes:
    """The code of each int16, saturated, indexed by the sample as uint16; silence is the code of the lowest positive interval."""
    samples = np.arange(65_536, dtype=np.uint16).view(np.int16).astype(np.int64)
    interval = np.searchsorted(decisions, np.abs(samples), side="right") - 1
    return np.where(samples < 0, silence ^ 0x80 ^ interval, silence ^ interval).astype(np.uint8)


def _pairs(decoded: Int16) -> npt.NDArray[np.uint32]:
    first = np.arange(65_536, dtype=np.uint16).view(np.uint8).reshape(-1, 2)
    return np.ascontiguousarray(decoded[first]).view(np.uint32).reshape(-1)


DECODE: Final[Int16] = np.stack([_decode_ulaw(), _decode_alaw()])
"""(law, code) int16 in the 14-bit domain."""
_DECODE_PAIRS: Final = np.concatenate([_pairs(DECODE[ULAW]), _pairs(DECODE[ALAW])])
"""(law · 65536 + two codes as native uint16) uint32: two samples."""
_ENCODE: Final[Bytes] = np.concatenate([_encode(_decisions_ulaw(), SILENCE[ULAW]), _encode(_decisions_alaw(), SILENCE[ALAW])])
"""(law · 65536 + sample as uint16) uint8."""


def decode(codes: Bytes, law: Int64) -> Int16:
    """Samples (n, 2·m) int16 in the 14-bit domain from codes (n, 2·m) uint8, contiguous along the last axis; law (n) of each row."""
    index = codes.view(np.uint16)
    if np.count_nonzero(law):
        return _DECODE_PAIRS.take(index + (law * 65_536)[:, None]).view(np.int16)
    return _DECODE_PAIRS.take(index, mode="wrap").view(np.int16)  # no index lies outside; this mode looks least


def encode(samples: Int16, law: Int64) -> Bytes:
    """Codes (n, m) uint8 of samples (n, m) int16 in the 14-bit domain, saturated; law (n) of each row."""
    index = samples.view(np.uint16)
    if np.count_nonzero(law):
        return _ENCODE.take(index + (law * 65_536)[:, None], mode="wrap")
    return _ENCODE.take(index, mode="wrap")
