"""Bringing the journal into the database: what is on the disk, in batches, each of them a transaction; read segments are thrown away.

- Only what was synced is replayed: after a crash of the machine the database never knows more than the journal.
- Where the database is away, the journal waits, and grows. It is asked again after a second, then after two, at most after 30.
- A line that the database will not take is set aside and counted; it does not hold up those behind it.
"""

import asyncio
import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Final

import structlog
from sqlalchemy import case, insert, update
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, StatementError
from sqlalchemy.ext.asyncio import AsyncConnection

from mediaserver.storage.database import PROBLEMS, Database
from mediaserver.storage.projecting import Projection, Rows
from mediaserver.storage.segments import Line, Place, path_of, read_segment, segments
from mediaserver.storage.status import Status, place_of, read_status
from mediaserver.storage.tables import AUDIT, CALLS, FLAGS, NOTES, SET_ASIDE, STRETCHES, SUPERVISIONS

BATCH: Final = 500
LOOK: Final = 0.2
SHORTEST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 30.0
_REFUSED: Final = (DBAPIError, OverflowError)
_REFUSING_STATES: Final = ("22", "23")
"""PostgreSQL's classes of errors in data and in constraints; asyncpg has no exceptions of their own for some of them."""

_log = structlog.get_logger(__name__)


class Replayer:
    """Replays one journal. The only one who throws segments away."""

    def __init__(self, folder: Path, database: Database, status: Path) -> None:
        self._folder = folder
        self._database = database
        self._path = status
        self._projection = Projection()
        self._is_upgraded = False
        self._place = Place(place_of(read_status(status), folder).segment, 0)
        self.status = Status(*self._place)

    async def run(self, is_ending: Callable[[], bool]) -> None:
        """Replay until it is to end and nothing is left, or the database is away then."""
        pause = SHORTEST_PAUSE
        while True:
            try:
                has_more = await self.step()
                pause = SHORTEST_PAUSE
            except PROBLEMS as error:
                self._tell(is_up=False, problem=f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}")
                if is_ending():
                    return
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
                continue
            if has_more:
                continue
            if is_ending():
                return
            await asyncio.sleep(LOOK)

    async def step(self) -> bool:
        """Replay one batch; False where there is none. Raises what is in `PROBLEMS` where the database does not take it now."""
        if not self._is_upgraded:
            await self._database.upgrade()
            self._is_upgraded = True
            self._tell(is_up=True)
        lines = await asyncio.to_thread(self._next)
        if not lines:
            return False
        projection = self._projection.copy()  # what is not written was not projected
        try:
            async with self._database.writing() as connection:
                await self._write(connection, projection.project(lines))
            self._projection, set_aside = projection, 0
        except _REFUSED as error:
            if not _is_untaken(error):
                raise
            set_aside = await self._one_by_one(lines)
        self._place = lines[-1].after
        self._throw_away()
        status = self.status
        self._tell(is_up=True, lines=status.lines + len(lines), set_aside=status.set_aside + set_aside)
        return True

    def _next(self) -> list[Line]:
        """The next lines that are on the disk."""
        found: list[Line] = []
        for number in segments(self._folder):
            if number < self._place.segment:
                continue
            offset = self._place.offset if number == self._place.segment else 0
            size = _synced(path_of(self._folder, number), offset)
            for line in read_segment(self._folder, number, offset) if size > offset else ():
                if line.after.offset > size:
                    break
                found.append(line)
                if len(found) >= BATCH:
                    return found
        return found

    async def _write(self, connection: AsyncConnection, rows: Rows) -> None:
        upsert = self._database.upsert
        await upsert(connection, AUDIT, list(rows.audit), replaces=False)
        await upsert(connection, CALLS, list(rows.calls.values()), replaces=True)
        await upsert(connection, SUPERVISIONS, list(rows.supervisions.values()), replaces=True)
        await upsert(connection, STRETCHES, list(rows.stretches.values()), replaces=True)
        await upsert(connection, NOTES, list(rows.notes.values()), replaces=False)
        await upsert(connection, FLAGS, list(rows.flags.values()), replaces=False)
        for flag, (at, by) in rows.taken_back.items():
            await connection.execute(update(FLAGS).where(FLAGS.c.id == flag).values(taken_back_at=at, taken_back_by=by))
        for session, (left_at, cause) in rows.left.items():
            ended = update(SUPERVISIONS).where(SUPERVISIONS.c.id == session).values(left_at=left_at, cause=cause)
            await connection.execute(ended)
        for server, started_at, died_at in rows.restarts:
            before = (CALLS.c.server == server) & (CALLS.c.ended_at.is_(None)) & (CALLS.c.started_at < started_at)
            ended_at = case((CALLS.c.started_at > died_at, CALLS.c.started_at), else_=died_at)
            await connection.execute(update(CALLS).where(before).values(ended_at=ended_at, cause="crash"))

    async def _one_by_one(self, lines: list[Line]) -> int:
        """Write each line by itself; how many the database would not take."""
        set_aside = 0
        for line in lines:
            projection = self._projection.copy()
            try:
                async with self._database.writing() as connection:
                    await self._write(connection, projection.project([line]))
                self._projection = projection
            except _REFUSED as error:
                if not _is_untaken(error):
                    raise
                set_aside += 1
                await self._set_aside(line, error)
        return set_aside

    async def _set_aside(self, line: Line, error: Exception) -> None:
        problem = str(error.orig) if isinstance(error, StatementError) else str(error)
        _log.error("storage.set_aside", kind=line.kind, place=line.after, problem=problem[:200])
        row = {"kind": line.kind, "line": json.dumps(line.value), "problem": problem[:1000], "at": round(time.time() * 1e6)}
        async with self._database.writing() as connection:
            await connection.execute(insert(SET_ASIDE), [row])

    def _throw_away(self) -> None:
        for number in segments(self._folder):
            if number < self._place.segment:
                path_of(self._folder, number).unlink(missing_ok=True)

    def _tell(self, *, is_up: bool, problem: str = "", lines: int | None = None, set_aside: int | None = None) -> None:
        before = self.status
        self.status = Status(
            *self._place,
            before.lines if lines is None else lines,
            before.set_aside if set_aside is None else set_aside,
            is_up,
            problem,
        )
        if before.is_up != is_up or (problem and problem != before.problem):
            tell = _log.info if is_up else _log.warning
            tell("database.up" if is_up else "database.away", database=self._database.name, problem=problem)
        fresh = self._path.with_name(self._path.name + ".new")
        try:
            fresh.write_text(json.dumps(asdict(self.status)))
            fresh.replace(self._path)
        except OSError as error:
            _log.warning("storage.status_not_written", problem=str(error))


def _is_untaken(error: Exception) -> bool:
    """Whether a database refuses what is to be written, rather than to write now."""
    if isinstance(error, DataError | IntegrityError | OverflowError):
        return True
    state = str(getattr(error.orig, "sqlstate", "")) if isinstance(error, DBAPIError) else ""
    return state.startswith(_REFUSING_STATES)


def _synced(path: Path, offset: int) -> int:
    """Bring a segment onto the disk; how long it was then."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return 0
    try:
        size = os.fstat(file).st_size
        if size > offset:
            os.fdatasync(file)
        return size
    finally:
        os.close(file)
