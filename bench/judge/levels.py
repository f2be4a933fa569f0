"""How loud a tone is in a window: Blackman windows and a matrix of sines, all windows and tones at once."""

import numpy as np
from numpy.typing import NDArray

from bench.generator.companding import RATE

_AT_ONCE = 2048


class ToneBank:
    """Measures a set of tones in windows of one length.

    A tone between others is seen alone if they are 30 Hz off or more in 100 ms (the main lobe of a Blackman window is
    3 RATE / length to each side, and its side lobes lie 58 dB below).
    """

    def __init__(self, frequencies: NDArray[np.int64], length: int) -> None:
        self.frequencies = frequencies
        self.length = length
        window = np.blackman(length)
        window *= 2 / window.sum()
        angle = 2 * np.pi * np.outer(np.arange(length), frequencies) / RATE
        self._sines = np.hstack([window[:, None] * np.cos(angle), window[:, None] * np.sin(angle)]).astype(np.float32)

    def amplitudes(self, samples: NDArray[np.float32], starts: NDArray[np.int64]) -> NDArray[np.float32]:
        """Peak amplitude of each tone in each window, (window, tone), in the samples' unit."""
        count = len(self.frequencies)
        out = np.empty((len(starts), count), np.float32)
        if len(starts) == 0:
            return out
        views = np.lib.stride_tricks.sliding_window_view(samples, self.length)
        for first in range(0, len(starts), _AT_ONCE):
            parts = views[starts[first : first + _AT_ONCE]] @ self._sines
            np.hypot(parts[:, :count], parts[:, count:], out=out[first : first + _AT_ONCE])
        return out


def decibels(ratio: NDArray[np.floating]) -> NDArray[np.float64]:
    """An amplitude ratio in dB; nothing at all is -200."""
    return np.asarray(20 * np.log10(np.maximum(ratio, 1e-10)), np.float64)
