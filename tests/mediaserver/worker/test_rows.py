"""Rows, seats and calls given and taken back: nothing of an ended call is heard in a later one, and no command is lost."""

import os

import numpy as np
import pytest

from mediaserver.link.messages import (
    Admit,
    Applied,
    CloseLeg,
    Command,
    OpenLeg,
    Ping,
    Refused,
    SetMedia,
    SetMode,
    SetMuted,
    SetVolumes,
)
from tests.mediaserver.worker.hearing import hears
from tests.mediaserver.worker.simulated import House


def null() -> int:
    return os.open("/dev/null", os.O_RDONLY)


def refusal(house: House, command: Command) -> str:
    """The code with which a command is refused; empty where it is not."""
    descriptors = (null(),) if isinstance(command, OpenLeg) else ()
    (request,) = house.command(command, descriptors=descriptors)
    house.run(0.11)
    answer = house.answer(request)
    return answer.code if isinstance(answer, Refused) else ""


def test_a_row_that_is_used_again_starts_with_nothing_of_the_old_leg() -> None:
    house = House(rows=3, calls=2)
    for generation, tones in enumerate(((433.0, 701.0, 1103.0), (467.0, 757.0, 1151.0))):
        call, first = 10 + generation, 1 + 3 * generation
        phones = [house.join(first, call, "customer"), house.join(first + 1, call, "agent"), house.supervise(first + 2, call, "barge")]
        for phone, tone in zip(phones, tones, strict=True):
            phone.tone = tone
        house.run(0.6)
        if generation:
            for phone in phones:
                assert not any(hears(phone.got, old) for old in (433.0, 701.0, 1103.0))
        counters = [house.memory.counters(phone.row)["received"] for phone in phones]
        assert counters == [len(phone.said) for phone in phones]
        rows = [phone.row for phone in phones]
        house.command(*(CloseLeg(first + offset) for offset in range(3)))
        house.phones.clear()
        house.run(0.2)
        for row in rows:
            assert house.memory.leg(row) == -1
            assert not house.state.playout.samples[row * 64 : (row + 1) * 64].any()
            assert house.memory.last_packet(row) == 0.0


def test_wideband_buffers_of_who_never_spoke_wideband_are_not_touched() -> None:
    house = House(rows=3, calls=1)
    for leg, role in enumerate(("customer", "agent"), start=1):
        house.join(leg, 10, role).tone = 433.0
    house.run(0.5)
    assert house.state.playout.held.any()
    assert not house.state.wide.held.any()
    assert not house.state.wide.made.any()


def test_a_closed_leg_is_unknown_at_once_and_its_socket_is_closed() -> None:
    house = House()
    house.join(1, 10, "customer")
    house.run(0.1)
    house.command(CloseLeg(1))
    assert house.ports.closed == [0]
    assert refusal(house, Admit(1, True)) == "unknown_leg"


def test_new_numbers_start_for_a_new_leg_and_are_random() -> None:
    seeds = iter(range(4))
    house = House()
    house.desk._entropy = lambda count: bytes([next(seeds)]) * count
    customer, agent = house.join(1, 10, "customer"), house.join(2, 10, "agent")
    house.run(0.1)
    assert customer.got[0].ssrc != agent.got[0].ssrc
    assert customer.got[0].sequence != agent.got[0].sequence
    assert customer.got[0].timestamp != agent.got[0].timestamp


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (OpenLeg(1, 10, "agent", False), "duplicate_leg"),
        (OpenLeg(9, 10, "king", False), "bad_value"),
        (Admit(99, True), "unknown_leg"),
        (SetMode(1, "whisper", "agent"), "bad_value"),
        (SetMode(3, "shout", "agent"), "bad_value"),
        (SetMode(3, "whisper", "supervisor"), "bad_value"),
        (SetVolumes(3, 5.0, 1.0), "bad_value"),
        (SetVolumes(3, float("nan"), 1.0), "bad_value"),
        (SetVolumes(1, 1.0, 1.0), "bad_value"),
        (SetMedia(1, "here", 4, "PCMU", 0, 0, 20, -1, -1, True, True), "bad_value"),
        (SetMedia(1, "127.0.0.1", 70_000, "PCMU", 0, 0, 20, -1, -1, True, True), "bad_value"),
        (SetMedia(1, "127.0.0.1", 4, "OPUS", 0, 0, 20, -1, -1, True, True), "bad_value"),
        (SetMedia(1, "127.0.0.1", 4, "PCMU", 128, 0, 20, -1, -1, True, True), "bad_value"),
        (SetMedia(1, "127.0.0.1", 4, "PCMU", 0, 0, 0, -1, -1, True, True), "bad_value"),
        (Ping(), ""),
        (SetMuted(1, True), ""),
    ],
)
def test_what_cannot_be_done_is_refused_with_its_code(command: Command, code: str) -> None:
    house = House()
    house.join(1, 10, "customer")
    house.supervise(3, 10)
    assert refusal(house, command) == code


def test_a_full_call_and_a_full_worker_say_so_and_no_descriptor_leaks() -> None:
    house = House(rows=3, calls=2, seats=2)
    for leg in (1, 2):
        house.join(leg, 10, "outside")
    before = len(os.listdir("/proc/self/fd"))
    assert refusal(house, OpenLeg(3, 10, "agent", False)) == "no_seat"
    assert refusal(house, OpenLeg(3, 11, "agent", False)) == ""
    assert refusal(house, OpenLeg(4, 12, "agent", False)) == "no_row"
    assert len(os.listdir("/proc/self/fd")) == before


def test_an_invalid_set_media_changes_nothing() -> None:
    house = House()
    customer, agent = house.join(1, 10, "customer"), house.join(2, 10, "agent")
    house.run(0.1)
    house.set_media(1, codec="OPUS")
    house.run(0.1)
    assert [packet.payload for packet in agent.got] == customer.said


def test_every_command_is_answered_once() -> None:
    house = House()
    rng = np.random.default_rng(7)
    requests = []
    for leg in range(1, 7):
        requests += house.command(OpenLeg(leg, leg % 2, "supervisor" if leg > 4 else "agent", False), descriptors=(null(),))
        requests.append(house.set_media(leg))
    for _ in range(200):
        leg = int(rng.integers(1, 8))
        flag = bool(rng.integers(2))
        choice: list[Command] = [Admit(leg, flag), SetMuted(leg, flag), SetMode(leg, "barge", "agent"), Ping()]
        requests += house.command(choice[int(rng.integers(len(choice)))])
        house.run(0.004)
    house.run(0.3)
    assert sorted(answer.request for _, answer in house.answers) == sorted(requests)
    assert all(isinstance(answer, Applied | Refused) for _, answer in house.answers)
