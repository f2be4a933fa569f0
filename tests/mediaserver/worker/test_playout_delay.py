"""What a supervisor hears over a bad network: waiting, concealing, catching up; and that it stays on its leg."""

from functools import lru_cache

import numpy as np
import pytest

from rtp.playout import RING
from tests.mediaserver.worker.hearing import assert_numbers_hold, hears, samples, tone_level
from tests.mediaserver.worker.simulated import TURN, House, Phone


def supervised() -> tuple[House, Phone, Phone, Phone]:
    house = House()
    phones = house.join(1, 10, "customer"), house.join(2, 10, "agent"), house.supervise(3, 10)
    phones[0].tone, phones[1].tone = 433.0, 701.0
    house.run(0.4)
    return house, *phones


def delayed(house: House, phone: Phone, seconds: float, delays: list[float]) -> None:
    """Let one phone's packets arrive with these delays, in turn, while the others talk as ever."""
    phone.talking = False
    on_the_way: list[tuple[float, bytes]] = []
    until, due, count = house.now + seconds, house.now, 0
    while house.now < until:
        if due <= house.now:
            on_the_way.append((due + delays[count % len(delays)], phone.next_packet()))
            phone.timestamp -= 160
            due, count = due + 0.02, count + 1
        for arrival in [entry for entry in on_the_way if entry[0] <= house.now]:
            on_the_way.remove(arrival)
            house.arrive(phone, arrival[1])
        house.run(TURN)
    phone.talking = True


def test_a_lost_frame_is_concealed_for_who_mixes_it_and_the_other_source_loses_nothing() -> None:
    house, customer, agent, supervisor = supervised()
    for _ in range(10):
        customer.next_packet()
        house.run(0.2)
    recent = supervisor.got[-100:]
    assert_numbers_hold(recent)
    assert hears(recent, 433.0)
    assert hears(recent, 701.0)
    assert house.memory.counters(customer.row)["concealed_blocks"] in range(18, 25)
    assert house.memory.counters(agent.row)["concealed_blocks"] == 0
    assert [packet.payload for packet in customer.got] == agent.said


def test_losses_make_no_click() -> None:
    house, customer, agent, supervisor = supervised()
    agent.talking = False
    house.run(0.3)
    before = len(supervisor.got)
    for _ in range(10):
        customer.next_packet()
        house.run(0.2)
    heard = samples(supervisor.got[before:]).astype(int)
    assert abs(np.diff(heard)).max() < 2000 * 2 * np.pi * 433 / 8000 * 1.6
    assert tone_level(heard, 433.0) > 1500


@pytest.mark.parametrize("lateness", [0.008, 0.012, 0.018])
def test_a_tone_goes_on_in_phase_where_a_packet_was_waited_for(lateness: float) -> None:
    house, customer, agent, supervisor = supervised()
    before = len(supervisor.got)
    delayed(house, customer, 1.0, [0.0] * 25 + [lateness] + [0.0] * 24)
    heard = samples(supervisor.got[before:])
    for phone in (customer, agent):
        levels = [tone_level(heard[at : at + 800], phone.tone) for at in range(0, len(heard) - 800, 100)]
        assert min(levels) > 0.8 * 2000
    assert house.memory.counters(customer.row)["concealed_blocks"] > 0
    assert_numbers_hold(supervisor.got)


@lru_cache
def depth_after(*trouble: float) -> int:
    """Blocks that wait for the supervisor shortly after these delays of packets, which came amid seconds without any."""
    house, customer, _, supervisor = supervised()
    delayed(house, customer, 6.0, [0.0] * 275 + list(trouble) + [0.0] * (25 - len(trouble)))
    assert bool(house.memory.counters(customer.row)["concealed_blocks"]) == any(trouble)
    return depth(house, supervisor, customer)


def test_a_packet_that_is_late_once_in_a_while_leaves_the_delay_as_it_was() -> None:
    assert depth_after(0.018) - depth_after(0.0) <= 1


@pytest.mark.parametrize("lost", [2, 3, 4])
def test_losses_in_a_row_leave_the_delay_as_it_was(lost: int) -> None:
    assert depth_after(*[np.inf] * lost) == depth_after(0.0)


def test_jitter_is_absorbed_after_the_first_waits() -> None:
    house, customer, _, _ = supervised()
    delayed(house, customer, 2.0, [0.0, 0.011, 0.03, 0.004, 0.021, 0.0, 0.017])
    concealed = house.memory.counters(customer.row)["concealed_blocks"]
    delayed(house, customer, 2.0, [0.0, 0.011, 0.03, 0.004, 0.021, 0.0, 0.017])
    assert house.memory.counters(customer.row)["concealed_blocks"] - concealed <= 4


def depth(house: House, supervisor: Phone, source: Phone) -> int:
    """Blocks that wait for the supervisor in a source's buffer."""
    mix = house.state.mix
    listed = mix.source[supervisor.row, : int(mix.count[supervisor.row])].tolist()
    return int(house.state.playout.end[source.row] - mix.read[supervisor.row, listed.index(source.row)])


def test_a_delay_that_grew_shrinks_again_in_silence() -> None:
    house, customer, _, supervisor = supervised()
    customer.tone = 433.0
    delayed(house, customer, 1.0, [0.0] * 40 + [0.1, 0.08, 0.06, 0.04, 0.02])
    grown = depth(house, supervisor, customer)
    customer.level = 0.0
    house.run(8.0)
    assert grown >= 6
    assert depth(house, supervisor, customer) <= 4
    assert house.memory.counters(customer.row)["skipped_samples"] > 0


def test_a_burst_after_a_stall_longer_than_the_buffer_is_taken_up_anew() -> None:
    house, customer, _, supervisor = supervised()
    held = [customer.next_packet() for _ in range(60)]
    customer.talking = False
    house.run(1.2)
    customer.timestamp -= 60 * 160
    for packet in held:
        house.arrive(customer, packet)
    customer.talking = True
    house.run(1.0)
    assert hears(supervisor.got[-20:], 433.0)
    assert depth(house, supervisor, customer) < RING
    assert_numbers_hold(supervisor.got)


@pytest.mark.parametrize("drift", [-400e-6, 400e-6])
def test_a_drifting_clock_is_followed_without_a_lasting_delay(drift: float) -> None:
    house, customer, _, supervisor = supervised()
    customer.level, customer.drift = 0.0, drift
    house.run(30.0)
    assert depth(house, supervisor, customer) <= 5
    assert house.memory.counters(customer.row)["concealed_blocks"] <= 4


def test_a_timestamp_jump_and_a_new_stream_are_heard_on() -> None:
    house, customer, _, supervisor = supervised()
    for change in ({"timestamp": 0xF000_0000}, {"ssrc": 77}, {"sequence": 30_000}, {"timestamp": 3}):
        for name, value in change.items():
            setattr(customer, name, value)
        house.run(0.6)
        assert hears(supervisor.got[-20:], 433.0)
    assert_numbers_hold(supervisor.got)


def test_levels_and_speech_are_shown_and_end_with_the_packets() -> None:
    house, customer, agent, _ = supervised()
    customer.level = 8031.0 / 10
    house.run(0.3)
    assert house.memory.level_dbov(customer.row) == pytest.approx(-23.0, abs=0.5)
    assert house.memory.last_packet(customer.row) == pytest.approx(house.now, abs=0.03)
    customer.talking = False
    house.run(0.5)
    assert house.memory.level_dbov(customer.row) == -127.0
    assert not house.memory.speaks(customer.row)
    assert house.memory.level_dbov(agent.row) > -20


def test_a_time_line_that_leaps_beyond_the_buffer_harms_no_turn() -> None:
    house, customer, _, supervisor = supervised()
    for _ in range(5):
        house.arrive(customer, customer.next_packet())
    customer.timestamp += 100 * 80
    house.arrive(customer, customer.next_packet())
    house.run(0.014)
    house.state.mix.smooth[supervisor.row], house.state.mix.move[supervisor.row] = 0, 5000
    before = len(supervisor.got)
    house.run(0.2)
    assert len(supervisor.got) in (before + 9, before + 10)
