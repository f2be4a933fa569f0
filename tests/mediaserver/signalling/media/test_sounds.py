"""The server's own sounds."""

import itertools
import mmap
import os
import wave
from array import array
from pathlib import Path

import pytest

from mediaserver.signalling.media.sounds import (
    BUSY,
    COMFORT,
    ENTER_PIN,
    MUSIC,
    RATE,
    RINGBACK,
    SEVERAL_CALLS,
    SUPERVISED,
    WRONG_PIN,
    as_memory_file,
    built_in,
    read_wave,
    tone,
)


def test_every_sound_is_there_and_none_is_loud_or_silent() -> None:
    sounds = built_in()
    assert set(sounds) == {RINGBACK, BUSY, MUSIC, COMFORT, ENTER_PIN, WRONG_PIN, SEVERAL_CALLS, SUPERVISED}
    for samples in sounds.values():
        assert 1000 < max(samples) <= 16_500


def test_a_tone_begins_and_ends_in_silence_and_does_not_jump() -> None:
    samples = tone((425,), 0.1, level=0.5)
    assert samples[0] == samples[-1] == 0
    assert len(samples) == RATE // 10
    assert max(abs(after - before) for before, after in itertools.pairwise(samples)) < 6000


def test_a_memory_file_holds_the_samples() -> None:
    samples = array("h", [1, -2, 3])
    descriptor = as_memory_file("test", samples)
    with mmap.mmap(descriptor, 6, access=mmap.ACCESS_READ) as held:
        assert held[:] == samples.tobytes()
    os.close(descriptor)


def test_hold_music_is_read_and_another_format_is_refused_with_the_remedy(tmp_path: Path) -> None:
    for rate, name in ((8000, "good.wav"), (44_100, "bad.wav")):
        with wave.open(str(tmp_path / name), "wb") as file:
            file.setparams((1, 2, rate, 0, "NONE", ""))
            file.writeframes(array("h", [5] * 80).tobytes())
    assert list(read_wave(tmp_path / "good.wav")) == [5] * 80
    with pytest.raises(ValueError, match="sox IN -r 8000"):
        read_wave(tmp_path / "bad.wav")
