"""books: what the audit log lacks after the server was killed amid commands. The answer that is promised: nothing that was acknowledged.

Life after life of one server: calls stand, supervisors have dialled in, a client of the API changes their modes as fast as it is answered.
At a random moment all of the server is killed (SIGKILL), every other time the process that writes into the database with it. At the end
the log must hold, for each leg of each life, what was acknowledged, in its order, and at most the one command that was on its way; it
must verify against its heads; and the report on listening must come to what adding up the log by hand comes to.
"""

import asyncio
import json
import random
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.generator.signals import Silence
from bench.house import TOKEN, House
from bench.options import Surroundings
from bench.report import Result
from bench.runs.crowds import stand_up
from bench.server import Server
from bench.stage import Cast, Stage
from control_api.client import ControlClient, Unreachable
from control_api.permissions import Refusal
from mediaserver.audit.entry import Entry
from mediaserver.audit.head import read_heads
from mediaserver.audit.keys import kept_key
from mediaserver.audit.reading import Log, verify
from mediaserver.audit.report import By, ListenTime
from mediaserver.audit.verifying import Verifier
from mediaserver.storage.database import Database
from mediaserver.storage.folder import Places
from mixer.modes import Mode

SHORTEST, LONGEST = 0.05, 3.0
"""Seconds from the first command to the death."""
_WRITTEN_WITHIN = 30.0
COLUMNS = ("life", "seconds", "acknowledged", "in the log", "lost", "unasked")

Change = tuple[int, str]
"""A leg and its mode."""


@dataclass(slots=True)
class Life:
    """What one life of the server acknowledged, and what the log has of it."""

    number: int
    seconds: float
    acknowledged: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    """By leg, in order."""
    logged: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))

    @property
    def lost(self) -> int:
        """Legs of which the log lacks something."""
        return sum(self.logged[leg][: len(modes)] != modes for leg, modes in self.acknowledged.items())

    @property
    def unasked(self) -> int:
        """Entries beyond those that were acknowledged, and the one of each leg that may have been on its way."""
        return sum(max(0, len(modes) - len(self.acknowledged[leg]) - 1) for leg, modes in self.logged.items())

    def row(self) -> tuple[Any, ...]:
        """For the table."""
        counts = (sum(map(len, modes.values())) for modes in (self.acknowledged, self.logged))
        return self.number, round(self.seconds, 2), *counts, self.lost, self.unasked


async def run(around: Surroundings, *, calls: int, kills: int, seed: int) -> Result:
    """Kill it so many times."""
    chance = random.Random(seed)
    house = House.build(calls=calls)
    with tempfile.TemporaryDirectory(prefix="bench-books-") as state:
        lives = []
        for number in range(1, kills + 1):
            around.progress.say(f"life {number} of {kills} …")
            lives.append(await _live(around, house, Path(state), Life(number, chance.uniform(SHORTEST, LONGEST)), chance))
        async with Server(house, core=around.server_core, nice=around.server_nice, environment={"STATE_DIRECTORY": state}) as server:
            await _is_written(server)
        return await _judged(Places(Path(state) / "storage"), lives)


async def _live(around: Surroundings, house: House, state: Path, life: Life, chance: random.Random) -> Life:
    """One life, to its end."""
    server = Server(house, core=around.server_core, nice=around.server_nice, environment={"STATE_DIRECTORY": str(state)})
    async with Stage(house, Cast(house.calls, house.calls, house.calls), core=around.generator_core) as stage:
        await server.__aenter__()
        await stage.register(range(house.calls), range(house.calls), around.progress)
        await stand_up(stage, house.calls, lambda number: (Silence(), Silence(), Silence()), around.progress, records=False)
        async with ControlClient(f"http://{house.control}", TOKEN) as client:
            legs = [leg.leg for call in await client.list() for leg in call.legs if leg.identity]
            async with asyncio.TaskGroup() as changing:
                tasks = [changing.create_task(_change(client, leg, life, random.Random(chance.random()))) for leg in legs]
                await asyncio.sleep(life.seconds)
                server.kill(with_storage=bool(life.number % 2))
                for task in tasks:
                    task.cancel()
    return life


async def _change(client: ControlClient, leg: int, life: Life, chance: random.Random) -> None:
    """Change a leg's mode again and again; note each that was acknowledged."""
    while True:
        mode = chance.choice(tuple(Mode))
        try:
            await client.set_mode(leg, mode)
        except (Unreachable, Refusal, TimeoutError):
            return
        life.acknowledged[leg].append(str(mode))


async def _is_written(server: Server) -> None:
    """Wait until all of the journal is in the database."""
    async with asyncio.timeout(_WRITTEN_WITHIN):
        while "mediaserver_storage_behind_bytes 0.0" not in await server.metrics():
            await asyncio.sleep(0.2)


async def _judged(places: Places, lives: list[Life]) -> Result:
    key = kept_key(places.key)
    assert key is not None
    verifier = Verifier((key,), read_heads(places.head.read_text().splitlines()))
    database = Database(f"sqlite+aiosqlite:///{places.database}")
    log = Log(places.journal, database)
    entries = [found.entry async for found in log.entries()]
    result = await verify(log, verifier)
    await database.close()
    _sort(entries, lives)
    reported, added = _reported(entries), _added_up(entries)
    is_right = result.is_right and reported == added and not any(life.lost or life.unasked for life in lives)
    figures = {
        "kills": len(lives),
        "acknowledged": sum(len(modes) for life in lives for modes in life.acknowledged.values()),
        "lost": sum(life.lost for life in lives),
        "unasked": sum(life.unasked for life in lives),
        "entries": len(entries),
        "verified": result.is_right,
        "listened_seconds": reported / 1e6,
        "report_equals_log": reported == added,
    }
    notes = [f"{found.problem}: {found.first} to {found.last} {found.text}" for found in result.findings]
    return Result("books", figures, COLUMNS, [life.row() for life in lives], notes, ok=is_right)


def _sort(entries: list[Entry], lives: list[Life]) -> None:
    """Give each life what the log has of it; a life begins with ``server.started``."""
    number = -1
    for entry in entries:
        if entry.kind == "server.started":
            number += 1
        elif entry.kind == "command.permitted" and entry.facts.get("command") == "set_mode" and number < len(lives):
            lives[number].logged[entry.leg].append(str(entry.facts["mode"]))


def _reported(entries: list[Entry]) -> int:
    """Microseconds, as the report has it."""
    report = ListenTime(0, 2**62, (By.SUPERVISOR,))
    for entry in entries:
        report.take(entry)
    report.finish(entries[-1].at)
    return report.total.total


def _added_up(entries: list[Entry]) -> int:
    """Microseconds from joining to leaving, added up by hand."""
    joined: dict[int, int] = {}
    total = 0
    for entry in entries:
        if entry.kind == "supervisor.joined":
            joined[entry.leg] = entry.at
        elif entry.kind == "supervisor.left" and entry.leg in joined:
            total += json.loads(entry.detail).get("left_at", entry.at) - joined.pop(entry.leg)
    return total
