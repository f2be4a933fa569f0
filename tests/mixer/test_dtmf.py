"""Digits as tone pairs: found where they are, at every level and twist that lines make, and never in speech."""

import wave
from pathlib import Path

import numpy as np
import pytest

from mixer.arrays import Int16
from mixer.dtmf import DIGITS, HIGH, LOW, NO_DIGIT, Finder, Presses, tones
from mixer.g711 import FULL_SCALE, ULAW, decode, encode

RATES = (8000, 16000)
VOICES = Path(__file__).parents[2] / "bench" / "audio"


def speech(file: str) -> Int16:
    """A voice of the project, in the 14-bit domain."""
    with wave.open(str(VOICES / file)) as recording:
        return np.frombuffer(recording.readframes(recording.getnframes()), dtype="<i2").astype(np.int16) >> 2


def through_ulaw(samples: Int16) -> Int16:
    """What a G.711 phone makes of it."""
    law = np.array([ULAW])
    heard: Int16 = decode(encode(samples[None], law), law)[0]
    return heard


def pressed(samples: Int16, sample_rate: int = 8000) -> list[tuple[int, int]]:
    """Digits and for how many hops they were on, in what somebody says."""
    finder, presses, told = Finder(sample_rate), Presses(1), []
    hop, one = sample_rate // 100, np.array([0])
    for start in range(0, len(samples) - finder.window + 1, hop):
        before = int(presses.pressed[0])
        _, ends = presses.note(one, finder.find(samples[start : start + finder.window][None]))
        if ends[0]:
            told.append((before, int(presses.lasted[0])))
    return told


def between(samples: Int16, silence_ms: int = 60, sample_rate: int = 8000) -> Int16:
    """With silence before and behind."""
    silence = np.zeros(silence_ms * sample_rate // 1000, dtype=np.int16)
    return np.concatenate([silence, samples, silence])


@pytest.mark.parametrize("sample_rate", RATES)
@pytest.mark.parametrize("digit", range(16), ids=list(DIGITS))
def test_every_digit_is_found_once(digit: int, sample_rate: int) -> None:
    sound = between(tones(digit, sample_rate // 10, sample_rate), sample_rate=sample_rate)
    assert [found for found, _ in pressed(sound, sample_rate)] == [digit]


@pytest.mark.parametrize("digit", [0, 5, 15])
def test_a_digit_through_g711_lasts_as_long_as_it_was_pressed(digit: int) -> None:
    ((found, hops),) = pressed(through_ulaw(between(tones(digit, 1600, 8000))))
    assert found == digit
    assert 160 <= hops * 10 <= 230


def test_two_presses_of_one_digit_are_two() -> None:
    sound = np.concatenate([between(tones(7, 480, 8000), 40), between(tones(7, 480, 8000), 0), between(tones(7, 0, 8000), 60)])
    assert [found for found, _ in pressed(sound)] == [7, 7]


def test_different_digits_follow_each_other() -> None:
    sound = np.concatenate([between(tones(digit, 560, 8000), 30) for digit in (4, 1, 12)])
    assert [found for found, _ in pressed(sound)] == [4, 1, 12]


@pytest.mark.parametrize("milliseconds", [5, 15, 20])
def test_what_is_too_short_is_no_digit(milliseconds: int) -> None:
    assert pressed(between(tones(5, milliseconds * 8, 8000))) == []


def pair(low: float, high: float, low_dbov: float, high_dbov: float) -> Int16:
    """100 ms of two tones."""
    times = np.arange(800) / 8000
    level = [FULL_SCALE * 2**0.5 * 10 ** (dbov / 20) for dbov in (low_dbov, high_dbov)]
    return np.rint(level[0] * np.sin(2 * np.pi * low * times) + level[1] * np.sin(2 * np.pi * high * times)).astype(np.int16)


@pytest.mark.parametrize(("low_dbov", "high_dbov"), [(-30.0, -30.0), (-14.0, -22.0), (-14.0, -10.0), (-8.0, -8.0), (-20.0, -16.0)])
def test_levels_and_twists_that_lines_make_are_taken(low_dbov: float, high_dbov: float) -> None:
    assert len(pressed(through_ulaw(between(pair(LOW[1], HIGH[1], low_dbov, high_dbov))))) == 1


@pytest.mark.parametrize("offset", [-0.015, 0.015])
def test_tones_that_are_off_by_one_and_a_half_percent_are_taken(offset: float) -> None:
    assert len(pressed(between(pair(LOW[2] * (1 + offset), HIGH[0] * (1 + offset), -14.0, -14.0)))) == 1


@pytest.mark.parametrize(("low_dbov", "high_dbov"), [(-14.0, -60.0), (-60.0, -14.0), (-45.0, -45.0)])
def test_one_tone_alone_and_faint_ones_are_none(low_dbov: float, high_dbov: float) -> None:
    assert pressed(between(pair(LOW[1], HIGH[1], low_dbov, high_dbov))) == []


def test_tones_that_are_no_pair_are_none() -> None:
    assert pressed(between(pair(440.0, 480.0, -13.0, -13.0))) == []  # ringback
    assert pressed(between(pair(350.0, 440.0, -13.0, -13.0))) == []  # dial tone


@pytest.mark.parametrize(
    ("file", "sample_rate"),
    [("customer.wav", 8000), ("agent.wav", 8000), ("supervisor.wav", 8000), ("customer_16k.wav", 16_000), ("agent_16k.wav", 16_000)],
)
def test_speech_presses_nothing(file: str, sample_rate: int) -> None:
    assert pressed(speech(file), sample_rate) == []


def test_a_digit_is_found_beside_a_quiet_voice() -> None:
    sound = between(tones(9, 1600, 8000))
    voice = speech("customer.wav")[8000 : 8000 + len(sound)] // 8
    assert [found for found, _ in pressed(through_ulaw((sound + voice).astype(np.int16)))] == [9]


def test_who_is_forgotten_begins_anew() -> None:
    presses = Presses(2)
    for _ in range(4):
        presses.note(np.array([0, 1]), np.array([5, 6]))
    presses.forget(0)
    assert presses.pressed.tolist() == [NO_DIGIT, 6]
