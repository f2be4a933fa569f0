"""The asyncio shell over loopback sockets: calls over UDP and TCP, order of events, what happens to lost connections."""

import asyncio
import socket
import time
from contextlib import suppress

import pytest

from sip.events import Accepted, Event, Rejected, SessionEnded
from sip.transport.listeners import Listener, ListenFailed, TransportSettings
from sip.transport.shell import SipShell
from sip.useragent import Invitation, UserAgent, UserAgentSettings
from tests.interop.tools import free_port
from tests.sip.network import ANSWER, OFFER, ha1_of, seeded_entropy
from tests.sip.transport.phone import PATIENCE, Phone, answer, connected, options, phone, silent_socket

UDP = [Listener("udp", "127.0.0.1", 0)]
UDP_AND_TCP = [*UDP, Listener("tcp", "127.0.0.1", 0)]


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_call_over_real_sockets(transport: str) -> None:
    async with phone(1) as alice, phone(2) as bob:
        session = alice.call(transport, bob.address(transport))
        accepted = await alice.until(Accepted)
        assert isinstance(accepted, Accepted)
        assert accepted.description == ANSWER
        alice.agent.end(session, time.monotonic())
        alice.shell.settle()
        ended = await bob.until(SessionEnded)
        assert isinstance(ended, SessionEnded)
        assert ended.cause == "bye"


async def test_a_refused_connection_fails_the_call_at_once() -> None:
    async with phone(1) as alice:
        alice.call("tcp", ("127.0.0.1", free_port("127.0.0.1")))
        rejected = await alice.until(Rejected)
        assert isinstance(rejected, Rejected)
        assert rejected.status == 503
        assert alice.agent.counters["tcp_connect_failed"] == 1


async def test_a_ping_gets_a_pong_between_messages() -> None:
    async with phone(1) as bob:
        reader, writer = await connected(bob)
        writer.write(b"\r\n\r\n")
        async with asyncio.timeout(PATIENCE):
            assert await reader.readexactly(2) == b"\r\n"
        writer.write(options("one") + options("two"))
        assert [await answer(reader), await answer(reader)] == ["200", "200"]
        writer.close()


async def test_a_stream_that_lost_its_frame_is_answered_and_closed() -> None:
    async with phone(1) as bob:
        reader, writer = await connected(bob)
        writer.write(options("one", b"-5") + b"garbage")
        assert await answer(reader) == "400"
        async with asyncio.timeout(PATIENCE):
            assert await reader.read() == b""
        assert bob.agent.counters["tcp_broken_content_length"] == 1
        writer.close()


async def test_connections_are_bounded() -> None:
    settings = TransportSettings(max_connections=1)
    made = Phone(UserAgent(UserAgentSettings(), ha1_of=ha1_of, entropy=seeded_entropy(3)), settings)
    await made.shell.open(UDP_AND_TCP)
    first_reader, first = await connected(made)
    first.write(options("one"))
    assert await answer(first_reader) == "200"
    second_reader, second = await connected(made)
    async with asyncio.timeout(PATIENCE):
        with suppress(ConnectionResetError):
            assert await second_reader.read() == b""
    first.write(options("two"))
    assert await answer(first_reader) == "200"
    assert made.agent.counters["tcp_connection_limit"] == 1
    first.close()
    second.close()
    await made.shell.close()


async def test_a_reader_who_never_reads_is_cut_off() -> None:
    async with phone(1) as bob:
        reader, writer = await connected(bob)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        for number in range(4000):
            if "tcp_slow_reader" in bob.agent.counters or writer.is_closing():
                break
            writer.write(b"".join(options(f"{number}.{part}") for part in range(20)))
            await asyncio.sleep(0)
        assert bob.agent.counters["tcp_slow_reader"] == 1
        writer.transport.abort()
        del reader


async def test_events_raised_by_a_reaction_come_after_it_and_in_order() -> None:
    agent = UserAgent(UserAgentSettings(), ha1_of=ha1_of, entropy=seeded_entropy(4))
    order: list[str] = []

    def on_event(event: Event, now: float) -> None:
        order.append(f"begin {type(event).__name__}")
        if isinstance(event, Rejected) and len(order) < 4:
            agent.invite(invitation, now)
            agent.flow_lost(invitation.flows[0], now)
            shell.settle()
        order.append(f"end {type(event).__name__}")

    shell = SipShell(agent, on_event=on_event)
    await shell.open(UDP)
    invitation = Invitation("sip:a@127.0.0.1:9", "sip:b@h", "sip:a@h", (shell.flow_to("udp", ("127.0.0.1", 9)),), OFFER)
    agent.invite(invitation, 0.0)
    agent.flow_lost(invitation.flows[0], 0.0)
    shell.settle()
    assert order == ["begin Rejected", "end Rejected"] * 3
    await shell.close()


async def test_an_event_that_blows_up_its_owner_does_not_take_the_others_along() -> None:
    agent = UserAgent(UserAgentSettings(), ha1_of=ha1_of, entropy=seeded_entropy(5))
    told: list[Event] = []

    def on_event(event: Event, now: float) -> None:
        told.append(event)
        if len(told) == 1:
            raise RuntimeError("the owner's fault")

    shell = SipShell(agent, on_event=on_event)
    await shell.open(UDP)
    for number in range(2):
        invite = options(f"invite{number}").replace(b"OPTIONS", b"INVITE")
        agent.receive(invite, shell.flow_to("udp", ("127.0.0.1", 9)), time.monotonic())
    with pytest.raises(RuntimeError):
        shell.settle()
    shell.settle()
    assert len(told) == 2
    await shell.close()


async def test_the_timer_retransmits_without_anybody_asking() -> None:
    agent = UserAgent(UserAgentSettings(t1=0.02), ha1_of=ha1_of, entropy=seeded_entropy(6))
    over = asyncio.Event()
    shell = SipShell(agent, on_event=lambda event, now: over.set())
    await shell.open(UDP)
    silent = silent_socket()
    loop = asyncio.get_running_loop()
    agent.invite(Invitation("sip:a@127.0.0.1", "sip:b@h", "sip:a@h", (shell.flow_to("udp", silent.getsockname()),), OFFER), loop.time())
    shell.settle()
    async with asyncio.timeout(PATIENCE):
        await over.wait()
    # Six are due, the last one T1 before the end: on a busy machine they come late, and the end comes first.
    assert 2 <= agent.counters["retransmitted_request"] <= 6
    silent.close()
    await shell.close()


async def test_a_port_in_use_is_an_os_error_and_leaves_nothing_open() -> None:
    async with phone(1) as bob:
        other = Phone(UserAgent(UserAgentSettings(), ha1_of=ha1_of, entropy=seeded_entropy(2)))
        taken = Listener("tcp", *bob.address("tcp"))
        with pytest.raises(ListenFailed, match=r"TCP on 127\.0\.0\.1 port \d+: Address already in use") as failed:
            await other.shell.open([Listener("udp", "127.0.0.1", 0), taken])
        assert failed.value.listener == taken


async def test_signalling_sockets_are_marked_cs3() -> None:
    async with phone(1) as bob:
        assert bob.shell._sockets[0]._socket.getsockopt(socket.IPPROTO_IP, socket.IP_TOS) == 24 << 2


async def test_wildcard_sockets_know_the_local_address_of_each_flow() -> None:
    bob = Phone(UserAgent(UserAgentSettings(), ha1_of=ha1_of, entropy=seeded_entropy(2)))
    await bob.shell.open([Listener("udp", "0.0.0.0", 0)])
    async with phone(1) as alice:
        alice.call("udp", ("127.0.0.1", bob.address("udp")[1]))
        accepted = await alice.until(Accepted)
        assert isinstance(accepted, Accepted)
        assert accepted.response.contacts[0].uri == f"sip:127.0.0.1:{bob.address('udp')[1]}"
    await bob.shell.close()


async def test_a_timer_that_is_due_already_is_armed_and_armed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async with phone(1) as alice:
        overdue = time.monotonic() - 1.0
        rung: list[float] = []
        monkeypatch.setattr(alice.agent, "next_timer", lambda: None if rung else overdue)
        monkeypatch.setattr(alice.agent, "handle_timer", rung.append)
        alice.shell.settle()
        alice.shell.settle()
        async with asyncio.timeout(PATIENCE):
            while not rung:
                await asyncio.sleep(0)
        assert rung[0] >= overdue


async def test_the_tap_sees_each_message_in_both_directions() -> None:
    seen: list[tuple[bytes, bool]] = []
    bob = Phone(UserAgent(UserAgentSettings(), ha1_of=ha1_of, entropy=seeded_entropy(2)))
    bob.shell = SipShell(bob.agent, on_event=bob.on_event, tap=lambda data, flow, is_ours, now: seen.append((data[:11], is_ours)))
    await bob.shell.open(UDP_AND_TCP)
    reader, writer = await connected(bob)
    writer.write(options("one"))
    assert await answer(reader) == "200"
    assert seen == [(b"OPTIONS sip", False), (b"SIP/2.0 200", True)]
    writer.close()
    await bob.shell.close()
