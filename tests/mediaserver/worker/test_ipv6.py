"""RTP over IPv6, and between IPv6 and IPv4, with a real worker: relayed, latched, told, and strangers kept out."""

import socket
from collections.abc import Iterator

import pytest

from mediaserver.link.messages import CloseLeg, MediaStarted
from tests.mediaserver.worker.real import RealLeg, RealWorker, udp


@pytest.fixture(scope="module")
def worker() -> Iterator[RealWorker]:
    """One process for all tests of this file."""
    with RealWorker() as running:
        yield running


def call(worker: RealWorker, number: int, customer: str, agent: str, lent: tuple[str, str] | None = None) -> tuple[RealLeg, RealLeg]:
    """A call of phones at these addresses; lent: to which the ports of ours are bound, where they are others."""
    ours = lent or (customer, agent)
    return (
        worker.join(number + 1, number, "customer", lent=udp(ours[0]), phone=udp(customer)),
        worker.join(number + 2, number, "agent", lent=udp(ours[1]), phone=udp(agent)),
    )


def relay(worker: RealWorker, speaker: RealLeg, listener: RealLeg, payload: bytes) -> None:
    speaker.say(payload)
    worker.wait(lambda: payload in [*listener.listen(), *listener.got])


def end(worker: RealWorker, *legs: RealLeg) -> None:
    worker.command(*(CloseLeg(leg.leg) for leg in legs))
    for leg in legs:
        leg.lent.close()
        leg.phone.close()


@pytest.mark.parametrize(("customer", "agent"), [("::1", "::1"), ("::1", "127.0.0.1"), ("127.0.0.1", "::1")])
def test_audio_goes_both_ways_between_addresses_of_both_kinds(worker: RealWorker, customer: str, agent: str) -> None:
    one, other = call(worker, 100, customer, agent)
    for count in range(10):
        relay(worker, one, other, bytes([count]) * 160)
        relay(worker, other, one, bytes([100 + count]) * 160)
    for leg, host in ((one, customer), (other, agent)):
        assert MediaStarted(leg.leg, host, leg.phone.getsockname()[1]) in worker.messages
        assert worker.memory.counters(leg.row)["received"] == 10
        assert worker.memory.counters(leg.row)["send_errors"] == 0
    end(worker, one, other)


def test_a_port_of_both_kinds_serves_phones_of_both(worker: RealWorker) -> None:
    one, other = call(worker, 200, "127.0.0.1", "::1", lent=("::", "::"))
    one.to, other.to = ("127.0.0.1", one.lent.getsockname()[1]), ("::1", other.lent.getsockname()[1])
    for count in range(5):
        relay(worker, one, other, bytes([count]) * 160)
        relay(worker, other, one, bytes([100 + count]) * 160)
    assert MediaStarted(one.leg, "127.0.0.1", one.phone.getsockname()[1]) in worker.messages
    end(worker, one, other)


def test_strangers_are_kept_out_and_a_moved_source_is_latched_over_ipv6_too(worker: RealWorker) -> None:
    one, other = call(worker, 300, "::1", "127.0.0.1")
    relay(worker, one, other, b"a" * 160)
    with udp("::1") as stranger:
        for _ in range(3):
            one.say(b"evil" * 40, stranger)
            relay(worker, one, other, bytes([worker.memory.counters(one.row)["received"]]) * 160)
        worker.wait(lambda: worker.memory.counters(one.row)["dropped_beside_source"] >= 3)
    assert b"evil" * 40 not in other.got
    with udp("::1") as moved:
        worker.command(worker.media(one, moved))
        one.say(b"m" * 160, moved)
        worker.wait(lambda: b"m" * 160 in [*other.listen(), *other.got])
        other.say(b"z" * 160)
        worker.wait(lambda: _heard(moved, b"z" * 160))
    end(worker, one, other)


def _heard(phone: socket.socket, payload: bytes) -> bool:
    try:
        return phone.recv(2000)[12:] == payload
    except BlockingIOError:
        return False
