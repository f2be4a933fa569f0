"""Packets on the timeline of their timestamps: holes stay holes, order does not matter, arrival tells when it was heard."""

import numpy as np
import pytest

from bench.generator.companding import encode
from bench.generator.formats import FORMATS
from bench.generator.signals import Tones, render
from bench.judge.recording import Recording, build
from bench.judge.tones import judge_tone


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


@pytest.mark.parametrize("codec", ["G722", "opus", "L16/8000", "L16/16000"])
def test_a_recording_in_any_codec_is_at_8_khz_with_the_tone_that_was_sent(codec: str) -> None:
    frames = np.tile(render(Tones((1103,), 6000.0), codec), (2, 1))
    stamps = (np.arange(100) * FORMATS[codec].ticks + 0xFFFF_FF00).astype(np.uint32)
    recording = build(stamps, np.asarray(np.arange(100) * 0.02), frames, codec)
    assert recording.position.tolist() == list(range(0, 16_000, 160))
    found = judge_tone(recording.samples[4000:12_000].astype(np.int16), 1103.0, 6000.0, 8000)
    assert abs(found.pitch_error) < 1e-4
    assert abs(found.level_db) < 0.7


def test_a_missing_packet_in_another_codec_is_not_covered() -> None:
    frames = np.tile(render(Tones((1103,), 6000.0), "G722"), (2, 1))
    kept = np.array([at for at in range(100) if at != 40])
    recording = build((kept * 160).astype(np.uint32), np.asarray(kept * 0.02), frames[kept], "G722")
    assert not recording.covered[6400:6560].any()
    assert recording.covered.sum() == 99 * 160
