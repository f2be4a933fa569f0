"""The judges of sound find what is wrong with it: pitch, level, gaps, clicks, delay and quality."""

import numpy as np
import pytest

from bench.coding.codecs import CODECS
from bench.generator.signals import AUDIO, read_wav
from bench.judge.heard import delays, hear
from bench.judge.speech import pesq_score, without_long_pauses
from bench.judge.tones import judge_tone
from bench.simulator.phone import Packet

RATE = 8000
Int16 = np.ndarray[tuple[int], np.dtype[np.int16]]


def tone(frequency: float = 701.0, amplitude: float = 6000.0, seconds: float = 2.0) -> Int16:
    times = np.arange(round(seconds * RATE)) / RATE
    return np.asarray(np.rint(amplitude * np.sin(2 * np.pi * frequency * times)), np.int16)


def test_a_clean_tone_is_clean() -> None:
    heard = judge_tone(tone(), 701.0, 6000.0, RATE)
    assert abs(heard.pitch_error) < 1e-6
    assert abs(heard.level_db) < 0.01
    assert heard.residual_db < -60


@pytest.mark.parametrize("off", [0.002, -0.0015, 0.01])
def test_a_tone_that_is_off_in_pitch_is_told_by_how_much(off: float) -> None:
    assert judge_tone(tone(701.0 * (1 + off)), 701.0, 6000.0, RATE).pitch_error == pytest.approx(off, rel=0.02)


def test_a_gap_shows_in_the_quietest_window() -> None:
    broken = tone()
    broken[8000:8080] = 0
    assert judge_tone(broken, 701.0, 6000.0, RATE).least_db < -1.5


def test_a_click_shows_in_the_residual() -> None:
    clicked = tone()
    clicked[8000] += 4000
    assert judge_tone(clicked, 701.0, 6000.0, RATE).residual_db > -30


def test_a_jump_of_phase_shows() -> None:
    jumped = np.concatenate([tone(seconds=1.0), tone(seconds=1.0)[3:]])
    assert judge_tone(jumped, 701.0, 6000.0, RATE).residual_db > -20


def test_half_as_loud_is_six_db() -> None:
    assert judge_tone(tone(amplitude=3000.0), 701.0, 6000.0, RATE).level_db == pytest.approx(-6.02, abs=0.05)


def test_a_delay_is_found_to_the_sample_and_where_it_changes() -> None:
    said = read_wav(AUDIO / "agent.wav")[RATE : 12 * RATE]
    heard = np.concatenate([np.zeros(300, np.int16), said[: 5 * RATE], np.zeros(160, np.int16), said[5 * RATE :], np.zeros(RATE, np.int16)])
    found = delays(said, heard, RATE) * RATE
    assert {round(lag) for lag in found.tolist()} == {300, 460}


def packets(codec_name: str, sound: Int16, *, first_timestamp: int = 0xFFFF_FF00, missing: frozenset[int] = frozenset()) -> list[Packet]:
    codec = CODECS[codec_name]
    return [
        Packet(5.0 + 0.02 * at, (65_530 + at) & 0xFFFF, (first_timestamp + at * codec.ticks(20)) & 0xFFFF_FFFF, 7, 0, payload)
        for at, payload in enumerate(codec.encode(sound, 20))
        if at not in missing
    ]


def test_what_was_heard_is_laid_out_over_wrapping_numbers() -> None:
    heard = hear(packets("L16/8000", tone()), CODECS["L16/8000"], 20)
    assert np.array_equal(heard.samples, tone())
    assert heard.start == pytest.approx(5.0)
    assert (heard.holes, heard.jumps) == (0, 0)
    assert np.array_equal(heard.between(5.5, 5.6), tone()[4000:4800])
    assert not heard.between(4.0, 4.5).any()


def test_a_missing_packet_is_a_hole_and_a_jump() -> None:
    heard = hear(packets("L16/8000", tone(), missing=frozenset({50})), CODECS["L16/8000"], 20)
    assert (heard.holes, heard.jumps) == (1, 1)
    assert heard.longest_gap == pytest.approx(0.04)


def test_what_overtook_is_played_in_order() -> None:
    swapped = packets("L16/8000", tone())
    swapped[10], swapped[11] = swapped[11], swapped[10]
    heard = hear(swapped, CODECS["L16/8000"], 20)
    assert np.array_equal(heard.samples, tone())
    assert heard.holes == 0


@pytest.mark.parametrize("rate", [8_000, 16_000])
def test_pesq_tells_good_from_bad(rate: int) -> None:
    speech = read_wav(AUDIO / f"agent{'' if rate == 8_000 else '_16k'}.wav", rate)[rate : 6 * rate]
    bad = speech.copy()
    bad[rate : 2 * rate : 2] //= 4
    assert pesq_score(speech, speech, rate) > 4.4
    assert pesq_score(speech, bad, rate) < 3.5


def test_pauses_are_shortened_and_speech_is_kept() -> None:
    speech = read_wav(AUDIO / "agent.wav")
    dense = without_long_pauses(speech, RATE)
    assert len(dense) < 0.7 * len(speech)
    assert (dense.astype(float) ** 2).sum() == pytest.approx((speech.astype(float) ** 2).sum(), rel=1e-3)
