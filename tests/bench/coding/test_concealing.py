"""The reference concealment does what G.711 Appendix I does: goes on in pitch, fades, and comes back without a step."""

import numpy as np
import pytest

from bench.coding.concealing import conceal

RATES = (8_000, 16_000)


def voiced(rate: int, seconds: float = 1.0) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    """A buzz of 125 Hz with eight harmonics."""
    times = np.arange(round(seconds * rate)) / rate
    return np.rint(sum(1500 * np.sin(2 * np.pi * 125 * k * times + k) for k in range(1, 9))).astype(np.int16)


def with_gap(rate: int, begins: float, lasts: float) -> tuple[np.ndarray[tuple[int], np.dtype[np.int16]], slice]:
    samples = voiced(rate)
    gap = slice(round(begins * rate), round((begins + lasts) * rate))
    there = np.ones(len(samples), bool)
    there[gap] = False
    return conceal(samples, there, rate), gap


@pytest.mark.parametrize("rate", RATES)
def test_ten_ms_of_a_steady_voice_are_made_up_as_they_were(rate: int) -> None:
    made, gap = with_gap(rate, 0.5, 0.01)
    wrong = made[gap].astype(float) - voiced(rate)[gap]
    assert (wrong**2).mean() < 0.003 * (voiced(rate)[gap].astype(float) ** 2).mean()


@pytest.mark.parametrize("rate", RATES)
def test_it_fades_and_is_silent_after_60_ms(rate: int) -> None:
    made, gap = with_gap(rate, 0.4, 0.2)
    blocks = np.sqrt((made[gap].astype(float).reshape(20, -1) ** 2).mean(axis=1))
    assert np.all(np.diff(blocks[1:6]) < 0)
    assert not blocks[6:].any()


@pytest.mark.parametrize("rate", RATES)
def test_nothing_steps_where_the_gap_begins_and_ends(rate: int) -> None:
    whole = voiced(rate).astype(float)
    made, gap = with_gap(rate, 0.5, 0.03)
    usual = np.abs(np.diff(whole)).max()
    near = made[gap.start - rate // 50 : gap.stop + rate // 50].astype(float)
    assert np.abs(np.diff(near)).max() < 1.3 * usual


@pytest.mark.parametrize("rate", RATES)
def test_what_was_there_is_left_alone(rate: int) -> None:
    samples = voiced(rate)
    assert np.array_equal(conceal(samples, np.ones(len(samples), bool), rate), samples)
    made, gap = with_gap(rate, 0.5, 0.02)
    assert np.array_equal(made[: gap.start - rate // 100], samples[: gap.start - rate // 100])
    assert np.array_equal(made[gap.stop + rate // 100 :], samples[gap.stop + rate // 100 :])
