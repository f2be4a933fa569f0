"""Packet-loss concealment for PCM, for many gaps at once: the last pitch period goes on and fades; what returns is faded in.

In the spirit of G.711 Appendix I, without its added delay: 10 ms at full level, then a fade to silence at 60 ms; the seam
of the repeated period and the return are overlapped, so that no step is heard.
"""

from typing import Final

import numpy as np

from mixer.arrays import Float32, Int16, Int64

HISTORY: Final = 320
"""Samples of the past that are looked at (40 ms)."""
OVERLAP: Final = 40
"""Samples over which what returns is faded in (5 ms)."""
FADED: Final = 480
"""Samples after which nothing is left (60 ms)."""

_SHORTEST, _LONGEST = 40, 120
"""Pitch periods looked for, in samples: 66 to 200 Hz."""
_COMPARED: Final = 160
_FULL: Final = 80
_IN: Final = np.arange(1, OVERLAP + 1, dtype=np.float32) / OVERLAP
_FADE: Final = np.append(np.clip((FADED - np.arange(FADED, dtype=np.float32)) / (FADED - _FULL), 0.0, 1.0), np.float32(0.0))


class Concealments:
    """What is played in place of missing frames; a number names each pair of listener and source."""

    def __init__(self, pairs: int) -> None:
        """pairs: how many numbers there are."""
        self._period: Float32 = np.zeros((pairs, _LONGEST), dtype=np.float32)
        self._lag: Int64 = np.ones(pairs, dtype=np.int64)
        self._played: Int64 = np.full(pairs, FADED, dtype=np.int64)

    def begin(self, pairs: Int64, history: Int16) -> None:
        """A gap begins for pairs (n); history (n, HISTORY) int16 are the samples before it."""
        wide = history.astype(np.float32)
        lag = _pitches(wide)
        self._period[pairs] = _periods(wide, lag)
        self._lag[pairs] = lag
        self._played[pairs] = 0

    def begin_silent(self, pairs: Int64) -> None:
        """There was nothing before: pairs (n) come back from silence."""
        self._played[pairs] = FADED

    def play(self, pairs: Int64, count: int) -> Int16:
        """The next samples (n, count) int16 of pairs (n) whose frames are missing still."""
        return np.rint(self._next(pairs, count)).astype(np.int16)

    def join(self, pairs: Int64, frames: Int16) -> Int16:
        """The first frames (n, samples) that are there again, faded in over what would have been played on."""
        joined = frames.copy()
        joined[:, :OVERLAP] = np.rint(self._next(pairs, OVERLAP) * (1.0 - _IN) + frames[:, :OVERLAP] * _IN)
        return joined

    def _next(self, pairs: Int64, count: int) -> Float32:
        times = self._played[pairs][:, None] + np.arange(count)
        self._played[pairs] += count
        index = times % self._lag[pairs][:, None]
        return np.asarray(self._period[pairs[:, None], index] * _FADE[np.minimum(times, FADED)], dtype=np.float32)


def cross(before: Int16, after: Int16) -> Int16:
    """A frame ``after`` (n) int16 that begins as ``before`` (n) and leaves it within OVERLAP samples."""
    joined = after.copy()
    joined[:OVERLAP] = np.rint(before[:OVERLAP] * (1.0 - _IN) + after[:OVERLAP] * _IN)
    return joined


def _periods(history: Float32, lag: Int64) -> Float32:
    """The last pitch period of each row (n, _LONGEST), left-aligned, its end bent so that it runs into its own beginning."""
    times = np.arange(_LONGEST)
    index = np.minimum(HISTORY - lag[:, None] + times, HISTORY - 1)
    period = np.take_along_axis(history, index, axis=1)
    earlier = np.take_along_axis(history, index - lag[:, None], axis=1)
    seam = lag // 4
    into = np.clip((times - (lag - seam)[:, None] + 1) / seam[:, None], 0.0, 1.0)
    return np.asarray(period * (1.0 - into) + earlier * into, dtype=np.float32)


def _pitches(history: Float32) -> Int64:
    """The lag (n) at which each row's last 20 ms are most like what came before them (normalised correlation)."""
    recent = history[:, -_COMPARED:]
    past = history[:, -_COMPARED - _LONGEST : -_SHORTEST]
    windows = np.lib.stride_tricks.sliding_window_view(past, _COMPARED, axis=1)
    products = np.matmul(windows, recent[:, :, None])[:, :, 0]
    squares = np.cumsum(np.pad(past.astype(np.float64) ** 2, ((0, 0), (1, 0))), axis=1)
    energies = squares[:, _COMPARED:] - squares[:, :-_COMPARED]
    likeness = products / np.sqrt(np.maximum(energies, 1.0))
    return np.asarray(_LONGEST - np.argmax(likeness, axis=1), dtype=np.int64)
