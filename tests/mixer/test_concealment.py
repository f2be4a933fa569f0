"""Concealment: what is made up goes on like what was there, at its pitch, fades as the appendix says, and gives way without a step."""

import numpy as np
import pytest

from mixer.arrays import Float32, Int16, Int64
from mixer.concealment import FADED_BLOCKS, HISTORY_BLOCKS, conceal, cross, overlaps, pitch_lags, rejoin

NARROW, WIDE = 80, 160
"""Samples of a block at 8 and at 16 kHz."""


def tone(frequency: float, start: int, count: int, block: int = NARROW, level: float = 4000.0) -> Int16:
    times = start + np.arange(count)
    return np.rint(level * np.sin(2 * np.pi * frequency * times / (100 * block))).astype(np.int16)


def voice(pitch: float, start: int, count: int, block: int = NARROW) -> Int16:
    """Ten harmonics that fall off, as a vowel has."""
    times = (start + np.arange(count)) / (100 * block)
    waves = sum(np.sin(2 * np.pi * pitch * number * times + number * number) / number for number in range(1, 11))
    return np.asarray(np.rint(2000 * waves), dtype=np.int16)


def before(sound: Int16, block: int = NARROW) -> tuple[Int16, Int64]:
    """The end of a sound as a history, and its pitch."""
    history = sound[None, -HISTORY_BLOCKS * block :]
    return history, pitch_lags(history)


def made_up(history: Int16, lag: Int64, count: int, since: int = 0) -> Float32:
    return np.asarray(conceal(history, lag, np.array([since]), count)[0], dtype=np.float32)


@pytest.mark.parametrize("block", [NARROW, WIDE])
@pytest.mark.parametrize("pitch", [70.0, 85.0, 110.0, 130.0, 196.0])
def test_the_pitch_of_a_voice_is_found(pitch: float, block: int) -> None:
    _, lag = before(voice(pitch, 0, 1000, block), block)
    periods = lag[0] / (100 * block / pitch)
    assert abs(periods - round(periods)) * (100 * block / pitch) <= 1.0
    assert block // 2 <= lag[0] <= block * 3 // 2


@pytest.mark.parametrize("block", [NARROW, WIDE])
@pytest.mark.parametrize("pitch", [80.0, 100.0, 8000 / 60, 8000 / 45])
def test_a_periodic_sound_goes_on_at_its_pitch_and_level_for_thirty_milliseconds(pitch: float, block: int) -> None:
    sound = voice(pitch, 0, 1000 + 3 * block, block)
    played = made_up(*before(sound[:1000], block), 3 * block)
    for part in range(3):
        span = slice(part * block, (part + 1) * block)
        wanted = sound[1000:][span].astype(float) * (1 - 0.2 * max(part - 0.5, 0.0))
        assert np.corrcoef(played[span], wanted)[0, 1] > 0.93
        assert np.std(played[span]) == pytest.approx(np.std(wanted), rel=0.2)


@pytest.mark.parametrize("frequency", [100.0, 433.0, 701.0])
@pytest.mark.parametrize("blocks", [1, 2, 3, 5])
def test_there_is_no_step_into_the_gap_within_it_or_out_of_it(frequency: float, blocks: int) -> None:
    sound = tone(frequency, 0, 1000 + 8 * NARROW)
    history, lag = before(sound[:1000])
    gap = np.array([blocks])
    over = rejoin(
        sound[None, 1000 + blocks * NARROW :],
        conceal(history, lag, gap * NARROW, (8 - blocks) * NARROW),
        overlaps(lag, gap, NARROW),
    )[0]
    whole = np.concatenate([sound[:1000], made_up(history, lag, blocks * NARROW), over])
    assert abs(np.diff(whole.astype(float))).max() < 1.6 * 4000 * 2 * np.pi * frequency / 8000


def test_even_noise_goes_on_without_a_step_greater_than_its_own() -> None:
    noise = np.random.default_rng(4).normal(0, 1500, (200, HISTORY_BLOCKS * NARROW)).astype(np.int16)
    lag = pitch_lags(noise)
    first = conceal(noise, lag, np.zeros(200, dtype=np.int64), 1)[:, 0]
    usual = np.std(np.diff(noise.astype(float)))
    assert np.std(first - noise[:, -1]) < 1.1 * usual


def test_the_gap_is_played_whole_or_in_parts_alike() -> None:
    history, lag = before(voice(90.0, 0, 1000))
    parts = np.concatenate([made_up(history, lag, 40, since) for since in range(0, 480, 40)])
    assert np.allclose(parts, made_up(history, lag, 480), atol=1e-3)


def test_more_periods_are_repeated_the_longer_the_gap_is() -> None:
    noise = np.random.default_rng(8).normal(0, 1500, HISTORY_BLOCKS * NARROW).astype(np.int16)
    history, _ = before(noise)
    lag = np.array([40])
    played = made_up(history, lag, 6 * NARROW)
    level = np.clip(1.2 - 0.2 * np.arange(480) / 80, 0.01, 1.0)
    even = played / level

    def repeats(span: slice, period: int) -> bool:
        return bool(np.corrcoef(even[span], even[span.start + period : span.stop + period])[0, 1] > 0.98)

    assert repeats(slice(11, 28), 40)
    assert not repeats(slice(91, 110), 40)
    assert not repeats(slice(171, 230), 80)
    assert repeats(slice(171, 228), 120)


def test_twenty_percent_go_each_ten_milliseconds_and_nothing_is_left_at_sixty() -> None:
    steady = np.full((1, HISTORY_BLOCKS * NARROW), 5000, dtype=np.int16)
    played = made_up(steady, np.array([60]), 8 * NARROW)
    assert (np.rint(played[: NARROW + 1]) == 5000).all()
    assert played[NARROW * np.arange(1, 7)] == pytest.approx([5000, 4000, 3000, 2000, 1000, 0], abs=1)
    assert not played[FADED_BLOCKS * NARROW :].any()


def test_the_longer_the_gap_the_longer_what_returns_is_faded_in_up_to_ten_milliseconds() -> None:
    lags = np.full(7, 100)
    assert overlaps(lags, np.array([1, 2, 3, 4, 5, 6, 90]), NARROW).tolist() == [25, 57, 80, 80, 80, 40, 40]
    assert overlaps(np.array([200]), np.array([2]), WIDE).tolist() == [114]


def test_what_returns_is_exact_behind_the_overlap() -> None:
    frame = tone(300, 0, 160)[None]
    joined = rejoin(frame, np.zeros((1, 160), dtype=np.float32), np.array([40]))[0]
    assert (joined[40:] == frame[0, 40:]).all()
    assert (abs(joined[:40]) <= abs(frame[0, :40])).all()


def test_many_gaps_at_once_are_the_same_as_one_by_one() -> None:
    rng = np.random.default_rng(3)
    history = rng.integers(-8000, 8000, (20, HISTORY_BLOCKS * NARROW)).astype(np.int16)
    history[5] = 0
    lags, elapsed = pitch_lags(history), rng.integers(0, 400, 20)
    together = conceal(history, lags, elapsed, 160)
    for index in range(20):
        one = slice(index, index + 1)
        assert pitch_lags(history[one]) == lags[index]
        assert (conceal(history[one], lags[one], elapsed[one], 160)[0] == together[index]).all()
    assert not together[5].any()


def test_one_sound_may_give_way_to_another_without_a_step() -> None:
    first, second = tone(300, 0, 160), tone(300, 90, 160)
    joined = cross(first, second, 40).astype(int)
    assert abs(joined[0] - first[0]) < 300
    assert (joined[40:] == second[40:]).all()
    assert abs(np.diff(joined)).max() < 2 * 4000 * 2 * np.pi * 300 / 8000
