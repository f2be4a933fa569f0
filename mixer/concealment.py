"""Packet-loss concealment for PCM, for many gaps at once: the last pitch period goes on and fades; what returns is faded in.

In the spirit of G.711 Appendix I, without its added delay: 10 ms at full level, then a fade to silence at 60 ms; the seam
of the repeated period and the return are overlapped, so that no step is heard.
"""

from functools import cache
from typing import Final

import numpy as np

from mixer.arrays import Float32, Int16, Int64

HISTORY_BLOCKS: Final = 4
"""Blocks of the past that are looked at (40 ms)."""
FADED_BLOCKS: Final = 6
"""Blocks after which nothing is left (60 ms)."""


class Concealments:
    """What is played in place of missing frames; a number names each pair of listener and source."""

    def __init__(self, pairs: int, block: int) -> None:
        """pairs: how many numbers there are; block: samples of 10 ms, which all lengths in here follow."""
        self.history: Final = HISTORY_BLOCKS * block
        self.overlap: Final = block // 2
        """Samples over which what returns is faded in (5 ms)."""
        self._shortest, self._longest = block // 2, block * 3 // 2
        """Pitch periods looked for, in samples: 66 to 200 Hz."""
        self._faded: Final = FADED_BLOCKS * block
        fade = np.clip((self._faded - np.arange(self._faded + 1, dtype=np.float32)) / (self._faded - block), 0.0, 1.0)
        self._fade: Final = fade.astype(np.float32)
        self._in: Final = _rising(self.overlap)
        self._period: Float32 = np.zeros((pairs, self._longest), dtype=np.float32)
        self._lag: Int64 = np.ones(pairs, dtype=np.int64)
        self._played: Int64 = np.full(pairs, self._faded, dtype=np.int64)

    def begin(self, pairs: Int64, history: Int16) -> None:
        """A gap begins for pairs (n); history (n, `history`) int16 are the samples before it."""
        wide = history.astype(np.float32)
        lag = _pitches(wide, self._shortest, self._longest)
        self._period[pairs] = _periods(wide, lag, self._longest)
        self._lag[pairs] = lag
        self._played[pairs] = 0

    def begin_silent(self, pairs: Int64) -> None:
        """There was nothing before: pairs (n) come back from silence."""
        self._played[pairs] = self._faded

    def play(self, pairs: Int64, count: int) -> Int16:
        """The next samples (n, count) int16 of pairs (n) whose frames are missing still."""
        return np.rint(self._next(pairs, count)).astype(np.int16)

    def join(self, pairs: Int64, frames: Int16) -> Int16:
        """The first frames (n, samples) that are there again, faded in over what would have been played on."""
        joined = frames.copy()
        overlap = self.overlap
        joined[:, :overlap] = np.rint(self._next(pairs, overlap) * (1.0 - self._in) + frames[:, :overlap] * self._in)
        return joined

    def _next(self, pairs: Int64, count: int) -> Float32:
        times = self._played[pairs][:, None] + np.arange(count)
        self._played[pairs] += count
        index = times % self._lag[pairs][:, None]
        return np.asarray(self._period[pairs[:, None], index] * self._fade[np.minimum(times, self._faded)], dtype=np.float32)


def cross(before: Int16, after: Int16, overlap: int) -> Int16:
    """A frame ``after`` (n) int16 that begins as ``before`` (n) and leaves it within ``overlap`` samples."""
    joined, rising = after.copy(), _rising(overlap)
    joined[:overlap] = np.rint(before[:overlap] * (1.0 - rising) + after[:overlap] * rising)
    return joined


@cache
def _rising(count: int) -> Float32:
    return (np.arange(1, count + 1, dtype=np.float32) / np.float32(count)).astype(np.float32)


def _periods(history: Float32, lag: Int64, longest: int) -> Float32:
    """The last pitch period of each row (n, longest), left-aligned, its end bent so that it runs into its own beginning."""
    times, count = np.arange(longest), history.shape[1]
    index = np.minimum(count - lag[:, None] + times, count - 1)
    period = np.take_along_axis(history, index, axis=1)
    earlier = np.take_along_axis(history, index - lag[:, None], axis=1)
    seam = lag // 4
    into = np.clip((times - (lag - seam)[:, None] + 1) / seam[:, None], 0.0, 1.0)
    return np.asarray(period * (1.0 - into) + earlier * into, dtype=np.float32)


def _pitches(history: Float32, shortest: int, longest: int) -> Int64:
    """The lag (n) at which each row's last 20 ms are most like what came before them (normalised correlation)."""
    compared = history.shape[1] // 2
    recent = history[:, -compared:]
    past = history[:, -compared - longest : -shortest]
    windows = np.lib.stride_tricks.sliding_window_view(past, compared, axis=1)
    products = np.matmul(windows, recent[:, :, None])[:, :, 0]
    squares = np.cumsum(np.pad(past.astype(np.float64) ** 2, ((0, 0), (1, 0))), axis=1)
    energies = squares[:, compared:] - squares[:, :-compared]
    likeness = products / np.sqrt(np.maximum(energies, 1.0))
    return np.asarray(longest - np.argmax(likeness, axis=1), dtype=np.int64)
