"""A user agent on real sockets, and raw clients that speak to it."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from sip.events import Event, InviteReceived
from sip.guard import GuardSettings
from sip.transport.certificates import Certificates
from sip.transport.flow import Address
from sip.transport.listeners import Listener, TransportSettings
from sip.transport.shell import SipShell
from sip.uri import bracketed
from sip.useragent import Invitation, UserAgent, UserAgentSettings
from tests.sip.network import ANSWER, OFFER, ha1_of, seeded_entropy

T = TypeVar("T", bound=Event)

BOTH = ("udp", "tcp")
UNLIMITED = GuardSettings(rate=0, new_rate=0)
PATIENCE = 30.0
"""Seconds after which a wait has failed."""


@dataclass
class Phone:
    """A user agent that answers whoever calls."""

    agent: UserAgent
    settings: TransportSettings = field(default_factory=TransportSettings)
    certificates: Certificates | None = None
    told: list[Event] = field(default_factory=list)
    waiting: list[tuple[Callable[[Event], bool], "asyncio.Future[Event]"]] = field(default_factory=list)
    answers: bool = True
    shell: SipShell = field(init=False)

    def __post_init__(self) -> None:
        self.shell = SipShell(self.agent, on_event=self.on_event, settings=self.settings, certificates=self.certificates)

    def on_event(self, event: Event, now: float) -> None:
        self.told.append(event)
        if isinstance(event, InviteReceived) and self.answers:
            self.agent.accept(event.session, ANSWER, now)
            self.shell.settle()
        for wanted, future in self.waiting:
            if wanted(event) and not future.done():
                future.set_result(event)

    async def until(self, kind: type[T]) -> T:
        """The first event of a kind, past or to come."""
        for event in self.told:
            if isinstance(event, kind):
                return event
        future: asyncio.Future[Event] = asyncio.get_running_loop().create_future()
        self.waiting.append((lambda event: isinstance(event, kind), future))
        async with asyncio.timeout(PATIENCE):
            found = await future
        assert isinstance(found, kind)
        return found

    async def counted(self, reason: str, least: int = 1) -> None:
        """Wait until a counter is there."""
        async with asyncio.timeout(PATIENCE):
            while self.agent.counters.get(reason, 0) < least:
                await asyncio.sleep(0.005)

    def address(self, transport: str) -> Address:
        """What a transport's first listener is bound to."""
        address = self.shell.address(transport)
        assert address is not None
        return address

    def call(self, transport: str, remote: Address, name: str = "") -> int:
        """INVITE an address."""
        invitation = Invitation(
            request_uri=f"sip:bob@{bracketed(remote[0])}:{remote[1]}" + ("" if transport == "udp" else f";transport={transport}"),
            from_uri="sip:alice@127.0.0.1",
            to_uri="sip:bob@127.0.0.1",
            flows=(self.shell.flow_to(transport, remote, name),),
            offer=OFFER,
        )
        session = self.agent.invite(invitation, time.monotonic())
        self.shell.settle()
        return session


@asynccontextmanager
async def phone(
    seed: int,
    transports: Sequence[str] = BOTH,
    *,
    host: str = "127.0.0.1",
    settings: TransportSettings | None = None,
    certificates: Certificates | None = None,
) -> AsyncIterator[Phone]:
    """A phone that listens on free ports."""
    agent = UserAgent(UserAgentSettings(guard=UNLIMITED), ha1_of=ha1_of, entropy=seeded_entropy(seed))
    made = Phone(agent, settings or TransportSettings(), certificates)
    await made.shell.open([Listener(transport, host, 0) for transport in transports])
    try:
        yield made
    finally:
        await made.shell.close()


async def connected(made: Phone) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A raw TCP connection to a phone."""
    return await asyncio.open_connection(*made.address("tcp"))


def options(call_id: str, length: bytes = b"0", transport: bytes = b"TCP") -> bytes:
    """An OPTIONS."""
    return (
        b"OPTIONS sip:a@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/"
        + transport
        + b" 127.0.0.1;rport;branch=z9hG4bK"
        + call_id.encode()
        + b"\r\nFrom: <sip:p@h>;tag=p\r\n"
        b"To: <sip:a@h>\r\nCall-ID: " + call_id.encode() + b"\r\nCSeq: 1 OPTIONS\r\nContent-Length: " + length + b"\r\n\r\n"
    )


async def answer(reader: asyncio.StreamReader) -> str:
    """The status of the next answer on a stream."""
    async with asyncio.timeout(PATIENCE):
        head = await reader.readuntil(b"\r\n\r\n")
    return head.decode().split(" ", 2)[1]


def silent_socket() -> socket.socket:
    """A UDP socket that takes everything and says nothing."""
    silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    silent.bind(("127.0.0.1", 0))
    return silent
