"""Reading the log: what the database has, and behind it what the journal has not yet brought there.

The order in which the three are read is what makes it right while a server writes: heads first, then the journal, then the database.
An entry that a head knows is then in one of the other two, though it be replayed meanwhile.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import select
from sqlalchemy.exc import OperationalError, ProgrammingError

from mediaserver.audit.entry import FIELDS, Entry, entry_of
from mediaserver.audit.ledger import ENTRY
from mediaserver.audit.verifying import Result, Verifier
from mediaserver.storage.database import Database
from mediaserver.storage.segments import read
from mediaserver.storage.tables import AUDIT

_AT_ONCE: Final = 1000


@dataclass(frozen=True, slots=True)
class Found:
    """An entry, and where it is."""

    entry: Entry
    is_in_database: bool
    other: Entry | None = None
    """The journal's version, where it is another one."""


class Log:
    """What a journal and a database hold together. Made before the database is read."""

    def __init__(self, journal: Path, database: Database | None) -> None:
        """``database``: None where there is none yet."""
        self._database = database
        lines = (line.value for line in read(journal) if line.kind == ENTRY and isinstance(line.value, list))
        entries = (entry for row in lines if (entry := entry_of(row)) is not None)
        self._journal = {(entry.chain, entry.sequence): entry for entry in entries}

    async def entries(self, since: int = 0) -> AsyncIterator[Found]:
        """Every entry from a time on (microseconds since 1970), chain after chain, by number."""
        waiting = sorted((key for key, entry in self._journal.items() if entry.at >= since), reverse=True)
        async for entry in self._stored(since):
            place = (entry.chain, entry.sequence)
            while waiting and waiting[-1] < place:
                yield Found(self._journal[waiting.pop()], is_in_database=False)
            other = self._journal.get(place)
            if waiting and waiting[-1] == place:
                waiting.pop()
            yield Found(entry, is_in_database=True, other=None if other == entry else other)
        while waiting:
            yield Found(self._journal[waiting.pop()], is_in_database=False)

    async def _stored(self, since: int) -> AsyncIterator[Entry]:
        if self._database is None:
            return
        statement = select(*(AUDIT.c[name] for name in FIELDS)).where(AUDIT.c.at >= since).order_by(AUDIT.c.chain, AUDIT.c.sequence)
        async with self._database.reading() as connection:
            try:
                rows = await connection.stream(statement.execution_options(yield_per=_AT_ONCE))
            except (OperationalError, ProgrammingError) as error:
                if "audit" in str(error.orig):  # no such table: nothing was ever replayed
                    return
                raise
            async for row in rows:
                yield Entry(*row)


async def verify(log: Log, verifier: Verifier) -> Result:
    """Check all of a log."""
    stored_after: dict[str, int] = {}
    only_in_journal: list[Entry] = []
    async for found in log.entries():
        entry = found.entry
        verifier.take(entry)
        if found.other is not None:
            verifier.differs(entry)
        if found.is_in_database:
            stored_after[entry.chain] = entry.sequence
        else:
            only_in_journal.append(entry)
    for entry in only_in_journal:
        if entry.sequence < stored_after.get(entry.chain, 0):
            verifier.is_only_in_journal(entry)
    return verifier.finish()
