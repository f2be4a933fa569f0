"""Unequal codecs and packet times: any pairing is heard at its pitch, under own numbers without a break."""

from typing import Any

import numpy as np
import pytest

from mediaserver.link.messages import SetMode
from tests.mediaserver.worker.hearing import assert_numbers_hold, hears, samples
from tests.mediaserver.worker.simulated import House, Phone


def pair(**agent_media: Any) -> tuple[House, Phone, Phone]:
    house = House()
    customer, agent = house.join(1, 10, "customer"), house.join(2, 10, "agent", **agent_media)
    customer.tone, agent.tone = 433.0, 701.0
    return house, customer, agent


def test_a_law_and_mu_law_are_transcoded_in_the_turn_in_which_they_came() -> None:
    house, customer, agent = pair(codec="PCMA")
    house.run(0.8)
    assert hears(agent.got[-20:], 433.0)
    assert hears(customer.got[-20:], 701.0)
    assert {packet.payload_type for packet in agent.got} == {8}
    assert_numbers_hold(agent.got)
    house.arrive(customer, customer.next_packet())
    count = len(agent.got)
    house.step()
    assert len(agent.got) == count + 1


def test_a_loss_between_unequal_codecs_is_a_gap_in_time_under_consecutive_numbers() -> None:
    house, customer, agent = pair(codec="PCMA")
    house.run(0.3)
    customer.next_packet()
    house.run(0.1)
    assert_numbers_hold(agent.got)
    times = [(later.timestamp - earlier.timestamp) % (1 << 32) for earlier, later in zip(agent.got, agent.got[1:], strict=False)]
    assert sorted(times)[-2:] == [160, 320]


@pytest.mark.parametrize("theirs", [10, 20, 30, 40, 60])
@pytest.mark.parametrize("ours", [10, 20, 30, 40, 60])
def test_every_packet_time_is_heard_in_every_other(theirs: int, ours: int) -> None:
    house = House()
    customer = house.join(1, 10, "customer", ptime_ms=theirs)
    agent = house.join(2, 10, "agent", ptime_ms=ours)
    supervisor = house.supervise(3, 10)
    customer.tone, agent.tone = 433.0, 701.0
    house.run(1.1)
    assert {len(packet.payload) for packet in agent.got} == {ours * 8}
    assert {len(packet.payload) for packet in customer.got} == {theirs * 8}
    for phone, tone in ((agent, 433.0), (customer, 701.0), (supervisor, 433.0), (supervisor, 701.0)):
        late = [packet for packet in phone.got if packet.at > house.now - 0.7]
        assert hears(late, tone)
        assert_numbers_hold(phone.got)
    if theirs == ours:
        assert [packet.payload for packet in agent.got] == customer.said


def test_a_remote_that_sends_another_packet_time_than_it_said_is_followed() -> None:
    house, customer, agent = pair()
    customer.frame = 240
    house.run(0.9)
    assert hears(agent.got[-20:], 433.0)
    assert {len(packet.payload) for packet in agent.got[2:]} == {160}
    assert_numbers_hold(agent.got)


def test_a_whisper_reaches_an_agent_with_another_codec_and_packet_time() -> None:
    house, _, agent = pair(codec="PCMA", ptime_ms=30)
    supervisor = house.supervise(3, 10, "whisper")
    supervisor.tone = 1103.0
    house.run(1.0)
    assert hears(agent.got[-15:], 433.0)
    assert hears(agent.got[-15:], 1103.0)
    house.command(SetMode(3, "listen", "agent"))
    house.run(1.0)
    assert not hears(agent.got[-15:], 1103.0)
    assert_numbers_hold(agent.got)


def test_a_codec_change_in_the_call_keeps_stream_and_supervision() -> None:
    house, customer, agent = pair()
    supervisor = house.supervise(3, 10)
    house.run(0.4)
    house.set_media(2, codec="PCMA")
    agent.speak(codec="PCMA")
    house.run(0.8)
    assert {packet.payload_type for packet in agent.got[-20:]} == {8}
    assert hears(agent.got[-20:], 433.0)
    assert hears(customer.got[-20:], 701.0)
    assert hears(supervisor.got[-20:], 701.0)
    assert_numbers_hold(agent.got)


def test_pitch_is_kept_over_a_long_mix() -> None:
    house, customer, _ = pair()
    supervisor = house.supervise(3, 10)
    house.run(3.0)
    heard = samples(supervisor.got[-100:]).astype(float)
    spectrum = np.abs(np.fft.rfft(heard * np.blackman(len(heard)), 1 << 18))
    band = slice(int(300 / 8000 * (1 << 18)), int(600 / 8000 * (1 << 18)))
    found = (np.argmax(spectrum[band]) + band.start) * 8000 / (1 << 18)
    assert found == pytest.approx(customer.tone, rel=0.001)


@pytest.mark.parametrize("theirs", [10, 20, 30, 40, 60])
@pytest.mark.parametrize("ours", [10, 20, 30, 40, 60])
def test_another_packet_time_makes_audio_later_by_one_packet_of_the_listener_at_most(theirs: int, ours: int) -> None:
    house = House()
    customer = house.join(1, 10, "customer", ptime_ms=theirs)
    agent = house.join(2, 10, "agent", ptime_ms=ours)
    codes = np.random.default_rng(1).integers(128, 256, 16_000, dtype=np.uint8).tobytes()
    begun = house.now + customer.phase
    for start in range(0, len(codes) - customer.frame, customer.frame):
        customer.said.append(codes[start : start + customer.frame])
    spoken = iter(list(customer.said))
    customer.payload = lambda: next(spoken)  # type: ignore[method-assign]
    house.run(1.2)
    packet = next(packet for packet in agent.got if packet.at > house.now - 0.5)
    said_at = begun + codes.index(packet.payload[:64]) / 8000
    assert -0.002 <= packet.at - said_at < (0.004 if ours == theirs else 0.006 + ours / 1000)
