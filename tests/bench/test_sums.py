"""Mixes added up again: right ones are explained to the bit, and whoever else is in them shows, however faint."""

import numpy as np
import pytest

from bench.generator.companding import DECODE, FRAME, decode
from bench.generator.signals import render
from bench.judge.recording import build
from bench.judge.score import GRID, Score, Voice
from bench.judge.sums import Sums, encode_mulaw
from bench.judge.untouched import signal_of
from tests.bench.synthetic import PTIME, Gains, Scene, no_fault

NAN = float("nan")


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene(frames=300)


def share(scene: Scene, listener: int, fault: Gains = no_fault) -> float:
    stretches = Sums(scene.score).explain(listener, scene.recordings(fault)[listener])
    packets = sum(stretch.packets for stretch in stretches)
    assert packets > 100
    return sum(stretch.explained for stretch in stretches) / packets


@pytest.mark.parametrize("listener", range(6))
def test_a_right_mix_is_the_sum_to_the_bit(scene: Scene, listener: int) -> None:
    assert share(scene, listener) == 1.0


@pytest.mark.parametrize("level", [-40.0, -58.0])
def test_a_leak_far_below_the_noise_shows(scene: Scene, level: float) -> None:
    faint = 10 ** (level / 20)
    assert share(scene, 5, lambda frame, listener, speaker: faint if (listener, speaker) == (5, 1) else NAN) == 0.0


def test_a_voice_that_is_hardly_too_quiet_shows(scene: Scene) -> None:
    assert share(scene, 5, lambda frame, listener, speaker: 0.98 if (listener, speaker) == (5, 3) else NAN) == 0.0


def test_the_judge_calls_it_a_violation(scene: Scene) -> None:
    faint = 10 ** (-55 / 20)
    verdict = scene.judge(lambda frame, listener, speaker: faint if (listener, speaker) == (5, 1) else NAN)
    assert "unsummed" in {each.kind for each in verdict.violations if each.listener == "supervisor1"}


def test_a_packet_lost_ends_it_for_a_moment_only() -> None:
    lost = frozenset((frame, 5) for frame in (70, 201, 202))
    assert 0.9 < share(Scene(frames=300, lost=lost), 5) <= 1.0


@pytest.mark.parametrize(
    ("frequencies", "places"),
    [
        ([(2415, 2694), (1950, 2260)], [866, 4493]),
        ([(2136, 3097), (1020, 2260), (710, 3190)], [4447, 6331, 4589]),
    ],
)
def test_tones_that_nearly_come_together_again_are_placed_all_the_same(frequencies: list[tuple[int, int]], places: list[int]) -> None:
    score, total = Score(), np.zeros(60 * FRAME, np.int64)
    for speaker, (pair, place) in enumerate(zip(frequencies, places, strict=True)):
        low, high = (GRID.tolist().index(frequency) for frequency in pair)
        score.add(Voice(speaker, f"speaker{speaker}", 0, (low, high), 0.0))
        loop = decode(render(signal_of(score.voices[speaker]), "PCMU"), "PCMU").reshape(-1).astype(np.int64) // 4
        total += loop[(place + np.arange(len(total))) % len(loop)]
        score.opens(9, speaker, 0.0)
    score.add(Voice(9, "listener", 0, (0, 9), 0.0))
    score.close_all(1.2)
    frames = np.arange(60)
    recording = build((frames * FRAME).astype(np.uint32), np.arange(60) * np.float64(PTIME), encode_mulaw(total).reshape(60, FRAME), "PCMU")
    (stretch,) = Sums(score).explain(9, recording)
    assert stretch.explained == stretch.packets > 40


def test_each_value_of_the_table_is_coded_as_itself() -> None:
    values = DECODE["PCMU"].astype(np.int64) // 4
    codes = encode_mulaw(values)
    assert np.array_equal(np.delete(codes, 0x7F), np.delete(np.arange(256), 0x7F))
    assert codes[0x7F] == 0xFF, "silence has two codes"


@pytest.mark.parametrize(
    ("sample", "code"), [(0, 0xFF), (1, 0xFE), (-1, 0x7E), (31, 0xEF), (30, 0xF0), (8158, 0x80), (9000, 0x80), (-9000, 0x00)]
)
def test_samples_at_decision_values_belong_above_them(sample: int, code: int) -> None:
    assert encode_mulaw(np.array([sample]))[0] == code
