"""The example program that writes a tap into files puts everybody where he spoke."""

import runpy
import wave
from pathlib import Path

import numpy as np
import pytest

from mediaserver.link.messages import SetMuted
from mixer.arrays import Int16
from tests.mediaserver.worker.hearing import tone_level
from tests.mediaserver.worker.test_taps import AGENTS, CUSTOMERS, Tapped

PROGRAM = Path(__file__).parents[3] / "examples" / "tap_to_wav.py"


def read(path: Path) -> Int16:
    """What is in a file at 8 kHz."""
    with wave.open(str(path), "rb") as file:
        assert (file.getframerate(), file.getnchannels()) == (8000, 1)
        return np.frombuffer(file.readframes(file.getnframes()), dtype=np.int16)


def test_each_leg_has_a_file_and_silence_where_it_was_not_to_be_heard(tmp_path: Path) -> None:
    tapped, files = Tapped(), runpy.run_path(str(PROGRAM))["Files"](tmp_path)
    frames = tapped.run(1.0)
    tapped.house.command(SetMuted(1, True))
    frames += tapped.run(1.0)
    tapped.house.command(SetMuted(1, False))
    for frame in frames + tapped.run(2.0):
        files.write(frame)
    files.close()
    customer, agent = read(tmp_path / "leg-1-8000.wav"), read(tmp_path / "leg-2-8000.wav")
    assert len(customer) == pytest.approx(len(agent), abs=320)
    assert tone_level(agent[8000:24_000], AGENTS) == pytest.approx(8000.0, rel=0.03)
    assert tone_level(customer[-8000:], CUSTOMERS) == pytest.approx(8000.0, rel=0.03)
    assert not customer[8000:12_000].any()
