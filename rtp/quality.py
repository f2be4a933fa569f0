"""How a leg sounds, reckoned from what its packets went through: the E-model of ITU-T G.107, for many rows at once.

R = Ro - Is - Id(delay) - Ie,eff(codec, loss), with all that is not measured at its default (G.107 table 2), so that a way
without loss and delay has R = 93.2; in wideband 129 (G.107.1). The score (MOS) is the curve of annex B, for wideband that of
R / 1.29 (G.107.1 annex A): at best 4.41 and 4.5, each against its own kind of telephone.

Loss counts by Ie,eff = Ie + (95 - Ie) · Ppl / (Ppl / BurstR + Bpl), where BurstR is the mean length of runs of lost packets
against that of losses by chance. Of delay, what an echo of the default loudness and the mere waiting spoil is counted (§7.4).
"""

from math import exp, log10, pow, sqrt
from typing import Final

import numpy as np

from rtp.arrays import Bools, Float64

BEST: Final = 93.2
"""R of a narrowband way without loss and delay."""
BEST_WIDE: Final = 129.0
_WIDE_SCALE: Final = 1.29
_LONGEST_MS: Final = 1000
"""Beyond so much delay nothing gets worse."""
_TALKER_ECHO_LOUDNESS: Final = 65.0
_ECHO_PATH_LOSS: Final = 110.0
_NOISE_BASE: Final = 94.77
"""Ro, and Roe of §7.4, at the defaults."""


def delay_impairment(seconds: float) -> float:
    """Id of a one-way delay, less what the defaults lose without any (G.107 §7.4)."""
    return _delay_impairment(seconds * 1000.0) - _delay_impairment(0.0)


def rating(delay: Float64, loss: Float64, burst_ratio: Float64, impairment: Float64, robustness: Float64, wide: Bools) -> Float64:
    """R of ways (n).

    delay (n) one way, mouth to ear, in seconds; loss (n) 0 to 1; burst_ratio (n) 1 for losses by chance; impairment and robustness (n)
    Ie and Bpl of the codec; wide (n) whether they are on the wideband scale.
    """
    steps = np.clip(delay * 1000.0, 0, _LONGEST_MS).astype(np.int64)
    percent = loss * 100.0
    equipment = impairment + (95.0 - impairment) * percent / (percent / np.maximum(burst_ratio, 1.0) + robustness)
    found: Float64 = np.where(wide, BEST_WIDE, BEST) - _DELAY_IMPAIRMENTS.take(steps) - equipment
    return np.maximum(found, 0.0)


def score(found: Float64, wide: Bools) -> Float64:
    """The mean opinion score (1 to 4.5) of ratings (n)."""
    scaled = np.clip(np.where(wide, found / _WIDE_SCALE, found), 0.0, 100.0)
    opinion: Float64 = 1.0 + 0.035 * scaled + scaled * (scaled - 60.0) * (100.0 - scaled) * 7e-6
    return np.maximum(opinion, 1.0)


def _delay_impairment(one_way: float) -> float:
    """Idte + Idle + Idd, ``one_way`` in milliseconds."""
    return _talker_echo(one_way) + _listener_echo(2 * one_way) + _waiting(one_way)


def _talker_echo(one_way: float) -> float:
    loudness = _TALKER_ECHO_LOUDNESS - 40.0 * log10((1 + one_way / 10) / (1 + one_way / 150)) + 6.0 * exp(-0.3 * one_way * one_way)
    half = (_NOISE_BASE - (80.0 + 2.5 * (loudness - 14.0))) / 2
    return (half + sqrt(half * half + 100.0) - 1.0) * (1.0 - exp(-one_way))


def _listener_echo(round_trip: float) -> float:
    half = (_NOISE_BASE - 10.5 * (_ECHO_PATH_LOSS + 7.0) / sqrt(sqrt(round_trip + 1.0))) / 2
    return half + sqrt(half * half + 169.0)


def _waiting(one_way: float) -> float:
    if one_way <= 100.0:
        return 0.0
    doublings = log10(one_way / 100.0) / log10(2.0)
    return 25.0 * (pow(1 + pow(doublings, 6), 1 / 6) - 3.0 * pow(1 + pow(doublings / 3, 6), 1 / 6) + 2.0)


_DELAY_IMPAIRMENTS: Final = np.maximum([delay_impairment(milliseconds / 1000.0) for milliseconds in range(_LONGEST_MS + 1)], 0.0)
"""By milliseconds. The formula gives back up to 0.06 for the first two: nothing is better than no delay."""
