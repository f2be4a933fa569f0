"""garbage: 100,000 datagrams a second that are no audio, at one leg's port, beside calls that are monitored. What do the others lose?

Once they come from a stranger, once they bear the address of the leg's own phone. On loopback the kernel takes a datagram in on the
sender's core, so what that costs falls on the generator's core here; with a network card it falls on the core of its interrupts.
"""

import asyncio
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.generator.process import PreparationFailed, may_isolate
from bench.generator.rtp import LATE_LIMIT_MS, late_ms, missing
from bench.house import House
from bench.options import Surroundings
from bench.report import Result
from bench.runs import latency
from bench.runs.crowds import stand_up
from bench.server import Server
from bench.stage import Call, Cast, Stage

DELAY_LIMIT_MS = 10.0
"""customer→agent at the 99th percentile, of the calls beside."""
RATE_REACHED = 0.95
"""Share of the wanted flood that must have been sent, or the phase does not count."""
STRANGER = ("127.0.0.66", 6666)
_SETTLE = 2.0
_PACKETS_A_SECOND = 50
COLUMNS = ("garbage", "sent_per_second", "packets", "lost", "p50_ms", "p99_ms", "server_cpu_percent", "late_ms", "verdict")


@dataclass(frozen=True, slots=True)
class Phase:
    """What one flood cost the calls beside."""

    name: str
    wanted: float
    """Datagrams a second."""
    sent: float
    packets: int
    lost: int
    delays_ms: tuple[float | None, float | None]
    """customer→agent, p50 and p99."""
    cpu: float
    """Cores in use, of all server processes."""
    late_ms: float

    @property
    def verdict(self) -> str:
        """A few words for the table."""
        p99 = self.delays_ms[1]
        if self.late_ms > LATE_LIMIT_MS:
            return f"generator late (> {LATE_LIMIT_MS:g} ms): does not count"
        if self.sent < self.wanted * RATE_REACHED:
            return "the flood did not reach its rate: does not count"
        if self.lost or not self.packets:
            return "lost packets"
        return "held" if p99 is not None and p99 <= DELAY_LIMIT_MS else "late"

    def cells(self) -> tuple[object, ...]:
        """In the order of `COLUMNS`."""
        cpu, late = round(100 * self.cpu, 1), round(self.late_ms, 1)
        return (self.name, round(self.sent), self.packets, self.lost, *self.delays_ms, cpu, late, self.verdict)


async def run(around: Surroundings, *, calls: int, seconds: float, rate: float) -> Result:
    """Calls that stand, the last of which is the target; every second supervisor whispers."""
    if not may_isolate():
        raise PreparationFailed("garbage needs root: its datagrams bear addresses of others")
    house = House.build(calls=calls)
    packets = int(3 * calls * _PACKETS_A_SECOND * (3 * (seconds + _SETTLE) + calls / 20 + 10))
    async with (
        Server(house, core=around.server_core, nice=around.server_nice) as server,
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
        standing = await stand_up(stage, calls, latency.signals, around.progress, mode=latency.mode)
        victim = standing[-1].customer
        assert victim.dialog is not None
        phone, target = (victim.address, victim.port), victim.dialog.remote_media
        phases = []
        for name, source, wanted in (("none", STRANGER, 0.0), ("from a stranger", STRANGER, rate), ("as from the phone", phone, rate)):
            around.progress.say(f"{name} …")
            await asyncio.sleep(_SETTLE)
            phases.append(await _measure(server, stage, standing[:-1], name, seconds, wanted, (*source, *target), around))
        counted = await server.metrics()
    return _result(phases, calls, _refusals(counted))


async def _measure(
    server: Server,
    stage: Stage,
    beside: list[Call],
    name: str,
    seconds: float,
    rate: float,
    route: tuple[str, int, str, int],
    around: Surroundings,
) -> Phase:
    legs = np.array([leg.number for call in beside for leg in call.legs])
    before, cpu, since = stage.rtp.snapshot(), server.cpu_seconds(), time.monotonic()
    sent = await _flood(seconds, rate, route, around.generator_core)
    until, used, after = time.monotonic(), server.cpu_seconds() - cpu, stage.rtp.snapshot()
    await asyncio.sleep(0.5)
    delays = latency.measure(stage, beside, since, until, around.codec)["customer_to_agent"]
    packets, lost = missing(before, after, legs)
    times = delays.percentile_ms(50), delays.percentile_ms(99)
    return Phase(name, rate, sent / seconds, packets, lost, times, used / (until - since), late_ms(before, after)[1])


async def _flood(seconds: float, rate: float, route: tuple[str, int, str, int], core: int | None) -> int:
    launcher = ["bench.launch", "-" if core is None else str(core), "0", sys.executable, "-m"]
    arguments = [str(seconds), str(rate), *(str(part) for part in route)]
    flood = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *launcher, "bench.garbage", *arguments, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await flood.communicate()
    return int(said or 0)


def _refusals(text: str) -> dict[str, int]:
    """What the server refused, by reason."""
    found: dict[str, int] = {}
    for line in text.splitlines():
        if line.startswith("mediaserver_") and 'kind="dropped_' in line:
            kind = line.split('kind="', 1)[1].split('"', 1)[0]
            found[kind] = found.get(kind, 0) + int(float(line.rsplit(" ", 1)[1]))
    return {kind: count for kind, count in sorted(found.items()) if count}


def _result(phases: list[Phase], calls: int, refusals: Mapping[str, int]) -> Result:
    figures: dict[str, Any] = {
        "calls": calls,
        "lost": {phase.name: phase.lost for phase in phases},
        "p99_ms": {phase.name: phase.delays_ms[1] for phase in phases},
        "refused": dict(refusals),
        "generator_late_p99_ms": round(max(phase.late_ms for phase in phases), 1),
    }
    return Result("garbage", figures, COLUMNS, [phase.cells() for phase in phases], ok=all(phase.verdict == "held" for phase in phases))
