"""Resampling: what passes and what does not, the delay, and rows that remember."""

import numpy as np
import numpy.typing as npt
import pytest

from mixer.resampling import HISTORY, WIDE_HISTORY, Resampling
from tests.mixer.signals import Samples, tone

Spectrum = npt.NDArray[np.float64]


def up(samples: Samples, blocks: int = 2) -> Samples:
    """Samples (n) of 8 kHz at 16 kHz, in frames of so many blocks."""
    resampling, history, size = Resampling(1), np.zeros((1, HISTORY), dtype=np.int16), 80 * blocks
    out = np.zeros((1, 2 * len(samples)), dtype=np.int16)
    for start in range(0, len(samples), size):
        resampling.up(out[:, 2 * start : 2 * (start + size)], samples[None, start : start + size], history)
    return np.asarray(out[0])


def down(samples: Samples, blocks: int = 2) -> Samples:
    """Samples (n) of 16 kHz at 8 kHz, in frames of so many blocks."""
    resampling, history, size = Resampling(1), np.zeros((1, WIDE_HISTORY), dtype=np.int16), 160 * blocks
    out = np.zeros((1, len(samples) // 2), dtype=np.int16)
    for start in range(0, len(samples), size):
        resampling.down(out[:, start // 2 : (start + size) // 2], samples[None, start : start + size], history)
    return np.asarray(out[0])


def amplitude(samples: Samples, frequency: float, rate: int) -> float:
    """How much of a frequency is in the steady part of samples."""
    steady = samples[rate // 10 :][: rate // 2].astype(np.float64)
    times = np.arange(len(steady)) / rate
    window = np.hanning(len(steady))
    return float(2 * np.abs(np.sum(window * steady * np.exp(-2j * np.pi * frequency * times))) / window.sum())


def change_db(part: float, whole: float = 16_000.0) -> float:
    """Of an amplitude against that of the tones here."""
    return float(20 * np.log10(max(part, 1e-9) / whole))


@pytest.mark.parametrize("frequency", [100, 300, 1000, 2000, 3000, 3400])
def test_what_a_telephone_carries_passes_unchanged_both_ways(frequency: float) -> None:
    assert abs(change_db(amplitude(up(tone(frequency, 1.0, 8_000, 16_000)), frequency, 16_000))) < 0.02
    assert abs(change_db(amplitude(down(tone(frequency, 1.0, 16_000, 16_000)), frequency, 8_000))) < 0.02


@pytest.mark.parametrize("frequency", [300, 1000, 2000, 3000, 3400])
def test_no_mirror_image_of_a_tone_is_heard_above(frequency: float) -> None:
    assert change_db(amplitude(up(tone(frequency, 1.0, 8_000, 16_000)), 8_000 - frequency, 16_000)) < -60


@pytest.mark.parametrize("frequency", [4600, 5000, 6000, 7000, 7900])
def test_what_does_not_fit_below_is_not_folded_there(frequency: float) -> None:
    assert change_db(amplitude(down(tone(frequency, 1.0, 16_000, 16_000)), 8_000 - frequency, 8_000)) < -60


def test_a_click_comes_a_millisecond_and_a_half_later() -> None:
    click = np.zeros(320, dtype=np.int16)
    click[40] = 10_000
    assert int(np.argmax(up(click))) == 2 * 40 + 25
    assert int(np.argmax(down(click))) == 20 + 12


def test_the_way_up_keeps_every_sample_as_it_was() -> None:
    samples = np.random.default_rng(2).integers(-8000, 8000, 1600).astype(np.int16)
    assert (up(samples)[1::2][12:] == samples[:-12]).all()


@pytest.mark.parametrize("blocks", [1, 3, 4, 6])
def test_frames_of_every_length_make_the_same_stream(blocks: int) -> None:
    samples = np.random.default_rng(4).integers(-8000, 8000, 160 * 12).astype(np.int16)
    assert (up(samples, blocks) == up(samples, 2)).all()
    assert (down(samples, blocks) == down(samples, 2)).all()


def test_rows_do_not_hear_each_other() -> None:
    random = np.random.default_rng(6)
    frames = random.integers(-8000, 8000, (5, 320)).astype(np.int16)
    resampling = Resampling(8)
    wide, narrow = np.zeros((5, 640), dtype=np.int16), np.zeros((5, 160), dtype=np.int16)
    resampling.up(wide, frames, np.zeros((5, HISTORY), dtype=np.int16))
    resampling.down(narrow, frames, np.zeros((5, WIDE_HISTORY), dtype=np.int16))
    for row in range(5):
        assert (wide[row] == up(frames[row])).all()
        assert (narrow[row] == down(frames[row])).all()


def test_silence_stays_silence() -> None:
    assert not up(np.zeros(800, dtype=np.int16)).any()
    assert not down(np.zeros(800, dtype=np.int16)).any()


def test_samples_at_the_end_of_their_range_do_not_wrap() -> None:
    square = np.where(np.arange(1600) // 20 % 2, 32_767, -32_768).astype(np.int16)
    for heard, scale in ((up(square), 2), (down(square), 0.5)):
        ends = heard[int(400 * scale) : int(1500 * scale)]
        assert ends.max() == 32_767
        assert ends.min() == -32_768
    assert (np.abs(up(square)[200:].astype(np.int64)) > 1_000).mean() > 0.9
