"""Time scaling: the move that is heard least is about a period, and how alike the sound is there is told."""

import numpy as np
import pytest

from mixer.arrays import Int16, Int64
from mixer.concealment import cross
from mixer.stretching import LONGEST, SHORTEST, best_move, best_seam

RATES = (80, 160)


def moves(block: int) -> Int64:
    return np.arange(int(SHORTEST * block), int(LONGEST * block) + 1)


def tone(frequency: float, count: int, block: int) -> Int16:
    return np.asarray(np.rint(3000 * np.sin(2 * np.pi * frequency * np.arange(count) / (100 * block))), dtype=np.int16)


@pytest.mark.parametrize("block", RATES)
@pytest.mark.parametrize("frequency", [100.0, 173.0, 440.0, 1003.0])
def test_a_tone_is_shortened_by_whole_periods_without_a_dip(frequency: float, block: int) -> None:
    sound = tone(frequency, 5 * block, block)
    move, alike = best_move(sound, 0, moves(block), block)
    periods = move * frequency / (100 * block)
    assert periods == pytest.approx(round(periods), abs=0.5 * frequency / (100 * block) + 0.01)
    assert alike > 0.9
    frame = cross(sound[: 2 * block], sound[move : move + 2 * block], block).astype(float)
    assert 2700 < np.abs(frame).max() <= 3000
    assert np.abs(np.diff(frame)).max() < 1.1 * 3000 * 2 * np.pi * frequency / (100 * block)


def test_a_sound_is_lengthened_by_going_back() -> None:
    move, alike = best_move(tone(200.0, 400, 80), 160, -moves(80)[::-1], 80)
    assert move in (-40, -80, -120)
    assert alike == pytest.approx(1.0, abs=0.01)


def test_noise_is_not_like_itself() -> None:
    for seed in range(10):
        sound = np.random.default_rng(seed).normal(0, 800, 400).astype(np.int16)
        assert best_move(sound, 0, moves(80), 80)[1] < 0.6


def test_silence_is_like_nothing() -> None:
    assert best_move(np.zeros(400, dtype=np.int16), 0, moves(80), 80)[1] == 0.0


@pytest.mark.parametrize("block", RATES)
@pytest.mark.parametrize("frequency", [100.0, 173.0, 433.0])
def test_a_seam_is_where_the_tone_is_in_phase_and_the_last_such_place(frequency: float, block: int) -> None:
    sound, period = tone(frequency, 6 * block, block), 100 * block / frequency
    played = sound[block : 2 * block].astype(np.float32) * np.float32(0.6)
    last = 5 * block
    start = best_seam(played, sound, np.arange(last + 1))
    assert (start - block) / period == pytest.approx(round((start - block) / period), abs=0.04 + 0.5 / period)
    assert last - start < period + 1


def test_any_seam_is_as_good_as_another_behind_silence() -> None:
    assert best_seam(np.zeros(80, dtype=np.float32), tone(300.0, 400, 80), np.arange(40)) == 39
