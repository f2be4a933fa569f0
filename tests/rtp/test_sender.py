"""Numbers of what is sent: random walks of relays, takeovers and new streams never give one number to two contents."""

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rtp.sender import HOLD_OVER_MAX, Relay, Senders, follow_clock, follow_event, follow_source, hold_over, pause_blocks


def senders() -> Senders:
    whole: dict[str, Any] = {name: np.zeros(1, dtype=np.int64) for name in Senders.__slots__}
    made = Senders(**(whole | {name: np.zeros(1) for name in ("sent_at", "late_since")}))
    made.begin(0, (65_500 << 64) | (0xFFFF_FF00 << 32) | 7)
    return made


def relay(extended: int, timestamp: int, serial: int, *, forward: bool, own: bool) -> Relay:
    return Relay(
        listener=np.array([0]),
        extended=np.array([extended]),
        serial=np.array([serial]),
        timestamp=np.array([timestamp & 0xFFFF_FFFF]),
        forward=np.array([forward]),
        blocks=np.array([2]),
        ticks=np.array([80]),
        own_numbers=np.array([own]),
    )


class Walk:
    """One listener, and a source that is sometimes lost, late, silent, new, or pressing digits."""

    def __init__(self, *, own: bool) -> None:
        self.senders, self.late, self.own = senders(), np.zeros(1, dtype=np.uint64), own
        self.serial, self.next, self.timestamp, self.now = 1, 100, 5000, 1.0
        self.owed: list[tuple[int, int]] = []
        self.sent: list[tuple[int, int]] = []

    def do(self, what: str) -> None:
        """One step of 20 ms."""
        self.now += 0.02
        match what:
            case "packet":
                self.relay(self.next, self.timestamp, forward=True)
            case "lost":
                self.owed.append((self.next, self.timestamp))
            case "late" if self.owed:
                extended, timestamp = self.owed.pop()
                self.relay(extended, timestamp, forward=False)
            case "clock":
                self.note(follow_clock(self.senders, np.array([0]), np.array([160]), self.now))
            case "new":
                self.serial, self.next, self.timestamp = self.serial + 1, 40, self.timestamp + 987_654
                self.owed.clear()
            case "digit":
                numbers = follow_event(self.senders, relay(self.next, 4000, self.serial, forward=True, own=self.own), self.now)
                if numbers is not None:
                    self.sent.append(numbers)
        if what in ("packet", "lost", "digit"):
            self.next += 1
        if what in ("packet", "lost"):
            self.timestamp += 160

    def relay(self, extended: int, timestamp: int, *, forward: bool) -> None:
        """Relay one packet of the source."""
        one = relay(extended, timestamp, self.serial, forward=forward, own=self.own)
        sequence, stamp, goes = follow_source(self.senders, self.late, one, self.now)
        if goes is None or goes[0]:
            self.note((sequence, stamp))

    def note(self, numbers: tuple[np.ndarray[tuple[int], np.dtype[np.int64]], np.ndarray[tuple[int], np.dtype[np.int64]]]) -> None:
        """Remember what went out."""
        self.sent.append((int(numbers[0][0]), int(numbers[1][0])))


STEPS = st.lists(st.sampled_from(["packet", "packet", "packet", "lost", "late", "clock", "clock", "new", "digit"]), max_size=120)


@settings(max_examples=300, deadline=None)
@given(STEPS, st.booleans())
def test_no_number_ever_goes_out_twice(steps: list[str], own: bool) -> None:
    walk = Walk(own=own)
    for step in steps:
        walk.do(step)
    numbers = [sequence for sequence, _ in walk.sent]
    assert len(set(numbers)) == len(numbers)
    if own:
        assert numbers == sorted(numbers)
        assert not numbers or numbers[-1] - numbers[0] == len(numbers) - 1


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(["packet", "clock", "new"]), max_size=80))
def test_without_losses_numbers_are_consecutive_and_time_moves_on(steps: list[str]) -> None:
    walk = Walk(own=False)
    for step in steps:
        walk.do(step)
    assert [later[0] - earlier[0] for earlier, later in zip(walk.sent, walk.sent[1:], strict=False)] == [1] * max(0, len(walk.sent) - 1)
    leaps = [(later[1] - earlier[1]) & 0xFFFF_FFFF for earlier, later in zip(walk.sent, walk.sent[1:], strict=False)]
    assert all(160 <= leap < 160 * 200 for leap in leaps)


def test_a_source_keeps_a_constant_offset() -> None:
    walk = Walk(own=False)
    for step in ["packet", "lost", "packet", "packet", "late", "packet"]:
        walk.do(step)
    first = walk.sent[0][0]
    assert [sequence - first for sequence, _ in walk.sent] == [0, 2, 3, 1, 4]


def test_the_hold_over_is_two_packets_and_the_jitter_and_bounded() -> None:
    waits = hold_over(np.array([1, 2, 6, 2]), np.array([0.0, 0.005, 0.0, 9e9]))
    assert np.allclose(waits, [0.02, 0.045, 0.1, HOLD_OVER_MAX])


def test_a_pause_moves_time_on_by_whole_packets() -> None:
    made = senders()
    assert pause_blocks(made, 0, 2, 5.0) == 2
    made.sent_at[0] = 5.0
    assert pause_blocks(made, 0, 2, 5.001) == 2
    assert pause_blocks(made, 0, 2, 6.009) == 50 * 2
