"""Comfort noise (RFC 3389): a leg whose phone pauses is heard as it said that its silence sounds, by everybody in his own way."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from mediaserver.link.messages import SetMode
from mixer.arrays import Int16
from mixer.g711 import FULL_SCALE
from mixer.noise import write_noise
from tests.mediaserver.worker.hearing import assert_numbers_hold, hears, largest_residual, samples
from tests.mediaserver.worker.simulated import House, Phone, Sent
from tests.mediaserver.worker.speaking import MEDIA
from tests.mediaserver.worker.succession import Told

NOISE: dict[str, Any] = {"receive_comfort_noise_payload_type": 13, "send_comfort_noise_payload_type": 13}
LEVEL = -45.0


def dbov(heard: Int16) -> float:
    """Level of samples."""
    return float(10 * np.log10(max(float((heard.astype(np.float64) ** 2).mean()), 1e-9) / FULL_SCALE**2))


def call(codec: str = "PCMU", *, agent: dict[str, Any] = NOISE) -> tuple[House, Phone, Phone]:
    """A customer who takes comfort noise, and an agent who does so too, or as he is told."""
    house = House()
    phones = house.join(1, 10, "customer", **MEDIA[codec], **NOISE), house.join(2, 10, "agent", **MEDIA[codec], **agent)
    phones[0].tone, phones[1].tone = 433.0, 701.0
    return house, *phones


def quiet(house: House, phone: Phone, level: float = LEVEL, reflections: tuple[float, ...] = ()) -> None:
    """The phone stops, and says how its silence sounds when its next packet is due."""
    phone.talking = False
    house.run(house._next_packet[phone.row] - house.now)
    say_noise(house, phone, level, reflections)


def say_noise(house: House, phone: Phone, level: float = LEVEL, reflections: tuple[float, ...] = (), payload_type: int = 13) -> None:
    """One packet of comfort noise."""
    packet = phone.packet(write_noise(level, np.array(reflections, dtype=np.float32)), payload_type=payload_type)
    house.arrive(phone, packet)
    house.step()


def speak(house: House, phone: Phone) -> None:
    """The phone goes on; its first packet is marked."""
    phone.talking = True
    packet = bytearray(phone.next_packet())
    packet[1] |= 0x80
    house.arrive(phone, bytes(packet))
    house.let_begin(phone, phone.seconds)


def since(phone: Phone, at: float) -> list[Sent]:
    return [packet for packet in phone.got if packet.at >= at]


@pytest.mark.parametrize("codec", ["PCMU", "G722", "L16 wide"])
def test_who_mixes_a_pausing_leg_hears_noise_of_its_level_without_a_hole(codec: str) -> None:
    house, customer, agent = call(codec)
    agent.talking = False
    supervisor = house.supervise(3, 10, **MEDIA[codec])
    house.run(0.6)
    quiet(house, customer)
    begun = house.now
    house.run(1.5)
    pause = since(supervisor, begun + 0.1)
    assert dbov(samples(pause)) == pytest.approx(LEVEL, abs=1.5)
    assert all(dbov(packet.samples) == pytest.approx(LEVEL, abs=4.0) for packet in pause)
    assert_numbers_hold(supervisor.got)
    assert house.memory.counters(customer.row)["concealed_blocks"] == 0


def test_the_noise_has_the_colour_that_was_told() -> None:
    house, customer, agent = call()
    agent.talking = False
    supervisor = house.supervise(3, 10)
    house.run(0.6)
    quiet(house, customer, -40.0, (-0.9,))
    begun = house.now
    house.run(2.0)
    heard = samples(since(supervisor, begun + 0.1)).astype(np.float64)
    spectrum = np.abs(np.fft.rfft(heard)) ** 2
    half = len(spectrum) // 2
    assert spectrum[:half].sum() > 20 * spectrum[half:].sum()


def test_a_louder_silence_is_heard_from_then_on() -> None:
    house, customer, agent = call()
    agent.talking = False
    supervisor = house.supervise(3, 10)
    house.run(0.6)
    quiet(house, customer, -60.0)
    house.run(0.4)
    say_noise(house, customer, -40.0)
    changed = house.now
    house.run(1.0)
    assert dbov(samples(since(supervisor, changed + 0.4))) == pytest.approx(-40.0, abs=1.5)


def test_speech_before_and_after_a_pause_is_whole_and_joins_without_a_click() -> None:
    house, customer, agent = call()
    agent.talking = False
    supervisor = house.supervise(3, 10)
    house.run(0.6)
    house.run(0.013)
    begun = house.now
    quiet(house, customer, -70.0)
    house.run(0.5)
    resumed = house.now
    speak(house, customer)
    house.run(0.5)
    assert hears(since(supervisor, resumed + 0.06), 433.0)
    assert hears([packet for packet in supervisor.got if begun - 0.2 < packet.at < begun], 433.0)
    heard = samples(since(supervisor, resumed - 0.1)).astype(np.float64)
    onset = int(np.argmax(np.abs(heard) > 1000))
    assert np.abs(heard[onset : onset + 20 * 8]).max() > 1900
    assert np.abs(np.diff(heard)).max() < 1.05 * 2000 * 2 * np.pi * 433 / 8000 + 20


def test_who_hears_him_alone_gets_the_packets_as_they_come() -> None:
    house, customer, agent = call(agent=NOISE | {"send_comfort_noise_payload_type": 96})
    house.run(0.5)
    quiet(house, customer)
    told = house.now
    house.run(0.6)
    say_noise(house, customer, -50.0)
    house.run(0.4)
    speak(house, customer)
    house.run(0.2)
    told_of = [packet for packet in since(agent, told - 0.01) if packet.payload_type == 96]
    assert [packet.payload[0] for packet in told_of] == [45, 50]
    audio = [packet for packet in since(agent, told - 0.01) if packet.payload_type == 0]
    assert [packet.payload for packet in audio] == customer.said[-len(audio) :]
    assert len(audio) == pytest.approx(10, abs=1)
    assert_numbers_hold(agent.got)
    first, second = told_of
    spoken = next(packet for packet in since(agent, second.at) if packet.marker)
    assert (second.timestamp - first.timestamp) % (1 << 32) == pytest.approx(8000 * 0.6, abs=160)
    assert (spoken.timestamp - second.timestamp) % (1 << 32) == pytest.approx(8000 * 0.4, abs=160)


def test_who_hears_him_alone_and_takes_none_is_sent_the_noise_in_his_codec() -> None:
    house, customer, agent = call(agent={})
    house.run(0.5)
    quiet(house, customer)
    begun = house.now
    house.run(1.0)
    ended = house.now
    speak(house, customer)
    house.run(0.5)
    assert {packet.payload_type for packet in agent.got} == {0}
    pause = [packet for packet in since(agent, begun + 0.1) if packet.at < ended]
    assert dbov(samples(pause)) == pytest.approx(LEVEL, abs=1.5)
    assert max(later.at - earlier.at for earlier, later in pairwise(agent.got)) < 0.07
    assert_numbers_hold(agent.got)
    assert [packet.payload for packet in agent.got[-20:]] == customer.said[-20:]
    assert hears(agent.got[-20:], 433.0)


def test_a_mix_whose_main_source_pauses_is_clocked_by_the_server_and_gets_no_packet_of_noise() -> None:
    house, customer, agent = call()
    supervisor = house.supervise(3, 10, "whisper")
    supervisor.tone = 1103.0
    house.run(0.5)
    quiet(house, customer)
    begun = house.now
    house.run(1.0)
    ended = house.now
    speak(house, customer)
    house.run(0.4)
    assert {packet.payload_type for packet in agent.got} == {0}
    pause = [packet for packet in since(agent, begun + 0.1) if packet.at < ended]
    assert len(pause) == pytest.approx(45, abs=2)
    assert hears(pause, 1103.0)
    assert_numbers_hold(agent.got)
    assert hears(agent.got[-10:], 433.0)


def test_who_comes_amid_a_pause_hears_its_noise() -> None:
    house, customer, agent = call()
    agent.talking = False
    house.run(0.5)
    quiet(house, customer)
    house.run(5.0)
    supervisor = house.supervise(3, 10)
    come = house.now
    house.run(0.6)
    assert dbov(samples(since(supervisor, come + 0.1))) == pytest.approx(LEVEL, abs=1.5)


def test_a_pause_is_no_loss_and_no_speech() -> None:
    house, customer, agent = call()
    house.supervise(3, 10)
    house.run(1.0)
    quiet(house, customer)
    house.run(0.2)
    assert not house.memory.speaks(customer.row)
    assert house.memory.level_dbov(customer.row) == pytest.approx(LEVEL)
    speak(house, customer)
    house.run(0.3)
    counters = house.memory.counters(customer.row)
    assert (counters["lost"], counters["late"], counters["concealed_blocks"]) == (0, 0, 0)
    assert house.memory.counters(agent.row)["late"] == 0


def test_speech_that_was_under_way_does_not_end_the_pause() -> None:
    house, customer, agent = call()
    agent.talking = False
    supervisor = house.supervise(3, 10)
    house.run(0.6)
    last = customer.next_packet()
    quiet(house, customer)
    house.arrive(customer, last)
    late = house.now
    house.run(0.5)
    assert dbov(samples(since(supervisor, late + 0.2))) == pytest.approx(LEVEL, abs=1.5)


def test_a_phone_whose_time_stands_still_in_a_pause_is_heard_at_once_when_it_speaks() -> None:
    house, customer, agent = call()
    agent.talking = False
    supervisor = house.supervise(3, 10)
    house.run(0.6)
    stood = customer.timestamp
    quiet(house, customer)
    house.run(3.0)
    customer.timestamp = stood + 160
    speak(house, customer)
    spoken = house.now
    house.run(0.6)
    assert hears(since(supervisor, spoken + 0.1), 433.0)
    assert largest_residual(since(supervisor, spoken + 0.1), [433.0]) < -35


def test_a_pause_longer_than_any_leap_of_time_ends_as_any_other() -> None:
    house, customer, agent = call()
    agent.talking = False
    supervisor = house.supervise(3, 10)
    house.run(0.6)
    quiet(house, customer)
    supervisor.talking = False
    for _ in range(33 * 50):
        house.run(0.002)
        house.now += 0.018
    speak(house, customer)
    spoken = house.now
    house.run(0.6)
    assert hears(since(supervisor, spoken + 0.1), 433.0)


def test_noise_goes_on_in_the_heir() -> None:
    house, customer, agent = call()
    agent.talking = False
    supervisor = house.supervise(3, 10)
    house.run(0.6)
    quiet(house, customer)
    house.run(0.4)
    told = Told(house)
    told.know()
    heir = told.bury()
    come = heir.now
    heir.run(0.6)
    assert dbov(samples(since(supervisor, come + 0.15))) == pytest.approx(LEVEL, abs=1.5)
    speak(heir, customer)
    heir.run(0.4)
    assert hears(supervisor.got[-10:], 433.0)


def test_nothing_of_a_pause_is_heard_of_who_gets_the_row_next() -> None:
    house, customer, _ = call()
    house.run(0.4)
    quiet(house, customer)
    house.run(0.1)
    house.state.wipe(customer.row)
    assert not house.state.noise.is_on[customer.row]
    house.step()
    assert not house.state.has_noise


def test_a_mode_that_changes_amid_a_pause_breaks_no_numbers() -> None:
    house, customer, agent = call()
    supervisor = house.supervise(3, 10)
    supervisor.tone = 1103.0
    house.run(0.5)
    quiet(house, customer)
    for mode in ("whisper", "listen", "barge", "listen"):
        house.command(SetMode(3, mode, "agent"))
        house.run(0.23)
    speak(house, customer)
    house.run(0.3)
    assert_numbers_hold(agent.got)
    assert [packet.payload for packet in agent.got[-5:]] == customer.said[-5:]


@pytest.mark.parametrize("payload", [b"\x00", b"\xff" * 40, bytes(range(256)) * 5])
def test_whatever_a_packet_of_noise_holds_the_sum_never_wraps(payload: bytes) -> None:
    house, customer, agent = call()
    supervisor = house.supervise(3, 10)
    house.run(0.4)
    customer.talking = False
    house.arrive(customer, customer.packet(payload, payload_type=13))
    house.run(0.3)
    assert np.abs(house.state.playout.samples).max() <= 8191
    assert len(supervisor.got) > 30
    assert agent.got[-1].payload == payload
