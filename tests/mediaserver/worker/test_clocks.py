"""The two clocks of a mixed listener: his main source's packets, and the server's where that source is silent."""

from itertools import pairwise

import pytest

from mediaserver.link.messages import SetMode
from tests.mediaserver.worker.hearing import assert_numbers_hold, hears
from tests.mediaserver.worker.simulated import House, Phone


def whispered() -> tuple[House, Phone, Phone]:
    house = House()
    customer, agent, supervisor = house.join(1, 10, "customer"), house.join(2, 10, "agent"), house.supervise(3, 10, "whisper")
    customer.tone, supervisor.tone = 433.0, 1103.0
    house.run(0.4)
    return house, customer, agent


def test_the_customers_packet_is_the_agents_packet_in_the_same_turn() -> None:
    house, customer, agent = whispered()
    house.step()
    house.arrive(customer, customer.next_packet())
    count = len(agent.got)
    house.step()
    assert len(agent.got) == count + 1


def test_the_server_takes_over_after_two_packet_times() -> None:
    house, customer, agent = whispered()
    customer.talking = False
    last = agent.got[-1].at
    house.run(0.3)
    first = next(packet for packet in agent.got if packet.at > last)
    assert 0.038 < first.at - last < 0.05
    after = [packet.at for packet in agent.got if packet.at > last]
    assert {round(later - earlier, 3) for earlier, later in pairwise(after)} == {0.02}


def test_after_discontinuous_transmission_the_offset_advances_by_what_the_server_inserted() -> None:
    house, customer, agent = whispered()
    customer.talking = False
    sequence = agent.got[-1].sequence
    house.run(0.3)
    inserted = agent.got[-1].sequence - sequence
    customer.talking = True
    house.run(0.3)
    assert inserted >= 12
    assert_numbers_hold(agent.got)
    assert hears(agent.got[-10:], 433.0)
    assert house.memory.counters(agent.row)["late"] == 0


def test_after_a_loss_the_sources_own_numbers_go_on() -> None:
    house, customer, agent = whispered()
    offset = (agent.got[-1].sequence - customer.sequence + 1) % 65_536
    for _ in range(10):
        customer.next_packet()
    customer.talking = False
    house.run(0.2)
    customer.timestamp -= 10 * 160
    customer.talking = True
    house.run(0.3)
    assert_numbers_hold(agent.got, without_gaps=False)
    assert (agent.got[-1].sequence - customer.sequence + 1) % 65_536 == offset


def test_packets_whose_time_was_sent_already_are_late_and_go_nowhere() -> None:
    house, customer, agent = whispered()
    held = [customer.next_packet() for _ in range(8)]
    customer.talking = False
    house.run(0.16)
    customer.timestamp -= 8 * 160
    for packet in held:
        house.arrive(customer, packet)
    customer.talking = True
    house.run(0.4)
    late = house.memory.counters(agent.row)["late"]
    assert 5 <= late <= 8
    assert_numbers_hold(agent.got, without_gaps=False)
    assert len({packet.sequence for packet in agent.got}) == len(agent.got)


def test_a_source_whose_clock_stood_still_is_heard_again() -> None:
    house, customer, agent = whispered()
    customer.talking = False
    stopped = customer.timestamp
    house.run(1.0)
    customer.talking, customer.timestamp = True, stopped
    house.run(0.5)
    assert_numbers_hold(agent.got)
    assert hears(agent.got[-10:], 433.0)


def test_no_number_has_two_contents_however_mode_and_silence_change() -> None:
    house, customer, agent = whispered()
    for round_ in range(12):
        customer.talking = round_ % 3 != 1
        house.command(SetMode(3, ("listen", "whisper", "barge")[round_ % 3 if round_ % 2 else (round_ // 2) % 3], "agent"))
        house.run(0.07 + 0.013 * round_)
    numbers: dict[int, bytes] = {}
    for packet in agent.got:
        assert numbers.setdefault(packet.sequence, packet.payload) == packet.payload
    assert len(numbers) == len(agent.got)


@pytest.mark.parametrize("lost", [1, 2])
def test_a_short_loss_is_a_gap_for_a_mixed_listener_too(lost: int) -> None:
    house, customer, agent = whispered()
    for _ in range(lost):
        customer.next_packet()
    house.run(0.3)
    gaps = sorted((later.sequence - earlier.sequence) % 65_536 for earlier, later in pairwise(agent.got))
    assert gaps[-1] == lost + 1
    assert hears(agent.got[-10:], 1103.0)


def test_supervisors_outputs_are_spread_over_the_packet_time() -> None:
    house = House(rows=64, calls=32)
    phones = [house.supervise(leg, leg) for leg in range(1, 21)]
    house.run(0.1)
    phases = {round((phone.got[-1].at % 0.02) / 0.002) % 10 for phone in phones}
    assert len(phases) >= 8


def test_a_stalled_process_leaves_time_out_instead_of_bursting() -> None:
    house, _, _ = whispered()
    supervisor = house.phones[house.roster.legs[3].row]
    house.now += 1.0
    before = len(supervisor.got)
    house.run(0.1)
    assert len(supervisor.got) - before < 12
    assert_numbers_hold(supervisor.got)
    elapsed = (supervisor.got[-1].timestamp - supervisor.got[before - 1].timestamp) / 8000
    assert elapsed == pytest.approx(supervisor.got[-1].at - supervisor.got[before - 1].at, abs=0.12)
