"""UDP: answers leave by the address that was asked, refusals are heard of, STUN is answered."""

import asyncio
import errno
import ipaddress
import socket
import struct
import time
from collections.abc import Iterator

import pytest

from sip.events import Accepted, Rejected
from sip.transport import ancillary, stun
from sip.transport.flow import Address
from sip.useragent import Invitation
from tests.interop.tools import free_port
from tests.sip.network import OFFER
from tests.sip.transport.phone import PATIENCE, options, phone, silent_socket

COOKIE = struct.pack("!I", stun.COOKIE)


@pytest.fixture
def client() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.setblocking(False)
        made.bind(("127.0.0.1", 0))
        yield made


async def reply(client: socket.socket) -> tuple[bytes, Address]:
    """The next datagram and who sent it."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                return client.recvfrom(65_536)
            except BlockingIOError:
                await asyncio.sleep(0.002)


@pytest.mark.parametrize("bind", ["0.0.0.0", "::"])
@pytest.mark.parametrize("asked", ["127.0.0.1", "127.0.0.2", "127.9.8.7"])
async def test_bound_to_every_address_the_one_that_was_asked_answers(client: socket.socket, bind: str, asked: str) -> None:
    async with phone(2, ["udp"], host=bind) as bob:
        to = (asked, bob.address("udp")[1])
        client.sendto(options("one", transport=b"UDP"), to)
        data, sender = await reply(client)
        assert data.startswith(b"SIP/2.0 200")
        assert sender == to


async def test_the_contact_of_a_wildcard_socket_is_the_address_that_was_asked() -> None:
    async with phone(1, ["udp"]) as alice, phone(2, ["udp"], host="0.0.0.0") as bob:
        alice.call("udp", ("127.0.0.9", bob.address("udp")[1]))
        accepted = await alice.until(Accepted)
        assert accepted.response.contacts[0].uri == f"sip:127.0.0.9:{bob.address('udp')[1]}"


async def test_a_way_by_an_address_that_is_not_ours_is_no_way() -> None:
    async with phone(1, ["udp"], host="0.0.0.0") as alice:
        flow = alice.shell.flow_to("udp", ("127.0.0.1", 9))
        foreign = type(flow)("udp", ("192.0.2.99", flow.local[1]), flow.remote)
        alice.agent.invite(Invitation("sip:b@h", "sip:a@h", "sip:b@h", (foreign,), OFFER), time.monotonic())
        alice.shell.settle()
        assert (await alice.until(Rejected)).status == 503


def dead_port(host: str) -> Address:
    """Where nobody listens, and nobody will: the system gives this port to none who asks for any."""
    return host, free_port(host)


@pytest.mark.parametrize(("bind", "dead"), [("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("::", "::1"), ("::", "127.0.0.1")])
async def test_a_host_that_refuses_datagrams_fails_the_call_at_once(bind: str, dead: str) -> None:
    async with phone(1, ["udp"], host=bind) as alice:
        alice.call("udp", dead_port(dead))
        assert (await alice.until(Rejected)).status == 503
        assert alice.agent.counters["udp_refused"] == 1


async def test_a_refusal_moves_the_call_to_the_next_hop() -> None:
    async with phone(1, ["udp"]) as alice, phone(2, ["udp"]) as bob:
        flows = tuple(alice.shell.flow_to("udp", remote) for remote in (dead_port("127.0.0.1"), bob.address("udp")))
        alice.agent.invite(Invitation("sip:b@h", "sip:a@h", "sip:b@h", flows, OFFER), time.monotonic())
        alice.shell.settle()
        await alice.until(Accepted)
        assert alice.agent.counters["udp_refused"] == 1
        assert "failover_timeout" not in alice.agent.counters


async def test_one_remotes_refusal_touches_no_other() -> None:
    async with phone(1, ["udp"]) as alice:
        with silent_socket() as silent:
            alice.call("udp", silent.getsockname())
            alice.call("udp", dead_port("127.0.0.1"))
            await alice.until(Rejected)
            assert alice.agent.live_sessions == 1


async def test_a_socket_that_was_refused_hears_on(client: socket.socket) -> None:
    async with phone(1, ["udp"]) as alice:
        for _ in range(3):
            alice.call("udp", dead_port("127.0.0.1"))
        await alice.counted("udp_refused", 3)
        client.sendto(options("one", transport=b"UDP"), alice.address("udp"))
        assert (await reply(client))[0].startswith(b"SIP/2.0 200")


def refusal(number: int, origin: int) -> list[ancillary.Ancillary]:
    data = struct.pack("=IBBBBII", number, origin, 3, 3, 0, 0, 0) + bytes(16)
    return [(ancillary.IPV4, ancillary.IP_RECVERR, data)]


@pytest.mark.parametrize(
    ("number", "origin", "is_refused"),
    [
        (errno.ECONNREFUSED, 2, True),
        (errno.EHOSTUNREACH, 2, True),
        (errno.ECONNREFUSED, 1, False),
        (errno.EMSGSIZE, 2, False),
    ],
    ids=["port unreachable", "host unreachable", "not by ICMP", "too large"],
)
def test_only_destinations_that_cannot_be_reached_are_refusals(number: int, origin: int, is_refused: bool) -> None:
    assert ancillary.is_refusal(refusal(number, origin)) == is_refused


def binding_request(kind: int = 1, attributes: bytes = b"") -> bytes:
    return struct.pack("!HH", kind, len(attributes)) + COOKIE + b"transaction!" + attributes


def mapped(data: bytes, transaction: bytes = b"transaction!") -> Address:
    """The address in a Binding success response."""
    kind, length = struct.unpack_from("!HH", data)
    assert (kind, length, data[8:20]) == (0x0101, len(data) - 20, transaction)
    attribute, size, _, family, port = struct.unpack_from("!HHBBH", data, 20)
    assert (attribute, size, family) == (0x0020, len(data) - 24, 1 if len(data) == 32 else 2)
    host = bytes(one ^ other for one, other in zip(data[28:], COOKIE + transaction, strict=False))
    return str(ipaddress.ip_address(host)), port ^ (stun.COOKIE >> 16)


@pytest.mark.parametrize("remote", [("192.0.2.1", 32853), ("2001:db8:1234:5678:11:2233:4455:6677", 32853)])
def test_a_binding_request_is_told_where_it_came_from(remote: Address) -> None:
    answer = stun.answer(binding_request(), remote)
    assert answer is not None
    assert mapped(answer) == remote


@pytest.mark.parametrize(
    "data",
    [binding_request(kind=0x0101), binding_request(kind=0x0003), binding_request() + b"abcd", binding_request(attributes=b"abc")],
    ids=["a response", "another method", "longer than it says", "not padded"],
)
def test_other_stun_is_not_answered(data: bytes) -> None:
    assert stun.is_stun(data)
    assert stun.answer(data, ("192.0.2.1", 5060)) is None


@pytest.mark.parametrize("data", [b"", b"\0\0\0\0", options("one"), b"\0" * 20, binding_request()[:19]])
def test_what_is_no_stun_is_left_to_sip(data: bytes) -> None:
    assert not stun.is_stun(data)


async def test_stun_on_the_sip_port_is_answered_beside_sip(client: socket.socket) -> None:
    async with phone(1, ["udp"]) as alice:
        client.sendto(binding_request(), alice.address("udp"))
        data, _ = await reply(client)
        assert mapped(data) == client.getsockname()
        client.sendto(binding_request(kind=0x0003), alice.address("udp"))
        await alice.counted("stun_dropped")
        assert alice.agent.counters["stun_answered"] == 1
        assert "dropped_not_sip" not in alice.agent.counters
