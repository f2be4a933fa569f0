"""A supervisor enters, whispers, barges and leaves: who hears him, whose stream stays as it was, and when it is acknowledged."""

import pytest

from mediaserver.link.messages import Admit, Applied, CloseLeg, SetMode, SetMuted, SetVolumes
from tests.mediaserver.worker.hearing import assert_numbers_hold, hears, samples, tone_level
from tests.mediaserver.worker.simulated import House, Phone

CUSTOMER, AGENT, SUPERVISOR = 433.0, 701.0, 1103.0


def supervised(mode: str = "listen") -> tuple[House, Phone, Phone, Phone]:
    house = House()
    phones = house.join(1, 10, "customer"), house.join(2, 10, "agent"), house.supervise(3, 10, mode)
    for phone, tone in zip(phones, (CUSTOMER, AGENT, SUPERVISOR), strict=True):
        phone.tone = tone
    house.run(0.3)
    return house, *phones


@pytest.mark.parametrize(("mode", "heard_by_agent", "heard_by_customer"), [("listen", 0, 0), ("whisper", 1, 0), ("barge", 1, 1)])
def test_each_mode_is_heard_by_whom_it_names(mode: str, heard_by_agent: bool, heard_by_customer: bool) -> None:
    house, customer, agent, supervisor = supervised(mode)
    house.run(0.4)
    assert hears(agent.got[-20:], SUPERVISOR) == heard_by_agent
    assert hears(customer.got[-20:], SUPERVISOR) == heard_by_customer
    for phone, tones in ((agent, (CUSTOMER,)), (customer, (AGENT,)), (supervisor, (CUSTOMER, AGENT))):
        for tone in tones:
            assert hears(phone.got[-20:], tone)
    for phone, own in ((customer, CUSTOMER), (agent, AGENT), (supervisor, SUPERVISOR)):
        assert not hears(phone.got[-20:], own)


def test_the_customers_stream_is_bit_identical_while_the_agent_is_whispered_to() -> None:
    house, customer, agent, _ = supervised()
    for mode in ("whisper", "listen", "whisper", "listen"):
        house.command(SetMode(3, mode, "agent"))
        house.run(0.3)
    assert [packet.payload for packet in customer.got] == agent.said
    assert_numbers_hold(customer.got)


def test_a_whisper_may_be_for_the_customer_and_then_the_agents_stream_is_untouched() -> None:
    house, customer, agent, _ = supervised()
    house.command(SetMode(3, "whisper", "customer"))
    house.run(0.5)
    assert hears(customer.got[-20:], SUPERVISOR)
    assert [packet.payload for packet in agent.got] == customer.said


@pytest.mark.parametrize("wait", [0.0, 0.004, 0.01, 0.016])
def test_the_agents_first_packet_after_the_command_has_the_whisper_in_it(wait: float) -> None:
    house, _, agent, _ = supervised()
    house.run(0.1 + wait)
    house.command(SetMode(3, "whisper", "agent"))
    before = len(agent.got)
    house.run(0.03)
    assert hears(agent.got[before : before + 1], SUPERVISOR)


def test_the_agents_numbers_hold_across_every_change_of_mode() -> None:
    house, customer, agent, supervisor = supervised()
    offset = agent.got[0].timestamp - 5000
    for mode in ("whisper", "barge", "listen", "barge", "whisper", "listen"):
        house.command(SetMode(3, mode, "agent"))
        house.run(0.15)
    for phone in (customer, agent, supervisor):
        assert_numbers_hold(phone.got)
    assert {(packet.timestamp - 5000 - offset) % 160 for packet in agent.got} == {0}
    assert agent.got[-1].timestamp - agent.got[0].timestamp == customer.timestamp - 160 - 5000


def test_after_a_whisper_the_agent_is_passed_through_again() -> None:
    house, customer, agent, _ = supervised("whisper")
    house.command(SetMode(3, "listen", "agent"))
    house.run(0.3)
    assert [packet.payload for packet in agent.got[-10:]] == customer.said[-10:]


def test_an_acknowledgement_comes_after_the_first_packet_with_the_changed_gain() -> None:
    house, _, agent, _ = supervised()
    (request,) = house.command(SetMode(3, "whisper", "agent"))
    packets = len(agent.got)
    while house.answer(request) is None:
        assert len(agent.got) == packets
        house.run(0.002)
    assert len(agent.got) == packets + 1
    answer = house.answer(request)
    assert isinstance(answer, Applied)
    assert answer.turn <= house.memory.turn


def test_an_acknowledgement_does_not_wait_for_a_leg_that_is_sent_nothing() -> None:
    house, _, agent, _ = supervised()
    house.set_media(2, remote_receives=False)
    (request,) = house.command(SetMode(3, "whisper", "agent"))
    house.run(0.004)
    assert isinstance(house.answer(request), Applied)
    assert not agent.got[-1].at > house.now - 0.004


def test_a_whisper_reaches_the_agent_while_the_customer_is_silent() -> None:
    house, customer, agent, _ = supervised()
    customer.talking = False
    house.run(0.5)
    quiet = len(agent.got)
    (request,) = house.command(SetMode(3, "whisper", "agent"))
    house.run(0.5)
    assert isinstance(house.answer(request), Applied)
    assert len(agent.got) - quiet >= 24
    assert hears(agent.got[-20:], SUPERVISOR)
    assert_numbers_hold(agent.got)


def test_joining_and_leaving_change_no_gain_in_a_step() -> None:
    house, customer, agent, supervisor = supervised()
    for phone in (customer, agent):
        phone.talking = False
    house.run(0.3)
    before = len(agent.got)
    house.command(SetMode(3, "barge", "agent"))
    house.run(0.2)
    house.command(SetMode(3, "listen", "agent"))
    house.run(0.2)
    heard = samples(agent.got[before:]).astype(int)
    assert tone_level(heard[160:-320], SUPERVISOR) > 1900
    steepest = 2000 * 2 * 3.1416 * SUPERVISOR / 8000
    assert abs(heard[1:] - heard[:-1]).max() < steepest * 1.3
    assert len(supervisor.got) > 0


def test_a_supervisor_who_leaves_while_he_speaks_fades_and_the_others_go_on() -> None:
    house, customer, agent, _ = supervised("barge")
    house.command(CloseLeg(3))
    house.run(0.3)
    assert [packet.payload for packet in agent.got[-10:]] == customer.said[-10:]
    assert [packet.payload for packet in customer.got[-10:]] == agent.said[-10:]
    for phone in (customer, agent):
        assert_numbers_hold(phone.got)
        assert not hears(phone.got[-10:], SUPERVISOR)


def test_a_dead_phone_of_a_supervisor_costs_the_parties_nothing() -> None:
    house, customer, agent, supervisor = supervised("barge")
    supervisor.talking = False
    before = len(agent.got), len(customer.got)
    house.run(2.0)
    assert (len(agent.got) - before[0], len(customer.got) - before[1]) == (100, 100)
    assert_numbers_hold(agent.got)
    assert hears(agent.got[-20:], CUSTOMER)


def test_a_muted_supervisor_is_heard_nowhere_and_a_muted_party_neither() -> None:
    house, customer, agent, supervisor = supervised("barge")
    house.command(SetMuted(3, True), SetMuted(1, True))
    house.run(0.5)
    for phone in (agent, supervisor):
        assert not hears(phone.got[-20:], CUSTOMER)
    for phone in (agent, customer):
        assert not hears(phone.got[-20:], SUPERVISOR)
    house.command(SetMuted(1, False))
    house.run(0.5)
    assert hears(agent.got[-20:], CUSTOMER)
    assert_numbers_hold(agent.got)


def test_a_leg_that_is_not_admitted_hears_nothing_and_is_not_heard() -> None:
    house, customer, agent, supervisor = supervised("barge")
    house.command(Admit(3, False))
    house.run(0.1)
    got = len(supervisor.got)
    house.run(0.5)
    assert len(supervisor.got) == got
    assert [packet.payload for packet in agent.got[-10:]] == customer.said[-10:]


def test_volumes_change_what_a_supervisor_hears_and_how_he_is_heard_and_nothing_else() -> None:
    house, customer, agent, supervisor = supervised("whisper")
    house.command(SetVolumes(3, 0.5, 2.0))
    house.run(0.6)
    assert tone_level(samples(supervisor.got[-20:]), CUSTOMER) == pytest.approx(1000, rel=0.1)
    assert tone_level(samples(agent.got[-20:]), SUPERVISOR) == pytest.approx(4000, rel=0.1)
    assert tone_level(samples(agent.got[-20:]), CUSTOMER) == pytest.approx(2000, rel=0.1)
    assert [packet.payload for packet in customer.got] == agent.said


def test_supervisors_hear_each_other_when_they_speak_and_not_when_they_listen() -> None:
    house, _, _, first = supervised("whisper")
    second = house.supervise(4, 10)
    second.tone = 1501.0
    house.run(0.6)
    assert hears(second.got[-20:], SUPERVISOR)
    assert not hears(first.got[-20:], 1501.0)
    house.command(SetMode(4, "whisper", "agent"))
    house.run(0.6)
    assert hears(first.got[-20:], 1501.0)


def test_a_supervisor_may_be_there_before_anybody_talks() -> None:
    house = House()
    supervisor = house.supervise(3, 10)
    house.run(0.2)
    assert len(supervisor.got) in (9, 10, 11)
    customer = house.join(1, 10, "customer")
    customer.tone = CUSTOMER
    house.run(0.6)
    assert hears(supervisor.got[-20:], CUSTOMER)
    assert_numbers_hold(supervisor.got)
