"""The asyncio shell over loopback sockets: calls over UDP and TCP, order of events, what happens to lost connections."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from sip.events import Accepted, Event, InviteReceived, Rejected, SessionEnded
from sip.transport.flow import Address, Flow
from sip.transport.shell import SipShell
from sip.useragent import Invitation, UserAgent, UserAgentSettings
from tests.sip.network import ANSWER, OFFER, SECRETS, seeded_entropy


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
            request_uri=f"sip:bob@{remote[0]}:{remote[1]}" + (";transport=tcp" if transport == "tcp" else ""),
            from_uri="sip:alice@127.0.0.1",
            to_uri="sip:bob@127.0.0.1",
            flow=Flow(transport, local, remote),
            offer=OFFER,
        )
        session = self.agent.invite(invitation, asyncio.get_running_loop().time())
        self.shell.settle()
        return session


@asynccontextmanager
async def phone(seed: int) -> AsyncIterator[Phone]:
    made = Phone(UserAgent(UserAgentSettings(), secret_of=SECRETS.get, entropy=seeded_entropy(seed)))
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
        alice.agent.end(session, asyncio.get_running_loop().time())
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
