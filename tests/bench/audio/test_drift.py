"""Minutes of drift: what is found in a stream that was cut, stretched or kept."""

import numpy as np
import pytest

from bench.generator.signals import AUDIO, read_wav
from bench.judge.drifting import Said, glitches, judge_speech
from bench.judge.heard import Heard
from bench.runs.drift import COLUMNS, Case, play_and_judge

RATE = 8000
Int16 = np.ndarray[tuple[int], np.dtype[np.int16]]
SPEECH: Int16 = read_wav(AUDIO / "agent.wav")


def tone(seconds: float = 20.0, frequency: float = 701.0) -> Int16:
    times = np.arange(round(seconds * RATE)) / RATE
    return np.asarray(np.rint(6000 * np.sin(2 * np.pi * frequency * times)), np.int16)


def heard(samples: Int16, start: float = 0.05) -> Heard:
    return Heard(samples, RATE, start, 0, 0, 0.02)


def row(case: Case) -> dict[str, object]:
    return dict(zip(COLUMNS, play_and_judge(case), strict=True))


def test_a_steady_tone_has_no_glitch() -> None:
    assert not len(glitches(tone(), 701.0, RATE))


@pytest.mark.parametrize("left_out", [5, 20, 84])
def test_samples_left_out_are_one_glitch_where_they_were(left_out: int) -> None:
    whole = tone()
    cut = np.concatenate([whole[: 10 * RATE], whole[10 * RATE + left_out :]])
    found = glitches(cut, 701.0, RATE)
    assert len(found) == 1
    assert found[0] == pytest.approx(10.0, abs=0.05)


def test_a_whole_period_left_out_is_none() -> None:
    whole = tone(frequency=800.0)
    assert not len(glitches(np.concatenate([whole[: 10 * RATE], whole[10 * RATE + 10 :]]), 800.0, RATE))


def test_speech_that_is_all_there_has_its_delay_and_no_gap() -> None:
    kept = judge_speech(Said(SPEECH, RATE, 0.0, 0.0), heard(SPEECH[: 40 * RATE]), 38.0, lambda words: words, stretches=1)
    assert set(np.round(kept.delay, 4).tolist()) == {0.05}
    assert kept.gaps == 0
    assert min(kept.worst) > 4.4


def test_a_hole_in_speech_is_a_gap() -> None:
    holed = SPEECH[: 40 * RATE].copy()
    holed[5 * RATE : 5 * RATE + 960] = 0
    assert judge_speech(Said(SPEECH, RATE, 0.0, 0.0), heard(holed), 38.0, lambda words: words, stretches=1).gaps >= 2


def test_a_fast_clock_says_more_in_the_same_time() -> None:
    said = Said(np.arange(8000, dtype=np.int16), RATE, 0.0, 1000.0)
    assert said.at(1.0, 0.001)[0] == 8
    assert said.at(0.5, 0.001)[0] == 4004


def test_twenty_seconds_with_a_fast_clock_is_held_in_speech() -> None:
    found = row(Case("PCMU", "speech", 200.0, 0.0, 20.0))
    assert (found["verdict"], found["gaps"]) == ("held", 0)


def test_twenty_seconds_with_a_fast_clock_is_held_in_a_tone() -> None:
    found = row(Case("PCMU", "tone", 200.0, 0.0, 20.0))
    assert (found["verdict"], found["glitches"]) == ("held", 0)
