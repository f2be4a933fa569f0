"""Where the settings want it, supervisors hear soft parties louder and loud ones softer; nobody else hears a difference."""

import numpy as np
import pytest

from mediaserver.worker.evening import GOAL_DBOV, LEAST_DB, MOST_DB, NEAR_DB
from tests.mediaserver.worker.hearing import samples, tone_level
from tests.mediaserver.worker.simulated import House, Phone
from tests.mediaserver.worker.succession import Told

CUSTOMER, AGENT = 433.0, 701.0
ENOUGH = 9.0
"""Seconds after which gains have come to rest."""


def amplitude(dbov: float) -> float:
    """Of a tone of this level."""
    return float(8031 * np.sqrt(2) * 10 ** (dbov / 20))


def call(customer_dbov: float, *, evens_out: bool = True) -> tuple[House, Phone, Phone, Phone]:
    """A customer who speaks at a level, an agent who speaks as he should, and a silent supervisor."""
    house = House()
    house.state.evens_out = evens_out
    customer, agent, supervisor = house.join(1, 10, "customer"), house.join(2, 10, "agent"), house.supervise(3, 10)
    customer.tone, agent.tone, supervisor.level = CUSTOMER, AGENT, 0.0
    customer.level, agent.level = amplitude(customer_dbov), amplitude(GOAL_DBOV)
    return house, customer, agent, supervisor


def gain_db(phone: Phone, tone: float, dbov: float) -> float:
    """How much louder a phone hears a tone than it was said."""
    return float(20 * np.log10(tone_level(samples(phone.got[-20:]), tone) / amplitude(dbov)))


@pytest.mark.parametrize(("dbov", "wanted"), [(-34.0, 8.0), (-37.0, 11.0), (-22.0, -4.0), (-14.0, LEAST_DB), (-26.0, 0.0)])
def test_a_party_comes_to_the_goal_within_bounds(dbov: float, wanted: float) -> None:
    house, _, _, supervisor = call(dbov)
    house.run(ENOUGH)
    assert gain_db(supervisor, CUSTOMER, dbov) == pytest.approx(wanted, abs=NEAR_DB + 0.2)
    assert gain_db(supervisor, AGENT, GOAL_DBOV) == pytest.approx(0.0, abs=0.3)


@pytest.mark.parametrize(("spoken", "bound"), [(-60.0, MOST_DB), (-5.0, LEAST_DB)])
def test_no_gain_goes_beyond_its_bounds(spoken: float, bound: float) -> None:
    house, customer, _, _ = call(-75.0)
    house.state.meter.spoken[customer.row] = spoken
    house.run(ENOUGH)
    assert float(house.state.meter.evened[customer.row]) == pytest.approx(bound, abs=NEAR_DB)
    assert LEAST_DB <= float(house.state.meter.evened[customer.row]) <= MOST_DB


def test_it_comes_slowly() -> None:
    house, _, _, supervisor = call(-36.0)
    house.run(1.5)
    assert 0.8 < gain_db(supervisor, CUSTOMER, -36.0) < 4.0


def test_the_parties_hear_each_other_as_they_are() -> None:
    house, customer, agent, _ = call(-36.0)
    house.run(4.0)
    assert [packet.payload for packet in agent.got] == customer.said[: len(agent.got)]
    assert [packet.payload for packet in customer.got] == agent.said[: len(customer.got)]


def test_without_the_setting_nothing_changes() -> None:
    house, _, _, supervisor = call(-36.0, evens_out=False)
    house.run(3.0)
    assert gain_db(supervisor, CUSTOMER, -36.0) == pytest.approx(0.0, abs=0.3)


def test_who_pauses_is_not_made_louder_meanwhile() -> None:
    house, customer, _, _ = call(-34.0)
    house.run(ENOUGH)
    before = float(house.state.meter.evened[customer.row])
    customer.level = amplitude(-75.0)
    house.run(4.0)
    assert float(house.state.meter.evened[customer.row]) == pytest.approx(before, abs=1.0)


def test_an_heir_goes_on_with_the_same_gain() -> None:
    house, customer, _, _ = call(-34.0)
    house.run(ENOUGH)
    told = Told(house)
    told.know()
    heir = told.bury()
    heir.state.evens_out = True
    heir.run(1.0)
    assert gain_db(heir.phones[2], CUSTOMER, -34.0) == pytest.approx(8.0, abs=NEAR_DB + 0.2)
    assert customer.row == 0


def test_nothing_of_it_is_left_for_the_next_leg_of_a_row() -> None:
    house, customer, _, _ = call(-34.0)
    house.run(3.0)
    house.state.wipe(customer.row)
    assert (house.state.meter.spoken[customer.row], house.state.meter.evened[customer.row]) == (0.0, 0.0)
