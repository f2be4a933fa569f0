"""Concealment: what is made up goes on like what was there, fades, and gives way without a step."""

import numpy as np
import pytest

from mixer.arrays import Int16
from mixer.concealment import FADED_BLOCKS, Concealments, cross

HISTORY, OVERLAP = 320, 40


def tone(frequency: float, start: int, count: int, level: float = 4000.0) -> Int16:
    times = start + np.arange(count)
    return np.rint(level * np.sin(2 * np.pi * frequency * times / 8000)).astype(np.int16)


def steepest(frequency: float, level: float = 4000.0) -> float:
    return level * 2 * np.pi * frequency / 8000


@pytest.mark.parametrize("frequency", [70.0, 100.0, 180.0, 433.0, 1000.0])
def test_a_periodic_sound_goes_on_at_its_pitch_and_level(frequency: float) -> None:
    gaps = Concealments(4, 80)
    gaps.begin(np.array([2]), tone(frequency, -HISTORY, HISTORY)[None])
    made_up = gaps.play(np.array([2]), 80)[0].astype(int)
    wanted = tone(frequency, 0, 80).astype(int)
    assert np.corrcoef(made_up, wanted)[0, 1] > 0.9
    assert abs(made_up).max() <= 4000


@pytest.mark.parametrize("frequency", [100.0, 433.0, 701.0])
def test_there_is_no_step_into_the_gap_within_it_or_out_of_it(frequency: float) -> None:
    gaps, pair = Concealments(1, 80), np.array([0])
    before = tone(frequency, -HISTORY, HISTORY)
    gaps.begin(pair, before[None])
    played = np.concatenate([gaps.play(pair, 160)[0], gaps.join(pair, tone(frequency, 160, 160)[None])[0]])
    whole = np.concatenate([before, played]).astype(int)
    assert abs(np.diff(whole)).max() < 1.5 * steepest(frequency)


def test_a_long_gap_fades_to_silence() -> None:
    gaps, pair = Concealments(1, 80), np.array([0])
    gaps.begin(pair, tone(200, -HISTORY, HISTORY)[None])
    levels = [int(abs(gaps.play(pair, 80)[0].astype(int)).max()) for _ in range(8)]
    assert levels[0] > 3500
    assert levels == sorted(levels, reverse=True)
    assert levels[6:] == [0, 0]


def test_what_returns_after_silence_is_faded_in_and_then_exact() -> None:
    gaps, pair = Concealments(1, 80), np.array([0])
    gaps.begin_silent(pair)
    frame = np.full((1, 160), 1000, dtype=np.int16)
    joined = gaps.join(pair, frame)[0]
    assert (np.diff(joined.astype(int)) >= 0).all()
    assert joined[0] == 25
    assert (joined[OVERLAP - 1 :] == 1000).all()
    assert (frame == 1000).all()


def test_many_gaps_at_once_are_the_same_as_one_by_one() -> None:
    rng = np.random.default_rng(3)
    history = rng.integers(-8000, 8000, (20, HISTORY)).astype(np.int16)
    history[5] = 0
    together, alone = Concealments(20, 80), Concealments(20, 80)
    pairs = rng.permutation(20)
    together.begin(pairs, history)
    played = together.play(pairs, 160)
    for index, pair in enumerate(pairs):
        one = np.array([pair])
        alone.begin(one, history[index : index + 1])
        assert (alone.play(one, 160)[0] == played[index]).all()
    assert not played[5].any()


def test_gaps_longer_than_the_fade_stay_silent_for_ever() -> None:
    gaps, pair = Concealments(1, 80), np.array([0])
    gaps.begin(pair, tone(200, -HISTORY, HISTORY)[None])
    for _ in range(FADED_BLOCKS + 100):
        last = gaps.play(pair, 80)
    assert not last.any()


def test_a_frame_may_be_left_out_without_a_step() -> None:
    before, after = tone(300, 0, 160), tone(300, 90, 160)
    joined = cross(before, after, OVERLAP).astype(int)
    assert abs(joined[0] - before[0]) < 300
    assert (joined[OVERLAP - 1 :] == after[OVERLAP - 1 :]).all()
    assert abs(np.diff(joined)).max() < 2 * steepest(300)


def test_a_wideband_gap_is_that_of_a_narrowband_one_twice_as_finely() -> None:
    narrow, wide, pair = Concealments(1, 80), Concealments(1, 160), np.array([0])
    finely = np.rint(4000 * np.sin(2 * np.pi * 200 * np.arange(-2 * HISTORY, 0) / 16_000)).astype(np.int16)
    narrow.begin(pair, finely[None, ::2])
    wide.begin(pair, finely[None])
    for _ in range(FADED_BLOCKS):
        assert abs(wide.play(pair, 160)[0, ::2] - narrow.play(pair, 80)[0]).max() < 100
    assert not wide.play(pair, 160).any()
