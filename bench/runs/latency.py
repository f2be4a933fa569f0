"""latency: what the server adds between two ears, by path, to the sample."""

import asyncio
import time
from collections import defaultdict

import numpy as np

from bench.generator.rtp import LATE_LIMIT_MS, late_ms
from bench.generator.signals import Marks
from bench.house import House
from bench.judge.delays import Delays, heard_marks, match, sent_marks
from bench.judge.recording import of_all
from bench.options import Surroundings
from bench.report import Result
from bench.runs.crowds import stand_up
from bench.server import Server
from bench.stage import Call, Cast, Stage

_SETTLE = 3.0
_CUSTOMER, _AGENT, _SUPERVISOR = 8031, -8031, 3999
"""The marks' values tell who speaks; all are values that µ-law and A-law hold nearly exactly."""
_PACKETS_A_SECOND = 50


async def run(around: Surroundings, *, calls: int, seconds: float) -> Result:
    """Every second call has a supervisor who whispers; the others only listen."""
    house = House.build(calls=calls)
    packets = int(3 * calls * _PACKETS_A_SECOND * (seconds + _SETTLE + calls / 20 + 10))
    async with (
        Server(house, core=around.server_core, nice=around.server_nice),
        Stage(
            house,
            Cast(calls, calls, calls),
            core=around.generator_core,
            recorded=packets,
            logged=packets,
            kernel_times=True,
            codec=around.codec,
        ) as stage,
    ):
        await stage.register(range(calls), range(calls), around.progress)
        standing = await stand_up(stage, calls, signals, around.progress, mode=mode)
        await asyncio.sleep(_SETTLE)
        since, before = time.monotonic(), stage.rtp.snapshot()
        with around.progress.task("measuring", round(seconds)) as advance:
            while time.monotonic() < since + seconds:
                await asyncio.sleep(1)
                advance(1)
        until = time.monotonic()
        late = late_ms(before, stage.rtp.snapshot())[1]
        await asyncio.sleep(0.5)
    return _result(measure(stage, standing, since, until, around.codec), late)


def signals(number: int) -> tuple[Marks, Marks, Marks]:
    """What the three of a call send."""
    return Marks(3 * number, _CUSTOMER), Marks(3 * number + 1, _AGENT), Marks(3 * number + 2, _SUPERVISOR)


def mode(number: int) -> str:
    """How a call's supervisor is in it."""
    return "whisper" if number % 2 else "listen"


def measure(stage: Stage, standing: list[Call], since: float, until: float, codec: str) -> dict[str, Delays]:
    """The delays of marks that were sent in this span, by path."""
    recordings = dict(of_all(stage.rtp.memory, codec))
    marks = {leg.number: leg.signal for call in standing for leg in call.legs if isinstance(leg.signal, Marks)}
    sent = sent_marks(stage.rtp.memory, marks)
    paths: dict[str, Delays] = defaultdict(Delays)
    for call in standing:
        customer, agent, supervisor = call.legs
        whispers = mode(call.agent_number) == "whisper"
        wanted = {
            "customer_to_agent_whispered" if whispers else "customer_to_agent": (customer, agent),
            "agent_to_customer": (agent, customer),
            "customer_to_supervisor": (customer, supervisor),
            "agent_to_supervisor": (agent, supervisor),
        }
        if whispers:
            wanted["supervisor_to_agent"] = (supervisor, agent)
        for path, (speaker, listener) in wanted.items():
            signal = marks[speaker.number]
            recording = recordings.get(listener.number)
            heard = np.zeros(0) if recording is None else heard_marks(recording, signal.amplitude)
            found = match(sent[speaker.number], heard, since, until)
            paths[path].found += found.found
            paths[path].lost += found.lost
    return paths


def _result(paths: dict[str, Delays], late: float) -> Result:
    figures: dict[str, object] = {
        "p50_ms": {path: delays.percentile_ms(50) for path, delays in sorted(paths.items())},
        "p99_ms": {path: delays.percentile_ms(99) for path, delays in sorted(paths.items())},
        "marks": {path: len(delays.found) for path, delays in sorted(paths.items())},
        "lost_marks": {path: delays.lost for path, delays in sorted(paths.items())},
        "generator_late_p99_ms": late,
    }
    counted = late <= LATE_LIMIT_MS
    rows = [
        (path, delays.percentile_ms(50), delays.percentile_ms(99), len(delays.found), delays.lost) for path, delays in sorted(paths.items())
    ]
    ok = counted and all(delays.found for delays in paths.values())
    result = Result("latency", figures, ("path", "p50_ms", "p99_ms", "marks", "lost"), list(rows), ok=ok)
    if not counted:
        result.notes.append(f"the generator was late (p99 {late} ms): this run does not count")
    return result
