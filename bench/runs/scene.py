"""One call of the audibility bench, from first INVITE to last BYE, at random; everything it does is written into the score."""

import asyncio
import math
import random
import time
from collections import Counter
from dataclasses import dataclass, field, replace

from bench.console import CommandFailed, Console, Event, supervising_leg
from bench.generator.phones.asking import CallFailed
from bench.generator.signals import Tones
from bench.house import AGENTS, CUSTOMERS, SUPERVISORS
from bench.judge.score import AMPLITUDE, MOST_LEGS, Score, ToneBook, Voice
from bench.runs.moves import MOVES
from bench.stage import Call, Leg, Stage

AROUND = 0.06
"""Seconds after an acknowledged change in which the pairs that it changes are not judged yet; before it, from the command on."""
SETTLE = 0.25
"""Seconds after a leg was answered until it must be heard: latching, and the first frames of a playout buffer."""
_LATE_TALK = 0.3
"""Some phones go on sending for so long after the BYE."""
DUCKING_DB = 12.0
DUCKED = 10 ** (-DUCKING_DB / 20)
"""How loud he who is whispered to hears the other party."""
_UNDUCKED = 0.5
"""Seconds for which that may outlast the whisper."""
DIGITS = {"listen": "4", "whisper": "5", "barge": "6"}
_ACKNOWLEDGED_WITHIN = 3.0
_BEFORE_NEXT = 1.0
"""Seconds after a failure until the next call at that place."""
MOST_FAILURES = 20
"""After so many in a run, nothing new is begun."""

Pair = tuple[int, int]
"""Listener, speaker."""
Pairs = dict[Pair, float]
"""Who must hear whom, and how loud."""


@dataclass(slots=True, eq=False)
class Supervisor:
    """A supervisor in the call, as we believe him to be."""

    leg: Leg
    name: str
    server_leg: int
    mode: str
    target: str = "agent"
    is_muted: bool = False
    hears: float = 1.0
    heard: float = 1.0


@dataclass(slots=True)
class Tally:
    """What happened in the whole run."""

    calls: int = 0
    joins: int = 0
    switches: dict[str, int] = field(default_factory=lambda: {"websocket": 0, "digit": 0})
    moves: Counter[str] = field(default_factory=Counter)
    """Transfers, holds, mutes and volumes."""
    failures: list[str] = field(default_factory=list)
    acknowledged: list[float] = field(default_factory=list)
    """Seconds from each command to its acknowledgement."""
    journal: list[str] = field(default_factory=list)
    """Everything that was done, a line each: seconds since the run began, and what."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long calls last, and what passes between two things that happen in them; each from, to, seconds."""

    lasts: tuple[float, float] = (4.0, 10.0)
    rests: tuple[float, float] = (0.2, 1.2)
    begins: float = 1.0
    """Within how many seconds all places have their first call."""


USUAL_PACE = Pace()


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
    pace: Pace = USUAL_PACE
    moves: bool = True
    """Calls are transferred and held too, supervisors muted and their volumes changed."""
    codecs: tuple[str, ...] = ("PCMU",)
    """Of which each leg has one, by lot."""
    spare_agents: int = 0
    """Added to the number of a place's agent: whom its calls are transferred to, and back."""


class Scene:
    """One call. The agent's number is the scene's place, or that of its spare; supervisors have numbers of their own."""

    call: Call

    def __init__(self, run: Run, place: int, *, judged: bool = True) -> None:
        """judged: everything is recorded and written into the score; else the call is only there."""
        self.run = run
        self.place = place
        self.judged = judged
        self.number = run.tally.calls
        self.supervisors: list[Supervisor] = []
        self._score = run.score if judged else Score()
        self._taken: list[int] = []
        self._legs: list[Leg] = []
        self.doing = "beginning"
        """What is under way, for whoever wants to know where it failed."""

    async def play(self) -> None:
        """Call, act for some seconds, hang up."""
        run = self.run
        run.tally.calls += 1
        lives = time.monotonic() + run.random.uniform(*run.pace.lasts)
        customer, agent = self.leg(CUSTOMERS, "customer"), self.leg(AGENTS, "agent")
        start = time.monotonic()
        self.call = await run.stage.call(self.place, customer, agent)
        self.change({}, start, time.monotonic() + SETTLE)
        self.note(start, f"began, customer on port {customer.port} ({customer.codec}), agent on port {agent.port} ({agent.codec})")
        while time.monotonic() < min(lives, run.ends) and self._has_tones_left:
            await asyncio.sleep(run.random.uniform(*run.pace.rests))
            await self._act()
        self.doing = "ending"
        await self._end()

    @property
    def _has_tones_left(self) -> bool:
        """Whether there are tones for whatever may happen next that are apart from all that the call has had."""
        return not self.judged or len(self._legs) <= MOST_LEGS

    async def give_up(self) -> None:
        """What became of the call is not known any more: its pairs are judged no longer, the failure itself counts. All hang up."""
        score, now = self._score, time.monotonic()
        legs = [voice.leg for voice in score.voices.values() if voice.call == self.number]
        for listener in legs:
            for speaker in legs:
                if listener != speaker:
                    score.closes(listener, speaker, now)
                    score.may(listener, speaker, now, math.inf)
        for leg in self._legs:
            if leg.dialog is not None:
                await leg.dialog.bye()
        await asyncio.sleep(_BEFORE_NEXT)

    def clear(self) -> None:
        """Nobody of the call speaks any more. Where nothing is judged, its legs may be used again; else each had its voice for ever."""
        for leg in self._legs:
            self.run.stage.rtp.stop(leg.number)
            if not self.judged:
                self.run.stage.give_back(leg)
        self._legs.clear()

    async def _act(self) -> None:
        """Something at random: join, switch (most of the time), move, or leave."""
        run = self.run
        if not self.supervisors or (len(self.supervisors) < run.supervisors_a_call and run.random.random() < 0.35):
            self.doing = "joining"
            await self._join()
            return
        supervisor = run.random.choice(self.supervisors)
        lot = run.random.random()
        if lot < 0.12:
            self.doing = f"leaving of {supervisor.name}"
            await self._leave(supervisor)
        elif run.moves and lot < 0.4:
            move = run.random.choice(MOVES)
            self.doing = move.__name__.replace("_", " ")
            await move(self, supervisor)
        elif run.random.random() < 0.5:
            self.doing = f"digit of {supervisor.name} ({supervisor.leg.codec})"
            await self._switch_by_digit(supervisor)
        else:
            self.doing = f"command for {supervisor.name}"
            await self._switch_by_websocket(supervisor)

    async def _join(self) -> None:
        run = self.run
        seat = next(seat for seat in range(run.supervisors_a_call) if not any(who.name == self._name(seat) for who in self.supervisors))
        number = self.place * run.supervisors_a_call + seat
        name, mode = self._name(seat), run.random.choice(self._free_modes())
        leg = self.leg(SUPERVISORS, f"supervisor{seat}")
        before, start = self.pairs(), time.monotonic()
        if run.random.random() < 0.5:
            server_leg = await self._dial(number, name, leg, mode)
        else:
            server_leg = await self._be_rung(number, name, leg, mode)
        run.tally.joins += 1
        self.supervisors.append(Supervisor(leg, name, server_leg, mode))
        self.change(before, start, time.monotonic() + SETTLE)
        self.note(start, f"{name} joined in {mode}, leg {server_leg} on port {leg.port} ({leg.codec})")

    async def _dial(self, number: int, name: str, leg: Leg, mode: str) -> int:
        joined = self.run.console.watch(lambda event: event.kind == "supervisor.joined" and supervising_leg(event, name) is not None)
        await self.run.stage.join(self.call, number, leg, mode)
        found = supervising_leg(await asyncio.wait_for(joined, _ACKNOWLEDGED_WITHIN), name)
        assert found is not None
        return found

    async def _be_rung(self, number: int, name: str, leg: Leg, mode: str) -> int:
        stage, phones = self.run.stage, self.run.stage.supervisors
        answered = stage.expect_ring(number, leg)
        joined = self.run.console.watch(lambda event: event.kind == "supervisor.joined" and self._is_ours(event))
        phone = f"sip:{name}@{phones.host}:{phones.port}"
        agent = stage.house.agent(self.call.agent_number).user
        reply = await self.run.console.command("supervise", agent=agent, mode=mode, phone=phone)
        leg.dialog = await asyncio.wait_for(answered, _ACKNOWLEDGED_WITHIN)
        stage.talk(leg)
        self.call.supervisors.append(leg)
        await asyncio.wait_for(joined, _ACKNOWLEDGED_WITHIN)
        return int(reply.result["leg"])

    def _is_ours(self, event: Event) -> bool:
        return event.call.get("agent") == self.run.stage.house.agent(self.call.agent_number).user

    async def _switch_by_websocket(self, supervisor: Supervisor) -> None:
        mode = self._other_mode(supervisor)
        target = "customer" if mode == "whisper" and self.run.random.random() < 0.25 else "agent"
        before = self.pairs()
        reply = await self.run.console.command("set_mode", leg=supervisor.server_leg, mode=mode, target=target)
        self.run.tally.switches["websocket"] += 1
        supervisor.mode, supervisor.target = mode, target
        self.acknowledged(before, reply.sent, reply.replied)
        self.note(reply.sent, f"{supervisor.name} set to {mode} {target} by websocket")

    async def _switch_by_digit(self, supervisor: Supervisor) -> None:
        mode = self._other_mode(supervisor)
        changed = self.run.console.watch(lambda event: event.kind == "supervisor.mode" and event.leg == supervisor.server_leg)
        before = self.pairs()
        pressed = await self.run.stage.rtp.press(supervisor.leg.number, DIGITS[mode], beside=True)
        event = await asyncio.wait_for(changed, _ACKNOWLEDGED_WITHIN)
        self.run.tally.switches["digit"] += 1
        supervisor.mode, supervisor.target = mode, "agent"
        self.acknowledged(before, pressed, event.came)
        self.note(pressed, f"{supervisor.name} set to {mode} by digit")

    def acknowledged(self, before: Pairs, asked: float, acknowledged: float) -> None:
        """Nothing may change before it was asked for, and all must have changed once it is acknowledged."""
        self.run.tally.acknowledged.append(acknowledged - asked)
        self.change(before, asked, acknowledged + AROUND)

    def _other_mode(self, supervisor: Supervisor) -> str:
        return self.run.random.choice([mode for mode in self._free_modes() if mode != supervisor.mode] or [supervisor.mode])

    def _free_modes(self) -> list[str]:
        """One of a call's supervisors whispers, and one barges."""
        return [mode for mode in DIGITS if mode == "listen" or all(other.mode != mode for other in self.supervisors)]

    async def _leave(self, supervisor: Supervisor) -> None:
        before, start = self.pairs(), time.monotonic()
        self.supervisors.remove(supervisor)
        self.call.supervisors.remove(supervisor.leg)
        assert supervisor.leg.dialog is not None
        await supervisor.leg.dialog.bye()
        self.change(before, start, time.monotonic() + SETTLE)
        self.run.stage.rtp.stop(supervisor.leg.number)
        self.note(start, f"{supervisor.name} left")

    async def _end(self) -> None:
        """One of the two hangs up; some phones talk on for a moment, and must not be heard."""
        run, call = self.run, self.call
        before, start = self.pairs(), time.monotonic()
        self.supervisors.clear()
        first = run.random.choice((call.customer, call.agent))
        assert first.dialog is not None
        await first.dialog.bye()
        for leg in call.legs:
            assert leg.dialog is not None
            await asyncio.wait_for(leg.dialog.ended.wait(), _ACKNOWLEDGED_WITHIN)
        for pair in before:
            self._score.closes(*pair, start)
            self._score.may(*pair, start, time.monotonic() + SETTLE)
        self.note(start, f"ended by {'customer' if first is call.customer else 'agent'}")
        if run.random.random() < 0.3:
            await asyncio.sleep(_LATE_TALK)
        for leg in call.legs:
            run.stage.rtp.stop(leg.number)

    def note(self, start: float, text: str) -> None:
        began, now = self.run.began, time.monotonic()
        self.run.tally.journal.append(f"{start - began:8.3f} to {now - began:8.3f}  call{self.number}: {text}")

    def leg(self, address: str, role: str) -> Leg:
        """A leg never used before, with a voice of its own."""
        tones = self.run.book.pair(self._taken)
        self._taken += tones
        codec = self.run.random.choice(self.run.codecs)
        leg = self.run.stage.take(address, Tones((0, 0), AMPLITUDE), records=self.judged, codec=codec)
        self._legs.append(leg)
        name = f"{role}@call{self.number}"
        voice = Voice(leg.number, name, self.number, tones, time.monotonic(), passes_through=address != SUPERVISORS, codec=codec)
        self._score.add(voice)
        leg.signal = Tones(voice.frequencies, AMPLITUDE)
        return leg

    def _name(self, seat: int) -> str:
        return self.run.stage.house.supervisor(self.place * self.run.supervisors_a_call + seat).user

    def pairs(self) -> Pairs:
        """Who must hear whom now and how loud, spelt here once more and not taken from the server."""
        customer, agent = self.call.customer.number, self.call.agent.number
        pairs = {(customer, agent): 1.0, (agent, customer): 1.0}
        for supervisor in self.supervisors:
            own = supervisor.leg.number
            others = [other for other in self.supervisors if other is not supervisor]
            pairs |= {(own, customer): supervisor.hears, (own, agent): supervisor.hears}
            if supervisor.mode == "listen" or supervisor.is_muted:
                continue
            for party, name in ((agent, "agent"), (customer, "customer")):
                if supervisor.mode == "barge" or supervisor.target == name:
                    pairs[party, own] = supervisor.heard
                if supervisor.mode == "whisper" and supervisor.target == name:
                    pairs[party, agent + customer - party] = DUCKED
            pairs |= {(other.leg.number, own): supervisor.heard * other.hears for other in others}
        return pairs

    def change(self, before: Pairs, start: float, end: float) -> None:
        """From ``start`` to ``end`` the pairs that differ are not judged; after it, those of now must be."""
        score, now = self._score, self.pairs()
        self.settle(*self.call.legs)
        for pair in before.keys() | now.keys():
            if before.get(pair) != now.get(pair):
                settled = end + (_UNDUCKED if before.get(pair) == DUCKED else 0.0)
                score.closes(*pair, start)
                score.may(*pair, start, settled)
                if pair in now:
                    score.opens(*pair, settled, now[pair])

    def settle(self, *legs: Leg) -> None:
        """Note in which codec these legs speak, now that it was agreed on."""
        for leg in legs:
            voice = self._score.voices[leg.number]
            if leg.dialog is not None and voice.codec != leg.dialog.codec:
                self._score.add(replace(voice, codec=leg.dialog.codec))

    def suspend(self, pairs: Pairs, start: float, end: float) -> None:
        """These pairs are not judged from ``start`` to ``end``, and must be again after it."""
        for pair, gain in pairs.items():
            self._score.closes(*pair, start)
            self._score.may(*pair, start, end)
            self._score.opens(*pair, end, gain)


async def keep_calling(run: Run, place: int, *, judged: bool = True) -> None:
    """Scenes one after the other, at this place, until the run is over. What fails is noted and ends the scene."""
    await asyncio.sleep(run.random.uniform(0, run.pace.begins))
    while time.monotonic() < run.ends - 2 and len(run.tally.failures) < MOST_FAILURES:
        scene = Scene(run, place, judged=judged)
        try:
            await scene.play()
        except (CallFailed, CommandFailed, TimeoutError) as error:
            run.tally.failures.append(f"call {scene.number}, {scene.doing}: {type(error).__name__} {error}")
            await scene.give_up()
        scene.clear()


__all__ = ["AROUND", "Call", "Run", "Scene", "Tally", "keep_calling"]
