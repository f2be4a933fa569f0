"""The worker on a virtual clock: packets go where they should, one of a leg a turn, the same each time."""

import numpy as np

from bench.coding.codecs import CODECS
from bench.simulator.path import Path
from bench.simulator.phone import Phone
from bench.simulator.worker import VirtualWorker

CODEC = CODECS["PCMU"]


def sounding(leg: int, *, path: Path | None = None, drift_ppm: float = 0.0) -> Phone:
    codes = [bytes([(leg * 31 + at) & 0xFF]) * 160 for at in range(200)]
    return Phone(leg, CODEC, 20, codes, 200, path or Path(), phase=0.003 * leg, drift_ppm=drift_ppm)


def talk(customer: Phone, agent: Phone, supervisor: Phone, seconds: float = 4.2) -> None:
    worker = VirtualWorker(3, 1)
    worker.join(customer, 1, "customer")
    worker.join(agent, 1, "agent")
    worker.join(supervisor, 1, "supervisor", mode="listen")
    worker.run(seconds)


def test_parties_hear_each_other_to_the_bit_in_the_turn_in_which_packets_arrive() -> None:
    customer, agent, supervisor = sounding(1), sounding(2), sounding(3)
    talk(customer, agent, supervisor)
    assert [packet.payload for packet in agent.got] == list(customer.payloads)
    assert [packet.payload for packet in customer.got] == list(agent.payloads)
    late = np.array([packet.at for packet in agent.got]) - customer.sent
    assert late.min() >= 0.0
    assert late.max() <= 0.002 + 1e-9


def test_a_burst_of_one_leg_is_taken_one_packet_a_turn() -> None:
    customer, agent, supervisor = sounding(1, path=Path(pauses=((1.0, 0.2),))), sounding(2), sounding(3)
    talk(customer, agent, supervisor)
    assert [packet.payload for packet in agent.got] == list(customer.payloads)
    after = [packet.at for packet in agent.got if packet.at >= 1.19][:5]
    assert np.allclose(np.diff(after), 0.002)


def test_two_runs_are_the_same() -> None:
    ears = []
    for _ in range(2):
        customer, agent, supervisor = sounding(1, drift_ppm=100), sounding(2), sounding(3)
        talk(customer, agent, supervisor)
        ears.append([(packet.at, packet.sequence, packet.timestamp, packet.payload) for packet in supervisor.got])
    assert ears[0] == ears[1]
    assert len(ears[0]) > 190
