"""A quick look at a few legs: who is heard and who is not, in the last seconds. For benches that mainly count packets."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from bench.generator.memory import Memory
from bench.generator.signals import Signal, Tones
from bench.judge.levels import ToneBank, decibels
from bench.judge.recording import of_leg

_WINDOW, _HOP = 800, 400
_HEARD_DB = 3.0
_SILENT_DB = -40.0


@dataclass(frozen=True, slots=True)
class Pair:
    """A speaker with one tone, a listener, and whether the one must hear the other."""

    speaker: int
    signal: Signal
    listener: int
    heard: bool
    level_db: float = 0.0
    """At which he must, against what is sent."""


def wrong_pairs(memory: Memory, pairs: Sequence[Pair], since: float, codec: str) -> int:
    """How many pairs are not as they must be, by the median of the windows without a hole; no such window is wrong too."""
    wrong = 0
    for listener, group in groupby(sorted(pairs, key=lambda pair: pair.listener), key=lambda pair: pair.listener):
        recording = of_leg(memory, listener, codec, since=since)
        starts = recording.windows(_WINDOW, _HOP)
        for pair in group:
            assert isinstance(pair.signal, Tones)
            bank = ToneBank(np.array(pair.signal.frequencies), _WINDOW)
            levels = decibels(bank.amplitudes(recording.samples, starts) / pair.signal.amplitude)
            level = float(np.median(levels)) if levels.size else float("nan")
            right = abs(level - pair.level_db) <= _HEARD_DB if pair.heard else level <= _SILENT_DB
            wrong += not right
    return wrong
