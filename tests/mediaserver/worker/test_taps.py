"""Taps: both parties on one clock, sample by sample; gaps marked; and nobody in them who is not to be heard."""

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from mediaserver.link.messages import Admit, Applied, CloseLeg, CloseTap, OpenTap, Refused, SetMode, SetMuted
from mediaserver.link.ring import TapFrame, TapReader, create_ring
from mixer.arrays import Int16
from tests.mediaserver.worker.hearing import tone_level
from tests.mediaserver.worker.simulated import House, Phone

CUSTOMERS, AGENTS, SUES = 433.0, 701.0, 1103.0


class Tapped:
    """A supervised call that somebody taps."""

    def __init__(self, role: str = "outside", mode: str = "listen", records: int = 4000, **agents: Any) -> None:
        self.house = House()
        self.customer = self.house.join(1, 10, "customer")
        self.agent = self.house.join(2, 10, "agent", **agents)
        self.sue = self.house.supervise(3, 10, mode)
        self.customer.tone, self.agent.tone, self.sue.tone = CUSTOMERS, AGENTS, SUES
        self.house.run(0.5)
        self.ring = create_ring(records)
        self.reader = TapReader(self.ring)
        (self.request,) = self.house.command(OpenTap(5, 10, role), descriptors=(os.dup(self.ring),))

    def run(self, seconds: float) -> list[TapFrame]:
        """Let time pass; what the tap says meanwhile."""
        self.house.run(seconds)
        return list(self.reader.read())


@pytest.fixture
def tapped() -> Iterator[Tapped]:
    """The usual one."""
    made = Tapped()
    yield made
    made.reader.close()
    os.close(made.ring)


def of(frames: list[TapFrame], leg: int) -> list[TapFrame]:
    """Those of one leg."""
    return [frame for frame in frames if frame.leg == leg]


def samples(frames: list[TapFrame]) -> Int16:
    """One after the other."""
    return np.concatenate([np.frombuffer(frame.samples, dtype=np.int16) for frame in frames])


def test_both_parties_are_told_frame_by_frame_on_one_clock(tapped: Tapped) -> None:
    frames = tapped.run(3.0)
    assert {frame.leg for frame in frames} == {1, 2}
    positions = {leg: [frame.position for frame in of(frames, leg)] for leg in (1, 2)}
    assert positions[1] == positions[2]
    assert positions[1] == list(range(positions[1][0], positions[1][0] + 2 * len(positions[1]), 2))
    assert 130 <= len(positions[1]) <= 137
    for leg, tone in ((1, CUSTOMERS), (2, AGENTS)):
        heard = samples(of(frames, leg)[10:])
        assert tone_level(heard, tone) == pytest.approx(4 * 2000.0, rel=0.03)
    assert not any(frame.missing for frame in frames[20:])


def test_what_was_said_at_the_same_time_has_the_same_position(tapped: Tapped) -> None:
    house = tapped.house
    for phone in (tapped.customer, tapped.agent):
        phone.level = 0.0
    tapped.run(1.0)
    for phone in (tapped.customer, tapped.agent):
        phone.level = 4000.0
    began = house.now
    frames = tapped.run(1.0)
    onsets = {}
    for leg in (1, 2):
        loud = [frame.position for frame in of(frames, leg) if np.abs(samples([frame])).max() > 4000]
        onsets[leg] = loud[0]
    assert abs(onsets[1] - onsets[2]) <= 2
    assert abs(onsets[1] - int(began * 100)) <= 4


def test_a_gap_is_marked_and_keeps_its_place(tapped: Tapped) -> None:
    tapped.run(1.0)
    tapped.customer.talking = False
    tapped.house.run(0.1)
    tapped.customer.talking = True
    frames = of(tapped.run(1.0), 1)
    gaps = [frame for frame in frames if frame.is_gap]
    assert 4 <= len(gaps) <= 6
    assert [frame.position for frame in frames] == list(range(frames[0].position, frames[0].position + 2 * len(frames), 2))


def test_packets_that_come_in_any_order_within_the_delay_are_told_whole(tapped: Tapped) -> None:
    house, customer = tapped.house, tapped.customer
    tapped.run(1.0)
    customer.talking = False
    for _ in range(10):
        held = [customer.next_packet() for _ in range(5)]
        customer.timestamp -= 5 * customer.frame
        house.run(0.1)
        for packet in reversed(held):
            house.arrive(customer, packet)
    frames = of(tapped.run(0.5), 1)
    assert sum(frame.is_gap for frame in frames[:60]) <= 7


def test_who_is_muted_is_absent_and_what_he_said_meanwhile_never_comes(tapped: Tapped) -> None:
    tapped.run(1.0)
    tapped.house.command(SetMuted(1, True))
    muted_at = int(tapped.house.now * 100)
    tapped.customer.tone = 1500.0
    frames = tapped.run(1.0)
    assert all(frame.position < muted_at for frame in of(frames, 1))
    tapped.customer.tone = CUSTOMERS
    tapped.house.command(SetMuted(1, False))
    open_at = int(tapped.house.now * 100)
    frames = of(tapped.run(1.0), 1)
    assert all(frame.position >= open_at for frame in frames)
    assert tone_level(samples(frames), 1500.0) < 100
    assert len(of(frames, 1)) > 20


def test_a_leg_that_is_not_admitted_is_absent(tapped: Tapped) -> None:
    tapped.run(0.5)
    tapped.house.command(Admit(2, False))
    tapped.run(0.5)
    assert not of(tapped.run(0.5), 2)


@pytest.mark.parametrize(
    ("role", "mode", "is_heard"),
    [
        ("outside", "listen", False),
        ("outside", "whisper", False),
        ("outside", "barge", True),
        ("supervisor", "listen", False),
        ("supervisor", "whisper", True),
        ("supervisor", "barge", True),
    ],
)
def test_a_supervisor_is_in_a_tap_as_the_table_says(role: str, mode: str, is_heard: bool) -> None:
    made = Tapped(role, mode)
    assert bool(of(made.run(1.0), 3)) is is_heard


def test_what_a_supervisor_said_before_he_was_to_be_heard_never_comes() -> None:
    made = Tapped("supervisor", "listen")
    made.run(1.0)
    made.house.command(SetMode(3, "whisper", "agent"))
    now = int(made.house.now * 100)
    frames = of(made.run(1.0), 3)
    assert frames
    assert all(frame.position >= now for frame in frames)


def test_a_tap_of_one_leg_gets_that_alone() -> None:
    made = Tapped()
    made.house.command(OpenTap(6, 10, "outside", leg=2), descriptors=(os.dup(made.ring),))
    frames = made.run(1.0)
    assert {(frame.tap, frame.leg) for frame in frames} == {(5, 1), (5, 2), (6, 2)}


def test_taps_of_several_calls_share_a_ring() -> None:
    made = Tapped()
    for leg, role in ((21, "customer"), (22, "agent")):
        made.house.join(leg, 20, role)
    made.house.command(OpenTap(7, 20, "outside"), descriptors=(os.dup(made.ring),))
    frames = made.run(1.0)
    assert {(frame.tap, frame.leg) for frame in frames} == {(5, 1), (5, 2), (7, 21), (7, 22)}


def test_a_call_with_a_wideband_leg_is_told_at_its_rate() -> None:
    made = Tapped(codec="L16", clock_rate=16_000, receive_payload_type=97, send_payload_type=97)
    made.agent.talking = False
    frames = made.run(2.0)
    assert {frame.rate for frame in frames} == {16_000}
    heard = samples(of(frames, 1)[10:])[::2]
    assert tone_level(np.ascontiguousarray(heard), CUSTOMERS) == pytest.approx(4 * 2000.0, rel=0.03)


def test_a_call_whose_wideband_leg_is_not_to_be_heard_is_told_all_the_same() -> None:
    made = Tapped(codec="L16", clock_rate=16_000, receive_payload_type=97, send_payload_type=97)
    made.house.command(SetMuted(2, True))
    made.run(1.0)
    assert {(frame.leg, frame.rate) for frame in made.run(1.0)} == {(1, 16_000)}


def test_a_reader_who_does_not_read_costs_frames_and_nothing_else() -> None:
    made = Tapped(records=50)
    made.house.run(2.0)
    assert made.reader.waiting == 50
    assert made.reader.dropped > 100
    assert [packet.payload for packet in made.agent.got] == made.customer.said[: len(made.agent.got)]


def test_a_closed_tap_says_nothing_more(tapped: Tapped) -> None:
    tapped.run(0.5)
    tapped.house.command(CloseTap(5))
    tapped.house.step()
    list(tapped.reader.read())
    assert tapped.run(1.0) == []
    assert not tapped.house.state.call_tapped.any()


def test_a_tap_ends_with_its_call_and_hears_nothing_of_the_next() -> None:
    made = Tapped()
    made.run(0.5)
    made.house.command(CloseLeg(1), CloseLeg(2), CloseLeg(3))
    made.house.run(0.3)
    list(made.reader.read())
    made.house.join(31, 30, "customer")
    made.house.join(32, 30, "agent")
    assert made.run(1.0) == []


def test_where_no_tap_is_open_nothing_is_decoded_for_one() -> None:
    house = House()
    customer, _ = house.join(1, 10, "customer"), house.join(2, 10, "agent")
    house.run(0.5)
    assert not house.state.mix.wanted[customer.row]


def refusal(house: House, command: OpenTap | CloseTap, *descriptors: int) -> str:
    """Code with which a command is refused; empty where it is not."""
    (request,) = house.command(command, descriptors=descriptors)
    house.step()
    answer = house.answer(request)
    assert isinstance(answer, Applied | Refused)
    return answer.code if isinstance(answer, Refused) else ""


def test_taps_are_refused_that_cannot_be() -> None:
    made = Tapped()
    made.house.step()
    assert isinstance(made.house.answer(made.request), Applied)
    house, ring = made.house, made.ring
    assert refusal(house, OpenTap(5, 10, "outside"), os.dup(ring)) == "bad_value"
    assert refusal(house, OpenTap(6, 99, "outside"), os.dup(ring)) == "unknown_call"
    assert refusal(house, OpenTap(6, 10, "king"), os.dup(ring)) == "bad_value"
    assert refusal(house, OpenTap(6, 10, "outside"), os.open("/dev/null", os.O_RDONLY)) == "bad_value"
    assert refusal(house, CloseTap(99)) == "unknown_tap"


def test_a_party_who_changes_his_stream_keeps_his_place_on_the_clock(tapped: Tapped) -> None:
    customer: Phone = tapped.customer
    tapped.run(1.0)
    customer.ssrc, customer.sequence, customer.timestamp = 0xBEEF, 30_000, 99
    frames = of(tapped.run(2.0), 1)
    whole = [frame for frame in frames[-40:] if not frame.missing]
    assert len(whole) == 40
