"""switch: from the last byte of the command to the arrival of the first packet with changed gain, by door."""

import asyncio
import random
import time
from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from bench.console import CommandFailed, Console, open_console
from bench.generator.companding import DECODE
from bench.generator.rtp import LATE_LIMIT_MS, late_ms
from bench.generator.signals import Plateau, Signal, Silence
from bench.house import TOKEN, House
from bench.judge.recording import Recording, of_all
from bench.options import Surroundings
from bench.report import Result
from bench.runs.crowds import stand_up
from bench.runs.scene import DIGITS
from bench.server import Server
from bench.stage import Call, Cast, Stage, in_group

_AMPLITUDE = 3999
_SETTLE = 3.0
_PACKETS_A_SECOND = 50
_LONGEST = 1.0
"""Seconds in which a change must be seen."""


@dataclass(frozen=True, slots=True)
class Switch:
    """One change of mode, as it was asked for."""

    door: str
    opens: bool
    """To whisper: the agent begins to hear. Else back to listen."""
    agent: int
    asked: float


async def run(around: Surroundings, *, calls: int, switches: int, rate: float, seed: int) -> Result:
    """Half the switches by websocket, half by digit, spread over the calls, about ``rate`` a second."""
    house = House.build(calls=calls)
    lasts = switches / rate
    packets = int(3 * calls * _PACKETS_A_SECOND * (lasts + _SETTLE + calls / 20 + 15))
    async with (
        Server(house, core=around.server_core, nice=around.server_nice),
        Stage(
            house, Cast(calls, calls, calls), core=around.generator_core, recorded=packets, kernel_times=True, codec=around.codec
        ) as stage,
        open_console(house.control, TOKEN) as console,
    ):
        await stage.register(range(calls), range(calls), around.progress)
        standing = await stand_up(stage, calls, _signals, around.progress)
        legs = await _supervising_legs(console, house, calls)
        await asyncio.sleep(_SETTLE)
        before = stage.rtp.snapshot()
        done, failed = await _switch_all(_Desk(stage, console, standing, legs), switches, rate, seed, around)
        late = late_ms(before, stage.rtp.snapshot())[1]
        await asyncio.sleep(_LONGEST)
    return _result(_measure(stage, done, around.codec), failed, late)


def _signals(number: int) -> tuple[Signal, Signal, Signal]:
    return Silence(), Silence(), Plateau(number, _AMPLITUDE)


async def _supervising_legs(console: Console, house: House, calls: int) -> list[int]:
    """The server's number of each supervisor's leg, in the order of their calls."""
    listed = (await console.command("list")).result["calls"]
    found = {call["agent"]: leg["leg"] for call in listed for leg in call["legs"] if leg["role"] == "supervisor"}
    return [found[house.agent(number).user] for number in range(calls)]


@dataclass(slots=True)
class _Desk:
    """Where switches are asked for."""

    stage: Stage
    console: Console
    standing: list[Call]
    legs: list[int]

    async def switch(self, number: int, door: str, opens: bool) -> Switch:
        """Ask, and wait until it is acknowledged."""
        mode, call = "whisper" if opens else "listen", self.standing[number]
        if door == "websocket":
            asked = (await self.console.command("set_mode", leg=self.legs[number], mode=mode)).sent
        else:
            leg = self.legs[number]
            changed = self.console.watch(lambda event: event.kind == "supervisor.mode" and event.leg == leg)
            asked = await self.stage.rtp.press(call.supervisors[0].number, DIGITS[mode], beside=True)
            await asyncio.wait_for(changed, _LONGEST)
        return Switch(door, opens, call.agent.number, asked)


async def _switch_all(desk: _Desk, switches: int, rate: float, seed: int, around: Surroundings) -> tuple[list[Switch], int]:
    """Each call's supervisor goes to and fro; returns what was asked, and how often no acknowledgement came."""
    chance, done, failed = random.Random(seed), list[Switch](), 0
    calls = len(desk.standing)
    plan: dict[int, list[float]] = defaultdict(list)
    for at in range(switches):
        plan[at % calls].append(at / rate + chance.uniform(0, 0.02))
    begun = time.monotonic()

    async def one(number: int, moments: list[float], advance: object) -> None:
        nonlocal failed
        for at, moment in enumerate(moments):
            await asyncio.sleep(max(0.0, begun + moment - time.monotonic()))
            try:
                door = "websocket" if (number + at // 2) % 2 else "digit"
                done.append(await desk.switch(number, door, opens=at % 2 == 0))
            except (CommandFailed, TimeoutError):
                failed += 1
                return
            assert callable(advance)
            advance(1)

    with around.progress.task("switching", switches) as advance:
        await in_group(one(number, moments, advance) for number, moments in plan.items())
    return done, failed


def _measure(stage: Stage, done: list[Switch], codec: str) -> dict[tuple[str, bool], list[float | None]]:
    """Seconds until the agent's first packet with changed gain; None where none was seen."""
    recordings = dict(of_all(stage.rtp.memory, codec))
    found: dict[tuple[str, bool], list[float | None]] = defaultdict(list)
    for switch in done:
        found[switch.door, switch.opens].append(_until_changed(recordings[switch.agent], switch, codec))
    return found


def _until_changed(recording: Recording, switch: Switch, codec: str) -> float | None:
    first, last = np.searchsorted(recording.arrival, [switch.asked, switch.asked + _LONGEST])
    loud = np.abs(DECODE[codec][recording.payload[first:last]].astype(np.int32))
    changed = loud.max(axis=1) > _AMPLITUDE // 50 if switch.opens else loud.min(axis=1) < _AMPLITUDE * 0.9
    at = np.flatnonzero(changed)
    return float(recording.arrival[first + at[0]] - switch.asked) if len(at) else None


def _result(found: dict[tuple[str, bool], list[float | None]], failed: int, late: float) -> Result:
    by_door: dict[str, list[float]] = defaultdict(list)
    rows, unseen = [], 0
    for (door, opens), values in sorted(found.items()):
        seen = [value for value in values if value is not None]
        unseen += len(values) - len(seen)
        by_door[door] += seen
        rows.append((door, "to whisper" if opens else "to listen", len(seen), *_percentiles(seen), len(values) - len(seen)))
    figures: dict[str, object] = {
        "p50_ms": {door: _percentiles(values)[0] for door, values in by_door.items()},
        "p99_ms": {door: _percentiles(values)[1] for door, values in by_door.items()},
        "switches": {door: len(values) for door, values in by_door.items()},
        "unseen": unseen,
        "failed": failed,
        "generator_late_p99_ms": late,
    }
    counted = late <= LATE_LIMIT_MS
    columns = ("door", "switch", "seen", "p50_ms", "p99_ms", "unseen")
    result = Result("switch", figures, columns, rows, ok=counted and not unseen and not failed and bool(rows))
    if not counted:
        result.notes.append(f"the generator was late (p99 {late} ms): this run does not count")
    return result


def _percentiles(values: list[float]) -> tuple[float | None, float | None]:
    if not values:
        return None, None
    p50, p99 = np.percentile(values, [50, 99]) * 1000
    return round(float(p50), 2), round(float(p99), 2)
