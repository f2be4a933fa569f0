"""Packet-loss concealment for PCM: the last pitch period goes on and fades, and the speech that returns is faded in.

In the spirit of G.711 Appendix I, without its added delay: 10 ms at full level, then a fade to silence at 60 ms; the seam
of the repeated period and the return are overlapped, so that no step is heard.
"""

from typing import Final

import numpy as np

from mixer.arrays import Float32, Int16

HISTORY: Final = 320
"""Samples of the past that are looked at (40 ms)."""
OVERLAP: Final = 40
"""Samples over which what returns is faded in (5 ms)."""
FADED: Final = 480
"""Samples after which nothing is left (60 ms)."""

_SHORTEST, _LONGEST = 40, 120
"""Pitch periods looked for: 66 to 200 Hz."""
_COMPARED: Final = 160
_FULL: Final = 80
_IN: Final = np.arange(1, OVERLAP + 1, dtype=np.float32) / OVERLAP
_FADE: Final = np.clip((FADED - np.arange(FADED, dtype=np.float32)) / (FADED - _FULL), 0.0, 1.0)


class Concealment:
    """What is played in place of one leg's missing frames to one listener, from the first one on."""

    def __init__(self, history: Int16) -> None:
        """history (HISTORY) int16: the samples before the gap."""
        self._period = _period(history.astype(np.float32))
        self._played = 0

    def play(self, count: int) -> Int16:
        """The next ``count`` samples (count) int16."""
        return np.rint(self._next(count)).astype(np.int16)

    def join(self, frame: Int16) -> Int16:
        """The first frame that is there again, faded in over what would have been played on: (n) int16, n at least OVERLAP."""
        joined = frame.copy()
        joined[:OVERLAP] = np.rint(self._next(OVERLAP) * (1.0 - _IN) + frame[:OVERLAP] * _IN)
        return joined

    def _next(self, count: int) -> Float32:
        times = self._played + np.arange(count)
        self._played += count
        if self._played - count >= FADED:
            return np.zeros(count, dtype=np.float32)
        fade = _FADE[np.minimum(times, FADED - 1)] * (times < FADED)
        return np.asarray(self._period[times % len(self._period)] * fade, dtype=np.float32)


def join_silence(frame: Int16) -> Int16:
    """A frame (n) int16 faded in from silence."""
    joined = frame.copy()
    joined[:OVERLAP] = np.rint(frame[:OVERLAP] * _IN)
    return joined


def cross(before: Int16, after: Int16) -> Int16:
    """A frame ``after`` (n) int16 that begins as ``before`` (n) and leaves it within OVERLAP samples."""
    joined = after.copy()
    joined[:OVERLAP] = np.rint(before[:OVERLAP] * (1.0 - _IN) + after[:OVERLAP] * _IN)
    return joined


def _period(history: Float32) -> Float32:
    """The last pitch period, its end bent so that it runs into its own beginning."""
    lag = _pitch(history)
    period = history[-lag:].copy()
    seam = lag // 4
    into = np.arange(1, seam + 1, dtype=np.float32) / seam
    period[-seam:] = period[-seam:] * (1.0 - into) + history[-lag - seam : -lag] * into
    return period


def _pitch(history: Float32) -> int:
    """The lag at which the last 20 ms are most like what came before them (normalised correlation)."""
    recent = history[-_COMPARED:]
    past = history[-_COMPARED - _LONGEST : -_SHORTEST]
    products = np.correlate(past, recent, "valid")
    squares = np.concatenate(([0.0], np.cumsum(past.astype(np.float64) ** 2)))
    energies = squares[_COMPARED:] - squares[:-_COMPARED]
    likeness = products / np.sqrt(np.maximum(energies, 1.0))
    return int(_LONGEST - int(np.argmax(likeness)))
