"""While somebody whispers to the agent, he hears the customer 12 dB more softly, and nobody else does."""

import numpy as np
import pytest

from mediaserver.link.messages import SetMode, SetMuted
from mediaserver.worker.ducking import HOLD, Ducking
from mediaserver.worker.state import DUCK_GAIN
from tests.mediaserver.worker.hearing import samples
from tests.mediaserver.worker.simulated import House, Phone, Sent

CUSTOMER, AGENT, COACH = 433.0, 701.0, 1103.0


def level_of(got: list[Sent], tone: float) -> float:
    """Level of a tone in what was heard, dB of full scale."""
    heard = samples(got).astype(np.float64)
    wave = np.exp(-2j * np.pi * tone * np.arange(len(heard)) / 8000) * np.blackman(len(heard))
    return float(20 * np.log10(max(2 * abs(heard @ wave) / np.blackman(len(heard)).sum(), 1e-3) / 8031))


def call(mode: str = "whisper", target: str = "agent") -> tuple[House, Phone, Phone, Phone]:
    """Three who speak in tones, the supervisor silently until he is given a level."""
    house = House()
    house.state.duck_gain = DUCK_GAIN
    customer, agent, coach = house.join(1, 10, "customer"), house.join(2, 10, "agent"), house.supervise(3, 10)
    customer.tone, agent.tone, coach.tone = CUSTOMER, AGENT, COACH
    coach.level = 0.0
    house.command(SetMode(3, mode, target))
    house.run(0.5)
    return house, customer, agent, coach


def whisper(house: House, coach: Phone, seconds: float) -> None:
    """The supervisor speaks for a while."""
    coach.level = 2000.0
    house.run(seconds)
    coach.level = 0.0


def test_the_customer_is_softer_by_12_db_while_somebody_whispers_and_as_before_afterwards() -> None:
    house, _, agent, coach = call()
    before = level_of(agent.got[-15:], CUSTOMER)
    whisper(house, coach, 0.5)
    assert level_of(agent.got[-15:], CUSTOMER) == pytest.approx(before - 12.0, abs=0.3)
    assert level_of(agent.got[-15:], COACH) > before - 1.0
    house.run(HOLD + 0.4)
    assert level_of(agent.got[-15:], CUSTOMER) == pytest.approx(before, abs=0.1)


def test_it_comes_within_20_ms_of_the_first_word_that_is_heard() -> None:
    house, _, agent, coach = call()
    seen = len(agent.got)
    whisper(house, coach, 0.3)
    heard = agent.got[seen:]
    first = next(index for index in range(len(heard)) if np.abs(np.fft.rfft(heard[index].samples.astype(float))[22]) > 20_000)
    assert level_of(heard[first + 1 : first + 6], CUSTOMER) == pytest.approx(level_of(agent.got[:seen][-15:], CUSTOMER) - 12.0, abs=1.0)


def test_the_customer_and_the_supervisor_hear_no_difference() -> None:
    house, customer, agent, coach = call()
    seen, said = len(customer.got), len(agent.said)
    before = level_of(coach.got[-15:], CUSTOMER)
    whisper(house, coach, 0.5)
    assert [packet.payload for packet in customer.got[seen:]] == agent.said[said : said + len(customer.got) - seen]
    assert level_of(coach.got[-15:], CUSTOMER) == pytest.approx(before, abs=0.1)


@pytest.mark.parametrize(("mode", "target"), [("listen", "agent"), ("barge", "agent")])
def test_only_a_whisper_ducks(mode: str, target: str) -> None:
    house, _, agent, coach = call(mode, target)
    before = level_of(agent.got[-15:], CUSTOMER)
    whisper(house, coach, 0.5)
    assert level_of(agent.got[-15:], CUSTOMER) == pytest.approx(before, abs=0.5)


def test_a_whisper_to_the_customer_ducks_the_agent_in_his_ear() -> None:
    house, customer, agent, coach = call(target="customer")
    before = level_of(customer.got[-15:], AGENT)
    whisper(house, coach, 0.5)
    assert level_of(customer.got[-15:], AGENT) == pytest.approx(before - 12.0, abs=0.3)
    assert level_of(agent.got[-15:], CUSTOMER) == pytest.approx(before, abs=0.5)


@pytest.mark.parametrize("ends", [SetMode(3, "listen", "agent"), SetMuted(3, True)], ids=["listen", "muted"])
def test_it_ends_with_the_whisper(ends: SetMode | SetMuted) -> None:
    house, _, agent, coach = call()
    before = level_of(agent.got[-15:], CUSTOMER)
    coach.level = 2000.0
    house.run(0.5)
    house.command(ends)
    house.run(0.4)
    assert level_of(agent.got[-15:], CUSTOMER) == pytest.approx(before, abs=0.1)


def test_an_heir_ends_what_the_dead_began() -> None:
    house, _, agent, coach = call()
    before = level_of(agent.got[-15:], CUSTOMER)
    whisper(house, coach, 0.5)
    house.turn._ducking = Ducking(house.state, house.roster)
    house.run(HOLD + 0.4)
    assert level_of(agent.got[-15:], CUSTOMER) == pytest.approx(before, abs=0.1)
