"""Phones and legs together: who calls whom, over real SIP, with RTP from the generator's process."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Protocol, Self

from bench.generator.companding import FRAME
from bench.generator.memory import Size
from bench.generator.phones.agent import Plan, UserAgent
from bench.generator.phones.asking import CallFailed, Credentials
from bench.generator.phones.description import Description
from bench.generator.phones.dialog import Dialog
from bench.generator.phones.message import Message, user_of
from bench.generator.rtp import RtpGenerator
from bench.generator.secrecy import Crypto
from bench.generator.signals import Signal, Silence
from bench.progress import Progress

STAR = {"listen": "*1", "whisper": "*2", "barge": "*3"}
_REGISTERED_AT_ONCE = 40


class StageFailed(Exception):
    """The phones could not be brought to where the bench wants them."""


@dataclass(slots=True, eq=False)
class Leg:
    """One phone's audio: a row of the generator."""

    number: int
    address: str
    port: int
    signal: Signal = field(default_factory=Silence)
    codec: str = "PCMU"
    dialog: Dialog | None = None
    records: bool = False
    crypto: Crypto | None = None
    """Its keys, where it is to agree on SRTP."""
    first: int = -1
    """The first sequence number that it sends; -1: by lot."""

    @property
    def description(self) -> Description:
        """What its phone offers or answers."""
        return Description(self.address, self.port, self.codec, cryptos=() if self.crypto is None else (self.crypto,))


@dataclass(slots=True, eq=False)
class Call:
    """A customer and an agent who talk, and who listens in."""

    agent_number: int
    customer: Leg
    agent: Leg
    supervisors: list[Leg] = field(default_factory=list)

    @property
    def legs(self) -> list[Leg]:
        """Everybody in it."""
        return [self.customer, self.agent, *self.supervisors]


@dataclass(frozen=True, slots=True)
class Cast:
    """How many legs of each kind are opened. Legs are reused in the order in which they became free."""

    customers: int
    agents: int
    supervisors: int

    @property
    def size(self) -> int:
        """All of them."""
        return self.customers + self.agents + self.supervisors


class Town(Protocol):
    """Where the server is, and who lives there."""

    @property
    def sip(self) -> tuple[str, int]:
        """Where the server speaks SIP."""

    @property
    def addresses(self) -> tuple[str, str, str]:
        """Where customers, agents and supervisors have their phones."""

    def agent(self, number: int) -> Credentials:
        """An agent's SIP user."""

    def supervisor(self, number: int) -> Credentials:
        """A supervisor's SIP user."""

    def dialled(self, number: int) -> str:
        """What a customer dials to reach this agent."""


class Stage:
    """An asynchronous context: entering starts the RTP process and opens the phones, leaving ends them."""

    def __init__(
        self,
        house: Town,
        cast: Cast,
        *,
        core: int | None = 1,
        spare: int = 0,
        recorded: int = 0,
        logged: int = 0,
        kernel_times: bool = False,
        longest: float = 3600,
        hurries: bool = True,
        codec: str = "PCMU",
        payload: int = FRAME,
    ) -> None:
        """``spare``: legs of the generator beyond the cast's, for whoever opens them."""
        self.house = house
        self.codec = codec
        self._cast = cast
        size = Size(cast.size + spare, recorded, logged, payload)
        self.rtp = RtpGenerator(size, core=core, kernel_times=kernel_times, longest=longest, hurries=hurries)
        self._free: dict[str, deque[Leg]] = {}
        self._expected: dict[str, tuple[Leg, asyncio.Future[Dialog]]] = {}
        self._leg_of: dict[Dialog, Leg] = {}
        self.on_moved: Callable[[Leg], None] = lambda leg: None

    async def __aenter__(self) -> Self:
        await self.rtp.__aenter__()
        try:
            await self._open()
        except BaseException:
            await self.rtp.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for phones in (self.customers, self.agents, self.supervisors):
            phones.close()
        await self.rtp.__aexit__(None, None, None)

    async def _open(self) -> None:
        self.customers, self.agents, self.supervisors = [await UserAgent.open(address, self.house.sip) for address in self.house.addresses]
        for phones in (self.agents, self.supervisors):
            phones.on_call = self._plan
            phones.on_answered = self._answered
        for phones in (self.customers, self.agents, self.supervisors):
            phones.on_moved = self._moved
        counts = (self._cast.customers, self._cast.agents, self._cast.supervisors)
        for address, count in zip(self.house.addresses, counts, strict=True):
            opened = await self.rtp.open((address,) * count)
            self._free[address] = deque(Leg(opened.first + at, address, port) for at, port in enumerate(opened.ports))

    async def register(self, agents: range, supervisors: range, progress: Progress) -> None:
        """Register these people, some at a time; raises `StageFailed` where one is refused."""
        people = [(self.agents, self.house.agent(number)) for number in agents]
        people += [(self.supervisors, self.house.supervisor(number)) for number in supervisors]
        turnstile = asyncio.Semaphore(_REGISTERED_AT_ONCE)
        with progress.task("registering", len(people)) as advance:

            async def one(at: int) -> None:
                phones, who = people[at]
                async with turnstile:
                    try:
                        await phones.register(who)
                    except CallFailed as failure:
                        raise StageFailed(f"{who.user} could not register: {failure}") from failure
                advance(1)

            await in_group(one(at) for at in range(len(people)))

    def take(self, address: str, signal: Signal, *, records: bool = False, codec: str = "", suite: str = "", first: int = -1) -> Leg:
        """A free leg of this kind, in the stage's codec or another; raises `StageFailed` where all are in use.

        suite: of SRTP, which is agreed on then; first: its first sequence number, or by lot.
        """
        if not self._free[address]:
            raise StageFailed(f"no free leg on {address}: the cast is too small")
        leg = self._free[address].popleft()
        leg.signal, leg.records, leg.codec, leg.dialog = signal, records, codec or self.codec, None
        leg.crypto, leg.first = Crypto.draw(suite) if suite else None, first
        return leg

    def give_back(self, leg: Leg) -> None:
        """The leg may be used again."""
        self._free[leg.address].append(leg)

    async def call(
        self,
        number: int,
        customer: Leg,
        agent: Leg,
        *,
        caller: str = "",
        headers: tuple[tuple[str, str], ...] = (),
        media: bool = True,
    ) -> Call:
        """Have the customer call agent ``number``; returns once both talk. Raises `CallFailed`."""
        user = self.house.agent(number).user
        answered = self._expect(user, agent)
        try:
            customer.dialog = await self.customers.invite(
                caller or f"customer{customer.number}", self.house.dialled(number), customer.description, headers=headers
            )
            agent.dialog = await asyncio.wait_for(answered, 5)
        finally:
            self._expected.pop(user, None)
        if media:
            self._talk(customer)
            self._talk(agent)
        return Call(number, customer, agent)

    async def join(self, call: Call, number: int, leg: Leg, mode: str = "listen") -> Leg:
        """Have supervisor ``number`` dial into the call by star code. Raises `CallFailed`."""
        who = self.house.supervisor(number)
        dialled = STAR[mode] + self.house.agent(call.agent_number).user
        leg.dialog = await self.supervisors.invite(who.user, dialled, leg.description, credentials=who)
        self._talk(leg)
        call.supervisors.append(leg)
        return leg

    def expect_ring(self, number: int, leg: Leg) -> "asyncio.Future[Dialog]":
        """Have supervisor ``number``'s phone answer by itself when the server rings it; the future holds the dialog."""
        return self._expect(self.house.supervisor(number).user, leg)

    def expect_agent(self, number: int, leg: Leg) -> "asyncio.Future[Dialog]":
        """Have agent ``number``'s phone answer the next call with this leg; the future holds the dialog."""
        return self._expect(self.house.agent(number).user, leg)

    def talk(self, leg: Leg) -> None:
        """Let an answered leg send and receive."""
        self._talk(leg)

    async def hang_up(self, call: Call) -> None:
        """The customer hangs up; waits until the server has said BYE to everybody else, and frees the legs."""
        assert call.customer.dialog is not None
        await call.customer.dialog.bye()
        for leg in call.legs:
            self.rtp.stop(leg.number)
        for leg in call.legs:
            assert leg.dialog is not None
            await asyncio.wait_for(leg.dialog.ended.wait(), 5)
            self._leg_of.pop(leg.dialog, None)
            self.give_back(leg)

    def _expect(self, user: str, leg: Leg) -> "asyncio.Future[Dialog]":
        future: asyncio.Future[Dialog] = asyncio.get_running_loop().create_future()
        self._expected[user] = (leg, future)
        return future

    def _talk(self, leg: Leg) -> None:
        assert leg.dialog is not None
        self._leg_of[leg.dialog] = leg
        dialog = leg.dialog
        if leg.crypto is not None and dialog.keys is None:
            raise StageFailed(f"{leg.crypto.suite} was not agreed on")
        self.rtp.start(
            leg.number,
            dialog.remote_media,
            leg.signal,
            codec=dialog.codec,
            payload_types=dialog.payload_types,
            digits=dialog.digits,
            records=leg.records,
            keys=dialog.keys,
            first=leg.first,
        )

    def _plan(self, invite: Message, offer: Description) -> Plan:
        expected = self._expected.get(user_of(invite.uri))
        return Plan(expected[0].description if expected else None)

    def _answered(self, dialog: Dialog, invite: Message) -> None:
        leg, future = self._expected[user_of(invite.uri)]
        leg.dialog = dialog
        if not future.done():
            future.set_result(dialog)

    def _moved(self, dialog: Dialog) -> None:
        leg = self._leg_of.get(dialog)
        if leg is not None:
            self.rtp.retarget(leg.number, dialog.remote_media)
            self.on_moved(leg)


async def in_group(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run coroutines together; the first failure ends the others and is raised itself, not in a group."""
    try:
        async with asyncio.TaskGroup() as group:
            for each in work:
                group.create_task(each)
    except ExceptionGroup as group_of:
        raise group_of.exceptions[0] from None
