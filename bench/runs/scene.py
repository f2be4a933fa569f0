"""One call of the audibility bench, from first INVITE to last BYE, at random; everything it does is written into the score."""

import asyncio
import math
import random
import time
from dataclasses import dataclass, field

from bench.console import CommandFailed, Console, Event, supervising_leg
from bench.generator.phones.asking import CallFailed
from bench.generator.signals import Tones
from bench.house import AGENTS, CUSTOMERS, SUPERVISORS
from bench.judge.score import AMPLITUDE, Score, ToneBook, Voice
from bench.stage import Call, Leg, Stage

AROUND = 0.06
"""Seconds after an acknowledged change in which the pairs that it changes are not judged yet; before it, from the command on."""
SETTLE = 0.25
"""Seconds after a leg was answered until it must be heard: latching, and the first frames of a playout buffer."""
_LATE_TALK = 0.3
"""Some phones go on sending for so long after the BYE."""
DIGITS = {"listen": "4", "whisper": "5", "barge": "6"}
_ACKNOWLEDGED_WITHIN = 3.0

Pair = tuple[int, int]
"""Listener, speaker."""


@dataclass(slots=True, eq=False)
class Supervisor:
    """A supervisor in the call, as we believe him to be."""

    leg: Leg
    name: str
    server_leg: int
    mode: str
    target: str = "agent"


@dataclass(slots=True)
class Tally:
    """What happened in the whole run."""

    calls: int = 0
    joins: int = 0
    switches: dict[str, int] = field(default_factory=lambda: {"websocket": 0, "digit": 0})
    failures: list[str] = field(default_factory=list)
    acknowledged: list[float] = field(default_factory=list)
    """Seconds from each command to its acknowledgement."""
    journal: list[str] = field(default_factory=list)
    """Everything that was done, a line each: seconds since the run began, and what."""


@dataclass(slots=True)
class Run:
    """What all scenes of a run share."""

    stage: Stage
    console: Console
    score: Score
    book: ToneBook
    tally: Tally
    random: random.Random
    began: float
    ends: float
    supervisors_a_call: int = 2


class Scene:
    """One call. The agent's number is the scene's place; supervisors have numbers of their own."""

    def __init__(self, run: Run, place: int) -> None:
        self._run = run
        self._place = place
        self.number = run.tally.calls
        self._taken: list[int] = []
        self._supervisors: list[Supervisor] = []

    async def play(self) -> None:
        """Call, act for some seconds, hang up."""
        run = self._run
        run.tally.calls += 1
        lives = time.monotonic() + run.random.uniform(4.0, 10.0)
        customer, agent = self._leg(CUSTOMERS, "customer"), self._leg(AGENTS, "agent")
        start = time.monotonic()
        self._call = await run.stage.call(self._place, customer, agent)
        self._change(set(), start, time.monotonic() + SETTLE)
        self._note(start, f"began, customer on port {customer.port}, agent on port {agent.port}")
        while time.monotonic() < min(lives, run.ends):
            await asyncio.sleep(run.random.uniform(0.2, 1.2))
            await self._act()
        await self._end()

    def give_up(self) -> None:
        """What became of the call is not known any more: its pairs are judged no longer, the failure itself counts."""
        score, legs, now = (
            self._run.score,
            [voice.leg for voice in self._run.score.voices.values() if voice.call == self.number],
            time.monotonic(),
        )
        for listener in legs:
            for speaker in legs:
                if listener != speaker:
                    score.closes(listener, speaker, now)
                    score.may(listener, speaker, now, math.inf)

    async def _act(self) -> None:
        """Something at random: join, switch (most of the time), or leave."""
        run = self._run
        if not self._supervisors or (len(self._supervisors) < run.supervisors_a_call and run.random.random() < 0.35):
            await self._join()
            return
        supervisor = run.random.choice(self._supervisors)
        if run.random.random() < 0.12:
            await self._leave(supervisor)
        elif run.random.random() < 0.5:
            await self._switch_by_digit(supervisor)
        else:
            await self._switch_by_websocket(supervisor)

    async def _join(self) -> None:
        run = self._run
        seat = next(seat for seat in range(run.supervisors_a_call) if not any(who.name == self._name(seat) for who in self._supervisors))
        number = self._place * run.supervisors_a_call + seat
        name, mode = self._name(seat), run.random.choice(("listen", "whisper", "barge"))
        leg = self._leg(SUPERVISORS, f"supervisor{seat}")
        before, start = self._pairs(), time.monotonic()
        if run.random.random() < 0.5:
            server_leg = await self._dial(number, name, leg, mode)
        else:
            server_leg = await self._be_rung(number, name, leg, mode)
        run.tally.joins += 1
        self._supervisors.append(Supervisor(leg, name, server_leg, mode))
        self._change(before, start, time.monotonic() + SETTLE)
        self._note(start, f"{name} joined in {mode}, leg {server_leg} on port {leg.port}")

    async def _dial(self, number: int, name: str, leg: Leg, mode: str) -> int:
        joined = self._run.console.watch(lambda event: event.kind == "supervisor.joined" and supervising_leg(event, name) is not None)
        await self._run.stage.join(self._call, number, leg, mode)
        found = supervising_leg(await asyncio.wait_for(joined, _ACKNOWLEDGED_WITHIN), name)
        assert found is not None
        return found

    async def _be_rung(self, number: int, name: str, leg: Leg, mode: str) -> int:
        stage, phones = self._run.stage, self._run.stage.supervisors
        answered = stage.expect_ring(number, leg)
        joined = self._run.console.watch(lambda event: event.kind == "supervisor.joined" and self._is_ours(event))
        phone = f"sip:{name}@{phones.host}:{phones.port}"
        agent = stage.house.agent(self._place).user
        reply = await self._run.console.command("supervise", agent=agent, mode=mode, phone=phone)
        leg.dialog = await asyncio.wait_for(answered, _ACKNOWLEDGED_WITHIN)
        stage.talk(leg)
        self._call.supervisors.append(leg)
        await asyncio.wait_for(joined, _ACKNOWLEDGED_WITHIN)
        return int(reply.result["leg"])

    def _is_ours(self, event: Event) -> bool:
        return event.call.get("agent") == self._run.stage.house.agent(self._place).user

    async def _switch_by_websocket(self, supervisor: Supervisor) -> None:
        mode = self._other_mode(supervisor)
        target = "customer" if mode == "whisper" and self._run.random.random() < 0.25 else "agent"
        before = self._pairs()
        reply = await self._run.console.command("set_mode", leg=supervisor.server_leg, mode=mode, target=target)
        self._run.tally.switches["websocket"] += 1
        supervisor.mode, supervisor.target = mode, target
        self._acknowledged(before, reply.sent, reply.replied)
        self._note(reply.sent, f"{supervisor.name} set to {mode} {target} by websocket")

    async def _switch_by_digit(self, supervisor: Supervisor) -> None:
        mode = self._other_mode(supervisor)
        changed = self._run.console.watch(lambda event: event.kind == "supervisor.mode" and event.leg == supervisor.server_leg)
        before = self._pairs()
        pressed = await self._run.stage.rtp.press(supervisor.leg.number, DIGITS[mode], beside=True)
        event = await asyncio.wait_for(changed, _ACKNOWLEDGED_WITHIN)
        self._run.tally.switches["digit"] += 1
        supervisor.mode, supervisor.target = mode, "agent"
        self._acknowledged(before, pressed, event.came)
        self._note(pressed, f"{supervisor.name} set to {mode} by digit")

    def _acknowledged(self, before: set[Pair], asked: float, acknowledged: float) -> None:
        """Nothing may change before it was asked for, and all must have changed once it is acknowledged."""
        self._run.tally.acknowledged.append(acknowledged - asked)
        self._change(before, asked, acknowledged + AROUND)

    def _other_mode(self, supervisor: Supervisor) -> str:
        return self._run.random.choice([mode for mode in DIGITS if mode != supervisor.mode])

    async def _leave(self, supervisor: Supervisor) -> None:
        before, start = self._pairs(), time.monotonic()
        self._supervisors.remove(supervisor)
        self._call.supervisors.remove(supervisor.leg)
        assert supervisor.leg.dialog is not None
        await supervisor.leg.dialog.bye()
        self._change(before, start, time.monotonic() + SETTLE)
        self._run.stage.rtp.stop(supervisor.leg.number)
        self._note(start, f"{supervisor.name} left")

    async def _end(self) -> None:
        """One of the two hangs up; some phones talk on for a moment, and must not be heard."""
        run, call = self._run, self._call
        before, start = self._pairs(), time.monotonic()
        self._supervisors.clear()
        first = run.random.choice((call.customer, call.agent))
        assert first.dialog is not None
        await first.dialog.bye()
        for leg in call.legs:
            assert leg.dialog is not None
            await asyncio.wait_for(leg.dialog.ended.wait(), _ACKNOWLEDGED_WITHIN)
        for pair in before:
            run.score.closes(*pair, start)
            run.score.may(*pair, start, time.monotonic() + SETTLE)
        self._note(start, f"ended by {'customer' if first is call.customer else 'agent'}")
        if run.random.random() < 0.3:
            await asyncio.sleep(_LATE_TALK)
        for leg in call.legs:
            run.stage.rtp.stop(leg.number)

    def _note(self, start: float, text: str) -> None:
        began, now = self._run.began, time.monotonic()
        self._run.tally.journal.append(f"{start - began:8.3f} to {now - began:8.3f}  call{self.number}: {text}")

    def _leg(self, address: str, role: str) -> Leg:
        """A leg never used before, with a voice of its own."""
        tones = self._run.book.pair(self._taken)
        self._taken += tones
        leg = self._run.stage.take(address, Tones((0, 0), AMPLITUDE), records=True)
        name = f"{role}@call{self.number}"
        voice = Voice(leg.number, name, self.number, tones, time.monotonic(), passes_through=address != SUPERVISORS)
        self._run.score.add(voice)
        leg.signal = Tones(voice.frequencies, AMPLITUDE)
        return leg

    def _name(self, seat: int) -> str:
        return self._run.stage.house.supervisor(self._place * self._run.supervisors_a_call + seat).user

    def _pairs(self) -> set[Pair]:
        """Who must hear whom now, spelt here once more and not taken from the server."""
        customer, agent = self._call.customer.number, self._call.agent.number
        pairs = {(customer, agent), (agent, customer)}
        for supervisor in self._supervisors:
            own = supervisor.leg.number
            others = {other.leg.number for other in self._supervisors} - {own}
            pairs |= {(own, customer), (own, agent)}
            heard_by = {"listen": set(), "whisper": {agent if supervisor.target == "agent" else customer}, "barge": {agent, customer}}
            if supervisor.mode != "listen":
                pairs |= {(listener, own) for listener in heard_by[supervisor.mode] | others}
        return pairs

    def _change(self, before: set[Pair], start: float, end: float) -> None:
        """From ``start`` to ``end`` the pairs that differ are not judged; after it, those of now must be."""
        score, now = self._run.score, self._pairs()
        for pair in before ^ now:
            score.closes(*pair, start)
            score.may(*pair, start, end)
        for pair in now - before:
            score.opens(*pair, end)


async def keep_calling(run: Run, place: int) -> None:
    """Scenes one after the other, at this place, until the run is over. What fails is noted and ends the scene."""
    await asyncio.sleep(run.random.uniform(0, 1.0))
    while time.monotonic() < run.ends - 2:
        scene = Scene(run, place)
        try:
            await scene.play()
        except (CallFailed, CommandFailed, TimeoutError) as error:
            run.tally.failures.append(f"call {scene.number}: {type(error).__name__} {error}")
            scene.give_up()
            return


__all__ = ["AROUND", "Call", "Run", "Scene", "Tally", "keep_calling"]
