"""A leg that moves to another call: its numbers go on, and neither call hears what was not said in it."""

import pytest

from mediaserver.link.messages import Admit, Applied, CloseLeg, Command, MoveLeg, OpenLeg, Play, Refused, SetMode
from tests.mediaserver.worker.hearing import assert_numbers_hold, hears
from tests.mediaserver.worker.simulated import House, Phone, Sent
from tests.mediaserver.worker.test_rows import null

FIRST, SECOND = 10, 20
"""The customer's call and the consultation."""
CUSTOMER, AGENT, CONSULTING, EXPERT, SUE = 1, 2, 3, 4, 5
FADED = 0.15
"""Seconds after which nothing is left of a silent leg that was closed."""
CUSTOMERS, AGENTS, CONSULTINGS, EXPERTS, SUES = 433.0, 701.0, 1103.0, 467.0, 757.0


class Two:
    """A customer's call and the agent's consultation, each with its own voices."""

    def __init__(self, *, expert: str = "outside", whispers: bool = False) -> None:
        self.house = House()
        self.customer = self._joins(CUSTOMER, FIRST, "customer", CUSTOMERS)
        self.agent = self._joins(AGENT, FIRST, "agent", AGENTS)
        self.consulting = self._joins(CONSULTING, SECOND, "agent", CONSULTINGS)
        self.expert = self._joins(EXPERT, SECOND, expert, EXPERTS)
        self.sue = self.house.supervise(SUE, SECOND if not whispers else FIRST, "whisper" if whispers else "barge")
        self.sue.tone = SUES
        self.house.run(0.6)

    def _joins(self, leg: int, call: int, role: str, tone: float) -> Phone:
        phone = self.house.join(leg, call, role)
        phone.tone = tone
        return phone

    def merge(self, role: str = "outside", *others: Command) -> int:
        """The consultation's far leg takes the agent's place, all in one turn; how much of it had been sent until then."""
        before = len(self.expert.got)
        self.house.command(MoveLeg(EXPERT, FIRST, role), *others, Admit(EXPERT, True), CloseLeg(AGENT), CloseLeg(CONSULTING))
        return before

    def after(self, phone: Phone, since: float) -> list[Sent]:
        """What a phone got later than this."""
        return [packet for packet in phone.got if packet.at > since]


def test_its_numbers_go_on_and_it_is_heard_bit_by_bit_from_the_next_packet_on() -> None:
    two = Two()
    two.house.phones.pop(two.agent.row)
    two.expert.tone = two.customer.tone = 0.0
    two.merge()
    moved = two.house.now
    said = len(two.expert.said), len(two.customer.said)
    two.house.run(0.5)
    assert_numbers_hold(two.expert.got)
    assert_numbers_hold(two.customer.got)
    at_the_customer = [packet.payload for packet in two.after(two.customer, moved + FADED)]
    at_the_expert = [packet.payload for packet in two.after(two.expert, moved + FADED)]
    assert len(at_the_customer) > 15
    assert all(payload in two.expert.said[said[0] :] for payload in at_the_customer)
    assert all(payload in two.customer.said[said[1] :] for payload in at_the_expert)


def test_nothing_of_the_old_call_is_heard_in_the_new_one_nor_the_other_way_round() -> None:
    two = Two()
    two.merge()
    moved = two.house.now
    two.house.run(1.0)
    heard = two.after(two.customer, moved + 0.022)
    assert hears(heard, EXPERTS)
    assert not any(hears(heard, tone) for tone in (CONSULTINGS, SUES, AGENTS))
    heard = two.after(two.expert, moved + 0.022)
    assert hears(heard, CUSTOMERS)
    assert not any(hears(heard, tone) for tone in (CONSULTINGS, SUES, AGENTS))
    assert not hears(two.after(two.sue, moved + 0.15), EXPERTS)


def test_the_very_first_packets_to_the_new_call_hold_nothing_that_was_said_before_the_move() -> None:
    two = Two()
    two.house.supervise(6, FIRST)
    listener = two.house.phones[two.house.roster.legs[6].row]
    two.house.run(0.3)
    two.customer.talking = two.agent.talking = False
    two.house.run(0.2)
    two.merge()
    two.expert.talking = False
    moved = two.house.now
    two.house.run(0.3)
    after = two.after(listener, moved)
    assert len(after) >= 14
    assert not any(packet.samples.any() for packet in after)


def test_before_it_is_admitted_it_neither_hears_nor_is_heard_there() -> None:
    two = Two()
    two.house.command(MoveLeg(EXPERT, FIRST, "outside"))
    moved = two.house.now
    two.house.run(0.5)
    heard = two.after(two.customer, moved)
    assert hears(heard, AGENTS)
    assert not hears(heard, EXPERTS)
    assert not any(packet.samples.any() for packet in two.after(two.expert, moved))


def test_a_whisper_that_goes_on_is_heard_by_no_outside_party_that_moves_in() -> None:
    two = Two(whispers=True)
    assert hears(two.agent.got[-20:], SUES)
    two.merge("outside")
    moved = two.house.now
    two.house.run(0.6)
    for phone in (two.customer, two.expert):
        assert not hears(two.after(phone, moved), SUES)
    assert hears(two.after(two.sue, moved + 0.05), EXPERTS)


def test_a_supervisor_who_moves_has_no_mode_until_he_is_given_one() -> None:
    two = Two()
    two.merge("agent", MoveLeg(SUE, FIRST, "supervisor"), Admit(SUE, True))
    moved = two.house.now
    two.house.run(0.5)
    for phone in (two.customer, two.expert):
        assert not hears(two.after(phone, moved + 0.022), SUES)
    assert hears(two.after(two.sue, moved + 0.1), CUSTOMERS)
    assert hears(two.after(two.sue, moved + 0.1), EXPERTS)
    assert_numbers_hold(two.sue.got)
    two.house.command(SetMode(SUE, "whisper", "agent"))
    moved = two.house.now
    two.house.run(0.5)
    assert hears(two.after(two.expert, moved + 0.1), SUES)
    assert not hears(two.after(two.customer, moved), SUES)


def test_what_the_server_played_to_it_stays_behind() -> None:
    house = House()
    house.join(CUSTOMER, FIRST, "customer")
    expert = house.join(EXPERT, SECOND, "outside")
    sounds = house.desk._sounds
    assert sounds.load("music", b"\x10\x27" * 16_000) == ""
    house.command(Play(EXPERT, "music", True))
    house.run(0.3)
    assert expert.got[-1].samples.any()
    house.command(MoveLeg(EXPERT, FIRST, "outside"))
    moved = house.now
    house.run(0.3)
    assert not any(packet.samples.any() for packet in expert.got if packet.at > moved)


def test_an_old_call_without_legs_is_forgotten_and_its_place_serves_again() -> None:
    house = House(rows=4, calls=2)
    house.join(CUSTOMER, FIRST, "customer")
    house.join(EXPERT, SECOND, "outside")
    house.command(MoveLeg(EXPERT, FIRST, "outside"))
    house.run(0.05)
    (request,) = house.command(OpenLeg(9, 30, "agent", False), descriptors=(null(),))
    house.run(0.05)
    assert isinstance(house.answer(request), Applied)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (MoveLeg(99, FIRST, "outside"), "unknown_leg"),
        (MoveLeg(EXPERT, SECOND, "outside"), "bad_value"),
        (MoveLeg(EXPERT, FIRST, "king"), "bad_value"),
    ],
)
def test_a_move_that_cannot_be_done_changes_nothing(command: Command, code: str) -> None:
    two = Two()
    (request,) = two.house.command(command)
    since = two.house.now
    two.house.run(0.3)
    answer = two.house.answer(request)
    assert isinstance(answer, Refused)
    assert answer.code == code
    assert hears(two.after(two.expert, since), CONSULTINGS)


def test_a_call_without_a_free_seat_takes_nobody_in() -> None:
    house = House(rows=16, calls=4, seats=2)
    house.join(CUSTOMER, FIRST, "customer")
    house.join(AGENT, FIRST, "agent")
    house.join(EXPERT, SECOND, "outside")
    (request,) = house.command(MoveLeg(EXPERT, FIRST, "outside"))
    house.run(0.15)
    answer = house.answer(request)
    assert isinstance(answer, Refused)
    assert answer.code == "no_seat"


def test_a_call_that_has_nobody_begins_with_who_moves_into_it() -> None:
    two = Two()
    request, _ = two.house.command(MoveLeg(EXPERT, 99, "supervisor"), Admit(EXPERT, True))
    since = two.house.now
    two.house.run(0.3)
    assert isinstance(two.house.answer(request), Applied)
    assert not hears(two.after(two.expert, since), CONSULTINGS)
    (back,) = two.house.command(MoveLeg(EXPERT, FIRST, "outside"))
    two.house.run(0.1)
    assert isinstance(two.house.answer(back), Applied)
