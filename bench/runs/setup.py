"""setup: calls a second through the whole server, held for a second, with every port lent and given back."""

import asyncio
import re
import time
from dataclasses import dataclass, field

import numpy as np

from bench.generator.phones.asking import CallFailed
from bench.generator.rtp import LATE_LIMIT_MS
from bench.generator.signals import Silence
from bench.house import AGENTS, CUSTOMERS, House
from bench.options import Surroundings
from bench.report import Result
from bench.server import Server
from bench.stage import Cast, Stage, in_group

_HELD = 1.0
_LENT = re.compile(r"^mediaserver_media_ports_lent (\S+)", re.MULTILINE)


@dataclass(slots=True)
class Tally:
    """What happened."""

    until_answered: list[float] = field(default_factory=list)
    """Seconds from INVITE to its 200."""
    until_ended: list[float] = field(default_factory=list)
    """Seconds from the customer's BYE to the agent's."""
    late: list[float] = field(default_factory=list)
    """Seconds by which the generator itself sent an INVITE late."""
    failures: list[str] = field(default_factory=list)
    answered: list[float] = field(default_factory=list)
    """When."""


async def run(around: Surroundings, *, rate: float, seconds: float, media: bool) -> Result:
    """Calls at a steady rate, whatever becomes of those before; agents are idle when they are called."""
    agents = int(rate * (_HELD + 2)) + 10
    house = House.build(calls=agents, agents=agents, supervisors=0)
    tally = Tally()
    async with (
        Server(house, core=around.server_core, nice=around.server_nice) as server,
        Stage(house, Cast(agents, agents, 0), core=around.generator_core, codec=around.codec) as stage,
    ):
        await stage.register(range(agents), range(0), around.progress)
        cpu = server.cpu_seconds()
        caller = _Caller(stage, tally, asyncio.Queue(agents), media)
        for number in range(agents):
            caller.idle.put_nowait(number)
        begun = time.monotonic()
        with around.progress.task("calling", int(rate * seconds)) as advance:
            await in_group(caller.one(begun + at / rate, advance) for at in range(int(rate * seconds)))
        used = server.cpu_seconds() - cpu
        await asyncio.sleep(1.5)
        lent = _LENT.search(await server.metrics())
    return _result(tally, int(rate * seconds), used, None if lent is None else float(lent.group(1)), rate)


@dataclass(slots=True)
class _Caller:
    """Makes calls to idle agents."""

    stage: Stage
    tally: Tally
    idle: "asyncio.Queue[int]"
    media: bool

    async def one(self, due: float, advance: object) -> None:
        """One call: due, set up, held, ended."""
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        try:
            number = self.idle.get_nowait()
        except asyncio.QueueEmpty:
            self.tally.failures.append("no agent was idle: calls last too long")
            return
        customer, agent = self.stage.take(CUSTOMERS, Silence()), self.stage.take(AGENTS, Silence())
        self.tally.late.append(time.monotonic() - due)
        try:
            call = await self.stage.call(number, customer, agent, media=self.media)
            dialog = call.customer.dialog
            assert dialog is not None
            assert dialog.answered_at is not None
            self.tally.answered.append(dialog.answered_at)
            self.tally.until_answered.append(dialog.answered_at - dialog.invited_at)
            await asyncio.sleep(_HELD)
            begun = time.monotonic()
            await self.stage.hang_up(call)
            self.tally.until_ended.append(time.monotonic() - begun)
        except (CallFailed, TimeoutError) as error:
            self.tally.failures.append(f"{type(error).__name__} {error}")
        else:
            self.idle.put_nowait(number)
        assert callable(advance)
        advance(1)


def _result(tally: Tally, calls: int, used: float, lent: float | None, wanted: float) -> Result:
    lasted = max(tally.answered) - min(tally.answered) if len(tally.answered) > 1 else 0.0
    late = float(np.percentile(tally.late, 99)) * 1000 if tally.late else 0.0
    figures: dict[str, object] = {
        "rate": round((len(tally.answered) - 1) / lasted, 1) if lasted else 0.0,
        "failed": len(tally.failures),
        "calls": calls,
        "p50_ms": {"invite_to_200": _percentile(tally.until_answered, 50), "bye_to_bye": _percentile(tally.until_ended, 50)},
        "p99_ms": {"invite_to_200": _percentile(tally.until_answered, 99), "bye_to_bye": _percentile(tally.until_ended, 99)},
        "cpu_ms_per_call": round(1000 * used / calls, 2),
        "ports_lent_after": lent,
        "generator_late_p99_ms": round(late, 2),
    }
    counted = late <= LATE_LIMIT_MS
    result = Result("setup", figures, ok=counted and not tally.failures and lent in (None, 0.0))
    result.notes += sorted(set(tally.failures))[:5]
    if not counted:
        result.notes.append(f"the generator was late (p99 {late:.1f} ms): this run does not count")
    result.figures["wanted_rate"] = wanted
    return result


def _percentile(values: list[float], percent: float) -> float | None:
    return round(float(np.percentile(values, percent)) * 1000, 2) if values else None
