"""The database: SQLite in a file (WAL) or PostgreSQL, opened by its URL and brought to the newest tables."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from sqlite3 import OperationalError
from typing import Any, Final

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Table, event, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

MIGRATIONS: Final = Path(__file__).parent / "migrations"
_LOCK: Final = 0x6D656469
"""PostgreSQL's advisory lock for whoever changes the tables."""

_PATIENCE: Final = 5.0
"""Seconds for which SQLite waits for whoever else writes."""
_AGAIN_AFTER: Final = 0.01

PROBLEMS: Final = (OSError, TimeoutError, SQLAlchemyError)
"""What is raised where the database cannot be reached, does not answer, or does not take it."""


class Database:
    """One database. Opened when it is first asked something."""

    def __init__(self, url: str) -> None:
        """``url``: as `mediaserver.storage.folder.Places.url` makes it."""
        parsed = make_url(url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        self.name = parsed.render_as_string(hide_password=True)
        arguments: dict[str, Any] = {"timeout": 5} if self.is_sqlite else {"timeout": 5, "command_timeout": 30}
        self._engine = create_async_engine(parsed, connect_args=arguments, pool_pre_ping=not self.is_sqlite, pool_size=2, max_overflow=2)
        self._reader = self._engine.execution_options(is_reading=True)
        if self.is_sqlite:
            event.listen(self._engine.sync_engine, "connect", _set_up_sqlite)
            event.listen(self._engine.sync_engine, "begin", _begin_sqlite)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """A transaction: all of it is done, or nothing."""
        async with self._engine.begin() as connection:
            yield connection

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection to read from."""
        async with self._reader.connect() as connection:
            yield connection

    async def upgrade(self) -> None:
        """Bring the tables to what this version knows."""
        async with self._engine.begin() as connection:
            if not self.is_sqlite:
                await connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            await connection.run_sync(_upgrade)

    async def steps(self) -> tuple[str | None, str]:
        """The step that the tables are at (None: there are none yet), and the newest one. Changes nothing."""
        async with self.reading() as connection:
            at = await connection.run_sync(lambda asked: MigrationContext.configure(asked).get_current_revision())
        return at, str(_script()[1].get_current_head())

    async def upsert(self, connection: AsyncConnection, table: Table, rows: list[Mapping[str, Any]], *, replaces: bool) -> None:
        """Insert rows; those that are there already are replaced, or left as they are."""
        if not rows:
            return
        insert = sqlite.insert(table) if self.is_sqlite else postgresql.insert(table)
        keys = [column.name for column in table.primary_key]
        changed = {column.name: insert.excluded[column.name] for column in table.columns if column.name not in keys}
        statement = insert.on_conflict_do_update(index_elements=keys, set_=changed) if replaces else insert.on_conflict_do_nothing()
        await connection.execute(statement, rows)

    async def close(self) -> None:
        """Let it go."""
        await self._engine.dispose()


def _set_up_sqlite(connection: Any, _: Any) -> None:
    # We say BEGIN ourselves: the driver leaves CREATE TABLE outside of transactions, and a death amid an upgrade would leave half of it.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"pragma busy_timeout={_PATIENCE * 1000:.0f}")
    _write_ahead(cursor)
    # What was committed is thrown out of the journal: it has to be on the disk.
    cursor.execute("pragma synchronous=full")
    cursor.close()


def _write_ahead(cursor: Any) -> None:
    """Have the file keep a log of what is written. Who does it first is alone for a moment, and SQLite lets nobody wait."""
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            cursor.execute("pragma journal_mode=wal")
            return
        except OperationalError:
            if time.monotonic() > until:
                raise
        time.sleep(_AGAIN_AFTER)


def _begin_sqlite(connection: Connection) -> None:
    # Who is going to write takes the lock at once; who read first could not get it any more.
    is_reading = connection.get_execution_options().get("is_reading", False)
    connection.exec_driver_sql("begin" if is_reading else "begin immediate")


def _script() -> tuple[Config, ScriptDirectory]:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    return config, ScriptDirectory.from_config(config)


def _upgrade(connection: Connection) -> None:
    config, script = _script()

    def steps(revision: Any, _: Any) -> Any:
        return script._upgrade_revs("head", revision)

    with EnvironmentContext(config, script, fn=steps) as environment:
        environment.configure(connection=connection, transactional_ddl=True)
        environment.run_migrations()
