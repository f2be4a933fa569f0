"""Identities and policies in the database: what administrators change while the server runs. Every change is to be in the audit log too."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Table, delete, select

from mediaserver.storage.database import Database
from mediaserver.storage.tables import IDENTITIES, POLICIES


@dataclass(frozen=True, slots=True)
class StoredIdentity:
    """A supervisor who is not in the configuration."""

    tenant: str
    name: str
    secret: str = field(default="", repr=False)
    """The argon2id hash of his password; empty: he cannot sign in with one."""
    ceiling: dict[str, Any] = field(default_factory=dict)
    """As `config.settings.CeilingSettings`."""
    user: str = ""
    """His SIP user, where he has one."""
    numbers: tuple[str, ...] = ()
    is_disabled: bool = False


class Administered:
    """What is administered in one database. `open` it first; every method raises what is in `database.PROBLEMS` where that is away."""

    def __init__(self, database: Database, wall: Callable[[], float] = time.time) -> None:
        self._database = database
        self._wall = wall

    async def open(self) -> None:
        """See to the tables."""
        await self._database.upgrade()

    # identities

    async def identities(self) -> list[StoredIdentity]:
        """All of them."""
        names = StoredIdentity.__dataclass_fields__
        async with self._database.reading() as connection:
            rows = (await connection.execute(select(IDENTITIES).order_by(IDENTITIES.c.tenant, IDENTITIES.c.name))).mappings().all()
        return [StoredIdentity(**{name: row[name] for name in names} | {"numbers": tuple(row["numbers"])}) for row in rows]

    async def put_identity(self, identity: StoredIdentity) -> None:
        """Add one, or replace the one of this name."""
        row = {name: getattr(identity, name) for name in StoredIdentity.__dataclass_fields__} | {"numbers": list(identity.numbers)}
        await self._put(IDENTITIES, row)

    async def remove_identity(self, tenant: str, name: str) -> bool:
        """Whether there was one."""
        return await self._remove(IDENTITIES, tenant, name)

    # policies

    async def policies(self) -> dict[tuple[str, str], Any]:
        """All of them, by tenant and name."""
        async with self._database.reading() as connection:
            rows = (await connection.execute(select(POLICIES.c.tenant, POLICIES.c.name, POLICIES.c.value))).all()
        return {(tenant, name): value for tenant, name, value in rows}

    async def put_policy(self, tenant: str, name: str, value: Any) -> None:
        """Set one; ``value`` is JSON-ready."""
        await self._put(POLICIES, {"tenant": tenant, "name": name, "value": value})

    async def remove_policy(self, tenant: str, name: str) -> bool:
        """Whether there was one."""
        return await self._remove(POLICIES, tenant, name)

    async def _put(self, table: Table, row: dict[str, Any]) -> None:
        async with self._database.writing() as connection:
            await self._database.upsert(connection, table, [row | {"changed_at": round(self._wall() * 1e6)}], replaces=True)

    async def _remove(self, table: Table, tenant: str, name: str) -> bool:
        async with self._database.writing() as connection:
            done = await connection.execute(delete(table).where(table.c.tenant == tenant, table.c.name == name))
        return bool(done.rowcount)
