"""Whom the server clocks waits a moment for a packet that should come any moment, and for nobody who has paused or is lost."""

from itertools import chain, repeat

import numpy as np
import pytest

from mediaserver.worker.grace import GRACE
from tests.mediaserver.worker.hearing import assert_numbers_hold
from tests.mediaserver.worker.simulated import TURN, House, Phone

PTIME = 0.02


@pytest.fixture
def call() -> tuple[House, Phone, Phone]:
    """A call that has been listened to for a while; its agent and the supervisor."""
    house = House()
    customer, agent = house.join(1, 10, "customer"), house.join(2, 10, "agent")
    customer.tone, agent.tone = 433.0, 701.0
    supervisor = house.supervise(3, 10)
    house.run(9.0)
    return house, agent, supervisor


def spacing(phone: Phone, since: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Seconds between one packet and the next."""
    return np.diff([sent.at for sent in phone.got if sent.at >= since])


def concealed(house: House, phone: Phone) -> int:
    return int(house.memory.counters(phone.row)["concealed_blocks"])


def delay_one(house: House, phone: Phone, supervisor: Phone, seconds: float) -> None:
    """Let the phone's next packet come so long after the moment at which the supervisor needs it."""
    mix = house.state.mix
    margin = float(mix.margin[supervisor.row, mix.source[supervisor.row].tolist().index(phone.row)])
    delays = chain([margin + seconds], repeat(0.0))
    house.jitter[phone.row] = lambda: next(delays)


@pytest.mark.parametrize("late_ms", [1, 2, 3])
def test_a_packet_that_is_a_little_late_is_waited_for_and_nothing_is_made_up(call: tuple[House, Phone, Phone], late_ms: int) -> None:
    house, agent, supervisor = call
    before, since = concealed(house, agent), house.now - 1.5 * PTIME
    delay_one(house, agent, supervisor, late_ms / 1000)
    house.run(0.5)
    assert concealed(house, agent) == before
    assert PTIME < spacing(supervisor, since).max() <= PTIME + GRACE + TURN
    assert_numbers_hold(supervisor.got)


def test_the_clock_goes_on_as_it_was(call: tuple[House, Phone, Phone]) -> None:
    house, agent, supervisor = call
    before = supervisor.got[-1].at
    delay_one(house, agent, supervisor, 0.003)
    house.run(0.5)
    steps = (supervisor.got[-1].at - before) / PTIME
    assert abs(steps - round(steps)) * PTIME <= TURN


@pytest.mark.parametrize("late_ms", [8, 1000])
def test_what_is_later_or_lost_is_made_up_and_holds_nobody_back_for_longer(call: tuple[House, Phone, Phone], late_ms: int) -> None:
    house, agent, supervisor = call
    before, since = concealed(house, agent), house.now - 1.5 * PTIME
    delay_one(house, agent, supervisor, late_ms / 1000)
    house.run(0.5)
    assert concealed(house, agent) > before
    assert spacing(supervisor, since).max() <= PTIME + GRACE + TURN


def test_nobody_waits_for_who_has_paused(call: tuple[House, Phone, Phone]) -> None:
    house, agent, supervisor = call
    agent.talking = False
    house.run(0.1)
    since = house.now
    house.run(1.0)
    assert spacing(supervisor, since).max() <= PTIME + TURN
    assert len(spacing(supervisor, since)) >= 48
