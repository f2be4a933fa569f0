"""Supervisors who follow, take over and hand their talk over, by real phones: who hears whom, judged by tones."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from control_api.client import ControlClient
from control_api.messages import EventMessage
from control_api.permissions import Refusal
from tests.audio import levels_db
from tests.interop.hearing import AGENT_HZ, CUSTOMER_HZ, OTHER_HZ, SUPERVISOR_HZ, hear, hear_as
from tests.interop.houses import SECRET, agent, route, token, user, written
from tests.interop.phones.baresip import Baresip
from tests.interop.server import Server
from tests.interop.tools import PATIENCE

SUE_HZ, LEE_HZ = SUPERVISOR_HZ, OTHER_HZ
COMFORT_HZ = 520.0
CALLS = 3

_HOUSE = written(
    agents=[agent("robert", team="support")],
    routes=[route("robert", "agent:robert")],
    users=[user("carl", may_call=True), user("robert"), user("sue"), user("lee")],
    tokens=[
        token("sue", "sue", user="sue", ceiling={"agents": ["robert"], "mode": "barge", "rights": ["take_over"]}),
        token("lee", "lee", user="lee", ceiling={"agents": ["robert"], "mode": "barge"}),
    ],
)


@dataclass
class House:
    """The server; a customer, the agent, and two supervisors with a phone and a console each."""

    server: Server
    customer: Baresip
    agent: Baresip
    sue: Baresip
    lee: Baresip
    sues: ControlClient
    lees: ControlClient

    async def talk(self) -> None:
        """The customer calls, the agent answers."""
        await self.customer.dial(f"sip:robert@{self.server.sip}")
        await self.agent.wait_for("CALL_INCOMING")
        await self.agent.accept()
        await asyncio.gather(self.customer.wait_for("CALL_ESTABLISHED"), self.agent.wait_for("CALL_ESTABLISHED"))


@asynccontextmanager
async def house(folder: Path, voices: dict[float, Path]) -> AsyncIterator[House]:
    """All of them, at their phones."""
    with Server(folder / "server", configuration=_HOUSE) as server:

        def phone(user: str, hz: float, *, by_itself: bool = False) -> Baresip:
            return Baresip(folder / user, user, voices[hz], registrar=server.sip, secret=SECRET, answers_by_itself=by_itself)

        async with (
            phone("carl", CUSTOMER_HZ) as customer,
            phone("robert", AGENT_HZ) as agent,
            phone("sue", SUE_HZ, by_itself=True) as sue,
            phone("lee", LEE_HZ, by_itself=True) as lee,
            ControlClient(server.control, "sue") as sues,
            ControlClient(server.control, "lee") as lees,
        ):
            await asyncio.gather(*(one.registered() for one in (customer, agent, sue, lee)))
            yield House(server, customer, agent, sue, lee, sues, lees)


async def joined(client: ControlClient, leg: int) -> None:
    """Wait until a supervisor's phone is in the call."""
    await client.joined(leg, PATIENCE)


async def test_an_agent_is_followed_over_several_calls_by_one_leg(voices: dict[float, Path], tmp_path: Path) -> None:
    async with house(tmp_path, voices) as floor:
        news: asyncio.Queue[str] = asyncio.Queue()

        async def watch() -> None:
            async for update in floor.sues.events():
                if isinstance(update, EventMessage) and update.kind in ("follow.waiting", "follow.joined", "follow.over", "call.answered"):
                    news.put_nowait(update.kind)

        async def told() -> str:
            return await asyncio.wait_for(news.get(), PATIENCE)

        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(watch())
            await floor.sues.follow(agent="robert", calls=CALLS)
            await floor.sue.wait_for("CALL_ESTABLISHED")
            assert await told() == "follow.waiting"
            await comforted(floor.sue)
            for call in range(CALLS):
                await floor.talk()
                assert [await told(), await told()] == ["call.answered", "follow.joined"]
                await hear_as("listen", floor.customer, floor.agent, floor.sue)
                await floor.customer.order("hangup")
                await floor.agent.wait_for("CALL_CLOSED")
                await floor.customer.wait_for("CALL_CLOSED")
                assert await told() == ("follow.over" if call == CALLS - 1 else "follow.waiting")
            await floor.sue.wait_for("CALL_CLOSED")
            watching.cancel()


async def comforted(phone: Baresip) -> None:
    """Wait until who waits hears the soft tone."""
    async with asyncio.timeout(2 * PATIENCE):
        while (await asyncio.to_thread(levels_db, await phone.listen(1.0), COMFORT_HZ)).max() < -45:
            pass


async def test_a_call_is_taken_over_and_given_back(voices: dict[float, Path], tmp_path: Path) -> None:
    async with house(tmp_path, voices) as floor:
        await floor.talk()
        made = await floor.sues.supervise(agent="robert")
        await joined(floor.sues, made.leg)
        await hear_as("listen", floor.customer, floor.agent, floor.sue)
        await floor.sues.take_over(made.leg)
        await hear({floor.customer: {SUE_HZ}, floor.sue: {CUSTOMER_HZ}})
        at_agent = await floor.agent.listen(1.1)
        for hz in (CUSTOMER_HZ, SUE_HZ):
            assert levels_db(at_agent, hz).max() < -20, "the agent hears music, and nobody"
        await floor.sues.give_back(made.leg)
        await hear_as("listen", floor.customer, floor.agent, floor.sue)


async def test_a_whisper_is_handed_over_and_whoever_wants_it_too_is_told_whose_it_is(voices: dict[float, Path], tmp_path: Path) -> None:
    async with house(tmp_path, voices) as floor:
        await floor.talk()
        sues = await floor.sues.supervise(agent="robert", mode="whisper")
        lees = await floor.lees.supervise(agent="robert")
        await asyncio.gather(joined(floor.sues, sues.leg), joined(floor.lees, lees.leg))
        with pytest.raises(Refusal, match="sue whispers"):
            await floor.lees.set_mode(lees.leg, "whisper")
        await hear({floor.agent: {CUSTOMER_HZ, SUE_HZ}, floor.customer: {AGENT_HZ}})
        await floor.sues.hand_over(sues.leg, lees.leg)
        await hear({floor.customer: {AGENT_HZ}, floor.agent: {CUSTOMER_HZ, LEE_HZ}, floor.lee: {CUSTOMER_HZ, AGENT_HZ}})
