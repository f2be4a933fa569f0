"""How good speech sounds: PESQ, narrowband after ITU-T P.862 with P.862.1, wideband after P.862.2."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Int16 = NDArray[np.int16]

_MODES: Final = {8_000: "nb", 16_000: "wb"}


class PesqMissing(Exception):
    """The package `pesq` is not installed: it is a development dependency."""


def pesq_score(said: Int16, heard: Int16, rate: int) -> float:
    """MOS-LQO of ``heard`` (m) against ``said`` (n), aligned within a quarter of a second; 0 where nothing was heard."""
    try:
        from pesq import NoUtterancesError, pesq
    except ImportError:
        raise PesqMissing("PESQ needs the package pesq, one of the development requirements") from None
    try:
        return float(pesq(rate, said, heard, _MODES[rate]))
    except NoUtterancesError:
        return 0.0


def without_long_pauses(samples: Int16, rate: int, longest: float = 0.4) -> Int16:
    """Speech whose pauses last so many seconds at most; the rest of each is taken out of its middle, where nothing is."""
    block = rate // 100
    blocks = samples[: len(samples) // block * block].reshape(-1, block)
    silent = np.abs(blocks.astype(np.int32)).max(axis=1) < 40
    edges = np.flatnonzero(np.diff(np.concatenate([[False], silent, [False]]).astype(np.int8)))
    keep = np.ones(len(blocks), bool)
    half = round(longest / 2 * 100)
    for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        keep[start + half : max(start + half, end - half)] = False
    return np.asarray(blocks[keep].reshape(-1), np.int16)
