"""Packet-loss concealment for PCM after the method of ITU-T G.711 Appendix I, for a reference decoder that has all the time it wants.

What a lost stretch gets:
- the last pitch period before it, repeated; from 10 ms on the last two, from 20 ms on the last three (I.2.3, I.2.6);
- where a period's end meets its beginning, and where what is real begins again, both are overlapped (I.2.4, I.2.8);
- after 10 ms a fade by a fifth each 10 ms, nothing after 60 ms (I.2.7).
At 16 kHz everything lasts as long, and counts twice the samples.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_SHORTEST, _LONGEST = 0.005, 0.015
"""Pitch periods looked for, seconds: 66 to 200 Hz."""
_COMPARED: Final = 0.02
_BLOCK: Final = 0.01
_FADED_AFTER: Final = 0.06
_MOST_PERIODS: Final = 3
_LONGEST_RETURN: Final = 0.01


def conceal(samples: NDArray[np.int16], there: NDArray[np.bool_], rate: int) -> NDArray[np.int16]:
    """``samples`` (n) with the stretches that are not ``there`` (n) made up; rate in samples a second."""
    out = samples.astype(np.float64)
    out[~there] = 0.0
    edges = np.flatnonzero(np.diff(np.concatenate([[True], there, [True]]).astype(np.int8)))
    for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        _fill(out, start, end, rate)
    return np.clip(np.rint(out), -32768, 32767).astype(np.int16)


def _fill(out: Floats, start: int, end: int, rate: int) -> None:
    needed = round((_COMPARED + _LONGEST) * rate)
    if start < needed:
        return
    history = out[start - needed * 2 : start].copy() if start >= needed * 2 else np.concatenate([np.zeros(needed * 2 - start), out[:start]])
    lag = _pitch(history, rate)
    seam = lag // 4
    returning = min(len(out) - end, round(min(seam / rate + 0.004 * ((end - start) / rate / _BLOCK), _LONGEST_RETURN) * rate))
    made = _continued(history, lag, seam, end - start + returning, rate)
    before = _ramp(seam)
    out[start - seam : start] = history[-seam:] * (1.0 - before) + history[-seam - lag : -lag] * before
    out[start:end] = made[: end - start]
    into = _ramp(returning)
    out[end : end + returning] = made[end - start :] * (1.0 - into) + out[end : end + returning] * into


def _continued(history: Floats, lag: int, seam: int, count: int, rate: int) -> Floats:
    """What goes on after ``history`` for so many samples: periods repeated, more of them as time passes, fading."""
    block = round(_BLOCK * rate)
    made = np.empty(count)
    loops = [_loop(history, lag * periods, seam) for periods in range(1, _MOST_PERIODS + 1)]
    for first in range(0, count, block):
        times = np.arange(first, min(first + block, count))
        number = min(first // block, _MOST_PERIODS - 1)
        made[times] = loops[number][times % len(loops[number])]
        if 0 < first // block < _MOST_PERIODS:
            overlap = times[:seam]
            share = _ramp(len(overlap))
            before = loops[number - 1][overlap % len(loops[number - 1])]
            made[overlap] = before * (1.0 - share) + made[overlap] * share
    return np.asarray(made * _fade(count, rate))


def _loop(history: Floats, length: int, seam: int) -> Floats:
    """The last ``length`` samples, their end bent into what came before their beginning, so that they can go round."""
    loop = history[-length:].copy()
    share = _ramp(seam)
    loop[-seam:] = loop[-seam:] * (1.0 - share) + history[-length - seam : len(history) - length] * share
    return loop


def _fade(count: int, rate: int) -> Floats:
    """Full for the first block, then a line to nothing at the end of the sixth."""
    times = np.arange(count) / rate
    return np.asarray(np.clip((_FADED_AFTER - times) / (_FADED_AFTER - _BLOCK), 0.0, 1.0))


def _pitch(history: Floats, rate: int) -> int:
    """The lag at which the last 20 ms are most like what came before them (normalised correlation)."""
    size = round(_COMPARED * rate)
    recent = history[-size:]
    lags = np.arange(round(_SHORTEST * rate), round(_LONGEST * rate) + 1)
    windows = np.stack([history[-size - lag : -lag] for lag in lags])
    energies = np.maximum((windows * windows).sum(axis=1), 1.0)
    return int(lags[np.argmax(windows @ recent / np.sqrt(energies))])


def _ramp(count: int) -> Floats:
    return np.asarray((np.arange(count) + 1.0) / (count + 1.0), np.float64)
