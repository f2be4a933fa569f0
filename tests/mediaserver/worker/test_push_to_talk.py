"""Push-to-talk is ``mute`` off and on: a pressed key is heard with the next packet, a released one ends without a tail."""

import pytest

from mediaserver.link.messages import Applied, SetMuted
from tests.mediaserver.worker.hearing import assert_numbers_hold, hears
from tests.mediaserver.worker.simulated import House, Phone, Sent

CUSTOMER, AGENT, COACH = 433.0, 701.0, 1103.0
PACKET = 0.02


def call(mode: str = "whisper", *, tones: bool = True) -> tuple[House, Phone, Phone, Phone]:
    """A supervisor in a mode who holds no key; he talks all the time."""
    house = House()
    customer, agent, coach = house.join(1, 10, "customer"), house.join(2, 10, "agent"), house.supervise(3, 10, mode)
    if tones:
        customer.tone, agent.tone = CUSTOMER, AGENT
    coach.tone = COACH
    house.command(SetMuted(3, True))
    house.run(0.5)
    return house, customer, agent, coach


def since(phone: Phone, moment: float) -> list[Sent]:
    return [packet for packet in phone.got if packet.at >= moment]


@pytest.mark.parametrize("mode", ["whisper", "barge"])
def test_a_pressed_key_is_heard_from_the_next_packet_on(mode: str) -> None:
    house, _, agent, _ = call(mode)
    assert not hears(agent.got[-15:], COACH)
    pressed = house.now
    (request,) = house.command(SetMuted(3, False))
    house.run(0.4)
    heard = since(agent, pressed)
    assert heard[0].at - pressed <= PACKET + 0.002
    assert hears(heard[:12], COACH)
    assert abs(heard[1].samples.astype(int)).max() > 2400
    answered = next(at for at, answer in house.answers if answer.request == request)
    assert isinstance(house.answer(request), Applied)
    assert heard[0].at <= answered <= heard[0].at + 0.004


def test_a_released_key_ends_with_the_next_packet_and_has_no_tail() -> None:
    house, customer, agent, _ = call(tones=False)
    house.command(SetMuted(3, False))
    house.run(0.4)
    released = house.now
    house.command(SetMuted(3, True))
    house.run(0.4)
    last, *after = since(agent, released)
    assert last.at - released <= PACKET + 0.002
    assert last.payload not in customer.said
    assert len(after) > 15
    assert all(packet.payload in customer.said for packet in after)
    assert_numbers_hold(agent.got)


def test_the_customer_hears_nothing_of_a_pressed_whisper() -> None:
    house, customer, agent, _ = call(tones=False)
    seen, first = len(customer.got), agent.said.index(customer.got[-1].payload) + 1
    for muted in (False, True, False):
        house.command(SetMuted(3, muted))
        house.run(0.15)
    heard = [packet.payload for packet in customer.got[seen:]]
    assert heard == agent.said[first : first + len(heard)]
