"""What tests of the server share: ports that go back, and databases, of which a test that needs one gets SQLite and a real PostgreSQL."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

import asyncpg
import pytest

from config.storage import StorageSettings
from mediaserver.storage.database import Database
from mediaserver.storage.folder import Places
from tests.mediaserver.signalling.exchange import Ports
from tests.mediaserver.storage.postgres import cluster

_numbers: Final = itertools.count(1)


@pytest.fixture(autouse=True)
def ports_go_back() -> Iterator[None]:
    """Close what exchanges lent."""
    yield
    Ports.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A PostgreSQL that runs, as an URL without a database."""
    with cluster() as made:
        yield made.url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database, as the settings name it."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'kept.sqlite'}"
    server = request.getfixturevalue("postgres")
    name = f"kept{next(_numbers)}"
    asyncio.run(_create(server, name))
    return f"{server}/{name}"


@pytest.fixture
async def database(url: str, tmp_path: Path) -> AsyncIterator[Database]:
    """The same, open."""
    made = Database(Places(tmp_path).url(StorageSettings.model_validate({"url": url})))
    yield made
    await made.close()


async def _create(server: str, name: str) -> None:
    connection = await asyncpg.connect(f"{server}/postgres")
    try:
        await connection.execute(f"create database {name}")
    finally:
        await connection.close()
