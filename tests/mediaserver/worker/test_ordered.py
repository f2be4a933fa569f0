"""Packets of codecs with a state: decoded in order whatever order they come in, each number once, gaps made up where they are given up."""

import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mediaserver.worker.ordered import BLOCK, MAX_WAITING, Coded, Decoded, OrderedStream
from mixer.arrays import Int16


class Scribe:
    """A decoder that writes down what it is asked; payloads are single bytes, sounds their values."""

    def __init__(self, *, recovers: bool = False, conceals: bool = False) -> None:
        self.recovers, self.conceals = recovers, conceals
        self.asked: list[str] = []

    def decode(self, payload: bytes, out: Int16) -> int:
        self.asked.append(f"decode {payload[0]}" if payload else "decode nothing")
        out[: 2 * BLOCK] = payload[0] if payload else 0
        return 2 * BLOCK if payload else 0

    def conceal(self, out: Int16) -> int:
        self.asked.append(f"conceal {len(out) // BLOCK}")
        out[:] = -1
        return len(out) if self.conceals else 0

    def recover(self, following: bytes, out: Int16) -> int:
        self.asked.append(f"recover from {following[0]}")
        out[:] = following[0] - 1
        return len(out) if self.recovers else 0


def packet(number: int) -> Coded:
    return Coded(number, 100 + 2 * number, 2, bytes([number]))


class Stream:
    """A stream that begins with packet 1, and what is heard of it: (position, value, blocks, whether it was made up)."""

    def __init__(self, *, recovers: bool = False, conceals: bool = False) -> None:
        self.scribe = Scribe(recovers=recovers, conceals=conceals)
        self.ordered = OrderedStream(self.scribe, 1, 5, 1)
        self.heard: list[tuple[int, int, int, bool]] = []

    def note(self, decoded: Decoded) -> None:
        """It is heard."""
        self.heard.append((decoded.position, int(decoded.frame[0]), len(decoded.frame) // BLOCK, decoded.is_made_up))

    def take(self, *numbers: int) -> None:
        """These packets come."""
        for number in numbers:
            self.ordered.take(packet(number), self.note)

    @property
    def decoded(self) -> list[int]:
        """Numbers of the packets that were decoded, in order."""
        return [int(asked.split()[1]) for asked in self.scribe.asked if asked.startswith("decode")]


def test_a_packet_behind_a_gap_waits_for_the_missing_one() -> None:
    stream = Stream()
    stream.take(1, 3)
    assert stream.decoded == [1]
    stream.take(2)
    assert stream.decoded == [1, 2, 3]
    assert [position for position, *_ in stream.heard] == [102, 104, 106]
    assert not stream.ordered.waiting


def test_what_is_given_up_is_recovered_from_the_packet_behind_it() -> None:
    stream = Stream(recovers=True, conceals=True)
    stream.take(1, 3)
    stream.ordered.give_up(stream.note)
    assert stream.scribe.asked == ["decode 1", "recover from 3", "decode 3"]
    assert stream.heard == [(102, 1, 2, False), (104, 2, 2, False), (106, 3, 2, False)]


def test_of_several_that_are_missing_the_last_is_recovered_and_the_others_are_concealed() -> None:
    stream = Stream(recovers=True, conceals=True)
    stream.take(1, 4)
    stream.ordered.give_up(stream.note)
    assert stream.scribe.asked == ["decode 1", "conceal 2", "recover from 4", "decode 4"]
    assert [made_up for *_, made_up in stream.heard] == [False, True, False, False]


def test_one_that_is_missing_behind_one_that_was_concealed_already_is_recovered_whole() -> None:
    stream = Stream(recovers=True, conceals=True)
    stream.take(1)
    assert stream.ordered.conceal(104) is not None
    assert stream.ordered.conceal(105) is not None
    stream.take(4)
    stream.ordered.give_up(stream.note)
    assert stream.heard[1:] == [(106, 3, 2, False), (108, 4, 2, False)]


def test_what_was_concealed_is_recovered_all_the_same_for_who_is_to_hear_it_late() -> None:
    stream = Stream(recovers=True, conceals=True)
    stream.take(1)
    assert stream.ordered.conceal(104) is not None
    assert stream.ordered.conceal(105) is not None
    stream.take(3)
    stream.ordered.take_back(104)
    stream.ordered.give_up(stream.note)
    assert stream.heard[1:] == [(104, 2, 2, False), (106, 3, 2, False)]


def test_what_has_been_heard_is_not_taken_back() -> None:
    stream = Stream(recovers=True, conceals=True)
    stream.take(1, 2, 4)
    stream.ordered.take_back(104)
    stream.ordered.give_up(stream.note)
    assert stream.heard[2:] == [(106, 3, 2, False), (108, 4, 2, False)]


def test_what_cannot_be_recovered_is_concealed_and_what_cannot_be_concealed_stays_missing() -> None:
    concealing, helpless = Stream(conceals=True), Stream()
    for stream in (concealing, helpless):
        stream.take(1, 3)
        stream.ordered.give_up(stream.note)
    assert concealing.heard[1] == (104, -1, 2, True)
    assert [position for position, *_ in helpless.heard] == [102, 106]


def test_what_was_given_up_is_late_when_it_comes() -> None:
    stream = Stream()
    stream.take(1, 3)
    stream.ordered.give_up(stream.note)
    assert not stream.ordered.take(packet(2), stream.note)
    assert stream.decoded == [1, 3]


def test_a_number_without_audio_is_no_gap() -> None:
    stream = Stream(conceals=True)
    stream.take(1)
    stream.ordered.pass_over(2, stream.note)
    stream.take(3)
    stream.ordered.pass_over(5, stream.note)
    stream.take(6, 4)
    assert stream.decoded == [1, 3, 4, 6]
    assert "conceal 2" not in stream.scribe.asked


def test_a_long_pause_is_not_made_up() -> None:
    stream = Stream(conceals=True)
    stream.take(1)
    stream.ordered.take(Coded(3, 100 + 500, 2, b"\x03"), stream.note)
    stream.ordered.give_up(stream.note)
    assert stream.scribe.asked == ["decode 1", "decode 3"]


def test_silence_that_was_not_sent_is_a_pause_in_time_and_not_in_numbers() -> None:
    stream = Stream(conceals=True)
    stream.take(1)
    stream.ordered.take(Coded(2, 140, 2, b"\x02"), stream.note)
    assert stream.heard[-1] == (140, 2, 2, False)
    assert stream.scribe.asked == ["decode 1", "decode 2"]


def test_a_broken_payload_is_told_and_the_next_one_is_decoded() -> None:
    stream = Stream()
    stream.take(1)
    assert not stream.ordered.take(Coded(2, 104, 2, b""), stream.note)
    stream.take(3)
    assert stream.heard[-1] == (106, 3, 2, False)


def test_only_the_first_is_a_beginning() -> None:
    firsts: list[bool] = []
    stream = Stream()
    for number in (1, 2, 3):
        stream.ordered.take(packet(number), lambda decoded: firsts.append(decoded.is_first))
    assert firsts == [True, False, False]


@given(st.integers(0, 10_000), st.floats(0.0, 0.4), st.integers(0, 12))
def test_whatever_is_lost_or_overtaken_everything_is_decoded_once_in_order_and_few_wait(seed: int, loss: float, disorder: int) -> None:
    draw = random.Random(seed)
    stream = Stream(recovers=True, conceals=True)
    numbers = [1, *(number for number in range(2, 120) if draw.random() >= loss)]
    numbers[1:] = sorted(numbers[1:], key=lambda number: number + draw.uniform(0, disorder))
    for number in numbers:
        stream.take(number)
        assert len(stream.ordered.waiting) <= MAX_WAITING
        if draw.random() < 0.1:
            stream.ordered.give_up(stream.note)
    assert stream.decoded == sorted(set(stream.decoded))
    positions = [position for position, *_ in stream.heard]
    assert positions == sorted(set(positions))
    values = {position: value for position, value, _, made_up in stream.heard if not made_up}
    assert all(value == (position - 100) // 2 for position, value in values.items())


def test_the_frames_of_one_packet_are_given_before_those_of_the_next() -> None:
    frames: list[Int16] = []
    stream = Stream()
    for number in (2, 3, 1):
        stream.ordered.take(packet(number), lambda decoded: frames.append(np.array(decoded.frame)))
    assert [int(frame[0]) for frame in frames] == [1, 2, 3]
