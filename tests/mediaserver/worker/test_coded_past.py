"""What was passed through of a leg right before it is mixed: in one piece, of one voice, or not at all."""

import numpy as np
import pytest

from mediaserver.worker.coded_past import KEPT, LARGEST, CodedPast
from mediaserver.worker.ordered import Coded
from rtp.header import HEADER

VOICE = (1, 3, 7)
"""Stream, codec, call."""


class Legs:
    """Four rows; packets of 20 ms whose payloads are their numbers."""

    def __init__(self) -> None:
        self.inbox = np.zeros((4, 1472), dtype=np.uint8)
        self.past = CodedPast(4, self.inbox)

    def note(self, *numbers: int, row: int = 2, voice: tuple[int, int, int] = VOICE, size: int = 50, late: int = 0) -> None:
        """Packets of a row, ``late`` blocks after their place."""
        for number in numbers:
            self.inbox[1, HEADER : HEADER + size] = number
            spoken = np.array([[fact] for fact in voice])
            place = np.array([[number], [100 + 2 * number + late], [2], [size]])
            self.past.note(np.array([row]), np.array([1]), tuple(spoken), tuple(place))

    def before(self, number: int, row: int = 2, voice: tuple[int, int, int] = VOICE) -> list[int]:
        """Numbers of those found before one."""
        found = self.past.before(row, Coded(number, 100 + 2 * number, 2, b""), voice)
        assert all(packet.payload == bytes([packet.extended]) * 50 for packet in found)
        assert all(packet.position == 100 + 2 * packet.extended for packet in found)
        return [packet.extended for packet in found]


def test_before_anything_was_passed_nothing_is_known() -> None:
    assert Legs().before(5) == []


def test_the_last_packets_are_known_in_their_order() -> None:
    legs = Legs()
    legs.note(*range(1, 30))
    assert legs.before(30) == list(range(30 - KEPT, 30))
    assert legs.before(30, row=1) == []


def test_a_gap_ends_what_is_known() -> None:
    legs = Legs()
    legs.note(1, 2, 4, 5)
    assert legs.before(6) == [4, 5]
    assert legs.before(8) == []


def test_a_pause_in_time_ends_it_too() -> None:
    legs = Legs()
    legs.note(1, 2)
    legs.note(3, late=10)
    assert legs.before(4) == []


@pytest.mark.parametrize("other", [(2, 3, 7), (1, 4, 7), (1, 3, 8)], ids=["stream", "codec", "call"])
def test_what_was_said_in_another_is_not_known(other: tuple[int, int, int]) -> None:
    legs = Legs()
    legs.note(1, 2, voice=other)
    legs.note(3, 4)
    assert legs.before(5) == [3, 4]


def test_a_payload_that_is_too_large_is_not_kept() -> None:
    legs = Legs()
    legs.note(1)
    legs.note(2, size=LARGEST + 1)
    legs.note(3)
    assert legs.before(4) == [3]


def test_who_has_ended_is_forgotten() -> None:
    legs = Legs()
    legs.note(1, 2)
    legs.past.forget(2)
    assert legs.before(3) == []
