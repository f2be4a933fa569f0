"""What is kept: the journal, the database, the audit log's key and head."""

import asyncio
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from mediaserver.doctor import keeping
from mediaserver.doctor.finding import Finding, Grade
from mediaserver.secrecy.key import new_key
from mediaserver.storage.database import Database
from mediaserver.storage.folder import Places
from tests.mediaserver.doctor.finding import findings, the


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing in the environment says where anything is."""
    for variable in ("STATE_DIRECTORY", "MEDIASERVER_KEY", "MEDIASERVER_KEY_FILE"):
        monkeypatch.delenv(variable, raising=False)


def found(name: str, folder: Path | None = None, **settings: object) -> Finding:
    """What is found of what is kept in a folder."""
    return the(name, findings(keeping.CHECKS, storage={"folder": str(folder or "")} | settings))


def test_without_a_folder_nothing_stays(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert (found("journal").grade, "storage.folder" in found("journal").todo) == (Grade.POOR, True)
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    assert (found("journal").grade, found("journal").text.split(",")[0]) == (Grade.GOOD, str(tmp_path / "storage"))


def test_a_folder_that_cannot_be_written_is_bad(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def full(folder: Path) -> float:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(keeping, "written_within", full)
    assert found("journal", tmp_path).grade is Grade.BAD
    assert "no space left" in found("journal", tmp_path).text


def test_a_disk_with_less_room_than_the_journal_may_take_is_poor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=100 * 2**20))
    assert found("journal", tmp_path, journal_megabytes=50).grade is Grade.GOOD
    assert (found("journal", tmp_path).grade, "256" in found("journal", tmp_path).todo) == (Grade.POOR, True)


def test_trying_the_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    assert keeping.written_within(tmp_path) > 0
    assert list(tmp_path.iterdir()) == []


def test_the_tables_are_looked_at_and_not_made(tmp_path: Path) -> None:
    assert "made when the server first starts" in found("database", tmp_path).text
    assert not Places(tmp_path).database.exists()
    database = Database(f"sqlite+aiosqlite:///{Places(tmp_path).database}")
    asyncio.run(_brought_up(database))
    assert found("database", tmp_path).text.endswith("; its tables are right")


def test_tables_of_a_newer_version_are_bad(tmp_path: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{Places(tmp_path).database}")
    asyncio.run(_brought_up(database, "update alembic_version set version_num = '9999'"))
    finding = found("database", tmp_path)
    assert (finding.grade, "newer version (9999;" in finding.text) == (Grade.BAD, True)


def test_a_database_that_does_not_answer_is_bad_and_does_not_show_its_password(tmp_path: Path) -> None:
    finding = found("database", tmp_path, url="postgresql://me:hush@127.0.0.1:9/calls")
    assert finding.grade is Grade.BAD
    assert "hush" not in finding.text


def test_a_key_beside_the_log_that_it_seals_is_poor(monkeypatch: pytest.MonkeyPatch) -> None:
    assert found("audit key").grade is Grade.POOR
    monkeypatch.setenv("MEDIASERVER_KEY", new_key().text)
    assert found("audit key").grade is Grade.GOOD
    monkeypatch.setenv("MEDIASERVER_KEY", "nonsense")
    assert found("audit key").grade is Grade.BAD


def test_a_head_in_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    for folder, grade in ((tmp_path, Grade.GOOD), (tmp_path / "missing", Grade.POOR)):
        head = os.fspath(folder / "head")
        assert the("audit head", findings(keeping.CHECKS, audit={"head": head})).grade is grade


async def _brought_up(database: Database, statement: str = "") -> None:
    await database.upgrade()
    if statement:
        async with database.writing() as connection:
            await connection.exec_driver_sql(statement)
    await database.close()
