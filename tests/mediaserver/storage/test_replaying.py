"""The journal comes into the database, once and as it was, whatever becomes of the database meanwhile. On SQLite and PostgreSQL."""

import asyncio
import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from alembic import op
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Table, func, select

from config.storage import StorageSettings
from mediaserver.storage import replaying
from mediaserver.storage.database import PROBLEMS, Database
from mediaserver.storage.folder import Places
from mediaserver.storage.replaying import Replayer
from mediaserver.storage.segments import path_of, segments, written
from mediaserver.storage.status import read_status
from mediaserver.storage.tables import AUDIT, CALLS, FLAGS, METADATA, NOTES, SET_ASIDE, STRETCHES, SUPERVISIONS
from tests.mediaserver.audit.books import START, Books


class Storage:
    """A journal, and who replays it."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.folder = folder
        self.database = database
        self.books = Books(folder / "journal")
        self.replayer = self.another()

    def another(self) -> Replayer:
        """A replayer that knows what its status file says."""
        return Replayer(self.folder / "journal", self.database, self.folder / "status")

    def call(self, call: str, **changed: Any) -> None:
        """A call's line."""
        facts = {
            "id": call,
            "tenant": "default",
            "trunk": "carrier",
            "caller": "+491",
            "called": "100",
            "agent": "robert",
            "team": "north",
            "metadata": {"queue": "support"},
            "started_at": 1_700_000_000_000_000,
            "answered_at": None,
            "ended_at": None,
            "cause": "",
        }
        self.books.journal.append(written("call", facts | changed))

    async def replay(self) -> None:
        """Until nothing is left."""
        while await self.replayer.step():
            pass

    async def rows(self, table: Table) -> Sequence[Any]:
        """All of a table."""
        async with self.database.reading() as connection:
            return (await connection.execute(select(table).order_by(*table.primary_key))).all()


@pytest.fixture
def storage(tmp_path: Path, database: Database) -> Storage:
    """With an empty database."""
    return Storage(tmp_path / "storage", database)


async def test_the_migrations_make_the_tables_that_the_code_knows(storage: Storage) -> None:
    def differences(connection: Connection) -> Any:
        return compare_metadata(MigrationContext.configure(connection), METADATA)

    await storage.database.upgrade()
    await storage.database.upgrade()
    async with storage.database.reading() as connection:
        assert await connection.run_sync(differences) == []


async def test_an_upgrade_that_was_cut_short_leaves_nothing_behind(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(*arguments: object, **named: object) -> None:
        raise InterruptedError

    with monkeypatch.context() as patch:
        patch.setattr(op, "create_index", dies)
        with pytest.raises(InterruptedError):
            await storage.database.upgrade()
    await storage.replay()
    assert len(await storage.rows(NOTES)) == 0


async def test_several_may_upgrade_at_once(storage: Storage, url: str, tmp_path: Path) -> None:
    others = [Database(Places(tmp_path).url(StorageSettings.model_validate({"url": url}))) for _ in range(3)]
    async with asyncio.TaskGroup() as tasks:
        for other in others:
            tasks.create_task(other.upgrade())
    for other in others:
        await other.close()
    assert len(await storage.rows(NOTES)) == 0


async def test_who_reads_does_not_hold_up_who_writes(storage: Storage) -> None:
    storage.call("c1")
    await storage.replay()
    async with storage.database.reading() as connection:
        await connection.execute(select(CALLS))
        storage.call("c2")
        await storage.replay()
    assert len(await storage.rows(CALLS)) == 2


async def test_entries_come_into_the_database_as_they_are(storage: Storage) -> None:
    storage.books.joined()
    await storage.replay()
    (row,) = await storage.rows(AUDIT)
    assert (row.sequence, row.kind, row.identity, row.permission) == (1, "supervisor.joined", "anna", "team:north mode:barge")
    assert json.loads(row.detail) == {"mode": "listen", "target": "agent"}


async def test_a_call_is_one_row_as_its_last_line_has_it(storage: Storage) -> None:
    storage.call("c1")
    await storage.replay()
    storage.call("c1", answered_at=1_700_000_002_000_000)
    storage.call("c1", answered_at=1_700_000_002_000_000, ended_at=1_700_000_009_000_000, cause="hang_up")
    await storage.replay()
    (row,) = await storage.rows(CALLS)
    assert (row.server, row.metadata, row.ended_at, row.cause) == ("server1", {"queue": "support"}, 1_700_000_009_000_000, "hang_up")


async def test_a_supervision_has_its_timeline_of_modes(storage: Storage) -> None:
    books = storage.books
    books.joined()
    books.mode("whisper", after=10)
    await storage.replay()
    books.mode("listen", after=20)
    books.left(after=30)
    await storage.replay()
    (supervision,) = await storage.rows(SUPERVISIONS)
    joined = round((START + 1) * 1e6)
    assert (supervision.identity, supervision.agent, supervision.way) == ("anna", "robert", "api")
    assert (supervision.joined_at, supervision.left_at, supervision.cause) == (joined, joined + 60_000_000, "requested")
    timeline = [(row.mode, row.since - joined, row.until - joined) for row in await storage.rows(STRETCHES)]
    assert timeline == [("listen", 0, 10_000_000), ("whisper", 10_000_000, 30_000_000), ("listen", 30_000_000, 60_000_000)]


async def test_who_supervises_now_has_no_end_yet(storage: Storage) -> None:
    storage.books.joined()
    await storage.replay()
    assert [row.left_at for row in await storage.rows(SUPERVISIONS)] == [None]
    assert [row.until for row in await storage.rows(STRETCHES)] == [None]


@pytest.mark.parametrize("is_at_once", [True, False])
async def test_who_was_lost_and_came_back_is_one_supervision_with_a_gap(storage: Storage, is_at_once: bool) -> None:
    books = storage.books
    books.joined(leg=6, identity="bert")
    if not is_at_once:
        await storage.replay()
    books.lost_and_back(after=20)
    await storage.replay()
    first, second = await storage.rows(SUPERVISIONS)
    assert (first.identity, second.identity, second.left_at, second.cause) == ("bert", "anna", None, "")
    books.left(8, after=7)
    await storage.replay()
    joined = round((START + 2) * 1e6)
    row = (await storage.rows(SUPERVISIONS))[1]
    assert (row.joined_at, row.left_at, row.cause) == (joined, joined + 42_000_000, "requested")
    timeline = [(row.mode, row.since - joined, row.until - joined) for row in await storage.rows(STRETCHES) if row.supervision == second.id]
    assert timeline == [("listen", 0, 10_000_000), ("whisper", 10_000_000, 15_000_000), ("listen", 35_000_000, 42_000_000)]


async def test_a_replayer_that_died_amid_its_work_writes_nothing_twice(storage: Storage) -> None:
    storage.books.joined()
    storage.books.mode("barge")
    await storage.replay()
    storage.books.left()
    storage.replayer = storage.another()
    await storage.replay()
    assert len(await storage.rows(AUDIT)) == 3
    assert [row.mode for row in await storage.rows(STRETCHES)] == ["listen", "barge"]
    assert all(row.until for row in await storage.rows(STRETCHES))


async def test_segments_that_were_read_are_thrown_away(storage: Storage) -> None:
    for _ in range(3):
        storage.books.joined()
        storage.books.left()
        storage.books.next_segment()
    await storage.replay()
    assert segments(storage.folder / "journal") == [4]
    assert len(await storage.rows(AUDIT)) == 6


async def test_supervision_goes_on_over_segments(storage: Storage) -> None:
    storage.books.joined()
    await storage.replay()
    storage.books.next_segment()
    storage.books.note("command.permitted")
    await storage.replay()
    storage.replayer = storage.another()
    storage.books.left()
    await storage.replay()
    assert [row.cause for row in await storage.rows(SUPERVISIONS)] == ["requested"]


async def test_what_a_crash_left_open_is_closed_in_the_tables_too(storage: Storage) -> None:
    storage.books.joined()
    storage.call("c1")
    storage.books.crash()
    storage.books.now += 60
    storage.books.live(last_sign=START + 5)
    storage.books.note("server.started", detail={"last_sign": round((START + 5) * 1e6)})
    await storage.replay()
    (supervision,) = await storage.rows(SUPERVISIONS)
    assert (supervision.left_at, supervision.cause) == (round((START + 5) * 1e6), "crash")
    (call,) = await storage.rows(CALLS)
    assert (call.ended_at, call.cause) == (round((START + 5) * 1e6), "crash")


async def test_notes_and_flags_are_kept(storage: Storage) -> None:
    said = {"call": "c1", "tenant": "default", "identity": "anna", "at": 1, "about": None}
    storage.books.journal.append(written("note", {"id": "n1", **said, "text": "calm down"}))
    storage.books.journal.append(written("flag", {"id": "f1", **said, "label": "praise"}))
    await storage.replay()
    assert [row.text for row in await storage.rows(NOTES)] == ["calm down"]
    assert [row.label for row in await storage.rows(FLAGS)] == ["praise"]


async def test_a_line_that_no_database_takes_is_set_aside_and_the_others_are_written(storage: Storage) -> None:
    storage.call("c1")
    storage.call("c2", started_at=2**80)
    storage.call("c3")
    await storage.replay()
    assert [row.id for row in await storage.rows(CALLS)] == ["c1", "c3"]
    (aside,) = await storage.rows(SET_ASIDE)
    assert json.loads(aside.line)["id"] == "c2"
    assert storage.replayer.status.set_aside == 1


async def test_a_line_that_says_nothing_known_does_not_stop_it(storage: Storage) -> None:
    strange = (
        b"audit nonsense",
        b"rumour {}",
        b"note {}",
        b'call {"id": []}',
        b'checkpoint {"chain": "x", "open": [1, {}]}',
        b"flag 7",
        b"",
    )
    storage.books.journal.append(b"\n".join(strange) + b"\n")
    storage.books.note("supervisor.left", detail={"left_at": "never"})
    storage.books.note("server.started", detail={"last_sign": None})
    storage.call("c1")
    await storage.replay()
    assert len(await storage.rows(CALLS)) == 1


async def test_what_is_not_on_the_disk_is_not_replayed(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    storage.call("c1")
    await storage.replay()
    storage.call("c2")
    monkeypatch.setattr(replaying, "_synced", lambda path, offset: offset)
    await storage.replay()
    assert [row.id for row in await storage.rows(CALLS)] == ["c1"]


async def test_the_status_says_how_far_it_is(storage: Storage) -> None:
    storage.call("c1")
    await storage.replay()
    status = read_status(storage.folder / "status")
    assert (status.is_up, status.lines, status.segment) == (True, 2, 1)
    assert status.offset == (storage.folder / "journal" / "journal-00000001.log").stat().st_size


async def test_a_journal_that_was_begun_anew_is_read_from_its_start(storage: Storage) -> None:
    storage.call("c1")
    storage.books.next_segment()
    storage.call("c2")
    await storage.replay()
    for number in segments(storage.folder / "journal"):
        path_of(storage.folder / "journal", number).unlink()
    storage.books = Books(storage.folder / "other")
    (storage.folder / "journal").rename(storage.folder / "gone")
    (storage.folder / "other").rename(storage.folder / "journal")
    storage.call("c3")
    storage.replayer = storage.another()
    await storage.replay()
    assert [row.id for row in await storage.rows(CALLS)] == ["c1", "c2", "c3"]


async def test_while_the_database_is_away_the_journal_waits(tmp_path: Path) -> None:
    away = Database("postgresql+asyncpg://nobody:x@127.0.0.1:9/none")
    storage = Storage(tmp_path, away)
    storage.books.joined()
    await storage.replayer.run(lambda: True)
    assert "refused" in storage.replayer.status.problem.lower()
    assert not storage.replayer.status.is_up
    await away.close()
    there = storage.database = Database(f"sqlite+aiosqlite:///{tmp_path / 'kept.sqlite'}")
    storage.replayer = storage.another()
    await storage.replayer.run(lambda: True)
    assert len(await storage.rows(AUDIT)) == 1
    await there.close()


async def test_a_batch_that_failed_is_projected_anew(tmp_path: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'kept.sqlite'}")
    storage = Storage(tmp_path / "storage", database)
    await database.upgrade()
    other = sqlite3.connect(tmp_path / "kept.sqlite", isolation_level=None)
    other.execute("alter table audit rename to hidden")
    storage.books.joined()
    with pytest.raises(PROBLEMS):
        await storage.replay()
    other.execute("alter table hidden rename to audit")
    other.close()
    storage.books.left()
    await storage.replay()
    assert [row.cause for row in await storage.rows(SUPERVISIONS)] == ["requested"]
    assert len(await storage.rows(STRETCHES)) == 1
    await database.close()


async def test_a_large_journal_comes_in_batches(storage: Storage) -> None:
    for number in range(1200):
        storage.books.journal.hold(
            written("note", {"id": f"n{number}", "call": "c", "tenant": "t", "identity": "i", "at": 1, "about": None, "text": ""})
        )
    storage.books.journal.flush()
    await storage.replay()
    async with storage.database.reading() as connection:
        assert await connection.scalar(select(func.count()).select_from(NOTES)) == 1200
