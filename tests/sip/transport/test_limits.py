"""How many connections are let in, by listener and by source address."""

import asyncio
from contextlib import suppress

import pytest

from sip.transport import connections
from sip.transport.admission import Admission
from sip.transport.flow import Address
from sip.transport.listeners import Listener, TransportSettings
from sip.transport.shell import SipShell
from sip.useragent import UserAgent, UserAgentSettings
from tests.sip.network import ha1_of, seeded_entropy
from tests.sip.transport.phone import BOTH, Phone, answer, options, phone


def admission() -> Admission:
    return Admission(listener=2, source=3, handshakes=1)


def test_each_listener_has_a_bound_of_its_own() -> None:
    house = admission()
    assert [house.enter("tcp", f"192.0.2.{n}", shakes=False) for n in range(3)] == ["", "", "connection_limit"]
    assert house.enter("tls", "192.0.2.9", shakes=False) == ""


def test_a_source_is_bounded_over_all_listeners() -> None:
    house = admission()
    assert [house.enter(listener, "192.0.2.1", shakes=False) for listener in ("a", "a", "b", "b")] == ["", "", "", "source_limit"]
    assert house.enter("b", "192.0.2.2", shakes=False) == ""


def test_handshakes_under_way_are_bounded() -> None:
    house = admission()
    assert house.enter("a", "192.0.2.1", shakes=True) == ""
    assert house.enter("a", "192.0.2.2", shakes=True) == "handshake_limit"
    house.shaken()
    assert house.enter("a", "192.0.2.2", shakes=True) == ""


@pytest.mark.parametrize("is_shaken", [True, False])
def test_whoever_leaves_makes_room_everywhere(is_shaken: bool) -> None:
    house = admission()
    for _ in range(20):
        assert house.enter("a", "192.0.2.1", shakes=True) == ""
        if is_shaken:
            house.shaken()
        house.leave("a", "192.0.2.1", shakes=not is_shaken)
    assert len(house) == 0


def test_a_listener_is_crowded_while_less_than_a_tenth_of_it_is_free() -> None:
    house = Admission(listener=20, source=100, handshakes=1)
    for _ in range(18):
        house.enter("a", "192.0.2.1", shakes=False)
    house.enter("b", "192.0.2.1", shakes=False)
    assert house.crowded() == []
    house.enter("a", "192.0.2.1", shakes=False)
    assert house.crowded() == [("a", 1)]


async def is_served(bob: Phone, index: int, kept: list[asyncio.StreamWriter]) -> bool:
    """Whether a new connection to one of Bob's listeners is answered; it stays."""
    reader, writer = await asyncio.open_connection(*bob.shell.listeners[index].address)
    writer.write(options(f"number{len(kept)}"))
    kept.append(writer)
    with suppress(ConnectionError, asyncio.IncompleteReadError):
        return await answer(reader) == "200"
    return False


async def test_the_limits_hold_on_real_sockets() -> None:
    kept: list[asyncio.StreamWriter] = []
    settings = TransportSettings(max_connections=2, max_connections_per_source=3)
    async with phone(2, ["tcp", "tcp"], settings=settings) as bob:
        assert [await is_served(bob, index, kept) for index in (0, 0, 0, 1, 1)] == [True, True, False, True, False]
        assert bob.agent.counters["tcp_connection_limit"] == 1
        assert bob.agent.counters["tcp_source_limit"] == 1
        kept[0].close()
        await bob.counted("flow_lost")
        assert await is_served(bob, 0, kept)
    for writer in kept:
        writer.close()


async def test_a_crowded_listener_lets_go_of_the_eldest_that_nothing_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "SWEEP_SECONDS", 0.01)
    kept: list[asyncio.StreamWriter] = []
    async with phone(2, ["tcp"], settings=TransportSettings(max_connections=10, keep_alive=0)) as bob:
        registered: list[Address] = []
        bob.agent._core.guard.is_registered = lambda flow: flow.remote in registered
        for number in range(10):
            reader, writer = await asyncio.open_connection(*bob.shell.listeners[0].address)
            kept.append(writer)
            if number == 0:
                registered.append(writer.get_extra_info("sockname"))
            if number == 1:
                second = reader
        assert await asyncio.wait_for(second.read(), 30) == b""
        assert bob.agent.counters["tcp_made_room"] == 1
        assert await is_served(bob, 0, kept)
        assert not kept[0].is_closing()
    for writer in kept:
        writer.close()


async def test_with_several_addresses_calls_leave_by_the_one_of_the_right_family() -> None:
    agent = UserAgent(UserAgentSettings(), ha1_of=ha1_of, entropy=seeded_entropy(1))
    shell = SipShell(agent, on_event=lambda event, now: None)
    await shell.open([Listener(transport, host, 0) for transport in BOTH for host in ("127.0.0.3", "::1")])
    for transport in BOTH:
        assert shell.flow_to(transport, ("::1", 9)).local[0] == "::1"
        assert shell.flow_to(transport, ("127.0.0.1", 9)).local[0] == "127.0.0.3"
    await shell.close()
