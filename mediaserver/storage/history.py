"""Reading what was kept: calls that were, who supervised them and how, what was noted about them. Rows as mappings, times in microseconds.

The database is some tenths of a second behind what happens; before the first entry there are no tables, and so nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, select
from sqlalchemy.exc import OperationalError, ProgrammingError

from mediaserver.storage.database import Database
from mediaserver.storage.tables import CALLS, FLAGS, NOTES, STRETCHES, SUPERVISIONS

MOST: Final = 1000
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which calls; what is left out does not matter."""

    tenant: str
    agents: frozenset[str] | None = None
    """Of these agents, or of these teams; None in both: of everybody."""
    teams: frozenset[str] | None = None
    calls: frozenset[str] | None = None
    """Of these alone."""
    agent: str | None = None
    team: str | None = None
    party: str | None = None
    """A part of the caller's or the called number."""
    is_over: bool = False
    """Those alone that have ended."""
    since: int | None = None
    until: int | None = None
    before: tuple[int, str] | None = None
    """Start and id of the last one that is known already, for the next page."""


class History:
    """What one database knows."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def calls(self, wanted: Wanted, most: int = 100) -> list[Row]:
        """Calls, the newest first."""
        order = CALLS.c.started_at.desc(), CALLS.c.id.desc()
        return await self._rows(select(CALLS).where(and_(*_conditions(wanted))).order_by(*order).limit(min(most, MOST)))

    async def call(self, tenant: str, call: str) -> Row | None:
        """One call with its supervisions, notes and flags; None for one that is not this tenant's."""
        found = await self._rows(select(CALLS).where(CALLS.c.id == call, CALLS.c.tenant == tenant))
        if not found:
            return None
        supervisions = await self._rows(select(SUPERVISIONS).where(SUPERVISIONS.c.call == call).order_by(SUPERVISIONS.c.joined_at))
        for supervision in supervisions:
            own = STRETCHES.c.supervision == supervision["id"]
            supervision["stretches"] = await self._rows(select(STRETCHES).where(own).order_by(STRETCHES.c.since))
        said = {
            name: await self._rows(select(table).where(table.c.call == call).order_by(table.c.at, table.c.id))
            for name, table in (("notes", NOTES), ("flags", FLAGS))
        }
        return found[0] | {"supervisions": supervisions} | said

    async def _rows(self, statement: Select[Any]) -> list[Row]:
        async with self._database.reading() as connection:
            try:
                found: Sequence[Any] = (await connection.execute(statement)).mappings().all()
            except (OperationalError, ProgrammingError) as error:
                if _is_without_tables(error):
                    return []
                raise
        return [dict(row) for row in found]


def _is_without_tables(error: OperationalError | ProgrammingError) -> bool:
    """Whether nothing was ever written."""
    return "no such table" in str(error.orig) or getattr(error.orig, "sqlstate", "") == "42P01"


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [CALLS.c.tenant == wanted.tenant]
    if wanted.agents is not None or wanted.teams is not None:
        conditions.append(CALLS.c.agent.in_(wanted.agents or ()) | CALLS.c.team.in_(wanted.teams or ()))
    if wanted.calls is not None:
        conditions.append(CALLS.c.id.in_(wanted.calls))
    if wanted.agent is not None:
        conditions.append(CALLS.c.agent == wanted.agent)
    if wanted.team is not None:
        conditions.append(CALLS.c.team == wanted.team)
    if wanted.party is not None:
        conditions.append(CALLS.c.caller.contains(wanted.party, autoescape=True) | CALLS.c.called.contains(wanted.party, autoescape=True))
    if wanted.is_over:
        conditions.append(CALLS.c.ended_at.is_not(None))
    if wanted.since is not None:
        conditions.append(CALLS.c.started_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(CALLS.c.started_at < wanted.until)
    if wanted.before is not None:
        at, call = wanted.before
        conditions.append((CALLS.c.started_at < at) | ((CALLS.c.started_at == at) & (CALLS.c.id < call)))
    return conditions
