"""cuts: the websocket is cut again and again while modes change. What a client lost or was told twice: nothing; and when he is right again.

Two clients of one identity are told the same events under the same numbers. One of them sits behind a line that is cut; both note what
they are told. Modes are changed by a third one all the time, and by the first one too: of his commands some are under way when he is cut.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Final

from bench.generator.cable import Cable, cable_to
from bench.generator.signals import Silence
from bench.house import TOKEN, House
from bench.options import Surroundings
from bench.report import Result
from bench.runs.crowds import stand_up
from bench.server import Server
from bench.stage import Cast, Stage
from control_api.client import ControlClient
from control_api.messages import EventMessage, SnapshotMessage
from control_api.permissions import Refusal
from mixer.modes import Mode

RIGHT_WITHIN: Final = 1.0
"""Seconds after a cut."""
SHORTEST, LONGEST = 0.02, 0.4
"""Seconds between one cut, when all is right again, and the next."""
_LOOK: Final = 0.002
_GIVEN_UP: Final = 30.0
_SETTLE: Final = 1.0

Roster = dict[str, tuple[tuple[int, str, str], ...]]
"""By call: each leg, its state and its mode."""


class Told:
    """A client, and what he was told."""

    def __init__(self, client: ControlClient) -> None:
        self.client = client
        self.events: list[tuple[int, str, str, int | None]] = []
        """Number, kind, call, leg."""
        self.snapshots = 0
        """Beyond the first: he was told what is, not what happened."""

    async def note(self) -> None:
        """Hear until cancelled."""
        async with aclosing(self.client.events()) as updates:
            async for update in updates:
                if isinstance(update, EventMessage):
                    self.events.append((update.sequence, update.kind, update.call_id, update.leg))
                elif isinstance(update, SnapshotMessage):
                    self.snapshots += 1

    @property
    def roster(self) -> Roster:
        """Who is in which call, as he has it."""
        return {name: tuple((leg.leg, leg.state, str(leg.mode)) for leg in call.legs) for name, call in self.client.calls.items()}


async def run(around: Surroundings, *, calls: int, cuts: int, rate: float, seed: int) -> Result:
    """Set up, cut, compare."""
    chance = random.Random(seed)
    house = House.build(calls=calls)
    async with (
        Server(house, core=around.server_core, nice=around.server_nice),
        Stage(house, Cast(calls, calls, calls), core=around.generator_core) as stage,
    ):
        await stage.register(range(calls), range(calls), around.progress)
        await stand_up(stage, calls, lambda number: (Silence(), Silence(), Silence()), around.progress, records=False)
        async with (
            cable_to(house.control_port) as cable,
            ControlClient(f"http://127.0.0.1:{cable.port}", TOKEN) as cut,
            ControlClient(f"http://{house.control}", TOKEN) as steady,
            ControlClient(f"http://{house.control}", TOKEN) as switching,
        ):
            legs = [leg.leg for call in await steady.list() for leg in call.legs if leg.identity]
            first, second = Told(cut), Told(steady)
            async with _beside(first, second), _switching(switching, legs, rate, chance), _switching(cut, legs, rate / 4, chance):
                taken = await _cut(around, cable, first, second, cuts, chance)
    return _result(first, second, taken)


@asynccontextmanager
async def _beside(*told: Told) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one.note()) for one in told]
        yield
        await asyncio.sleep(_SETTLE)
        for task in tasks:
            task.cancel()


@asynccontextmanager
async def _switching(client: ControlClient, legs: list[int], rate: float, chance: random.Random) -> AsyncIterator[None]:
    """Modes change as long as this is open."""

    async def switch() -> None:
        while True:
            await asyncio.sleep(chance.uniform(0.5, 1.5) / rate)
            try:
                await client.set_mode(chance.choice(legs), chance.choice(tuple(Mode)))
            except Refusal:
                continue  # the leg's mode was taken back, for who chose it was cut

    async with asyncio.TaskGroup() as group:
        task = group.create_task(switch())
        yield
        task.cancel()


async def _cut(around: Surroundings, cable: Cable, first: Told, second: Told, cuts: int, chance: random.Random) -> list[float]:
    """Seconds from each cut until both see the same."""
    taken = []
    with around.progress.task(f"{cuts} cuts", cuts) as advance:
        for _ in range(cuts):
            await asyncio.sleep(chance.uniform(SHORTEST, LONGEST))
            connections = first.client.connections
            began = time.monotonic()
            cable.cut()
            async with asyncio.timeout(_GIVEN_UP):
                while first.client.connections == connections or first.roster != second.roster:
                    await asyncio.sleep(_LOOK)
            taken.append(time.monotonic() - began)
            advance(1)
    return taken


def _result(first: Told, second: Told, taken: list[float]) -> Result:
    numbers = [event[0] for event in first.events]
    expected = [event for event in second.events if event[0] >= numbers[0]] if numbers else []
    lost = len(set(expected) - set(first.events))
    repeated = len(numbers) - len(set(numbers))
    latest = max(taken)
    figures: dict[str, object] = {
        "cuts": len(taken),
        "connections": first.client.connections,
        "events": len(first.events),
        "lost": lost,
        "repeated": repeated,
        "in_order": first.events == expected,
        "snapshots": first.snapshots - 1,
        "right_after_ms": {"p50": _milliseconds(taken, 0.5), "p99": _milliseconds(taken, 0.99), "max": round(1000 * latest, 1)},
    }
    ok = bool(numbers) and first.events == expected and first.snapshots == 1 and latest <= RIGHT_WITHIN
    return Result("cuts", figures, ok=ok)


def _milliseconds(taken: list[float], share: float) -> float:
    return round(1000 * sorted(taken)[min(len(taken) - 1, int(share * len(taken)))], 1)
