"""Between 8 and 16 kHz, for many rows at once: a half-band filter in linear phase, 51 taps, of which every second one is zero.

Flat within 0.01 dB to 3.4 kHz, more than 60 dB down from 4.6 kHz on; 1.5 ms later each way. A row remembers the samples before its
next frame in an array of the caller's, all zero in the beginning: wiped, it has heard nothing.
"""

from typing import Final

import numpy as np

from mixer.arrays import Float32, Int16

BLOCK: Final = 80
"""Samples of 10 ms at 8 kHz: frames hold whole blocks."""
HISTORY: Final = 25
"""Samples at 8 kHz that a row remembers on its way up."""
WIDE_HISTORY: Final = 2 * HISTORY
"""Samples at 16 kHz that a row remembers on its way down."""

_TAPS: Final = 51
_KAISER: Final = 5.75
"""Shape of the window: 60 dB with a transition of 1.2 kHz."""
_DELAY: Final = 12
"""Samples at 8 kHz by which those go that the filter leaves as they are."""


def _half_band() -> Float32:
    """Taps (26) that are not zero, without the middle one (a half): what they weigh are neighbours of samples that exist."""
    offsets = np.arange(_TAPS) - _TAPS // 2
    taps = 0.5 * np.sinc(offsets / 2) * np.kaiser(_TAPS, _KAISER)
    outer = taps[::2]
    return np.asarray(0.5 * outer / outer.sum(), dtype=np.float32)


def _matrix() -> Float32:
    """(HISTORY + BLOCK, BLOCK) that filters a row with its past: column m weighs the 26 samples up to sample m of the block."""
    taps = _half_band()
    matrix = np.zeros((HISTORY + BLOCK, BLOCK), dtype=np.float32)
    for column in range(BLOCK):
        matrix[column : column + len(taps), column] = taps[::-1]
    return matrix


_DOWN: Final = _matrix()
_UP: Final = 2 * _DOWN


class Resampling:
    """The kernels with their scratch, for at most so many rows at once."""

    def __init__(self, rows: int) -> None:
        self._past_and_block = np.zeros((rows, HISTORY + BLOCK), dtype=np.float32)
        self._filtered = np.zeros((rows, BLOCK), dtype=np.float32)
        self._narrow = np.zeros((rows, HISTORY + BLOCK), dtype=np.int16)
        self._wide = np.zeros((rows, WIDE_HISTORY + 2 * BLOCK), dtype=np.int16)

    def up(self, out: Int16, frames: Int16, history: Int16) -> None:
        """From 8 to 16 kHz. frames (n, samples), out (n, 2·samples) written, history (n, HISTORY) read and replaced; all int16.

        Every second sample of ``out`` is one of ``frames`` as it was.
        """
        narrow = self._narrow[: len(frames)]
        narrow[:, :HISTORY] = history
        for start in range(0, frames.shape[1], BLOCK):
            narrow[:, HISTORY:] = frames[:, start : start + BLOCK]
            block = out[:, 2 * start : 2 * (start + BLOCK)]
            block[:, ::2] = self._filter(narrow, _UP)
            block[:, 1::2] = narrow[:, HISTORY - _DELAY : HISTORY - _DELAY + BLOCK]
            narrow[:, :HISTORY] = narrow[:, BLOCK:]
        history[:] = narrow[:, :HISTORY]

    def down(self, out: Int16, frames: Int16, history: Int16) -> None:
        """From 16 to 8 kHz. frames (n, 2·samples), out (n, samples) written, history (n, WIDE_HISTORY) read and replaced; all int16."""
        wide = self._wide[: len(frames)]
        wide[:, :WIDE_HISTORY] = history
        middle = slice(WIDE_HISTORY - 2 * _DELAY, WIDE_HISTORY - 2 * _DELAY + 2 * BLOCK, 2)
        for start in range(0, frames.shape[1], 2 * BLOCK):
            wide[:, WIDE_HISTORY:] = frames[:, start : start + 2 * BLOCK]
            out[:, start // 2 : start // 2 + BLOCK] = self._filter(wide[:, 1::2], _DOWN, wide[:, middle])
            wide[:, :WIDE_HISTORY] = wide[:, 2 * BLOCK :]
        history[:] = wide[:, :WIDE_HISTORY]

    def _filter(self, samples: Int16, matrix: Float32, middle: Int16 | None = None) -> Float32:
        """Rows (n, HISTORY + BLOCK) through the taps, and half of the samples in the middle: (n, BLOCK), rounded and held within int16."""
        past_and_block, filtered = self._past_and_block[: len(samples)], self._filtered[: len(samples)]
        past_and_block[:] = samples
        np.matmul(past_and_block, matrix, out=filtered)
        if middle is not None:
            past_and_block[:, :BLOCK] = middle
            past_and_block[:, :BLOCK] *= 0.5
            filtered += past_and_block[:, :BLOCK]
        np.rint(filtered, out=filtered)
        np.clip(filtered, -32_768.0, 32_767.0, out=filtered)
        return filtered
