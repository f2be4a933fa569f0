"""The asyncio shell over loopback sockets: calls over UDP and TCP, order of events, what happens to lost connections."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest

from sip.events import Accepted, Event, InviteReceived, Rejected, SessionEnded
from sip.guard import GuardSettings
from sip.transport.flow import Address, Flow
from sip.transport.shell import SipShell
from sip.uri import bracketed
from sip.useragent import Invitation, UserAgent, UserAgentSettings
from tests.sip.network import ANSWER, OFFER, ha1_of, seeded_entropy

UNLIMITED = GuardSettings(rate=0, new_rate=0)


@dataclass
class Phone:
    """A user agent on real sockets, that answers whoever calls."""

    agent: UserAgent
    told: list[Event] = field(default_factory=list)
    waiting: list[tuple[Callable[[Event], bool], "asyncio.Future[Event]"]] = field(default_factory=list)
    answers: bool = True
    shell: SipShell = field(init=False)

    def __post_init__(self) -> None:
        self.shell = SipShell(self.agent, on_event=self.on_event)

    def on_event(self, event: Event, now: float) -> None:
        self.told.append(event)
        if isinstance(event, InviteReceived) and self.answers:
            self.agent.accept(event.session, ANSWER, now)
            self.shell.settle()
        for wanted, future in self.waiting:
            if wanted(event) and not future.done():
                future.set_result(event)

    async def until(self, kind: type[Event]) -> Event:
        """The first event of a kind, past or to come."""
        for event in self.told:
            if isinstance(event, kind):
                return event
        future: asyncio.Future[Event] = asyncio.get_running_loop().create_future()
        self.waiting.append((lambda event: isinstance(event, kind), future))
        async with asyncio.timeout(5):
            return await future

    def call(self, transport: str, remote: Address) -> int:
        local = self.shell.udp_address if transport == "udp" else ("127.0.0.1", 0)
        invitation = Invitation(
            request_uri=f"sip:bob@{bracketed(remote[0])}:{remote[1]}" + (";transport=tcp" if transport == "tcp" else ""),
            from_uri="sip:alice@127.0.0.1",
            to_uri="sip:bob@127.0.0.1",
            flows=(Flow(transport, local, remote),),
            offer=OFFER,
        )
        session = self.agent.invite(invitation, time.monotonic())
        self.shell.settle()
        return session


@asynccontextmanager
async def phone(seed: int) -> AsyncIterator[Phone]:
    made = Phone(UserAgent(UserAgentSettings(guard=UNLIMITED), ha1_of=ha1_of, entropy=seeded_entropy(seed)))
    await made.shell.open("127.0.0.1", 0, 0)
    try:
        yield made
    finally:
        await made.shell.close()


def address(made: Phone, transport: str) -> Address:
    return made.shell.udp_address if transport == "udp" else made.shell.tcp_address


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_call_over_real_sockets(transport: str) -> None:
    async with phone(1) as alice, phone(2) as bob:
        session = alice.call(transport, address(bob, transport))
        accepted = await alice.until(Accepted)
        assert isinstance(accepted, Accepted)
        assert accepted.description == ANSWER
        alice.agent.end(session, time.monotonic())
        alice.shell.settle()
        ended = await bob.until(SessionEnded)
        assert isinstance(ended, SessionEnded)
        assert ended.cause == "bye"


async def test_a_refused_connection_fails_the_call_at_once() -> None:
    async with phone(1) as alice, phone(2) as bob:
        nobody = bob.shell.tcp_address
        await bob.shell.close()
        alice.call("tcp", nobody)
        rejected = await alice.until(Rejected)
        assert isinstance(rejected, Rejected)
        assert rejected.status == 503
        assert alice.agent.counters["tcp_connect_failed"] == 1


async def connected(made: Phone) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(*made.shell.tcp_address)


def options(call_id: str, length: bytes = b"0") -> bytes:
    return (
        b"OPTIONS sip:a@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bK"
        + call_id.encode()
        + b"\r\nFrom: <sip:p@h>;tag=p\r\n"
        b"To: <sip:a@h>\r\nCall-ID: " + call_id.encode() + b"\r\nCSeq: 1 OPTIONS\r\nContent-Length: " + length + b"\r\n\r\n"
    )


async def answer(reader: asyncio.StreamReader) -> str:
    async with asyncio.timeout(5):
        head = await reader.readuntil(b"\r\n\r\n")
    return head.decode().split(" ", 2)[1]


async def test_a_ping_gets_a_pong_between_messages() -> None:
    async with phone(1) as bob:
        reader, writer = await connected(bob)
        writer.write(b"\r\n\r\n")
        async with asyncio.timeout(5):
            assert await reader.readexactly(2) == b"\r\n"
        writer.write(options("one") + options("two"))
        assert [await answer(reader), await answer(reader)] == ["200", "200"]
        writer.close()


async def test_a_stream_that_lost_its_frame_is_answered_and_closed() -> None:
    async with phone(1) as bob:
        reader, writer = await connected(bob)
        writer.write(options("one", b"-5") + b"garbage")
        assert await answer(reader) == "400"
        async with asyncio.timeout(5):
            assert await reader.read() == b""
        assert bob.agent.counters["tcp_broken_content_length"] == 1
        writer.close()


async def test_connections_are_bounded() -> None:
    made = Phone(UserAgent(UserAgentSettings(), ha1_of=ha1_of, entropy=seeded_entropy(3)))
    made.shell = SipShell(made.agent, on_event=made.on_event, max_connections=1)
    await made.shell.open("127.0.0.1", 0, 0)
    first_reader, first = await connected(made)
    first.write(options("one"))
    assert await answer(first_reader) == "200"
    second_reader, second = await connected(made)
    async with asyncio.timeout(5):
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
    await shell.open("127.0.0.1", 0, None)
    invitation = Invitation("sip:a@127.0.0.1:9", "sip:b@h", "sip:a@h", (Flow("udp", shell.udp_address, ("127.0.0.1", 9)),), OFFER)
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
    await shell.open("127.0.0.1", 0, None)
    for number in range(2):
        invite = options(f"invite{number}").replace(b"OPTIONS", b"INVITE")
        agent.receive(invite, Flow("udp", shell.udp_address, ("127.0.0.1", 9)), time.monotonic())
    with pytest.raises(RuntimeError):
        shell.settle()
    shell.settle()
    assert len(told) == 2
    await shell.close()


async def test_the_timer_retransmits_without_anybody_asking() -> None:
    agent = UserAgent(UserAgentSettings(t1=0.02), ha1_of=ha1_of, entropy=seeded_entropy(6))
    over = asyncio.Event()
    shell = SipShell(agent, on_event=lambda event, now: over.set())
    await shell.open("127.0.0.1", 0, None)
    silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    silent.bind(("127.0.0.1", 0))
    loop = asyncio.get_running_loop()
    agent.invite(
        Invitation("sip:a@127.0.0.1", "sip:b@h", "sip:a@h", (Flow("udp", shell.udp_address, silent.getsockname()),), OFFER), loop.time()
    )
    shell.settle()
    async with asyncio.timeout(10):
        await over.wait()
    assert agent.counters["retransmitted_request"] == 6
    silent.close()
    await shell.close()


async def test_a_port_in_use_is_an_os_error_and_leaves_nothing_open() -> None:
    async with phone(1) as bob:
        other = Phone(UserAgent(UserAgentSettings(), ha1_of=ha1_of, entropy=seeded_entropy(2)))
        with pytest.raises(OSError, match=r"[Aa]ddress already in use"):
            await other.shell.open("127.0.0.1", 0, bob.shell.tcp_address[1])


async def test_signalling_sockets_are_marked_cs3() -> None:
    async with phone(1) as bob:
        assert bob.shell._udp._socket is not None
        assert bob.shell._udp._socket.getsockopt(socket.IPPROTO_IP, socket.IP_TOS) == 24 << 2


async def test_wildcard_sockets_know_the_local_address_of_each_flow() -> None:
    bob = Phone(UserAgent(UserAgentSettings(), ha1_of=ha1_of, entropy=seeded_entropy(2)))
    await bob.shell.open("0.0.0.0", 0, None)
    async with phone(1) as alice:
        alice.call("udp", ("127.0.0.1", bob.shell.udp_address[1]))
        accepted = await alice.until(Accepted)
        assert isinstance(accepted, Accepted)
        assert accepted.response.contacts[0].uri == f"sip:127.0.0.1:{bob.shell.udp_address[1]}"
    await bob.shell.close()


async def test_a_timer_that_is_due_already_is_armed_and_armed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async with phone(1) as alice:
        overdue = time.monotonic() - 1.0
        rung: list[float] = []
        monkeypatch.setattr(alice.agent, "next_timer", lambda: None if rung else overdue)
        monkeypatch.setattr(alice.agent, "handle_timer", rung.append)
        alice.shell.settle()
        alice.shell.settle()
        async with asyncio.timeout(5):
            while not rung:
                await asyncio.sleep(0)
        assert rung[0] >= overdue


async def test_the_tap_sees_each_message_in_both_directions() -> None:
    seen: list[tuple[bytes, bool]] = []
    bob = Phone(UserAgent(UserAgentSettings(), ha1_of=ha1_of, entropy=seeded_entropy(2)))
    bob.shell = SipShell(bob.agent, on_event=bob.on_event, tap=lambda data, flow, is_ours, now: seen.append((data[:11], is_ours)))
    await bob.shell.open("127.0.0.1", 0, 0)
    reader, writer = await connected(bob)
    writer.write(options("one"))
    assert await answer(reader) == "200"
    assert seen == [(b"OPTIONS sip", False), (b"SIP/2.0 200", True)]
    writer.close()
    await bob.shell.close()
