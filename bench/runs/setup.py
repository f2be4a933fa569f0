"""setup: calls a second through the whole server, SIPp at both ends, each held for a second, every port lent and given back."""

import asyncio
import re
import socket
import tempfile
from pathlib import Path

import numpy as np

from bench.generator.process import free_port
from bench.house import AGENTS, CUSTOMERS, House
from bench.options import Surroundings
from bench.report import Result
from bench.server import Server
from bench.sipp import Counted, Sipp

HELD = 1.0
"""Seconds between ACK and BYE."""
KEPT_UP = 0.98
"""Share of the wanted rate that must be reached, or the run does not count."""
_LENT = re.compile(r"^mediaserver_media_ports_lent (\S+)", re.MULTILINE)
_DROPPED = re.compile(r"^mediaserver_trace_dropped_total\{.*\} (\S+)", re.MULTILINE)


async def run(around: Surroundings, *, rate: float, seconds: float) -> Result:
    """Calls at a steady rate, whatever becomes of those before."""
    calls = int(rate * seconds)
    called = free_port(AGENTS, socket.SOCK_DGRAM)
    house = House.build(calls=int(rate * (HELD + 2)) + 10, agents=0, supervisors=0, called=f"sip:service@{AGENTS}:{called}")
    with tempfile.TemporaryDirectory(prefix="bench-setup-") as folder:
        async with Server(house, core=around.server_core, nice=around.server_nice) as server:
            cpu = server.cpu_seconds()
            with around.progress.task("calling", 1) as advance:
                counted = await _call(around, house, Path(folder), called, calls, rate)
                advance(1)
            used = server.cpu_seconds() - cpu
            await asyncio.sleep(1.5)
            metrics = await server.metrics()
    return _result(counted, calls, rate, used, metrics)


async def _call(around: Surroundings, house: House, folder: Path, called: int, calls: int, rate: float) -> Counted:
    within = calls / rate + HELD + 10
    # SIPp's own bound on calls at once must not be what slows it down.
    many = ("-l", str(calls), "-m", str(calls))
    answering = Sipp(folder / "uas", "uas", AGENTS, *many, core=around.generator_core, within=within + 10, port=called)
    calling = Sipp(
        folder / "uac",
        "uac",
        CUSTOMERS,
        *(f"{house.sip[0]}:{house.sip[1]}", "-s", "service", "-r", f"{rate:g}", "-d", f"{HELD * 1000:.0f}", *many),
        *("-trace_rtt", "-rtt_freq", "1"),
        core=around.generator_core,
        within=within,
    )
    async with answering, calling:
        return await calling.finished()


def _result(counted: Counted, calls: int, wanted: float, used: float, metrics: str) -> Result:
    moments = [moment for moment, _ in counted.answered_ms]
    answered = np.array([milliseconds for _, milliseconds in counted.answered_ms])
    lasted = (moments[-1] - moments[0]) / 1000 if len(moments) > 1 else 0.0
    lent = _LENT.search(metrics)
    failed = calls - counted.successful
    rate = (len(moments) - 1) / lasted if lasted else 0.0
    figures: dict[str, object] = {
        "rate": round(rate, 1),
        "failed": failed,
        "calls": calls,
        "invite_to_200_ms": {f"p{percent}": _percentile(answered, percent) for percent in (50, 99, 100)},
        "cpu_ms_per_call": round(1000 * used / calls, 2),
        "retransmissions": counted.retransmissions,
        "ports_lent_after": None if lent is None else float(lent.group(1)),
        "trace_dropped": sum(float(found) for found in _DROPPED.findall(metrics)),
        "wanted_rate": wanted,
    }
    keeps_up = rate >= wanted * KEPT_UP
    result = Result("setup", figures, ok=keeps_up and failed == 0 and figures["ports_lent_after"] in (None, 0.0))
    if counted.said:
        result.notes.append(counted.said.splitlines()[-1])
    if not keeps_up:
        result.notes.append(f"{rate:.1f} calls a second were answered, not {wanted:g}")
    return result


def _percentile(values: "np.ndarray[tuple[int], np.dtype[np.float64]]", percent: float) -> float | None:
    return round(float(np.percentile(values, percent)), 2) if values.size else None
