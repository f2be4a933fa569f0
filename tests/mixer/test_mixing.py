"""The mixing kernels against plain sums."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixer.mixing import ramp, saturate, sum_plain, sum_ramped


def frames(seed: int, listeners: int, speakers: int, peak: int = 8031) -> np.ndarray[tuple[int, int, int], np.dtype[np.int16]]:
    values = np.random.default_rng(seed).integers(-peak, peak + 1, (listeners, speakers, 160))
    return values.astype(np.int16)


@given(st.integers(0, 1000), st.integers(1, 4), st.integers(1, 15))
def test_a_plain_sum_is_the_sum_held_at_the_ends(seed: int, listeners: int, speakers: int) -> None:
    given_frames = frames(seed, listeners, speakers)
    wanted = np.clip(given_frames.astype(int).sum(axis=1), -32_767, 32_767)
    assert (sum_plain(given_frames) == wanted).all()


@given(st.integers(0, 1000), st.integers(1, 4), st.integers(1, 6))
def test_a_ramped_sum_goes_from_the_old_gain_to_the_new(seed: int, listeners: int, speakers: int) -> None:
    rng = np.random.default_rng(seed)
    given_frames = frames(seed, listeners, speakers)
    old, new = (rng.uniform(0, 4, (listeners, speakers)).astype(np.float32) for _ in range(2))
    mixed = sum_ramped(given_frames, old, new, ramp(2, 80))
    for sample in (0, 13, 39, 40, 159):
        share = min((sample + 1) / 40, 1.0)
        gain = old + (new - old) * share
        assert mixed[:, sample] == pytest.approx((given_frames[:, :, sample] * gain).sum(axis=1), rel=1e-4, abs=0.5)


def test_a_speaker_without_gain_is_exactly_absent() -> None:
    given_frames = frames(1, 2, 3)
    gain = np.array([[1, 0, 1], [0, 0, 1]], dtype=np.float32)
    mixed = saturate(sum_ramped(given_frames, gain, gain, ramp(2, 80)))
    assert (mixed[0] == given_frames[0, 0] + given_frames[0, 2]).all()
    assert (mixed[1] == given_frames[1, 2]).all()


def test_nobody_speaking_is_silence() -> None:
    nobody = np.zeros((2, 0), dtype=np.float32)
    assert not sum_ramped(np.zeros((2, 0, 160), dtype=np.int16), nobody, nobody, ramp(2, 80)).any()


def test_sums_never_wrap() -> None:
    loud = np.full((1, 16, 80), 8031, dtype=np.int16)
    assert (sum_plain(loud) == 32_767).all()
    assert (saturate(np.array([1e9, -1e9, 0.6], dtype=np.float32)) == [32_767, -32_767, 1]).all()


def test_a_ramp_takes_five_milliseconds_at_either_rate() -> None:
    assert ramp(2, 160)[1::2] == pytest.approx(ramp(2, 80))
    assert (ramp(1, 160) < 1).sum() == 79
