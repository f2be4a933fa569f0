"""What an hour of drift leaves in a stream: delay that wanders, gaps in speech, glitches in a tone."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bench.judge.heard import Floats, Heard, lag_of
from bench.judge.speech import pesq_score

Int16 = NDArray[np.int16]

_WINDOW: Final = 1.0
_LONGEST: Final = 0.6
_FRAME: Final = 0.02
_LOUD: Final = 0.1
"""A frame of what was said that is louder than this share of the speech's own mean power must be heard."""
_GONE: Final = 10**-1.5
"""And is not, where less than this share of its power is left."""
_SCORED_SECONDS: Final = 12.0
_TONE_WINDOW: Final = 0.04
_BESIDE_HZ: Final = 400.0
"""What lies further from the tone than this is no wobble of it, but a click."""
_CLICK_DB: Final = -35.0
_DIP_DB: Final = 2.0
_AT_ONCE: Final = 4096
"""Windows looked at together."""
_ONE_GLITCH: Final = 0.1
"""Seconds within which windows belong to one glitch."""


@dataclass(frozen=True, slots=True)
class Said:
    """A loop that a phone with a drifting clock says again and again."""

    loop: Int16
    rate: int
    phase: float
    drift_ppm: float

    def at(self, moment: float, seconds: float) -> Int16:
        """What the phone said from this moment on. (Within some seconds the drift itself is not to be seen.)"""
        first = round((moment - self.phase) * (1.0 + self.drift_ppm * 1e-6) * self.rate)
        return self.loop[(first + np.arange(round(seconds * self.rate))) % len(self.loop)]


@dataclass(frozen=True, slots=True)
class SpeechKept:
    """Speech after a long time."""

    delay: Floats
    """(windows) seconds; windows of a second in which something was said."""
    gaps: int
    """Frames of 20 ms that were said and not heard."""
    scores: tuple[tuple[float, float], ...]
    """PESQ of a few stretches spread over the whole: as they were heard, and out of the codec at once."""

    @property
    def worst(self) -> tuple[float, float]:
        """Of the stretch that lost most."""
        return min(self.scores, key=lambda pair: pair[0] - pair[1])


def judge_speech(said: Said, heard: Heard, until: float, coded: Callable[[Int16], Int16], stretches: int = 6) -> SpeechKept:
    """Judge speech from its beginning on, window by window; ``coded`` makes of what is said what the codec alone makes of it."""
    mean = float((said.loop.astype(np.float64) ** 2).mean())
    delays, gaps = [], 0
    starts = np.arange(said.phase + _WINDOW, until - _WINDOW - _LONGEST, _WINDOW)
    for moment in starts.tolist():
        piece = said.at(moment, _WINDOW).astype(np.float64)
        if (piece**2).mean() < 0.3 * mean:
            continue
        around = heard.between(moment, moment + _WINDOW + _LONGEST).astype(np.float64)
        lag = lag_of(piece, around, round(_LONGEST * said.rate))
        delays.append(lag / said.rate)
        gaps += _gaps(piece, around[lag : lag + len(piece)], said.rate, mean)
    delay, scores = float(np.median(delays or [0.0])), []
    for moment in np.linspace(starts[0], max(starts[0], until - _SCORED_SECONDS - _LONGEST), stretches).tolist():
        words = said.at(moment, _SCORED_SECONDS)
        own = pesq_score(words, coded(words), said.rate)
        scores.append((pesq_score(words, heard.between(moment + delay, moment + delay + _SCORED_SECONDS), said.rate), own))
    return SpeechKept(np.array(delays), gaps, tuple(scores))


def _gaps(said: Floats, heard: Floats, rate: int, mean: float) -> int:
    frame = round(_FRAME * rate)
    before, after = ((sound[: len(said) // frame * frame].reshape(-1, frame) ** 2).mean(axis=1) for sound in (said, heard))
    near = np.maximum(after, np.maximum(np.roll(after, 1), np.roll(after, -1)))
    return int(((before > _LOUD * mean) & (near < _GONE * before)).sum())


def glitches(samples: Int16, frequency: float, rate: int, click_db: float = _CLICK_DB) -> Floats:
    """Moments (n), seconds, at which a stretch that should hold one tone has a click or a dip."""
    size, hop = round(_TONE_WINDOW * rate), round(_TONE_WINDOW * rate / 4)
    starts = np.arange(0, len(samples) - size + 1, hop)
    shape = np.hanning(size)
    tone = np.abs(np.fft.rfftfreq(size, 1.0 / rate) - frequency) <= _BESIDE_HZ
    inside, beside = np.empty(len(starts)), np.empty(len(starts))
    views = np.lib.stride_tricks.sliding_window_view(samples, size)
    for first in range(0, len(starts), _AT_ONCE):
        here = slice(first, first + _AT_ONCE)
        power = np.abs(np.fft.rfft(views[starts[here]] * shape, axis=1)) ** 2
        inside[here], beside[here] = power[:, tone].sum(axis=1), power[:, ~tone].sum(axis=1)
    usual = float(np.median(inside))
    level = 10.0 * np.log10(np.maximum(inside, 1e-9) / usual)
    click = 10.0 * np.log10(np.maximum(beside, 1e-9) / usual)
    moments = starts[(np.abs(level) > _DIP_DB) | (click > click_db)] / rate
    return np.asarray(moments[np.diff(moments, prepend=-np.inf) > _ONE_GLITCH])
