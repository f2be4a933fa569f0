"""`audit verify`, `audit show` and `report listening`, on what a server left in its folder."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from mediaserver.audit.head import write_head
from mediaserver.cli.main import app
from mediaserver.secrecy.key import Key
from mediaserver.storage.database import Database
from mediaserver.storage.folder import Places
from mediaserver.storage.replaying import Replayer
from mediaserver.storage.segments import path_of
from tests.mediaserver.audit.books import Books

KEY = Key(b"k" * 32)


def run(folder: Path, *arguments: str, key: str = KEY.text, typed: str | None = None) -> Result:
    environment = {"MEDIASERVER_KEY": key, "MEDIASERVER_KEY_FILE": "", "MEDIASERVER_STORAGE__FOLDER": str(folder), "COLUMNS": "160"}
    return CliRunner(env=environment).invoke(app, list(arguments), input=typed)


@pytest.fixture
def books(tmp_path: Path) -> Books:
    """Of a server that was supervised for a minute."""
    made = Books(tmp_path / "journal")
    made.joined()
    made.mode("whisper", after=20)
    made.left(after=40)
    write_head(made.ledger.head.signed(made.key), tmp_path / "audit-head")
    return made


def replay(folder: Path) -> None:
    """As the storage process does."""

    async def work() -> None:
        places = Places(folder)
        database = Database(f"sqlite+aiosqlite:///{places.database}")
        await Replayer(places.journal, database, places.status).run(lambda: True)
        await database.close()

    asyncio.run(work())


@pytest.mark.parametrize("is_replayed", [False, True])
def test_a_log_that_nobody_touched_is_right(books: Books, tmp_path: Path, is_replayed: bool) -> None:
    if is_replayed:
        replay(tmp_path)
    done = run(tmp_path, "audit", "verify")
    assert done.exit_code == 0, done.output
    assert "3 entries" in done.output
    assert "a head proves 3 of them" in done.output
    assert done.output.splitlines()[-1] == "right"
    assert (tmp_path / "mediaserver.sqlite").exists() == is_replayed


def test_what_was_changed_is_named_and_the_exit_code_says_so(books: Books, tmp_path: Path) -> None:
    path = path_of(books.folder, 1)
    path.write_bytes(path.read_bytes().replace(b"10.0.0.1", b"10.6.6.6", 1))
    done = run(tmp_path, "audit", "verify")
    assert done.exit_code == 1
    assert "changed: chain server1: entry 1: edited, inserted, moved, or sealed anew: the seal does not fit\n" in done.output
    told = json.loads(run(tmp_path, "audit", "verify", "--json").output)
    assert told["ok"] is False
    assert [(found["problem"], found["first"], found["last"]) for found in told["findings"]] == [("changed", 1, 1)]


def test_a_head_from_elsewhere_is_believed_more_than_the_servers_own(books: Books, tmp_path: Path) -> None:
    kept_elsewhere = books.ledger.head.signed(books.key).line
    path = path_of(books.folder, 1)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    books.crash()
    books.live(last_sign=books.now)
    write_head(books.ledger.head.signed(books.key), tmp_path / "audit-head")
    done = run(tmp_path, "audit", "verify", "--head", "-", typed=kept_elsewhere)
    assert done.exit_code == 1
    assert run(tmp_path, "audit", "verify").exit_code == 0


def test_without_its_head_a_log_is_not_proven(books: Books, tmp_path: Path) -> None:
    (tmp_path / "audit-head").unlink()
    done = run(tmp_path, "audit", "verify")
    assert done.exit_code == 1
    assert "not_proven: no head is there" in done.output


def test_a_key_that_is_not_the_logs_proves_nothing(books: Books, tmp_path: Path) -> None:
    done = run(tmp_path, "audit", "verify", key=Key(b"o" * 32).text)
    assert done.exit_code == 1
    assert f"key {books.key.id}, which is not here" in done.output
    file = tmp_path / "old-key"
    file.write_text(KEY.text)
    assert run(tmp_path, "audit", "verify", "--key-file", str(file), key=Key(b"o" * 32).text).exit_code == 0


def test_entries_are_shown_newest_last_and_by_what_was_asked_for(books: Books, tmp_path: Path) -> None:
    lines = run(tmp_path, "audit", "show").output.splitlines()
    assert [line.split()[3] for line in lines] == ["supervisor.joined", "supervisor.mode", "supervisor.left"]
    assert "anna" in lines[0]
    assert "api 10.0.0.1" in lines[0]
    (only,) = run(tmp_path, "audit", "show", "--kind", "supervisor.mode", "--json").output.splitlines()
    assert json.loads(only)["sequence"] == 2
    assert len(run(tmp_path, "audit", "show", "--most", "1").output.splitlines()) == 1
    assert run(tmp_path, "audit", "show", "--identity", "nobody").output == ""


def test_listen_time_is_reported_as_a_table_json_and_csv(books: Books, tmp_path: Path) -> None:
    replay(tmp_path)
    table = run(tmp_path, "report", "listening").output
    assert "0:01:00" in table
    told = json.loads(run(tmp_path, "report", "listening", "--json").output)
    expected = {"sessions": 1, "seconds": 60.0, "listen": 20.0, "whisper": 40.0, "barge": 0.0}
    assert told["total"] == expected
    assert told["rows"] == [{"supervisor": "anna", "agent": "robert", **expected}]
    head, row = run(tmp_path, "report", "listening", "--csv", "--by", "team", "--by", "day").output.split()
    assert head == "team,day,sessions,seconds,listen,whisper,barge"
    assert row == "north,2023-11-14,1,60.0,20.0,40.0,0.0"


def test_a_report_that_goes_into_a_pipe_is_as_wide_as_it_needs(books: Books, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    environment = {"MEDIASERVER_KEY": KEY.text, "MEDIASERVER_STORAGE__FOLDER": str(tmp_path)}
    columns = [word for column in ("tenant", "supervisor", "agent", "team", "month", "day") for word in ("--by", column)]
    told = CliRunner(env=environment).invoke(app, ["report", "listening", *columns]).output
    assert any("anna" in line and "2023-11-14" in line and "0:00:40" in line for line in told.splitlines())


def test_a_report_of_another_time_is_empty(books: Books, tmp_path: Path) -> None:
    told = json.loads(run(tmp_path, "report", "listening", "--until", "2001-01-01", "--json").output)
    assert (told["rows"], told["total"]["seconds"]) == ([], 0.0)


def test_a_time_that_is_none_is_said_in_one_line(books: Books, tmp_path: Path) -> None:
    done = run(tmp_path, "report", "listening", "--since", "yesterday")
    assert done.exit_code == 1
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("command", [("report", "listening"), ("audit", "show")])
@pytest.mark.parametrize("moment", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00+14:00"])
def test_a_moment_beyond_the_calendar_is_said_in_one_line(books: Books, tmp_path: Path, command: tuple[str, str], moment: str) -> None:
    done = run(tmp_path, *command, "--since", moment, "--json")
    assert done.exit_code == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert moment in line
    assert "years 1 to 9999" in line


@pytest.mark.parametrize("moment", ["0001-01-01", "9999-12-31T23:59:59.999999"])
def test_the_first_and_the_last_moment_of_the_calendar_are_taken(books: Books, tmp_path: Path, moment: str) -> None:
    told = json.loads(run(tmp_path, "report", "listening", "--since", moment, "--until", moment, "--json").output)
    assert told["since"] == told["until"] == f"{moment}{'' if '.' in moment else 'T00:00:00'}+00:00"
    assert told["rows"] == []


def test_a_folder_that_is_not_there_is_said_in_one_line(tmp_path: Path) -> None:
    done = run(tmp_path / "nowhere", "audit", "verify")
    assert done.exit_code == 1
    assert "no such folder" in done.stderr


def test_who_says_no_folder_is_told_how(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    done = CliRunner(env={"MEDIASERVER_KEY": KEY.text}).invoke(app, ["audit", "verify"])
    assert done.exit_code == 1
    assert "--folder" in done.stderr
