"""A leg whose port has STUN and DTLS on it too: those are handed up, media is heard, and nobody can flood signalling with them."""

import os
import socket
from collections.abc import Iterator

import pytest

from mediaserver.link.messages import DatagramReceived, SetMedia
from mediaserver.worker.sorting import AT_ONCE
from tests.mediaserver.worker.real import RealLeg, RealWorker, udp

STUN = bytes.fromhex("000100002112a442") + bytes(12)
DTLS = bytes([22]) + bytes(30)


@pytest.fixture(scope="module")
def worker() -> Iterator[RealWorker]:
    """One process for all tests of this file; each has a call of its own."""
    with RealWorker() as running:
        yield running


def sorted_leg(worker: RealWorker, call: int, source: socket.socket | None = None) -> tuple[RealLeg, RealLeg]:
    """A supervisor whose datagrams are sorted (``source``: where he was found to be), and an agent who hears him."""
    browser, agent = worker.join(call + 1, call, "customer"), worker.join(call + 2, call, "agent")
    tell(worker, browser, source or browser.phone)
    return browser, agent


def tell(worker: RealWorker, leg: RealLeg, source: socket.socket) -> None:
    """Say where the leg is, and that its datagrams are sorted."""
    host, port = source.getsockname()
    worker.command(SetMedia(leg.leg, host, port, "PCMU", 0, 0, 20, -1, -1, True, True, sorts=True))


def handed(worker: RealWorker, leg: RealLeg) -> list[DatagramReceived]:
    """What was handed up of a leg."""
    worker.read()
    return [message for message in worker.messages if isinstance(message, DatagramReceived) and message.leg == leg.leg]


def test_stun_and_dtls_of_the_source_are_handed_up_and_media_is_heard(worker: RealWorker) -> None:
    browser, agent = sorted_leg(worker, 100)
    said = os.urandom(160)
    for datagram in (STUN, DTLS):
        browser.phone.sendto(datagram, browser.lent.getsockname())
    browser.say(said)
    worker.wait(lambda: said in agent.listen())
    worker.wait(lambda: len(handed(worker, browser)) == 2)
    assert [(told.address, told.port) for told in handed(worker, browser)] == [browser.phone.getsockname()] * 2
    assert [told.data for told in handed(worker, browser)] == [STUN, DTLS]
    counters = worker.memory.counters(browser.row)
    assert (counters["handed_up"], counters["received"], counters["dropped_version"]) == (2, 1, 0)


def test_strangers_checks_are_handed_up_with_their_address_and_their_media_is_not_heard(worker: RealWorker) -> None:
    browser, agent = sorted_leg(worker, 200)
    stranger, said = udp(), os.urandom(160)
    stranger.sendto(STUN, browser.lent.getsockname())
    browser.say(said, stranger)
    worker.wait(lambda: worker.memory.counters(browser.row)["dropped_stranger"] == 1)
    worker.wait(lambda: len(handed(worker, browser)) == 1)
    assert (handed(worker, browser)[0].address, handed(worker, browser)[0].port) == stranger.getsockname()
    assert said not in agent.listen()
    stranger.close()


def test_media_goes_to_where_the_leg_was_found_next(worker: RealWorker) -> None:
    browser, agent = sorted_leg(worker, 300)
    moved, said, heard = udp(), os.urandom(160), os.urandom(160)
    tell(worker, browser, moved)
    browser.say(said, moved)
    worker.wait(lambda: said in agent.listen())
    browser.phone.close()
    browser.phone = moved
    agent.say(heard)
    worker.wait(lambda: heard in browser.listen())


def test_a_flood_of_checks_is_counted_and_leaves_the_source_its_own_share(worker: RealWorker) -> None:
    browser, _ = sorted_leg(worker, 400)
    stranger = udp()
    for _ in range(int(3 * AT_ONCE)):
        stranger.sendto(STUN, browser.lent.getsockname())
    worker.wait(lambda: worker.memory.counters(browser.row)["dropped_unhanded"] > AT_ONCE)
    browser.phone.sendto(DTLS, browser.lent.getsockname())
    worker.wait(lambda: DTLS in [told.data for told in handed(worker, browser)])
    stranger.close()


def test_a_leg_that_is_not_sorted_refuses_them_as_ever(worker: RealWorker) -> None:
    phone = worker.join(501, 500, "customer")
    for datagram in (STUN, DTLS):
        phone.phone.sendto(datagram, phone.lent.getsockname())
    worker.wait(lambda: worker.memory.counters(phone.row)["dropped_version"] == 2)
    assert handed(worker, phone) == []
