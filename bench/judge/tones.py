"""A steady tone and what became of it: its pitch, its level, and whatever is not the tone."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

_WINDOW: Final = 0.04
_HOP: Final = 0.01
_CLICK_OVER_NOISE_DB: Final = 10.0


@dataclass(frozen=True, slots=True)
class ToneHeard:
    """One tone as it was heard."""

    pitch_error: float
    """Share by which its frequency is off, the median over all windows."""
    level_db: float
    """Median level relative to what was said."""
    least_db: float
    """The quietest window, relative to the median: a gap shows here."""
    most_db: float
    """The loudest window, relative to the median."""
    residual_db: float
    """The loudest window of what is left without the tone, relative to the median tone: a click shows here."""
    noise_db: float
    """The median window of it: what a coder leaves always."""

    def has_clicks(self, unheard_db: float = -30.0) -> bool:
        """Whether a window stands out of the noise, and above what is not heard."""
        return self.residual_db > max(self.noise_db + _CLICK_OVER_NOISE_DB, unheard_db)


def judge_tone(samples: NDArray[np.int16], frequency: float, amplitude: float, rate: int) -> ToneHeard:
    """Judge a stretch (n) that should hold one tone and nothing else."""
    size, hop = round(_WINDOW * rate), round(_HOP * rate)
    starts = np.arange(0, len(samples) - size + 1, hop)
    windows = np.lib.stride_tricks.sliding_window_view(samples.astype(np.float64), size)[starts]
    angle = 2.0 * np.pi * frequency / rate * np.arange(size)
    shape = np.hanning(size)
    phasors = windows @ (shape * np.exp(-1j * angle)) * (2.0 / shape.sum())
    turns = np.angle(phasors[1:] * np.conj(phasors[:-1]) * np.exp(-2j * np.pi * frequency / rate * hop))
    levels = np.maximum(np.abs(phasors), 1e-3)
    usual = float(np.median(levels))
    basis = np.stack([np.cos(angle), np.sin(angle), np.ones(size)], axis=1)
    left = windows - windows @ np.linalg.pinv(basis).T @ basis.T
    residual = np.sqrt(2.0 * (left[:, size // 4 : -size // 4] ** 2).mean(axis=1))
    return ToneHeard(
        float(np.median(turns) * rate / hop / (2.0 * np.pi * frequency)),
        _decibels(usual / amplitude),
        _decibels(float(levels.min()) / usual),
        _decibels(float(levels.max()) / usual),
        _decibels(max(float(residual.max()), 1e-3) / usual),
        _decibels(max(float(np.median(residual)), 1e-3) / usual),
    )


def _decibels(ratio: float) -> float:
    return float(20.0 * np.log10(max(ratio, 1e-9)))
