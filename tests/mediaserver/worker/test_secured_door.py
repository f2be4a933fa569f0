"""A secured leg of a real worker: who has the key moves the latch, who has not does not; beside it plain legs pay nothing."""

import os
from collections.abc import Iterator

import pytest

from mediaserver.link.messages import SetMedia
from tests.mediaserver.worker.real import RealLeg, RealWorker, udp
from tests.mediaserver.worker.secured import Line, line_of


@pytest.fixture(scope="module")
def worker() -> Iterator[RealWorker]:
    """One process for all tests of this file; each has a call of its own."""
    with RealWorker() as running:
        yield running


def secured(worker: RealWorker, call: int) -> tuple[RealLeg, RealLeg, Line]:
    """A secured customer and a plain agent."""
    customer, agent = worker.join(call + 1, call, "customer"), worker.join(call + 2, call, "agent")
    line = line_of()
    address, port = customer.phone.getsockname()
    worker.command(SetMedia(customer.leg, address, port, "PCMU", 0, 0, 20, -1, -1, True, True, **line.media()))
    return customer, agent, line


def test_a_secured_and_a_plain_phone_hear_each_other(worker: RealWorker) -> None:
    customer, agent, line = secured(worker, 100)
    said, answered = os.urandom(160), os.urandom(160)
    customer.phone.sendto(line.shutting.protect(customer.packet(said)), customer.lent.getsockname())
    worker.wait(lambda: said in agent.listen())
    agent.say(answered)
    got: list[bytes] = []
    worker.wait(lambda: bool(datagrams(customer, got)))
    assert line.opening.unprotect(got[-1])[12:] == answered


def test_a_stranger_without_the_key_does_not_move_the_latch(worker: RealWorker) -> None:
    customer, agent, _ = secured(worker, 200)
    stranger = udp()
    plain = os.urandom(160)
    for _ in range(5):
        customer.say(plain, stranger)
    worker.wait(lambda: worker.memory.counters(customer.row)["dropped_stranger"] == 5)
    counters = worker.memory.counters(customer.row)
    assert counters["dropped_srtp_authentication"] == 5
    assert counters["received"] == 0
    assert plain not in agent.listen()
    stranger.close()


def test_a_stranger_with_the_key_moves_the_latch_and_is_heard_at_once(worker: RealWorker) -> None:
    customer, agent, line = secured(worker, 300)
    moved = udp()
    said = os.urandom(160)
    moved.sendto(line.shutting.protect(customer.packet(said)), customer.lent.getsockname())
    worker.wait(lambda: said in agent.listen())
    assert worker.memory.counters(customer.row)["dropped_srtp_replayed"] == 0
    agent.say(os.urandom(160))
    customer.phone.close()
    customer.phone = moved
    got: list[bytes] = []
    worker.wait(lambda: bool(datagrams(customer, got)))


def datagrams(leg: RealLeg, got: list[bytes]) -> list[bytes]:
    """What came to a phone until now, as it came."""
    while True:
        try:
            got.append(leg.phone.recv(2000))
        except BlockingIOError:
            return got
