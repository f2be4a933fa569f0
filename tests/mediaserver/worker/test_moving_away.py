"""Legs and calls that go from one worker to another: numbers, clocks, modes and bits go on, nobody is heard who is not there."""

import os
from functools import partial

import pytest

from mediaserver.link.messages import Admit, Applied, ReceiveLeg, Refused, ReleaseLeg, SetMuted
from tests.mediaserver.worker.hearing import assert_numbers_hold, hears, samples
from tests.mediaserver.worker.secured import Line, SecuredHouse, line_of
from tests.mediaserver.worker.simulated import Phone, Sent
from tests.mediaserver.worker.succession import null

CUSTOMER, AGENT, SUE, EXPERT, OTHER = 1, 2, 3, 4, 5
FIRST, SECOND = 10, 20
CUSTOMERS, AGENTS, SUES, EXPERTS = 433.0, 701.0, 1103.0, 467.0
UNDER_WAY = 0.006
"""Seconds between the turn of one worker and that of the other."""
LONGEST_GAP = 0.04


class Two:
    """Two workers side by side, on one clock, and a monitored call in the first."""

    def __init__(self, mode: str = "whisper", *, plain: bool = False, line: Line | None = None) -> None:
        """line: the customer's leg is a secured one, soon to roll over."""
        self.one, self.other = SecuredHouse(), SecuredHouse()
        joins = self.one.join if line is None else partial(self.one.join_secured, line=line)
        self.customer, self.agent = joins(CUSTOMER, FIRST, "customer"), self.one.join(AGENT, FIRST, "agent")
        if line is not None:
            self.customer.sequence = self.one.state.sender.sequence[self.customer.row] = 65_500
        self.sue = self.one.supervise(SUE, FIRST, mode)
        if not plain:
            self.customer.tone, self.agent.tone, self.sue.tone = CUSTOMERS, AGENTS, SUES
        self.run(0.5)

    def run(self, seconds: float) -> None:
        """Both turn for so long."""
        for house in (self.one, self.other):
            house.run(seconds)

    @property
    def now(self) -> float:
        """What both clocks say."""
        return self.one.now

    def move(self, *legs: int, call: int = FIRST, role: str = "", is_new: bool = False) -> int:
        """Let legs go in one turn, and have the other worker receive them in one, a few turns later; the last request there."""
        phones = {leg: self.one.phones.pop(self.one.roster.legs[leg].row) for leg in legs}
        roles = {leg: role or str(self.one.roster.legs[leg].seat.role) for leg in legs}
        due = {leg: self.one._next_packet.pop(phone.row) for leg, phone in phones.items()}
        self.one.command(*(ReleaseLeg(leg) for leg in legs))
        self.run(UNDER_WAY)
        assert len(self.one.desk.released) == len(legs)
        request = 0
        for leg, (_, lent) in zip(legs, self.one.desk.released, strict=True):
            command = ReceiveLeg(leg, call, roles[leg], False, is_new)
            request = self.other._request = self.other._request + 1
            self.other.desk.take(request, command, null(), self.other.now, lent[:1] + lent[1:])
            if leg in self.other.roster.legs:
                self._follow(leg, phones[leg], due[leg])
        self.one.desk.released.clear()
        return request

    def _follow(self, leg: int, phone: Phone, due: float) -> None:
        """The phone's packets waited in its socket meanwhile."""
        line = self.one.lines.pop(phone.row, None)
        phone.row = self.other.roster.legs[leg].row
        self.other.phones[phone.row], self.other._next_packet[phone.row] = phone, due
        if line is not None:
            self.other.lines[phone.row] = line


def since(phone: Phone, moment: float) -> list[Sent]:
    return [packet for packet in phone.got if packet.at > moment]


def longest_gap(phone: Phone) -> float:
    return max(later.at - earlier.at for earlier, later in zip(phone.got, phone.got[1:], strict=False))


def test_a_conversation_moves_without_losing_a_bit_or_a_number() -> None:
    two = Two("listen", plain=True)
    two.move(CUSTOMER, AGENT, SUE)
    moved = two.now
    two.run(0.5)
    assert len(two.one.roster.legs) == 0
    for phone, other in ((two.customer, two.agent), (two.agent, two.customer)):
        assert_numbers_hold(phone.got)
        payloads = [packet.payload for packet in phone.got]
        assert payloads == other.said[other.said.index(payloads[0]) :][: len(payloads)]
        assert len(since(phone, moved)) > 20
        assert longest_gap(phone) <= LONGEST_GAP


def test_a_secured_leg_takes_its_keys_and_counters_along_past_their_rollover() -> None:
    two = Two("listen", plain=True, line=line_of())
    for _ in range(4):
        two.move(CUSTOMER, AGENT, SUE)
        two.one, two.other = two.other, two.one
        two.run(0.3)
    line = two.one.lines[two.customer.row]
    assert line.strange == []
    assert two.one.counted(two.customer) == {}
    assert {sent.sequence for sent in two.customer.got} >= {65_535, 0, 1}
    assert {packet.payload for packet in two.customer.got} <= set(two.agent.said)
    assert {packet.payload for packet in two.agent.got} <= set(two.customer.said)
    assert two.customer.said[-2] in {packet.payload for packet in two.agent.got}


@pytest.mark.parametrize("mode", ["listen", "whisper", "barge"])
def test_a_supervisor_moves_with_the_call_in_his_mode_and_his_own_rhythm(mode: str) -> None:
    two = Two(mode)
    two.move(CUSTOMER, AGENT, SUE)
    moved = two.now
    two.run(0.5)
    assert_numbers_hold(two.sue.got)
    assert longest_gap(two.sue) <= LONGEST_GAP
    assert hears(since(two.sue, moved + 0.1), CUSTOMERS)
    assert hears(since(two.agent, moved + 0.1), SUES) == (mode != "listen")
    assert hears(since(two.customer, moved + 0.1), SUES) == (mode == "barge")
    for phone in (two.agent, two.customer):
        assert_numbers_hold(phone.got)
        assert longest_gap(phone) <= LONGEST_GAP


def test_counters_and_mutes_go_along() -> None:
    two = Two()
    two.one.command(SetMuted(AGENT, True))
    two.run(0.1)
    before = two.one.memory.counters(two.agent.row)
    two.move(CUSTOMER, AGENT, SUE)
    moved = two.now
    two.run(0.3)
    after = two.other.memory.counters(two.agent.row)
    assert 0 < before["received"] < after["received"] <= before["received"] + 20
    assert after["lost"] == before["lost"] == 0
    assert not hears(since(two.customer, moved + 0.02), AGENTS)


def test_a_leg_that_moves_alone_is_as_new_in_the_other_workers_call() -> None:
    two = Two("listen")
    expert = two.other.join(EXPERT, SECOND, "customer")
    expert.tone = EXPERTS
    two.run(0.3)
    two.move(AGENT, call=SECOND, role="outside", is_new=True)
    two.other.command(Admit(AGENT, True))
    moved = two.now
    two.run(0.5)
    assert_numbers_hold(two.agent.got)
    assert longest_gap(two.agent) <= LONGEST_GAP
    assert hears(since(expert, moved + 0.05), AGENTS)
    assert hears(since(two.agent, moved + 0.05), EXPERTS)
    assert not hears(since(two.agent, moved), CUSTOMERS)
    assert not hears(since(two.sue, moved + 0.02), AGENTS)


def test_its_old_row_is_wiped_and_serves_the_next_leg() -> None:
    two = Two("listen")
    row = two.agent.row
    two.move(AGENT, call=SECOND, role="agent", is_new=True)
    assert two.one.memory.leg(row) == -1
    assert not two.one.state.playout.end[row]
    assert not two.one.state.playout.samples.reshape(two.one.state.rows, -1)[row].any()
    two.one.join(OTHER, FIRST, "agent")
    assert two.one.roster.legs[OTHER].row == row


def test_who_was_not_admitted_there_is_heard_by_nobody() -> None:
    two = Two("listen")
    expert = two.other.join(EXPERT, SECOND, "customer")
    two.run(0.2)
    two.move(AGENT, call=SECOND, role="outside", is_new=True)
    moved = two.now
    two.run(0.3)
    assert not any(packet.samples.any() for packet in since(expert, moved))
    assert not any(packet.samples.any() for packet in since(two.agent, moved))


def test_what_was_said_in_the_old_call_is_not_heard_in_the_new_one() -> None:
    two = Two("listen")
    listener = two.other.supervise(OTHER, SECOND, "listen")
    two.run(0.2)
    two.agent.talking = False
    two.move(AGENT, call=SECOND, role="agent", is_new=True)
    two.other.command(Admit(AGENT, True))
    moved = two.now
    two.run(0.3)
    assert not samples(since(listener, moved)).any()


def test_a_content_of_another_layout_or_of_another_leg_is_refused_and_nothing_leaks() -> None:
    two = Two("listen")
    before = len(os.listdir("/proc/self/fd"))
    for content in (b"short", two.one.memory.row_content(two.sue.row)):
        file = os.memfd_create("row")
        os.pwrite(file, content, 0)
        two.other._request += 1
        two.other.desk.take(two.other._request, ReceiveLeg(AGENT, SECOND, "agent", False, True), null(), two.other.now, (file, null()))
        two.run(0.15)
        answer = two.other.answer(two.other._request)
        assert isinstance(answer, Refused)
        assert answer.code == "bad_value"
    assert len(os.listdir("/proc/self/fd")) == before
    assert AGENT not in two.other.roster.legs


def test_receiving_is_answered_with_the_new_row() -> None:
    two = Two("listen")
    request = two.move(CUSTOMER, AGENT, SUE)
    two.run(0.05)
    answer = two.other.answer(request)
    assert isinstance(answer, Applied)
    assert answer.row == two.sue.row
