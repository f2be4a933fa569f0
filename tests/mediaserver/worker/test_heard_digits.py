"""A supervisor whose phone has no telephone-event presses digits all the same, and nobody hears them."""

import numpy as np
import pytest

from mediaserver.link.messages import DigitReceived, SetMode
from mixer.dtmf import DIGITS, tones
from mixer.g711 import encode
from tests.mediaserver.worker.hearing import samples
from tests.mediaserver.worker.simulated import House, Phone


def call(mode: str = "listen", ptime_ms: int = 20) -> tuple[House, Phone, Phone]:
    """A call whose supervisor's phone sends digits as tones; everybody else is silent. The agent and the supervisor."""
    house = House()
    customer, agent, supervisor = house.join(1, 10, "customer"), house.join(2, 10, "agent"), house.supervise(3, 10)
    for phone in (customer, agent, supervisor):
        phone.tone, phone.level = 1.0, 0.0
    house.set_media(3, receive_digit_payload_type=-1)
    supervisor.frame = ptime_ms * 8
    house.command(SetMode(3, mode, "agent"))
    house.run(0.3)
    return house, agent, supervisor


def press(house: House, phone: Phone, digit: str, milliseconds: int = 100, silence_ms: int = 80) -> None:
    """Send the tones of a digit, then silence, in packets as the phone sends them."""
    sound = np.concatenate([tones(DIGITS.index(digit), milliseconds * 8, 8000), np.zeros(silence_ms * 8, dtype=np.int16)])
    phone.talking = False
    for start in range(0, len(sound) - phone.frame + 1, phone.frame):
        house.arrive(phone, phone.packet(bytes(encode(sound[start : start + phone.frame][None], np.array([0]))[0])))
        phone.timestamp += phone.frame
        house.run(phone.frame / 8000)
    phone.talking = True


def told(house: House) -> list[tuple[int, str]]:
    """Legs and digits."""
    return [(notice.leg, notice.digit) for notice in house.notices if isinstance(notice, DigitReceived)]


@pytest.mark.parametrize("mode", ["listen", "whisper", "barge"])
def test_digits_are_told_once_in_every_mode(mode: str) -> None:
    house, _, supervisor = call(mode)
    for digit in "45#":
        press(house, supervisor, digit)
    assert told(house) == [(3, "4"), (3, "5"), (3, "#")]


@pytest.mark.parametrize("ptime_ms", [10, 20, 30])
def test_packets_of_any_length_are_listened_to(ptime_ms: int) -> None:
    house, _, supervisor = call(ptime_ms=ptime_ms)
    press(house, supervisor, "6", milliseconds=120, silence_ms=120)
    assert told(house) == [(3, "6")]


def test_the_agent_hears_40_ms_of_a_long_tone_at_most() -> None:
    house, agent, supervisor = call("whisper")
    seen = len(agent.got)
    press(house, supervisor, "5", milliseconds=600)
    house.run(0.3)
    loud = np.abs(samples(agent.got[seen:]).reshape(-1, 80)).max(axis=1) > 100
    assert loud.sum() * 10 <= 40


def test_what_he_says_before_and_after_a_digit_is_heard() -> None:
    house, agent, supervisor = call("whisper")
    press(house, supervisor, "5")
    seen = len(agent.got)
    supervisor.tone, supervisor.level = 1103.0, 2000.0
    house.run(0.5)
    assert np.abs(samples(agent.got[seen + 10 :])).max() == pytest.approx(2000, rel=0.05)
    assert told(house) == [(3, "5")]


def test_with_telephone_event_tones_are_no_digits() -> None:
    house, _, supervisor = call()
    house.set_media(3, receive_digit_payload_type=101)
    press(house, supervisor, "5")
    assert told(house) == []


def test_a_partys_tones_are_neither_told_nor_taken_away() -> None:
    house, agent, supervisor = call()
    house.set_media(2, receive_digit_payload_type=-1)
    press(house, agent, "5", milliseconds=300)
    assert told(house) == []
    assert np.abs(samples(supervisor.got[-15:])).max() > 1000
