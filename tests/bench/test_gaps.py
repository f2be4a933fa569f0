"""For how long nobody is heard where one voice takes another's place."""

import numpy as np
import pytest

from bench.generator.companding import FRAME, RATE
from bench.judge.recording import Recording
from bench.judge.score import AMPLITUDE, Voice
from bench.runs.supervision import longest_gap

FIRST, SECOND = Voice(0, "agent", 0, (5, 40), 0.0), Voice(1, "supervisor", 0, (20, 60), 0.0)


def heard(ends: float, begins: float, *, lost: tuple[float, float] = (0.0, 0.0)) -> Recording:
    """One voice until a moment, another from a moment on, of one second; nothing came in ``lost``."""
    time = np.arange(RATE) / RATE
    sound = np.zeros(RATE)
    for voice, speaks in ((FIRST, time < ends), (SECOND, time >= begins)):
        sound += speaks * sum(AMPLITUDE * np.sin(2 * np.pi * hz * time) for hz in voice.frequencies)
    covered = (time < lost[0]) | (time >= lost[1])
    position = np.arange(0, RATE, FRAME, dtype=np.int64)
    nothing = np.zeros((len(position), FRAME), np.uint8)
    return Recording((sound * covered).astype(np.float32), covered, position, position / RATE, nothing, np.full(len(position), FRAME))


def test_voices_that_follow_each_other_leave_no_gap() -> None:
    assert longest_gap(heard(0.5, 0.5), FIRST, SECOND) == 0.0


def test_voices_that_cross_leave_no_gap() -> None:
    assert longest_gap(heard(0.505, 0.5), FIRST, SECOND) == 0.0


@pytest.mark.parametrize("seconds", [0.06, 0.12, 0.3])
def test_a_silence_between_them_is_measured_to_a_glance(seconds: float) -> None:
    assert longest_gap(heard(0.5, 0.5 + seconds), FIRST, SECOND) == pytest.approx(seconds * 1000, abs=30)


def test_packets_that_did_not_come_are_a_gap() -> None:
    assert longest_gap(heard(0.5, 0.5, lost=(0.6, 0.72)), FIRST, SECOND) == pytest.approx(120, abs=30)


def test_somebody_else_is_no_company() -> None:
    assert longest_gap(heard(0.2, 0.5), FIRST, Voice(2, "other", 0, (33, 50), 0.0)) > 700


def test_nothing_at_all_is_one_gap() -> None:
    empty = np.zeros(0, np.int64)
    nothing = Recording(np.zeros(0, np.float32), np.zeros(0, bool), empty, np.zeros(0), np.zeros((0, FRAME), np.uint8), empty)
    assert longest_gap(nothing, FIRST, SECOND) == float("inf")
