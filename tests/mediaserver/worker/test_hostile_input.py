"""Whatever arrives at one leg: the worker goes on, the others' streams stay bit-exact, and everything is counted."""

import numpy as np
import pytest

from mediaserver.link.messages import Admit, Command, Play, SetMode, SetMuted, StopPlaying
from tests.mediaserver.worker.hearing import assert_numbers_hold
from tests.mediaserver.worker.simulated import House
from tests.mediaserver.worker.speaking import MEDIA


def hostile_datagram(rng: np.random.Generator, number: int) -> bytes:
    """Noise, half-right headers, RTP of odd sizes, events cut short, leaps of all numbers."""
    body = rng.integers(0, 256, int(rng.choice([0, 1, 3, 11, 40, 80, 81, 160, 240, 777, 1471])), dtype=np.uint8).tobytes()
    if rng.random() < 0.2:
        return body
    first = int(rng.choice([0x80, 0x80, 0x80, 0x90, 0xA0, 0x8F, 0xBF, 0x40]))
    second = int(rng.choice([number, number, 0x80 | number, 101, 229, 13, 72, 200, 8]))
    numbers = rng.integers(0, 256, 10, dtype=np.uint8)
    if rng.random() < 0.7:
        numbers[6:] = (0, 0, 0, int(rng.integers(2)))
    return (bytes([first, second]) + numbers.tobytes() + body)[:1472]


@pytest.mark.parametrize("codec", MEDIA)
@pytest.mark.parametrize("seed", range(3))
def test_a_hostile_leg_beside_a_call_changes_nothing_for_the_call(seed: int, codec: str) -> None:
    rng = np.random.default_rng(seed)
    house = House()
    customer, agent = house.join(1, 10, "customer"), house.join(2, 10, "agent")
    evil, victim, watcher = house.join(3, 11, "customer", **MEDIA[codec]), house.join(4, 11, "agent"), house.supervise(5, 11, "whisper")
    evil.talking = False
    for _ in range(300):
        house.arrive(evil, hostile_datagram(rng, evil.payload_type))
        if rng.random() < 0.1:
            choice: list[Command] = [
                SetMode(5, ("listen", "whisper", "barge")[int(rng.integers(3))], "agent"),
                SetMuted(3, bool(rng.integers(2))),
                Admit(3, bool(rng.integers(2))),
                Play(4, "nothing", True),
                StopPlaying(4),
            ]
            house.command(choice[int(rng.integers(len(choice)))])
        house.run(0.004)
    assert [packet.payload for packet in agent.got] == customer.said[: len(agent.got)]
    assert [packet.payload for packet in customer.got] == agent.said[: len(customer.got)]
    for phone in (victim, watcher):
        assert len({packet.sequence for packet in phone.got}) == len(phone.got)
        assert len({packet.ssrc for packet in phone.got}) == 1
    assert_numbers_hold(watcher.got)
    counters = house.memory.counters(evil.row)
    dropped = sum(value for name, value in counters.items() if name.startswith("dropped_"))
    assert counters["received"] + counters["late"] + counters["duplicate"] + dropped >= 300


def test_a_flood_of_one_leg_takes_one_packet_a_turn() -> None:
    house = House()
    customer, agent = house.join(1, 10, "customer"), house.join(2, 10, "agent")
    for _ in range(50):
        house.arrive(customer, customer.next_packet())
    for turn in range(10):
        house.step()
        assert len(agent.got) == turn + 1
