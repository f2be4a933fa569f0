"""Supervisors who follow, take over and hand their talk over, by real phones: who hears whom, judged by tones."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from control_api.client import ControlClient
from control_api.messages import EventMessage
from control_api.permissions import Refusal
from tests.audio import RATE, Int16, assert_hears, levels_db, tone, write_wav
from tests.interop.phones.baresip import Baresip
from tests.interop.server import SECRET, Server

CUSTOMER_HZ, AGENT_HZ, SUE_HZ, LEE_HZ = 433.0, 701.0, 1103.0, 1501.0
COMFORT_HZ = 520.0
SECONDS = 1.1
CALLS = 5
JOINED_WITHIN = 0.3
LONGEST_GAP = 0.1
_GLANCE, _STEP = RATE * 3 // 100, RATE // 100
_AUDIBLE_DB = -9.0
"""In a window that is half one voice and half the next, each is 6 dB down."""
SETTLED = 0.2
"""Seconds after which who listens hears a voice evenly that was not needed before."""

_CONFIG = """\
[[agents]]
name = "robert"
team = "support"
user = "robert"

[[routes]]
number = "robert"
targets = ["agent:robert"]

[[users]]
name = "carl"
secret = "{secret}"
may_call = true

[[users]]
name = "robert"
secret = "{secret}"

[[users]]
name = "sue"
secret = "{secret}"

[[users]]
name = "lee"
secret = "{secret}"

[[tokens]]
identity = "sue"
sha256 = "{sue}"
user = "sue"
[tokens.ceiling]
agents = ["robert"]
mode = "barge"
rights = ["take_over"]

[[tokens]]
identity = "lee"
sha256 = "{lee}"
user = "lee"
[tokens.ceiling]
agents = ["robert"]
mode = "barge"
"""


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

    async def hear(self, *phones: Baresip) -> list[Int16]:
        """What these hear at the same time."""
        return list(await asyncio.gather(*(phone.listen(SECONDS) for phone in phones)))


@asynccontextmanager
async def house(folder: Path) -> AsyncIterator[House]:
    """All of them, at their phones."""
    hashes = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("sue", "lee")}
    with Server(folder / "server", configuration=_CONFIG.format(secret=SECRET, **hashes)) as server:

        def phone(user: str, hz: float, *, by_itself: bool = False) -> Baresip:
            voice = write_wav(folder / f"{user}.wav", tone(hz, 60))
            return Baresip(folder / user, user, voice, registrar=server.sip, secret=SECRET, answers_by_itself=by_itself)

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
    await client.joined(leg, 5.0)


async def test_an_agent_is_followed_over_several_calls_by_one_leg(tmp_path: Path) -> None:
    async with house(tmp_path) as floor:
        news: asyncio.Queue[tuple[str, float]] = asyncio.Queue()

        async def watch() -> None:
            async for update in floor.sues.events():
                if isinstance(update, EventMessage) and update.kind in ("follow.waiting", "follow.joined", "follow.over", "call.answered"):
                    news.put_nowait((update.kind, asyncio.get_running_loop().time()))

        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(watch())
            await floor.sues.follow(agent="robert", calls=CALLS)
            await floor.sue.wait_for("CALL_ESTABLISHED")
            assert (await asyncio.wait_for(news.get(), 5))[0] == "follow.waiting"
            await asyncio.sleep(4.5)
            assert levels_db(floor.sue.recording()[-4 * RATE :], COMFORT_HZ).max() > -45, "between calls there is a soft tone"
            for call in range(CALLS):
                await floor.talk()
                answered = await asyncio.wait_for(news.get(), 5)
                entered = await asyncio.wait_for(news.get(), 5)
                assert (answered[0], entered[0]) == ("call.answered", "follow.joined")
                assert entered[1] - answered[1] <= JOINED_WITHIN
                at_customer, at_agent, at_sue = await floor.hear(floor.customer, floor.agent, floor.sue)
                assert_hears(at_customer, {AGENT_HZ})
                assert_hears(at_agent, {CUSTOMER_HZ})
                assert_hears(at_sue, {CUSTOMER_HZ, AGENT_HZ})
                await floor.customer.order("hangup")
                await floor.agent.wait_for("CALL_CLOSED")
                await floor.customer.wait_for("CALL_CLOSED")
                after = await asyncio.wait_for(news.get(), 5)
                assert after[0] == ("follow.over" if call == CALLS - 1 else "follow.waiting")
            await floor.sue.wait_for("CALL_CLOSED")
            watching.cancel()


async def test_a_call_is_taken_over_without_a_gap_and_given_back(tmp_path: Path) -> None:
    async with house(tmp_path) as floor:
        await floor.talk()
        made = await floor.sues.supervise(agent="robert")
        await joined(floor.sues, made.leg)
        at_customer, at_agent = await floor.hear(floor.customer, floor.agent)
        assert_hears(at_customer, {AGENT_HZ})
        start = floor.customer.position
        await floor.sues.take_over(made.leg)
        at_customer, at_agent, at_sue = await floor.hear(floor.customer, floor.agent, floor.sue)
        assert_hears(at_customer, {SUE_HZ})
        assert_hears(at_sue, {CUSTOMER_HZ})
        for hz in (CUSTOMER_HZ, SUE_HZ):
            assert levels_db(at_agent, hz).max() < -20, "the agent hears music, and nobody"
        await floor.sues.give_back(made.leg)
        await asyncio.sleep(SETTLED)
        at_customer, at_agent, at_sue = await floor.hear(floor.customer, floor.agent, floor.sue)
        assert_hears(at_customer, {AGENT_HZ})
        assert_hears(at_agent, {CUSTOMER_HZ})
        assert_hears(at_sue, {CUSTOMER_HZ, AGENT_HZ})
        assert longest_gap(floor.customer.recording()[start:], AGENT_HZ, SUE_HZ) <= LONGEST_GAP


async def test_a_whisper_is_handed_over_and_whoever_wants_it_too_is_told_whose_it_is(tmp_path: Path) -> None:
    async with house(tmp_path) as floor:
        await floor.talk()
        sues = await floor.sues.supervise(agent="robert", mode="whisper")
        lees = await floor.lees.supervise(agent="robert")
        await asyncio.gather(joined(floor.sues, sues.leg), joined(floor.lees, lees.leg))
        with pytest.raises(Refusal, match="sue whispers"):
            await floor.lees.set_mode(lees.leg, "whisper")
        (at_agent,) = await floor.hear(floor.agent)
        assert_hears(at_agent, {CUSTOMER_HZ, SUE_HZ})
        start = floor.agent.position
        await floor.sues.hand_over(sues.leg, lees.leg)
        at_customer, at_agent, at_lee = await floor.hear(floor.customer, floor.agent, floor.lee)
        assert_hears(at_customer, {AGENT_HZ})
        assert_hears(at_agent, {CUSTOMER_HZ, LEE_HZ})
        assert_hears(at_lee, {CUSTOMER_HZ, AGENT_HZ})
        assert longest_gap(floor.agent.recording()[start:], SUE_HZ, LEE_HZ) <= LONGEST_GAP


def longest_gap(heard: Int16, first: float, second: float) -> float:
    """Seconds for which neither of two voices was heard."""
    present = np.maximum(levels_db(heard, first, _GLANCE, _STEP), levels_db(heard, second, _GLANCE, _STEP)) >= _AUDIBLE_DB
    longest = run = 0
    for is_heard in present:
        run = 0 if is_heard else run + 1
        longest = max(longest, run)
    return longest * _STEP / RATE
