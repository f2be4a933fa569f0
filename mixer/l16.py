"""L16 (RFC 3551 §4.5.11): 16 bits a sample in network order, for many rows at once, to and from the 14-bit domain of the mixer."""

from typing import Final

import numpy as np

from mixer.arrays import Bytes, Int16

MAX_PAYLOAD: Final = 1_400
"""Bytes of the longest packet that is sent: 40 ms at 16 kHz, 60 ms at 8 kHz."""

_HIGHEST: Final = 8_191
_LOWEST: Final = -8_192


def decode_into(out: Int16, payload: Bytes) -> None:
    """Samples out (n, samples) int16 in the 14-bit domain, rounded, from payload (n, 2·samples) uint8, contiguous along its last axis."""
    np.minimum(payload.view(">i2"), 32_765, out=out)
    np.add(out, 2, out=out)
    np.right_shift(out, 2, out=out)


def encode_into(out: Bytes, samples: Int16) -> None:
    """Payload out (n, 2·samples) uint8, contiguous along its last axis, from samples (n, samples) int16 in the 14-bit domain, saturated."""
    wide = out.view(np.int16)
    np.minimum(samples, _HIGHEST, out=wide)
    np.maximum(wide, _LOWEST, out=wide)
    np.left_shift(wide, 2, out=wide)
    wide.byteswap(inplace=True)
