"""The judge of tones is judged first."""

from pathlib import Path

import numpy as np
import pytest

from tests.audio import AMPLITUDE, RATE, TONES_HZ, Int16, assert_hears, judge, read_wav, tone, write_wav


def mixed(*frequencies: float) -> Int16:
    """Two seconds of several tones."""
    return np.asarray(np.sum([tone(frequency, 2).astype(np.int32) for frequency in frequencies], axis=0), dtype=np.int16)


@pytest.mark.parametrize("frequency", TONES_HZ)
def test_a_tone_is_heard_and_the_others_are_silent(frequency: float) -> None:
    assert_hears(tone(frequency, 2), {frequency})


def test_tones_are_heard_through_each_other() -> None:
    assert_hears(mixed(433, 1103, 1501), {433, 1103, 1501})


def test_a_tone_40_db_down_is_not_silent() -> None:
    leak = (tone(433, 2) + tone(701, 2, AMPLITUDE / 100)).astype(np.int16)
    verdict = judge(leak, 701)
    assert not verdict.is_silent
    assert not verdict.is_heard
    with pytest.raises(AssertionError, match="701 Hz is neither"):
        assert_hears(leak, {433})


def test_one_leaked_frame_is_not_silent() -> None:
    leak = tone(433, 2).astype(np.int32)
    leak[8000:8160] += tone(701, 0.02)
    assert not judge(leak.astype(np.int16), 701).is_silent


def test_a_gap_of_60_ms_is_not_heard_whole() -> None:
    torn = tone(433, 2)
    torn[8000 : 8000 + 60 * RATE // 1000] = 0
    assert not judge(torn, 433).is_heard


def test_a_tone_half_as_loud_is_not_heard() -> None:
    assert judge(tone(433, 2, AMPLITUDE / 2), 433).quietest_db == pytest.approx(-6.02, abs=0.1)
    assert not judge(tone(433, 2, AMPLITUDE / 2), 433).is_heard


def test_a_recording_too_short_to_judge_is_refused() -> None:
    with pytest.raises(ValueError, match="less than one window"):
        judge(tone(433, 0.5), 433)


def test_a_wav_is_read_back_and_so_is_one_that_still_grows(tmp_path: Path) -> None:
    samples = tone(433, 0.5)
    path = write_wav(tmp_path / "tone.wav", samples)
    assert np.array_equal(read_wav(path), samples)
    raw = bytearray(path.read_bytes())
    raw[40:44] = b"\0\0\0\0"
    path.write_bytes(bytes(raw[:-1]))
    assert np.array_equal(read_wav(path), samples[:-1])


def test_a_file_without_samples_is_empty(tmp_path: Path) -> None:
    (tmp_path / "new.wav").write_bytes(b"RIFF")
    assert len(read_wav(tmp_path / "new.wav")) == 0
