"""What else happens to a call of the audibility bench: transfers, hold, mutes, volumes; each written into the score."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from bench.console import Event
from bench.generator.phones.message import parameter
from bench.house import AGENTS
from bench.stage import Leg

if TYPE_CHECKING:
    from bench.runs.scene import Scene, Supervisor

SETTLE_MOVED: Final = 0.5
"""Seconds after a transfer or a resume until all must be heard again: new media, and the playout of a new party."""
_WITHIN: Final = 5.0
_VOLUMES: Final = (0.5, 0.7, 1.0, 1.4)
_HELD: Final = (0.4, 1.2)
_CONSULTED: Final = (0.5, 1.0)

Move = Callable[["Scene", "Supervisor"], Awaitable[None]]


async def mute(scene: "Scene", supervisor: "Supervisor") -> None:
    """A supervisor is muted, or not any more: nobody hears him, whatever his mode."""
    before = scene.pairs()
    reply = await scene.run.console.command("mute", leg=supervisor.server_leg, muted=not supervisor.is_muted)
    supervisor.is_muted = not supervisor.is_muted
    scene.acknowledged(before, reply.sent, reply.replied)
    _tell(scene, reply.sent, "mute", f"{supervisor.name} {'muted' if supervisor.is_muted else 'unmuted'}")


async def volumes(scene: "Scene", supervisor: "Supervisor") -> None:
    """A supervisor hears, and is heard, louder or quieter."""
    hears, heard = scene.run.random.choice(_VOLUMES), scene.run.random.choice(_VOLUMES)
    before = scene.pairs()
    reply = await scene.run.console.command("volumes", leg=supervisor.server_leg, hears=hears, heard=heard)
    supervisor.hears, supervisor.heard = hears, heard
    scene.acknowledged(before, reply.sent, reply.replied)
    _tell(scene, reply.sent, "volumes", f"{supervisor.name} hears {hears}, is heard {heard}")


async def hold(scene: "Scene", supervisor: "Supervisor") -> None:
    """The agent's phone holds for a while, talking on, as phones that play their own music do; then it resumes.

    Who hears whom of those whom hold concerns is not judged meanwhile; who hears what he must not is.
    """
    run, agent = scene.run, scene.call.agent
    assert agent.dialog is not None
    phones, ours, before, start = run.stage.agents, agent.dialog.ours, scene.pairs(), time.monotonic()
    held = _expect(scene, "call.held")
    await phones.reinvite(agent.dialog, replace(ours, direction="sendonly"))
    await asyncio.wait_for(held, _WITHIN)
    await asyncio.sleep(run.random.uniform(*_HELD))
    resumed = _expect(scene, "call.resumed")
    await phones.reinvite(agent.dialog, replace(agent.dialog.ours, direction="sendrecv"))
    await asyncio.wait_for(resumed, _WITHIN)
    scene.suspend(before, start, time.monotonic() + SETTLE_MOVED)
    _tell(scene, start, "hold", "the agent held and resumed")


async def transfer_blind(scene: "Scene", supervisor: "Supervisor") -> None:
    """The agent sends the customer on to his colleague and hangs up; every supervisor is back in listen."""
    stage, left, number = scene.run.stage, scene.call.agent, _colleague(scene)
    assert left.dialog is not None
    colleague = scene.leg(AGENTS, "agent")
    before, start = scene.pairs(), time.monotonic()
    answered = stage.expect_agent(number, colleague)
    transferred = _expect(scene, "call.transferred")
    await stage.agents.refer(left.dialog, f"<sip:{stage.house.agent(number).user}@{stage.house.sip[0]}>")
    colleague.dialog = await asyncio.wait_for(answered, _WITHIN)
    stage.talk(colleague)
    await asyncio.wait_for(transferred, _WITHIN)
    _moved(scene, number, colleague)
    scene.change(before, start, time.monotonic() + SETTLE_MOVED)
    await _leave(scene, left)
    _tell(scene, start, "blind transfer", f"the agent sent the customer on to {stage.house.agent(number).user}, port {colleague.port}")


async def transfer_attended(scene: "Scene", supervisor: "Supervisor") -> None:
    """The agent calls his colleague, talks to him, and joins him and the customer; every supervisor is back in listen."""
    run, call, stage = scene.run, scene.call, scene.run.stage
    left, number = call.agent, _colleague(scene)
    assert left.dialog is not None
    asking, colleague = scene.leg(AGENTS, "consulting"), scene.leg(AGENTS, "agent")
    begins = time.monotonic()
    answered = stage.expect_agent(number, colleague)
    who = stage.house.agent(call.agent_number)
    asking.dialog = await stage.agents.invite(who.user, stage.house.agent(number).user, asking.description, credentials=who)
    colleague.dialog = await asyncio.wait_for(answered, _WITHIN)
    stage.talk(asking)
    stage.talk(colleague)
    scene.settle(asking, colleague)
    consulting = {(asking.number, colleague.number): 1.0, (colleague.number, asking.number): 1.0}
    scene.suspend(consulting, begins, time.monotonic() + SETTLE_MOVED)
    await asyncio.sleep(SETTLE_MOVED + run.random.uniform(*_CONSULTED))
    before, start = scene.pairs() | consulting, time.monotonic()
    transferred = _expect(scene, "call.transferred")
    theirs, ours = parameter(asking.dialog.remote, "tag"), parameter(asking.dialog.local, "tag")
    replaces = quote(f"{asking.dialog.call_id};to-tag={theirs};from-tag={ours}", safe="")
    target = f"<sip:{stage.house.agent(number).user}@{stage.house.sip[0]}?Replaces={replaces}>"
    await stage.agents.refer(left.dialog, target)
    await asyncio.wait_for(transferred, _WITHIN)
    _moved(scene, number, colleague)
    scene.change(before, start, time.monotonic() + SETTLE_MOVED)
    await _leave(scene, left)
    await _leave(scene, asking)
    _tell(scene, start, "attended transfer", f"the agent joined the customer and {stage.house.agent(number).user}, port {colleague.port}")


def _colleague(scene: "Scene") -> int:
    """The number of the place's other agent."""
    place, spare = scene.place, scene.place + scene.run.spare_agents
    return spare if scene.call.agent_number == place else place


def _moved(scene: "Scene", number: int, agent: Leg) -> None:
    """Believe the transfer: another agent, and all modes back to listen."""
    scene.call.agent, scene.call.agent_number = agent, number
    for supervisor in scene.supervisors:
        supervisor.mode, supervisor.target = "listen", "agent"


async def _leave(scene: "Scene", leg: Leg) -> None:
    """A leg that was left out hangs up, unless that was done to it, and speaks no more."""
    assert leg.dialog is not None
    await leg.dialog.bye()
    scene.run.stage.rtp.stop(leg.number)


def _expect(scene: "Scene", kind: str) -> "asyncio.Future[Event]":
    names = [scene.run.stage.house.agent(number).user for number in (scene.place, scene.place + scene.run.spare_agents)]
    return scene.run.console.watch(lambda event: event.kind == kind and event.call.get("agent") in names)


def _tell(scene: "Scene", start: float, kind: str, text: str) -> None:
    scene.run.tally.moves[kind] += 1
    scene.note(start, text)


MOVES: Final[tuple[Move, ...]] = (mute, volumes, hold, transfer_blind, transfer_attended)
"""Everything that may happen beside joining, switching and leaving."""
