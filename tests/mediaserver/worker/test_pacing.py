"""Delay to the sample, and what becomes of it: where the server's clock strikes, and how readers move without being heard."""

import numpy as np
import pytest

from mediaserver.link.messages import SetMode
from tests.mediaserver.worker.hearing import assert_numbers_hold, samples
from tests.mediaserver.worker.simulated import MARK, TURN, House, Phone

RATE = 8000


def met(*phases: float) -> tuple[House, list[Phone]]:
    """A customer and an agent who have talked for a while, the phases of their packets and the supervisor's; seconds."""
    house = House()
    phones = [house.join(1, 10, "customer"), house.join(2, 10, "agent"), house.join(3, 10, "supervisor", admitted=False)]
    for phone, phase in zip(phones, phases, strict=True):
        phone.tone, phone.level = 433.0, 0.0
        house.let_begin(phone, phase)
    house.run(1.0)
    return house, phones


def delays(house: House, speaker: Phone, listener: Phone, seconds: float = 2.0) -> list[float]:
    """Seconds between a mark's sample being sent and heard, for every mark."""
    speaker.marked = 7
    house.run(0.3)
    begun, sent = len(listener.got), house.arrived[speaker.row]
    house.run(seconds)
    heard = [
        packet.at + place / RATE for packet in listener.got[begun:] for place in np.flatnonzero(np.abs(packet.samples) > 4000).tolist()
    ]
    spoken = [at + MARK / RATE for at, number in sent if number % 7 == 0]
    speaker.marked = 0
    found = [min((at for at in heard if at >= moment), default=np.inf) - moment for moment in spoken if moment < house.now - 0.2]
    return [delay for delay in found[3:] if delay < 0.13]


@pytest.mark.parametrize("phase", [0.0, 0.0031, 0.0072, 0.0113, 0.0155, 0.0194])
def test_a_supervisor_who_joins_hears_both_parties_within_half_a_packet_time(phase: float) -> None:
    house, (customer, agent, supervisor) = met(0.001, 0.001 + phase, 0.007)
    house.admit(supervisor, "listen")
    house.run(0.5)
    both = [delays(house, customer, supervisor), delays(house, agent, supervisor)]
    assert min(map(len, both)) >= 8
    assert max(both[0] + both[1]) <= 0.010 + 3 * TURN
    assert min(np.mean(both[0]), np.mean(both[1])) <= 2 * TURN


def test_a_supervisor_who_was_there_first_is_given_the_same_clock_little_by_little() -> None:
    house = House()
    supervisor = house.supervise(3, 10)
    house.run(0.2)
    customer, agent = house.join(1, 10, "customer"), house.join(2, 10, "agent")
    customer.tone = agent.tone = 433.0
    customer.level = agent.level = 0.0
    house.run(4.0)
    gaps = np.diff([packet.at for packet in supervisor.got])
    assert gaps.max() <= 0.0205 + TURN
    assert max(delays(house, customer, supervisor) + delays(house, agent, supervisor)) <= 0.010 + 3 * TURN


@pytest.mark.parametrize(("phase", "other"), [(0.005, 0.001), (0.007, 0.003), (0.011, 0.007)])
def test_a_clock_that_moves_to_one_sources_packets_misses_none_of_another_packet_time(phase: float, other: float) -> None:
    house = House()
    customer, agent = house.join(1, 10, "customer", ptime_ms=60), house.join(2, 10, "agent")
    supervisor = house.supervise(3, 10, "whisper")
    customer.tone = supervisor.tone = 433.0
    supervisor.level = 0.0
    house.let_begin(customer, phase)
    house.let_begin(supervisor, other)
    house.run(4.0)
    assert house.state.mix.paced_by[agent.row] == supervisor.row
    assert house.memory.counters(customer.row)["concealed_blocks"] == 0
    continuous(samples(agent.got[20:]), 433.0, 2000.0)


@pytest.mark.parametrize("phase", [0.0023, 0.0052, 0.0104, 0.0171])
def test_a_whisper_waits_for_the_customers_next_packet_and_no_longer(phase: float) -> None:
    house, (customer, _, supervisor) = met(0.001, 0.009, 0.001 + phase)
    house.admit(supervisor, "whisper")
    house.run(0.5)
    agent = house.phones[1]
    heard = delays(house, supervisor, agent)
    assert len(heard) >= 8
    assert max(heard) <= (0.001 - (0.001 + phase)) % 0.020 + 2 * TURN
    assert agent.got[-1].ssrc == agent.got[0].ssrc
    assert house.memory.counters(customer.row)["late"] == 0


def test_a_whisper_is_ahead_by_the_jitter_of_its_own_packets() -> None:
    house, (_, agent, supervisor) = met(0.001, 0.009, 0.005)
    house.admit(supervisor, "whisper")
    rng = np.random.default_rng(5)
    house.jitter[supervisor.row] = lambda: float(rng.random() * 0.030)
    house.run(10.0)
    concealed = house.memory.counters(supervisor.row)["concealed_blocks"]
    heard = delays(house, supervisor, agent, 6.0)
    assert house.memory.counters(supervisor.row)["concealed_blocks"] - concealed <= 4
    assert max(heard) <= 0.030 + 0.020 + 5 * TURN


def continuous(heard: np.ndarray, tone: float, level: float) -> None:
    """Fail where a steady tone clicks, dips or is louder than it was."""
    steps = np.abs(np.diff(heard.astype(float)))
    assert steps.max() <= 1.15 * level * 2 * np.pi * tone / RATE + 16
    peaks = np.abs(heard[: len(heard) // 160 * 160].reshape(-1, 160)).max(axis=1)
    assert peaks.min() >= 0.75 * level
    assert peaks.max() <= 1.05 * level


@pytest.mark.parametrize(("tone", "drift"), [(433.0, -400e-6), (200.0, 400e-6)])
def test_a_party_whose_clock_is_wrong_is_heard_without_a_click_a_dip_or_a_gap_although_he_never_pauses(tone: float, drift: float) -> None:
    house, (customer, _, supervisor) = met(0.001, 0.009, 0.005)
    house.admit(supervisor, "listen")
    customer.tone, customer.level = tone, 2000.0
    house.run(1.0)
    begun = len(supervisor.got)
    customer.drift = drift
    house.run(42.0)
    continuous(samples(supervisor.got[begun:]), tone, 2000.0)
    counters = house.memory.counters(customer.row)
    assert counters["concealed_blocks"] == 0
    assert counters["skipped_samples"] > 100 if drift < 0 else counters["repeated_samples"] > 100
    assert_numbers_hold(supervisor.got)
    customer.drift, customer.level, customer.tone = 0.0, 0.0, 433.0
    house.run(3.0)
    assert max(delays(house, customer, supervisor)) <= 0.020 + 4 * TURN


def say(house: House, phone: Phone, seconds: float) -> None:
    """Let a phone say something without a pause, of which no period is like another."""
    until = house.now + seconds
    while house.now < until:
        phone.tone = 150.0 + len(phone.said) * 137 % 400
        house.run(0.01)


def test_who_hardly_lacks_margin_goes_back_in_the_next_pause_and_not_amid_what_is_said() -> None:
    house, (customer, _, supervisor) = met(0.001, 0.013, 0.005)
    house.admit(supervisor, "listen")
    customer.level, customer.drift = 2000.0, 400e-6
    moves = house.state.mix.move[supervisor.row]
    while moves.min() >= 0 and house.now < 1015.0:
        say(house, customer, 0.2)
    assert moves.min() < 0
    say(house, customer, 1.5)
    counters = house.memory.counters(customer.row)
    assert (counters["repeated_samples"], counters["concealed_blocks"]) == (0, 0)
    customer.level = 0.0
    house.run(0.3)
    assert house.memory.counters(customer.row)["repeated_samples"] == 160


def test_who_stands_between_two_blocks_comes_back_to_whole_ones_in_the_next_pause() -> None:
    house, (customer, _, supervisor) = met(0.001, 0.009, 0.005)
    house.admit(supervisor, "listen")
    customer.tone, customer.level, customer.drift = 433.0, 2000.0, -2000e-6
    house.run(14.0)
    offsets = house.state.mix.offset[supervisor.row]
    assert offsets.any()
    customer.level = customer.drift = 0.0
    house.run(3.0)
    assert not offsets.any()
    assert house.state.mix.smooth[supervisor.row]


def test_a_mode_that_changes_leaves_the_clock_where_it_is() -> None:
    house, (_, _, supervisor) = met(0.001, 0.009, 0.005)
    house.admit(supervisor, "listen")
    house.run(0.5)
    for mode in ("whisper", "barge", "listen"):
        house.command(SetMode(3, mode, "agent"))
        house.run(0.3)
    gaps = np.diff([packet.at for packet in supervisor.got])
    assert gaps.min() > 0.019
    assert gaps.max() < 0.021


def test_what_waited_for_a_worker_that_stood_still_is_not_taken_for_late() -> None:
    house, (customer, _, supervisor) = met(0.001, 0.009, 0.005)
    house.admit(supervisor, "listen")
    house.run(0.5)
    waiting = [customer.next_packet() for _ in range(10)]
    house.now += 0.2
    for packet in waiting:
        house.arrive(customer, packet)
    for phone in house.phones.values():
        house.let_begin(phone, 0.01)
    house.run(3.0)
    assert max(delays(house, customer, supervisor)) <= 0.020 + 4 * TURN
