"""Delay to the sample: what was put in is found again."""

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.generator.memory import Memory, Size
from bench.generator.signals import Marks, mark_positions, render
from bench.judge.delays import heard_marks, match, sent_marks
from bench.judge.recording import build

SIGNAL = Marks(seed=4, amplitude=8031)


def times() -> NDArray[np.float64]:
    return np.asarray(np.arange(500) * 0.02)


def logged(offset: float) -> Memory:
    memory = Memory(Size(legs=1, logged=500))
    memory.log_time[:500] = np.arange(500) * 0.02 + offset
    memory.log_frame[:500] = np.arange(500)
    memory.totals[Memory.TOTALS.index("logged")] = 500
    return memory


@pytest.mark.parametrize("delay", [0.0004, 0.0137, 0.119])
def test_a_stream_that_is_handed_on_late_is_late_by_that(delay: float) -> None:
    sent = sent_marks(logged(10.0), {0: SIGNAL})[0]
    stamps = (np.arange(500) * 160).astype(np.uint32)
    recording = build(stamps, times() + 10.0 + delay, render(SIGNAL, "PCMU"), "PCMU")
    found = match(sent, heard_marks(recording, SIGNAL.amplitude), 10.0, 20.0)
    assert found.lost == 0
    assert found.found == pytest.approx([delay] * len(mark_positions(SIGNAL)[0]), abs=1e-6)


def test_a_frame_cut_anew_at_another_place_counts_by_its_samples() -> None:
    samples = render(SIGNAL, "PCMU").ravel()
    shifted = np.concatenate([np.full(40, 0xFF, np.uint8), samples])[: len(samples)].reshape(-1, 160)
    sent = sent_marks(logged(0.0), {0: SIGNAL})[0]
    recording = build((np.arange(500) * 160).astype(np.uint32), times(), shifted, "PCMU")
    found = match(sent, heard_marks(recording, SIGNAL.amplitude), 0.0, 10.0)
    assert found.percentile_ms(50) == pytest.approx(5.0, abs=0.01)


def test_another_speakers_marks_are_not_taken_for_his_and_what_never_came_is_lost() -> None:
    sent = sent_marks(logged(0.0), {0: SIGNAL})[0]
    other = render(Marks(seed=9, amplitude=-8031), "PCMU")
    recording = build((np.arange(500) * 160).astype(np.uint32), times(), other, "PCMU")
    found = match(sent, heard_marks(recording, SIGNAL.amplitude), 0.0, 10.0)
    assert (found.found, found.lost) == ([], len(sent))
    assert found.percentile_ms(99) is None
