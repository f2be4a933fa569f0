"""Comfort noise: its level is right, its colour is what was analysed, and it is the same for whoever asks again."""

import numpy as np
import pytest

from mixer.arrays import Float32, Int16
from mixer.g711 import FULL_SCALE
from mixer.noise import MAX_ORDER, SILENCE, TAPS, analyse, comfort_noise, read_noise, responses, write_noise

WHITE = np.zeros(TAPS, dtype=np.float32)
WHITE[0] = 1.0


def dbov(samples: Int16) -> float:
    return float(10 * np.log10((samples.astype(float) ** 2).mean() / FULL_SCALE**2))


def noise(row: int, level: float, response: Float32, count: int, at: int = 0) -> Int16:
    made = comfort_noise(np.array([row]), np.array([level], dtype=np.float32), response[None], np.array([at]), count)
    return np.asarray(made[0], dtype=np.int16)


def brown(count: int, level: float = 300.0) -> Int16:
    white = np.random.default_rng(5).normal(0, level, count)
    for index in range(1, count):
        white[index] += 0.8 * white[index - 1] - 0.3 * (white[index - 2] if index > 1 else 0.0)
    return white.astype(np.int16)


@pytest.mark.parametrize("level", [-20.0, -35.0, -50.0])
@pytest.mark.parametrize("row", [0, 7, 3000])
def test_the_level_is_right_within_a_decibel(level: float, row: int) -> None:
    assert dbov(noise(row, level, WHITE, 1600)) == pytest.approx(level, abs=1.0)
    assert dbov(noise(row, level, responses(np.array([[-0.7, 0.3]], dtype=np.float32))[0], 8000)) == pytest.approx(level, abs=1.0)


def test_silence_is_silence() -> None:
    level, response = read_noise(bytes([SILENCE]))
    assert not noise(3, level, response, 800).any()


def test_noise_goes_on_where_it_was_and_is_the_same_again() -> None:
    whole = noise(4, -30.0, responses(np.array([[-0.6]], dtype=np.float32))[0], 480, at=960)
    parts = [noise(4, -30.0, responses(np.array([[-0.6]], dtype=np.float32))[0], 160, at=at) for at in (960, 1120, 1280)]
    assert (np.concatenate(parts) == whole).all()


def test_rows_do_not_make_the_same_noise() -> None:
    both = comfort_noise(np.array([1, 2]), np.full(2, -30.0, dtype=np.float32), np.stack([WHITE, WHITE]), np.zeros(2, dtype=np.int64), 4000)
    assert abs(np.corrcoef(both[0], both[1])[0, 1]) < 0.1


def test_a_payload_says_level_and_colour_and_is_read_back() -> None:
    payload = write_noise(-43.4, np.array([-0.5, 0.25], dtype=np.float32))
    assert payload == bytes([43, 63, 159])
    level, response = read_noise(payload)
    assert level == -43.0
    assert (response**2).sum() == pytest.approx(1.0, abs=1e-5)
    assert response[1] / response[0] == pytest.approx(0.5 * 1.25, abs=0.01)


@pytest.mark.parametrize("coded", [b"", b"\x7f", bytes([0] * 40), bytes([255] * 40), bytes(range(100, 160))])
def test_whatever_coefficients_come_the_noise_is_finite_and_of_its_level(coded: bytes) -> None:
    level, response = read_noise(bytes([30]) + coded)
    assert np.isfinite(response).all()
    assert dbov(noise(2, level, response, 16_000)) == pytest.approx(-30.0, abs=1.5)


def test_what_was_analysed_sounds_alike_when_it_is_made_again() -> None:
    sound = brown(8000)
    level, reflections = analyse(sound[None], 8)
    assert level[0] == pytest.approx(dbov(sound), abs=0.1)
    made = noise(9, float(level[0]), responses(reflections)[0], 8000)
    assert dbov(made) == pytest.approx(dbov(sound), abs=1.0)

    def spectrum(samples: Int16) -> Float32:
        parts = np.abs(np.fft.rfft(samples.reshape(-1, 160) * np.hanning(160), axis=1)) ** 2
        return np.asarray(10 * np.log10(parts.mean(axis=0)[1:-1]), dtype=np.float32)

    assert abs(spectrum(made) - spectrum(sound)).mean() < 2.0


def test_many_frames_are_analysed_as_one_by_one_and_silence_is_white() -> None:
    frames = np.random.default_rng(1).integers(-900, 900, (6, 400)).astype(np.int16)
    frames[2] = 0
    levels, reflections = analyse(frames, MAX_ORDER)
    for index in range(6):
        level, one = analyse(frames[index : index + 1], MAX_ORDER)
        assert np.allclose(one[0], reflections[index])
        assert np.isclose(level[0], levels[index])
    assert levels[2] == -SILENCE
    assert not reflections[2].any()
