"""What a worker leaves out whose turns are long already, and what time it is in one that takes long."""

import time

import pytest

from mediaserver.link.memory import Memory
from mediaserver.link.wire import LinkEnd, link_pair
from mediaserver.worker.gaps import FEW_NEW_GAPS, LONG_TURN
from mediaserver.worker.process import Worker
from mediaserver.worker.sounds import Sounds
from rtp.arrays import Int64
from tests.mediaserver.worker.hearing import assert_numbers_hold, hears
from tests.mediaserver.worker.simulated import House, Phone

SUPERVISORS = 2 * FEW_NEW_GAPS


@pytest.fixture
def watched() -> tuple[House, Phone, list[Phone]]:
    """A call with more supervisors than gaps may begin in a long turn; its customer."""
    house = House(seats=SUPERVISORS + 2)
    customer, agent = house.join(1, 10, "customer"), house.join(2, 10, "agent")
    customer.tone, agent.tone = 433.0, 701.0
    supervisors = [house.supervise(3 + number, 10) for number in range(SUPERVISORS)]
    house.run(2.0)
    return house, customer, supervisors


def concealed_after_a_loss(house: House, customer: Phone) -> int:
    """How many blocks of the customer's next packet, which does not come, are made up, for all who hear it."""
    before = house.memory.counters(customer.row)["concealed_blocks"]
    customer.next_packet()
    house.run(0.2)
    return house.memory.counters(customer.row)["concealed_blocks"] - before


def test_short_turns_conceal_a_loss_for_everybody(watched: tuple[House, Phone, list[Phone]]) -> None:
    house, customer, _ = watched
    assert concealed_after_a_loss(house, customer) == 2 * SUPERVISORS


def test_long_turns_conceal_it_for_a_few_and_the_others_hear_on_behind_it(watched: tuple[House, Phone, list[Phone]]) -> None:
    house, customer, supervisors = watched
    house.state.turn_length[0] = LONG_TURN
    assert 0 < concealed_after_a_loss(house, customer) < 2 * SUPERVISORS
    for supervisor in supervisors:
        recent = supervisor.got[-5:]
        assert_numbers_hold(recent)
        assert hears(recent, 433.0)
        assert hears(recent, 701.0)


def test_no_clock_strikes_for_what_came_while_others_were_read(monkeypatch: pytest.MonkeyPatch) -> None:
    link, theirs = link_pair()
    worker = Worker(LinkEnd(theirs), Memory.create(4, 2, 3), Sounds(), 0.002)
    read, turns, reads = worker._sockets.receive, list[float](), list[float]()

    def read_slowly(now: float) -> tuple[Int64, Int64]:
        batch = read(now)
        reads.append(time.monotonic())
        time.sleep(0.01)
        return batch

    monkeypatch.setattr(worker._sockets, "receive", read_slowly)
    monkeypatch.setattr(worker._turn, "step", lambda lengths, rows, now: turns.append(now))
    began = time.monotonic()
    worker._one_turn(began)
    link.close()
    assert began <= turns[0] <= reads[0]
