"""What the supervision bench plays: an agent who is followed, and calls in which supervisors step in. All of it goes into the score."""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from bench.house import AGENTS, CUSTOMERS, SUPERVISORS
from bench.judge.score import Voice
from bench.runs.moves import transfer_attended, transfer_blind
from bench.runs.scene import SETTLE, Pairs, Run, Scene, Supervisor

COMFORT: Final = Voice(-1, "comfort tone", -1, (7, 7), 0.0)
"""520 Hz, next to this tone of the grid: what who waits hears, and nobody else may."""
FOLLOWED, STEPPED_IN = 0, 1
"""Places: of the followed agent, and of the other calls."""
_TALKS: Final = 1.6
"""Seconds between two changes."""
_WITHIN: Final = 5.0


@dataclass(frozen=True, slots=True)
class Swap:
    """One voice in another's place, at one ear."""

    kind: str
    listener: int
    before: int
    after: int
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Joined:
    """A call that the follower came to."""

    told: float
    """Seconds from the answer to the event that he is there."""
    listener: int
    speaker: int
    speaks: float
    """When the call was answered and this party sent."""
    end: float


@dataclass(slots=True)
class Noted:
    """What is to be measured by ear when all is recorded."""

    joins: list[Joined] = field(default_factory=list)
    swaps: list[Swap] = field(default_factory=list)


class SteppingIn(Scene):
    """One call in which supervisors do what they are told."""

    is_taken_over = False

    def pairs(self) -> Pairs:
        """While it is taken over, the supervisor and the customer talk alone."""
        if not self.is_taken_over:
            return Scene.pairs(self)
        customer, own = self.call.customer.number, self.supervisors[0].leg.number
        return {(customer, own): 1.0, (own, customer): 1.0}

    async def begins(self, number: int, beside: Iterable[int] = ()) -> None:
        """The customer calls; ``beside``: tones that are in the same ears."""
        self.run.tally.calls += 1
        self._taken += beside
        customer, agent = self.leg(CUSTOMERS, "customer"), self.leg(AGENTS, "agent")
        start = time.monotonic()
        self.call = await self.run.stage.call(number, customer, agent)
        self.change({}, start, time.monotonic() + SETTLE)

    async def ends(self) -> None:
        """Somebody hangs up."""
        await self._end()
        self.clear()

    async def enters(self, seat: int, mode: str) -> Supervisor:
        """A supervisor dials in."""
        number, name, leg = self.place * self.run.supervisors_a_call + seat, self._name(seat), self.leg(SUPERVISORS, f"supervisor{seat}")
        before, start = self.pairs(), time.monotonic()
        supervisor = Supervisor(leg, name, await self._dial(number, name, leg, mode), mode)
        self.supervisors.append(supervisor)
        self.change(before, start, time.monotonic() + SETTLE)
        self.run.tally.joins += 1
        await asyncio.sleep(_TALKS)
        return supervisor

    async def swaps(self, noted: Noted, kind: str, ear: int, voices: tuple[int, int], believe: Callable[[], None], **fields: int) -> None:
        """A command that puts one voice in another's place at an ear; ``believe``: what is so once it is done."""
        before = self.pairs()
        reply = await self.run.console.command(kind, **fields)
        believe()
        # Who listens hears a voice evenly that he did not hear before a little later.
        self.change(before, reply.sent, reply.replied + SETTLE)
        self.run.tally.moves[kind] += 1
        self.note(reply.sent, kind)
        noted.swaps.append(Swap(kind, ear, *voices, reply.sent, reply.replied + 0.5))
        await asyncio.sleep(_TALKS)

    def becomes(self, *modes: str, is_taken_over: bool = False) -> Callable[[], None]:
        """To believe that the supervisors have these modes."""

        def believe() -> None:
            self.is_taken_over = is_taken_over
            for supervisor, mode in zip(self.supervisors, modes, strict=True):
                supervisor.mode = mode

        return believe


async def follow(run: Run, noted: Noted, calls: int, advance: Callable[[int], None]) -> None:
    """One supervisor follows an agent over so many calls, with one leg."""
    stage, score, home = run.stage, run.score, SteppingIn(run, FOLLOWED)
    leg, phones, name = home.leg(SUPERVISORS, "follower"), stage.supervisors, stage.house.supervisor(0).user
    began, rung = time.monotonic(), stage.expect_ring(0, leg)
    agent = stage.house.agent(FOLLOWED).user
    phone = f"sip:{name}@{phones.host}:{phones.port}"
    reply = await run.console.command("follow", agent=agent, calls=calls, phone=phone)
    leg.dialog = await asyncio.wait_for(rung, _WITHIN)
    stage.talk(leg)
    follower = Supervisor(leg, name, int(reply.result["leg"]), "listen")
    for number in range(calls):
        await asyncio.sleep(_TALKS / 4)
        scene = SteppingIn(run, FOLLOWED)
        scene.supervisors = [follower]
        answered = run.console.watch(lambda event: event.kind == "call.answered" and event.call["agent"] == agent)
        joined = run.console.watch(lambda event: event.kind == "follow.joined")
        await scene.begins(FOLLOWED, (*score.voices[leg.number].tones, *COMFORT.tones))
        speaks = time.monotonic()
        there = await asyncio.wait_for(joined, _WITHIN)
        score.may(leg.number, COMFORT.leg, began, there.came + SETTLE)
        await asyncio.sleep(_TALKS)
        since = max(speaks, answered.result().came)
        noted.joins.append(Joined(there.came - answered.result().came, leg.number, scene.call.customer.number, since, time.monotonic()))
        run.tally.joins += 1
        over = run.console.watch(lambda event: event.kind in ("follow.waiting", "follow.over"))
        began = time.monotonic()
        await scene.ends()
        if (await asyncio.wait_for(over, _WITHIN)).kind != ("follow.over" if number == calls - 1 else "follow.waiting"):
            run.tally.failures.append(f"after {number + 1} of {calls} calls the follow was not as it should be")
        advance(1)
    await asyncio.wait_for(leg.dialog.ended.wait(), _WITHIN)
    score.may(leg.number, COMFORT.leg, began, time.monotonic())
    home.clear()


async def step_in(run: Run, noted: Noted, rounds: int, advance: Callable[[int], None]) -> None:
    """So many rounds of taking over, handing over and transfers."""
    for _ in range(rounds):
        for act in (_take_over, _hand_over, _transfer_blind, _transfer_attended):
            scene = SteppingIn(run, STEPPED_IN)
            await scene.begins(STEPPED_IN)
            await act(scene, noted)
            await scene.ends()
        advance(1)


async def _take_over(scene: SteppingIn, noted: Noted) -> None:
    """A listener takes the call over, and gives it back."""
    supervisor = await scene.enters(0, "listen")
    customer, agent, own = scene.call.customer.number, scene.call.agent.number, supervisor.leg.number
    taken, back = scene.becomes("barge", is_taken_over=True), scene.becomes("listen")
    await scene.swaps(noted, "take_over", customer, (agent, own), taken, leg=supervisor.server_leg)
    await scene.swaps(noted, "give_back", customer, (own, agent), back, leg=supervisor.server_leg)


async def _hand_over(scene: SteppingIn, noted: Noted) -> None:
    """One coach hands his talk over to another, and gets it back."""
    first, second = await scene.enters(0, "whisper"), await scene.enters(1, "listen")
    for one, other, modes in ((first, second, ("listen", "whisper")), (second, first, ("whisper", "listen"))):
        voices, believe = (one.leg.number, other.leg.number), scene.becomes(*modes)
        await scene.swaps(noted, "hand_over", scene.call.agent.number, voices, believe, leg=one.server_leg, to=other.server_leg)


async def _transfer_blind(scene: SteppingIn, noted: Noted) -> None:
    """The agent transfers while he is whispered to: the next one hears nothing of it."""
    await transfer_blind(scene, await scene.enters(0, "whisper"))
    await asyncio.sleep(_TALKS)


async def _transfer_attended(scene: SteppingIn, noted: Noted) -> None:
    await transfer_attended(scene, await scene.enters(0, "whisper"))
    await asyncio.sleep(_TALKS)
