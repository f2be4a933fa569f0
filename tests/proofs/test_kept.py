"""What is kept of calls and supervision by a whole server: it is killed, its database goes and comes back, its journal fills up."""

import asyncio
import json
import os
import signal
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from typer.testing import CliRunner, Result

from bench.generator.signals import Tones
from bench.house import AGENTS, CUSTOMERS, SUPERVISORS, TOKEN, House
from bench.progress import Progress
from bench.runs.crowds import stand_up
from bench.server import Server
from bench.stage import Call, Cast, Stage
from control_api.client import ControlClient
from control_api.permissions import Refusal
from mediaserver.cli.main import app
from mixer.modes import Mode
from tests.mediaserver.storage.postgres import Cluster, cluster
from tests.proofs.test_restarting import Mortal, until

pytestmark = pytest.mark.timeout(300)  # several servers, one after the other
QUIET = Progress(quiet=True)


class Kept:
    """The folder of a server's storage, and what the command line says of it."""

    def __init__(self, state: Path, **environment: str) -> None:
        self.state = state
        self.folder = state / "storage"
        self.environment = {"STATE_DIRECTORY": str(state), **environment}

    async def run(self, *arguments: str) -> Result:
        """A command on the server's folder."""
        return await asyncio.to_thread(CliRunner(env=self.environment).invoke, app, list(arguments))

    async def json(self, *arguments: str) -> Any:
        """What it says in JSON."""
        return json.loads((await self.run(*arguments, "--json")).stdout)

    async def entries(self) -> list[dict[str, Any]]:
        """The whole log."""
        shown = await self.run("audit", "show", "--most", "100000", "--json")
        return [json.loads(line) for line in shown.stdout.splitlines()]

    async def assert_right(self) -> None:
        """Nobody changed anything."""
        told = await self.json("audit", "verify")
        assert told["ok"], told


def listened(entries: list[dict[str, Any]]) -> int:
    """Microseconds of listening, added up by hand."""
    joined: dict[int, int] = {}
    total = 0
    for entry in entries:
        if entry["kind"] == "supervisor.joined":
            joined[entry["leg"]] = entry["at"]
        elif entry["kind"] == "supervisor.left" and entry["leg"] in joined:
            total += json.loads(entry["detail"]).get("left_at", entry["at"]) - joined.pop(entry["leg"])
    assert not joined
    return total


@asynccontextmanager
async def supervised(house: House, calls: int) -> AsyncIterator[Stage]:
    """Phones that are registered by whoever enters the server."""
    async with Stage(house, Cast(calls, calls, calls), core=None) as stage:
        yield stage


async def talk(stage: Stage, calls: int) -> list[Call]:
    """Calls with a supervisor each."""
    await stage.register(range(calls), range(calls), QUIET)
    tones = Tones((433,), 2500), Tones((701,), 2500), Tones((1103,), 2500)
    return await stand_up(stage, calls, lambda number: tones, QUIET)


async def test_a_killed_server_loses_no_entry_and_its_report_equals_its_log(tmp_path: Path) -> None:
    house, kept = House.build(calls=3), Kept(tmp_path)
    async with supervised(house, 3) as stage:
        first = Mortal(house, core=None, environment=kept.environment)
        await first.__aenter__()
        await talk(stage, 3)
        await until((kept.folder / "audit-head").exists)
        running = first.processes()[1:]
        first.bury()
        assert [entry["kind"] for entry in await kept.entries()].count("supervisor.joined") == 3
        await kept.assert_right()
        async with Server(house, core=None, environment=kept.environment):
            await kept.assert_right()
            await until(lambda: ended_by_a_crash(kept.folder / "mediaserver.sqlite") == 3)
        first.forget()
        for pid in running:
            with suppress(OSError):  # it may have found out by itself that it is alone
                if b"mediaserver.worker" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    os.kill(pid, signal.SIGKILL)
    entries = await kept.entries()
    crashed = [entry for entry in entries if entry["kind"] == "supervisor.left"]
    assert [json.loads(entry["detail"])["cause"] for entry in crashed] == ["crash"] * 3
    report = await kept.json("report", "listening")
    assert report["total"]["sessions"] == 3
    assert round(report["total"]["seconds"] * 1e6) == listened(entries) > 0
    await kept.assert_right()


def ended_by_a_crash(path: Path) -> int:
    """How many calls the database says that of; the storage process may still be about to."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            return int(database.execute("select count(*) from calls where cause = 'crash' and ended_at >= started_at").fetchone()[0])
    except sqlite3.OperationalError:
        return 0


@pytest.fixture
def stoppable() -> Iterator[Cluster]:
    """A PostgreSQL of one test's own."""
    with cluster() as made:
        yield made


async def rows(url: str, table: str) -> int:
    """How many a table has; none where there is no such table yet."""
    connection = await asyncpg.connect(url)
    try:
        return int(await connection.fetchval(f"select count(*) from {table}"))
    except asyncpg.UndefinedTableError:
        return 0
    finally:
        await connection.close()


async def until_there_are(url: str, table: str, count: int) -> None:
    """Wait for the storage process."""
    async with asyncio.timeout(60):
        while await rows(url, table) < count:
            await asyncio.sleep(0.1)


async def test_a_database_that_goes_away_touches_no_call_and_has_everything_later(tmp_path: Path, stoppable: Cluster) -> None:
    url = f"{stoppable.url}/postgres"
    house, kept = House.build(calls=2), Kept(tmp_path, MEDIASERVER_STORAGE__URL=url)
    async with supervised(house, 2) as stage, Server(house, core=None, environment=kept.environment) as server:
        standing = await talk(stage, 1)
        await until_there_are(url, "supervisions", 1)
        stoppable.stop()
        await stage.register(range(1, 2), range(1, 2), QUIET)
        customer, agent, supervisor = (stage.take(address, Tones((433,), 2500)) for address in (CUSTOMERS, AGENTS, SUPERVISORS))
        standing.append(await stage.call(1, customer, agent))
        await stage.join(standing[-1], 1, supervisor, "listen")
        assert 'mediaserver_calls{state="answered",tenant="default"} 2.0' in await server.metrics()
        assert len([entry for entry in _in_journal(kept) if entry[3] == "supervisor.joined"]) >= 1
        stoppable.start()
        await until_there_are(url, "supervisions", 2)
        await kept.assert_right()
    assert await rows(url, "calls") == 2
    assert len(standing) == 2
    await kept.assert_right()


def _in_journal(kept: Kept) -> list[list[Any]]:
    lines = [line for path in sorted((kept.folder / "journal").glob("*.log")) for line in path.read_bytes().splitlines()]
    return [json.loads(line.partition(b" ")[2]) for line in lines if line.startswith(b"audit ")]


async def test_a_full_journal_lets_nobody_new_supervise_while_calls_go_on(tmp_path: Path) -> None:
    away = {"MEDIASERVER_STORAGE__URL": "postgresql://nobody:x@127.0.0.1:9/none", "MEDIASERVER_STORAGE__JOURNAL_MEGABYTES": "1"}
    house, kept = House.build(calls=1), Kept(tmp_path, **away)
    (kept.folder / "journal").mkdir(parents=True)
    (kept.folder / "journal" / "journal-00000001.log").write_bytes(b"note {}\n" * 125_000)
    async with supervised(house, 1) as stage, Server(house, core=None, environment=kept.environment) as server:
        await stage.register(range(1), range(1), QUIET)
        customer, agent = (stage.take(address, Tones((433,), 2500)) for address in (CUSTOMERS, AGENTS))
        call = await stage.call(0, customer, agent)
        async with ControlClient(f"http://{house.control}", TOKEN) as client:
            (found,) = await client.list()
            with pytest.raises(Refusal, match="nobody new may supervise") as caught:
                await client.supervise(call=found.call, mode=Mode.LISTEN, phone="sip:x@127.0.0.1")
        assert caught.value.code == "unavailable"
        assert "storage.journal_megabytes" in caught.value.hint
        assert 'mediaserver_storage_journal_trouble{trouble="full"} 1.0' in await server.metrics()
        assert 'mediaserver_calls{state="answered",tenant="default"} 1.0' in await server.metrics()
        assert call.agent_number == 0
