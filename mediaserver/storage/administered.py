"""Identities and policies in the database: what administrators change while the server runs. Every change is to be in the audit log too."""

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from mediaserver.storage.database import Database
from mediaserver.storage.tables import IDENTITIES, POLICIES, REVISIONS

_GOVERNING: Final = REVISIONS.c.name == "governing"


@dataclass(frozen=True, slots=True)
class StoredIdentity:
    """A supervisor who is not in the configuration."""

    tenant: str
    name: str
    secret: str = field(default="", repr=False)
    """The argon2id hash of his password; empty: he cannot sign in with one."""
    role: str = ""
    """A role of the configuration; empty: he has a ceiling of his own."""
    ceiling: dict[str, Any] = field(default_factory=dict)
    """As `config.settings.CeilingSettings`."""
    user: str = ""
    """His SIP user, where he has one."""
    numbers: tuple[str, ...] = ()
    is_disabled: bool = False


@dataclass(frozen=True, slots=True)
class Governed:
    """All that is administered, as it is at one revision at least."""

    revision: int
    """How often it was changed."""
    identities: list[StoredIdentity]
    policies: dict[str, dict[str, Any]]
    """Of each tenant that has any: what is otherwise than in the configuration, by its key."""


class Administered:
    """What is administered in one database. `open` it first; every method raises what is in `database.PROBLEMS` where that is away."""

    def __init__(self, database: Database, wall: Callable[[], float] = time.time) -> None:
        self._database = database
        self._wall = wall

    async def open(self) -> None:
        """See to the tables."""
        await self._database.upgrade()

    async def governed(self, known: int | None = None) -> Governed | None:
        """All of it; None where nothing changed since the revision that is known."""
        names = StoredIdentity.__dataclass_fields__
        async with self._database.reading() as connection:
            # The revision first: what changes while we read is read again.
            revision = (await connection.execute(select(REVISIONS.c.number).where(_GOVERNING))).scalar_one()
            if revision == known:
                return None
            rows = (await connection.execute(select(IDENTITIES).order_by(IDENTITIES.c.tenant, IDENTITIES.c.name))).mappings().all()
            rules = (await connection.execute(select(POLICIES.c.tenant, POLICIES.c.name, POLICIES.c.value))).all()
        policies: dict[str, dict[str, Any]] = {}
        for tenant, name, value in rules:
            policies.setdefault(tenant, {})[name] = value
        found = [StoredIdentity(**{name: row[name] for name in names} | {"numbers": tuple(row["numbers"])}) for row in rows]
        return Governed(revision, found, policies)

    async def put_identity(self, identity: StoredIdentity) -> None:
        """Add one, or replace the one of this name."""
        row = {name: getattr(identity, name) for name in StoredIdentity.__dataclass_fields__} | {"numbers": list(identity.numbers)}
        async with self._changing() as connection:
            await self._database.upsert(connection, IDENTITIES, [row | {"changed_at": self._now()}], replaces=True)

    async def remove_identity(self, tenant: str, name: str) -> bool:
        """Whether there was one."""
        async with self._changing() as connection:
            done = await connection.execute(delete(IDENTITIES).where(IDENTITIES.c.tenant == tenant, IDENTITIES.c.name == name))
        return bool(done.rowcount)

    async def put_policy(self, tenant: str, rules: Mapping[str, Any]) -> None:
        """What this tenant has otherwise than the configuration from now on; the values are JSON-ready."""
        rows: list[Mapping[str, Any]] = [
            {"tenant": tenant, "name": name, "value": value, "changed_at": self._now()} for name, value in rules.items()
        ]
        async with self._changing() as connection:
            await connection.execute(delete(POLICIES).where(POLICIES.c.tenant == tenant))
            await self._database.upsert(connection, POLICIES, rows, replaces=True)

    @asynccontextmanager
    async def _changing(self) -> AsyncIterator[AsyncConnection]:
        async with self._database.writing() as connection:
            # The revision first, so that two who change the same do it one after the other.
            await connection.execute(update(REVISIONS).where(_GOVERNING).values(number=REVISIONS.c.number + 1))
            yield connection

    def _now(self) -> int:
        return round(self._wall() * 1e6)
