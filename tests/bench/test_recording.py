"""Packets on the timeline of their timestamps: holes stay holes, order does not matter, arrival tells when it was heard."""

import numpy as np
import pytest

from bench.generator.companding import encode
from bench.judge.recording import Recording, build


def recorded(frames: list[int], first: int = 0xFFFFFF00, arrival: list[float] | None = None) -> Recording:
    samples = np.repeat(np.array(frames)[:, None] * 100, 160, axis=1)
    timestamps = (first + np.array(frames, np.int64) * 160) & 0xFFFFFFFF
    times = np.array(arrival if arrival is not None else [0.02 * frame for frame in frames])
    return build(timestamps.astype(np.uint32), times, encode(samples, "PCMU"), "PCMU")


def test_timestamps_go_on_over_their_end() -> None:
    recording = recorded([0, 1, 2, 3])
    assert recording.position.tolist() == [0, 160, 320, 480]
    assert recording.covered.all()


def test_a_lost_packet_is_a_hole_and_no_window_reaches_over_it() -> None:
    recording = recorded([0, 1, 2, 4, 5, 6])
    assert not recording.covered[480:640].any()
    assert recording.windows(320, 160).tolist() == [0, 160, 640, 800]


def test_packets_out_of_order_find_their_place() -> None:
    recording = recorded([0, 2, 1, 3], arrival=[0.0, 0.04, 0.045, 0.06])
    assert recording.position.tolist() == [0, 160, 320, 480]
    assert recording.arrival.tolist() == [0.0, 0.045, 0.04, 0.06]
    assert recording.samples[170] == pytest.approx(100, abs=4)


def test_a_sample_is_heard_when_its_packet_came_plus_its_place() -> None:
    recording = recorded([0, 1], arrival=[5.0, 5.5])
    assert recording.times(np.array([0, 80, 160, 240])).tolist() == [5.0, 5.01, 5.5, 5.51]


def test_nothing_received_is_an_empty_recording() -> None:
    recording = recorded([])
    assert len(recording.samples) == 0
    assert len(recording.windows(800, 160)) == 0
