"""death: what calls lose when their media worker is killed. The answer that is promised: at most 200 ms, and nothing else.

Judged by the generator's own counters: each leg's longest gap between packets, whether its stream changed SSRC, whether a number
came twice, and how many SIP messages the phones got meanwhile. The worker is killed (SIGKILL) at a random moment of its turn.
"""

import asyncio
import os
import random
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.generator.memory import GAP_BINS
from bench.generator.rtp import LATE_LIMIT_MS, Snapshot, late_ms
from bench.generator.signals import Tones
from bench.house import House
from bench.options import Surroundings
from bench.report import Result
from bench.runs.crowds import stand_up
from bench.server import Server
from bench.stage import Call, Cast, Stage

LONGEST_GAP_MS = 200
_SETTLE = 2.0
_AFTER = 1.2
"""Seconds measured after a death; the next spare is ready by then, where the machine has time for it."""
_SPARE_WITHIN = 15.0
COLUMNS = ("death", "legs", "gap_median_ms", "gap_max_ms", "silent", "new_ssrc", "numbers_twice", "sip", "generator_late_p99_ms", "verdict")


@dataclass(frozen=True, slots=True)
class Death:
    """What one of them cost."""

    number: int
    legs: int
    median_ms: float
    longest_ms: float
    silent: int
    """Legs that got nothing afterwards."""
    streams: int
    """Legs whose stream has another SSRC."""
    twice: int
    """Numbers that came again."""
    messages: int
    """SIP messages that phones got."""
    late_ms: float

    @property
    def verdict(self) -> str:
        """One word for the table."""
        if self.late_ms > LATE_LIMIT_MS:
            return f"generator late (> {LATE_LIMIT_MS:g} ms): does not count"
        survived = not (self.silent or self.streams or self.twice or self.messages) and self.longest_ms <= LONGEST_GAP_MS
        return "survived" if survived else "harmed"


async def run(around: Surroundings, *, calls: int, kills: int, seed: int = 1, codecs: tuple[str, ...] = ()) -> Result:
    """Monitored calls that stand, and their worker killed again and again. codecs: of which each leg has one."""
    spoken = codecs or (around.codec,)
    house = House.build(calls=calls, codecs=spoken, refuses_overload=False)
    draw = random.Random(seed)
    async with (
        Server(house, core=around.server_core, nice=around.server_nice) as server,
        Stage(house, Cast(calls, calls, calls), core=around.generator_core, codec=around.codec, kernel_times=True) as stage,
    ):
        await stage.register(range(calls), range(calls), around.progress)
        standing = await stand_up(stage, calls, _signals, around.progress, mode=_mode, records=False, codecs=spoken)
        await asyncio.sleep(_SETTLE)
        deaths = []
        for number in range(1, kills + 1):
            around.progress.say(f"death {number} of {kills} …")
            deaths.append(await _kill(stage, server, standing, number, draw))
        text = await server.metrics()
    return _result(deaths, calls, text, spoken)


def _signals(number: int) -> tuple[Tones, Tones, Tones]:
    return Tones((433,), 2500), Tones((701,), 2500), Tones((1103,), 2500)


def _mode(number: int) -> str:
    return ("listen", "whisper", "barge")[number % 3]


async def _kill(stage: Stage, server: Server, standing: list[Call], number: int, draw: random.Random) -> Death:
    """Kill the worker once a spare is ready, and count."""
    worker = await _worker(server)
    legs = np.array([leg.number for call in standing for leg in call.legs])
    phones = (stage.customers, stage.agents, stage.supervisors)
    await asyncio.sleep(draw.random() * 0.1)
    before, twice, streams = stage.rtp.snapshot(), stage.rtp.memory.duplicates[legs].sum(), stage.rtp.memory.jumps[legs].copy()
    messages = sum(each.datagrams for each in phones)
    os.kill(worker, signal.SIGKILL)
    await asyncio.sleep(_AFTER)
    after = stage.rtp.snapshot()
    longest = _longest_gaps(before, after, legs)
    fresh = time.monotonic() - stage.rtp.memory.last_arrival[legs]
    return Death(
        number,
        len(legs),
        float(np.median(longest)),
        float(longest.max()),
        int((fresh > _AFTER / 2).sum()),
        int((stage.rtp.memory.jumps[legs] != streams).sum()),
        int(stage.rtp.memory.duplicates[legs].sum() - twice) + _repeated(before, after, legs),
        sum(each.datagrams for each in phones) - messages,
        late_ms(before, after)[1],
    )


def _longest_gaps(before: Snapshot, after: Snapshot, legs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Each leg's longest gap in the window, ms, rounded up; the last bin stands for everything longer."""
    window = (after.gaps[legs] - before.gaps[legs]) > 0
    return np.where(window.any(axis=1), GAP_BINS - np.argmax(window[:, ::-1], axis=1), GAP_BINS)


def _repeated(before: Snapshot, after: Snapshot, legs: NDArray[np.int64]) -> int:
    """Packets beyond what the numbers allow: some number came again."""
    numbers = after.highest[legs] - before.highest[legs]
    return int(np.maximum((after.received[legs] - before.received[legs]) - numbers, 0).sum())


async def _worker(server: Server) -> int:
    """The process that has the memory mapped, once another one waits as its spare."""
    deadline = time.monotonic() + _SPARE_WITHIN
    while time.monotonic() < deadline:
        processes = [pid for pid in server.processes() if b"mediaserver.worker" in _read(pid, "cmdline")]
        working = [pid for pid in processes if b"memfd:mediaserver-worker" in _read(pid, "maps")]
        ready = "mediaserver_worker_spares 1.0" in await server.metrics()
        if len(working) == 1 and len(processes) == 2 and ready:
            return working[0]
        await asyncio.sleep(0.1)
    raise RuntimeError("no spare worker was ready in time")


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""


def _result(deaths: list[Death], calls: int, metrics: str, codecs: tuple[str, ...]) -> Result:
    rows = [
        (
            death.number,
            death.legs,
            round(death.median_ms),
            round(death.longest_ms),
            death.silent,
            death.streams,
            death.twice,
            death.messages,
            round(death.late_ms, 1),
            death.verdict,
        )
        for death in deaths
    ]
    counted = [death for death in deaths if death.late_ms <= LATE_LIMIT_MS]
    figures = {
        "calls": calls,
        "codecs": ", ".join(codecs),
        "kills": len(deaths),
        "kills_that_count": len(counted),
        "gap_median_ms": round(float(np.median([death.median_ms for death in counted])), 1) if counted else None,
        "gap_max_ms": round(max((death.longest_ms for death in counted), default=0.0), 1),
        "live_calls_at_the_end": _gauge(metrics, "mediaserver_calls"),
        "heirs": _gauge(metrics, "mediaserver_heirs_total"),
    }
    return Result("death", figures, COLUMNS, rows, ok=bool(deaths) and all(death.verdict == "survived" for death in deaths))


def _gauge(metrics: str, name: str) -> float:
    """Sum of a family's samples."""
    return sum(float(line.rpartition(" ")[2]) for line in metrics.splitlines() if line.split("{")[0].split(" ")[0] == name)
