"""trouble: what a conversation loses while something else fails. The answer that is promised is: nothing.

Counted are the parties' packets by their own sequence numbers, which the server passes on: a number that is missing was lost.
"""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import numpy as np

from bench.generator.rtp import LATE_LIMIT_MS, gap_p99_ms, late_ms, missing
from bench.generator.signals import Tones
from bench.house import House
from bench.options import Surroundings
from bench.report import Result
from bench.runs.crowds import stand_up
from bench.server import Server
from bench.stage import Call, Cast, Stage

STOPPED_SECONDS = 3.0
_SETTLE = 2.0
_AFTER = 1.0
"""Seconds measured after the trouble is over."""
COLUMNS = ("trouble", "seconds", "packets", "lost", "worst_gap_ms", "generator_late_p99_ms", "verdict")


@dataclass(frozen=True, slots=True)
class Loss:
    """What one trouble cost the parties."""

    trouble: str
    seconds: float
    packets: int
    lost: int
    gap_ms: float
    """The worst party's gap between packets at the 99th percentile."""
    late_ms: float

    @property
    def counts(self) -> bool:
        """Whether the generator was punctual."""
        return self.late_ms <= LATE_LIMIT_MS

    @property
    def verdict(self) -> str:
        """One word for the table."""
        if not self.counts:
            return f"generator late (> {LATE_LIMIT_MS:g} ms): does not count"
        return "nothing lost" if self.lost == 0 and self.packets > 0 else "lost packets"


async def run(around: Surroundings, *, calls: int) -> Result:
    """Monitored calls that stand, and one trouble after the other."""
    house = House.build(calls=calls)
    async with (
        Server(house, core=around.server_core, nice=around.server_nice) as server,
        Stage(house, Cast(calls, calls, calls), core=around.generator_core, codec=around.codec) as stage,
    ):
        await stage.register(range(calls), range(calls), around.progress)
        standing = await stand_up(stage, calls, _signals, around.progress, mode=_mode, records=False)
        await asyncio.sleep(_SETTLE)
        losses = []
        for trouble, happens in (
            ("none", lambda: asyncio.sleep(STOPPED_SECONDS)),
            ("signalling stopped", lambda: _stop_signalling(server)),
            ("supervisors' phones freeze", lambda: _freeze(stage, standing)),
        ):
            around.progress.say(f"{trouble} …")
            losses.append(await _lost(stage, standing, trouble, happens))
    return _result(losses, calls)


def _signals(number: int) -> tuple[Tones, Tones, Tones]:
    return Tones((433,), 2500), Tones((701,), 2500), Tones((1103,), 2500)


def _mode(number: int) -> str:
    return ("listen", "whisper", "barge")[number % 3]


async def _stop_signalling(server: Server) -> None:
    """The signalling process stands still, the worker does not."""
    pid = server.processes()[0]
    os.kill(pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(STOPPED_SECONDS)
    finally:
        os.kill(pid, signal.SIGCONT)


async def _freeze(stage: Stage, standing: list[Call]) -> None:
    """Every supervisor's phone sends and reads no more, and says nothing in SIP."""
    for call in standing:
        for leg in call.supervisors:
            stage.rtp.stop(leg.number, deaf=True)
    await asyncio.sleep(STOPPED_SECONDS)


async def _lost(stage: Stage, standing: list[Call], trouble: str, happens: Callable[[], Awaitable[None]]) -> Loss:
    parties = np.array([leg.number for call in standing for leg in (call.customer, call.agent)])
    before, since = stage.rtp.snapshot(), time.monotonic()
    await happens()
    await asyncio.sleep(_AFTER)
    after = stage.rtp.snapshot()
    packets, lost = missing(before, after, parties)
    return Loss(
        trouble,
        round(time.monotonic() - since, 1),
        packets,
        lost,
        float(gap_p99_ms(before, after, parties).max()),
        late_ms(before, after)[1],
    )


def _result(losses: list[Loss], calls: int) -> Result:
    rows = [
        (loss.trouble, loss.seconds, loss.packets, loss.lost, round(loss.gap_ms, 1), round(loss.late_ms, 1), loss.verdict)
        for loss in losses
    ]
    figures = {
        "calls": calls,
        "lost": {loss.trouble: loss.lost for loss in losses},
        "generator_late_p99_ms": round(max(loss.late_ms for loss in losses), 1),
    }
    return Result("trouble", figures, COLUMNS, rows, ok=all(loss.verdict == "nothing lost" for loss in losses))
