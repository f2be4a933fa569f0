"""clients: many consoles at once. When each is told of what happens, what that costs signalling, and what calls notice: nothing.

Calls stand, some of them with RTP and a supervisor who dialled in. Clients connect, each with an identity of its own that may see every
call; each views some calls, of which it gets meters, and is told every event of all. Events are those of calls that end and begin and of
supervisors who switch. Then some clients stop reading, others send messages of 10 MB, others come and go by the thousand.
"""

import asyncio
import hashlib
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from bench.console import Console, open_console
from bench.generator.rtp import LATE_LIMIT_MS, gap_p99_ms, late_ms, missing
from bench.generator.signals import Silence, Tones
from bench.house import AGENTS, CUSTOMERS, SUPERVISORS, TOKEN, House
from bench.options import Surroundings
from bench.report import Result
from bench.runs.nuisances import come_and_go, send_giants, stop_reading
from bench.runs.viewing import Viewing, viewing
from bench.server import Server, cpu_seconds
from bench.stage import Call, Cast, Stage, in_group

LATEST_MS: Final = 50.0
"""From an event to the client, at the 99th percentile."""
MOST_PERCENT: Final = 40.0
"""Of a core, that the signalling process may take."""
GROWTH_LIMIT_KIB: Final = 96 * 1024
"""Resident memory may grow so much while clients misbehave."""
VIEWED: Final = 50
EVENTS_A_CALL: Final = 4
"""Started, ringing, answered, ended."""
_SET_UPS_A_SECOND: Final = 25
_SETTLE: Final = 3.0
_SPARE: Final = 20
_MODES: Final = ("whisper", "listen", "barge")
COLUMNS: Final = (
    "what",
    "events_a_second",
    "messages_a_second",
    "mbit_a_second",
    "p50_ms",
    "p99_ms",
    "max_ms",
    "out_of_order",
    "signalling_percent",
    "rss_mib",
    "packets",
    "lost",
    "gap_ms",
    "late_ms",
)


@dataclass(frozen=True, slots=True)
class Board(House):
    """A house with a token for each client."""

    clients: int = 0

    def settings(self) -> dict[str, Any]:
        """The whole file."""
        found = House.settings(self)
        ceiling = {"agents": ["*"], "mode": "listen"}
        found["tokens"] += [
            {"sha256": hashlib.sha256(token.encode()).hexdigest(), "identity": f"client{number}", "ceiling": ceiling}
            for number, token in enumerate(tokens(self.clients))
        ]
        narrow = {"agents": [self.agent(0).user], "mode": "listen"}
        found["tokens"].append({"sha256": hashlib.sha256(PASSER_BY.encode()).hexdigest(), "identity": "passer-by", "ceiling": narrow})
        found["limits"] |= {"no_rtp": 36_000}
        found["control"] |= {"meters_hz": 2.0, "max_clients": 2 * self.clients + 100}
        return found


PASSER_BY: Final = "passer-by"


def tokens(clients: int) -> list[str]:
    """A token for each."""
    return [f"client-{number}" for number in range(clients)]


@dataclass(slots=True)
class _Hall:
    """Everything that takes part."""

    house: House
    server: Server
    stage: Stage
    console: Console
    talking: list[Call]
    """Those with RTP."""
    silent: list[Call]
    legs: list[int]
    """Of supervisors, as the server numbers them."""
    rate: float
    rows: list[tuple[object, ...]] = field(default_factory=list)

    async def busy(self) -> None:
        """Let things happen, half of the events by calls, half by supervisors; until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._turn_over(2 * EVENTS_A_CALL / self.rate))
            group.create_task(self._switch(2 / self.rate))

    async def _turn_over(self, pause: float) -> None:
        async for turn in _paced(pause):
            place = turn % len(self.silent)
            ending = self.silent[place]
            await self.stage.hang_up(ending)
            self.silent[place] = await _ring(self.stage, ending.agent_number)

    async def _switch(self, pause: float) -> None:
        async for turn in _paced(pause):
            await self.console.command("set_mode", leg=self.legs[turn % len(self.legs)], mode=_MODES[turn % len(_MODES)])

    async def measure(self, what: str, seconds: float, viewers: Viewing | None) -> None:
        """One row."""
        if viewers is not None:
            await viewers.begin()
        signalling, rtp, since = self._spent(), self.stage.rtp.snapshot(), time.monotonic()
        await asyncio.sleep(seconds)
        lasted, after = time.monotonic() - since, self.stage.rtp.snapshot()
        percent = 100 * (self._spent() - signalling) / lasted
        told = await viewers.report() if viewers is not None else {}
        hearing = np.array([leg.number for call in self.talking for leg in call.legs])
        packets, lost = missing(rtp, after, hearing)
        clients = viewers.count if viewers is not None else 0
        self.rows.append(
            (
                what,
                round(told.get("events", 0) / lasted / clients, 1) if clients else 0.0,
                round((told.get("events", 0) + told.get("meters", 0)) / lasted),
                round(8e-6 * told.get("octets", 0) / lasted, 1),
                *(told.get(f"p{percentile}_ms") for percentile in (50, 99, 100)),
                told.get("out_of_order", 0) + told.get("snapshots", 0),
                round(percent, 1),
                round(self.server.resident_kib() / 1024, 1),
                packets,
                lost,
                round(float(gap_p99_ms(rtp, after, hearing).max()), 1),
                round(late_ms(rtp, after)[1], 1),
            )
        )

    def _spent(self) -> float:
        return cpu_seconds(self.server.processes()[0])


async def run(around: Surroundings, *, calls: int, talking: int, clients: int, rate: float, seconds: float, connects: float) -> Result:
    """Set up, measure without clients, with them, and with those that misbehave."""
    house = replace(Board.build(calls=calls + _SPARE, agents=calls, supervisors=talking, refuses_overload=False), clients=clients)
    async with (
        Server(house, core=around.server_core, nice=around.server_nice) as server,
        Stage(house, Cast(calls + _SPARE, calls + _SPARE, talking), core=around.generator_core, codec=around.codec) as stage,
        open_console(house.control, TOKEN) as console,
    ):
        await stage.register(range(calls), range(talking), around.progress)
        hall = await _stand_up(around, house, server, stage, console, calls, talking, rate)
        async with _going_on(hall.busy):
            await asyncio.sleep(_SETTLE)
            await hall.measure("no clients", seconds, None)
            listed = (await console.command("list")).result["calls"]
            ids = [str(call["call"]) for call in listed]
            views = [[ids[(number * VIEWED + at) % len(ids)] for at in range(min(VIEWED, len(ids)))] for number in range(clients)]
            began = time.monotonic()
            around.progress.say(f"{clients} clients connect …")
            async with viewing(house, tokens(clients), views, around.generator_core) as viewers:
                connected = time.monotonic() - began
                await asyncio.sleep(_SETTLE)
                for what, nuisance in _phases(house, clients, connects):
                    around.progress.say(f"{what} …")
                    async with _going_on(nuisance):
                        await asyncio.sleep(_SETTLE if what != CLIENTS else 0)
                        await hall.measure(what, seconds, viewers)
    return _result(hall.rows, calls, talking, clients, connected, connects)


CLIENTS: Final = "clients"


def _phases(house: House, clients: int, connects: float) -> list[tuple[str, Callable[[], Awaitable[None]]]]:
    return [
        (CLIENTS, asyncio.Event().wait),  # type: ignore[list-item]
        ("and slow readers", lambda: stop_reading(house.control, TOKEN, clients // 10)),
        ("and messages of 10 MB", lambda: send_giants(house.control, PASSER_BY, 10)),
        (f"and {connects:g} connects a minute", lambda: come_and_go(house.control, PASSER_BY, connects / 60)),
    ]


@asynccontextmanager
async def _going_on(work: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Something beside, as long as this is open."""

    async def do() -> None:
        await work()

    async with asyncio.TaskGroup() as group:
        task = group.create_task(do())
        yield
        task.cancel()


async def _paced(pause: float) -> AsyncIterator[int]:
    """0, 1, 2 … so many seconds apart on average, however long each takes."""
    began = time.monotonic()
    for turn in itertools.count():
        await asyncio.sleep(began + turn * pause - time.monotonic())
        yield turn


async def _ring(stage: Stage, number: int) -> Call:
    return await stage.call(number, stage.take(CUSTOMERS, Silence()), stage.take(AGENTS, Silence()), media=False)


async def _stand_up(
    around: Surroundings, house: House, server: Server, stage: Stage, console: Console, calls: int, talking: int, rate: float
) -> _Hall:
    standing: dict[int, Call] = {}
    with around.progress.task(f"setting up {calls} calls", calls) as advance:

        async def one(number: int) -> None:
            await asyncio.sleep(number / _SET_UPS_A_SECOND)
            if number % (calls // talking) or number // (calls // talking) >= talking:
                standing[number] = await _ring(stage, number)
            else:
                customer, agent = stage.take(CUSTOMERS, Tones((437,), 4000.0)), stage.take(AGENTS, Tones((701,), 4000.0))
                standing[number] = await stage.call(number, customer, agent)
                await stage.join(standing[number], number // (calls // talking), stage.take(SUPERVISORS, Tones((1103,), 4000.0)))
            advance(1)

        await in_group(one(number) for number in range(calls))
    listed = (await console.command("list")).result["calls"]
    legs = [leg["leg"] for call in listed for leg in call["legs"] if leg["role"] == "supervisor"]
    heard = [call for call in standing.values() if call.supervisors]
    silent = [call for call in standing.values() if not call.supervisors]
    return _Hall(house, server, stage, console, heard, silent, legs, rate)


def _result(rows: list[tuple[object, ...]], calls: int, talking: int, clients: int, connected: float, connects: float) -> Result:
    named = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
    viewed = next(row for row in named if row["what"] == CLIENTS)
    with_clients: list[dict[str, Any]] = named[1:]
    grown = float(max(row["rss_mib"] for row in with_clients)) - float(str(viewed["rss_mib"]))
    worst = max(float(row["p99_ms"]) for row in with_clients)
    percent = float(str(viewed["signalling_percent"]))
    figures: dict[str, object] = {
        "calls": calls,
        "calls_with_rtp": talking,
        "clients": clients,
        "connected_in_seconds": round(connected, 1),
        "p99_ms": viewed["p99_ms"],
        "worst_p99_ms": worst,
        "signalling_percent": percent,
        "out_of_order": sum(int(row["out_of_order"]) for row in with_clients),
        "lost": sum(int(str(row["lost"])) for row in named),
        "grown_mib": round(grown, 1),
    }
    is_punctual = all(float(str(row["late_ms"])) <= LATE_LIMIT_MS for row in named)
    ok = (
        worst <= LATEST_MS
        and percent <= MOST_PERCENT
        and not figures["out_of_order"]
        and not figures["lost"]
        and grown * 1024 <= GROWTH_LIMIT_KIB
        and is_punctual
    )
    notes = [] if is_punctual else [f"the generator was late (> {LATE_LIMIT_MS:g} ms): this run does not count"]
    return Result("clients", figures, COLUMNS, rows, notes, ok=ok)
