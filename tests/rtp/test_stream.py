"""Streams: extended numbers, repeats and windows against a slow model; places on the time line; jitter."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtp.header import AUDIO, Packets
from rtp.stream import MAX_BACKWARD, MAX_FORWARD, WINDOW, Followed, Streams, Tally, follow, place


def streams(rows: int = 1) -> Streams:
    whole: dict[str, Any] = {name: np.zeros(rows, dtype=np.int64) for name in Streams.__slots__}
    whole["ssrc"] -= 1
    floats = {name: np.zeros(rows) for name in ("arrival", "jitter")}
    return Streams(**(whole | floats | {"window": np.zeros(rows, dtype=np.uint64)}))


def tally(rows: int = 1) -> Tally:
    counts = [np.zeros(rows, dtype=np.uint64) for _ in range(3)]
    return Tally(counts[0], np.zeros(rows, dtype=np.int64), counts[1], counts[2])


def packet(sequence: int, timestamp: int, ssrc: int = 5, size: int = 160) -> Packets:
    return Packets(
        line=np.array([0]),
        row=np.array([0]),
        kind=np.array([AUDIO], dtype=np.uint8),
        marker=np.array([0]),
        sequence=np.array([sequence & 0xFFFF]),
        timestamp=np.array([timestamp & 0xFFFF_FFFF]),
        ssrc=np.array([ssrc]),
        size=np.array([size]),
    )


class Feed:
    """One stream, fed packet by packet."""

    def __init__(self, clock: int = 8000) -> None:
        self.streams, self.tally, self.serial, self.clock = streams(), tally(), np.zeros(1, dtype=np.int64), clock

    def take(self, sequence: int, timestamp: int, now: float, ssrc: int = 5) -> Followed:
        return follow(self.streams, self.tally, packet(sequence, timestamp, ssrc), np.array([self.clock // 100]), self.serial, now)

    def place(self, sequence: int, timestamp: int, now: float, ssrc: int = 5) -> int:
        position = place(self.streams, self.take(sequence, timestamp, now, ssrc), np.array([self.clock // 100]), now)
        self.streams.blocks[0] = 2
        return int(position[0])


class Slow:
    """The same rules, one packet at a time, with a set of numbers."""

    def __init__(self) -> None:
        self.highest, self.seen, self.serial = 0, set[int](), 0
        self.late = self.repeated = self.received = self.lost = 0

    def take(self, sequence: int) -> int | None:
        """Extended number; None where the packet goes no further."""
        step = ((sequence - self.highest + 0x8000) & 0xFFFF) - 0x8000
        if not self.serial or step > MAX_FORWARD or step < -MAX_BACKWARD:
            self.serial += 1
            self.highest, self.seen, step = sequence - 1, set(), 1
        extended = self.highest + step
        if step <= -WINDOW:
            self.late += 1
            return None
        if extended in self.seen:
            self.repeated += 1
            return None
        self.seen.add(extended)
        self.received += 1
        self.lost += step - 1 if step > 0 else -1
        self.highest = max(self.highest, extended)
        return extended


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 65_535), st.lists(st.one_of(st.integers(-5, 8), st.integers(-2000, 5000)), max_size=60))
def test_numbers_repeats_and_losses_are_those_of_the_slow_model(start: int, steps: list[int]) -> None:
    feed, slow, number = Feed(), Slow(), start
    for step in [0, *steps]:
        number += step
        followed = feed.take(number, number * 160, 1.0)
        wanted = slow.take(number & 0xFFFF)
        assert followed.extended.tolist() == ([] if wanted is None else [wanted])
        assert feed.serial[0] == slow.serial
    counts = (slow.received, slow.lost, slow.late, slow.repeated)
    assert tuple(int(count[0]) for count in (feed.tally.received, feed.tally.lost, feed.tally.late, feed.tally.duplicate)) == counts


def test_frames_lie_one_after_the_other_on_the_time_line() -> None:
    feed = Feed()
    places = [feed.place(65_530 + count, 0xFFFF_FF00 + 160 * count, count * 0.02) for count in range(20)]
    assert np.diff(places).tolist() == [2] * 19


def test_a_pause_is_a_gap_on_the_time_line_and_a_late_packet_fills_its_place() -> None:
    feed = Feed()
    first = feed.place(1, 160, 0.0)
    assert feed.place(3, 480, 0.04) - first == 4
    assert feed.place(2, 320, 0.05) - first == 2
    assert feed.place(4, 480 + 160 * 50, 1.0) - first == 4 + 100


@pytest.mark.parametrize("leap", [-100_000, -160, 0, 10_000_000, 0x8000_0000])
def test_a_timestamp_that_leaps_is_taken_as_going_on(leap: int) -> None:
    feed = Feed()
    first = feed.place(1, 1_000_000, 0.0)
    assert feed.place(2, 1_000_000 + leap, 0.02) == first + 2
    assert feed.place(3, 1_000_160 + leap, 0.04) == first + 4


@pytest.mark.parametrize("clock", [8000, 16_000, 48_000])
def test_blocks_are_ten_milliseconds_whatever_the_clock(clock: int) -> None:
    feed = Feed(clock)
    places = [feed.place(count, 0xFFFF_FF00 + count * clock // 50, count * 0.02) for count in range(10)]
    assert np.diff(places).tolist() == [2] * 9
    assert feed.streams.jitter[0] == pytest.approx(0.0, abs=1e-9)


def test_a_new_stream_goes_on_behind_the_old_one_under_a_new_serial() -> None:
    feed = Feed()
    first = feed.place(1, 160, 0.0)
    assert feed.place(9000, 77, 0.02, ssrc=6) == first + 2
    assert feed.serial[0] == 2
    assert feed.tally.lost[0] == 0


def test_jitter_is_the_standards_and_pauses_do_not_count() -> None:
    feed = Feed()
    times = np.cumsum(np.random.default_rng(1).uniform(0.015, 0.025, 200))
    wanted, before = 0.0, None
    for count, now in enumerate(times.tolist()):
        feed.place(count, 160 * count, now)
        if before is not None:
            wanted += (abs(now - before - 0.02) - wanted) / 16
        before = now
    assert feed.streams.jitter[0] == pytest.approx(wanted, rel=0.01)
    feed.place(200, 160 * 200, float(times[-1]) + 5.0)
    assert feed.streams.jitter[0] == pytest.approx(wanted, rel=0.01)
    steady = Feed()
    for count in range(100):
        steady.place(count, 160 * count, count * 0.02)
    assert steady.streams.jitter[0] == pytest.approx(0.0, abs=1e-6)
