"""Levels in dBov, and speech flags that are webrtcvad's where there is sound."""

import numpy as np
import pytest
import webrtcvad

from mixer.levels import SILENCE_DBOV, SpeechDetector, levels_dbov


def test_levels_are_relative_to_a_full_scale_square_wave() -> None:
    square = np.tile(np.array([8031, -8031], dtype=np.int16), 80)
    sine = np.rint(8031 * np.sin(2 * np.pi * np.arange(160) / 16)).astype(np.int16)
    levels = levels_dbov(np.stack([square, sine, (sine // 10).astype(np.int16), np.zeros(160, dtype=np.int16)]))
    assert levels == pytest.approx([0.0, -3.01, -23.1, SILENCE_DBOV], abs=0.15)


def test_flags_are_those_of_the_voice_detector() -> None:
    rng = np.random.default_rng(5)
    envelope = np.repeat(rng.choice([0.02, 1.0], 40), 160)
    buzz = np.sign(np.sin(2 * np.pi * 120 * np.arange(6400) / 8000)) * 2000 + rng.normal(0, 300, 6400)
    frames = np.clip(buzz * envelope, -8031, 8031).astype(np.int16).reshape(40, 160)
    reference = webrtcvad.Vad(2)
    wanted = [reference.is_speech((frame * 4).astype("<i2").tobytes(), 8000) for frame in frames]
    detector = SpeechDetector(2)
    assert [detector.speaks([7], frame[None], 8000)[0] for frame in frames] == wanted
    assert len(set(wanted)) == 2


def test_each_leg_has_a_detector_of_its_own_until_it_is_forgotten() -> None:
    detector = SpeechDetector()
    frames = np.random.default_rng(1).integers(-3000, 3000, (2, 160)).astype(np.int16)
    assert len(detector.speaks([1, 2], frames, 8000)) == 2
    assert sorted(detector._detectors) == [1, 2]
    detector.forget(1)
    detector.forget(3)
    assert sorted(detector._detectors) == [2]
