"""Questions to the database are answered, or it is said why not, and nobody waits longer than that takes. On SQLite and PostgreSQL."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from config.storage import StorageSettings
from mediaserver.observing.counters import Counters
from mediaserver.storage import answering
from mediaserver.storage.answering import Answerer, serve
from mediaserver.storage.asking import MOST_WAITING, Asking, Unanswerable, Unanswered
from mediaserver.storage.database import Database
from mediaserver.storage.folder import Places
from tests.mediaserver.audit.books import START
from tests.mediaserver.storage.test_replaying import Storage

AWAY = "postgresql://nobody@127.0.0.1:1/none"


@pytest.fixture
def storage(tmp_path: Path, database: Database) -> Storage:
    """With an empty database."""
    return Storage(tmp_path, database)


async def asked(folder: Path, url: str, *questions: list[Any]) -> list[Any]:
    """What the process says to these questions, by number."""
    places = Places(folder)
    answerer = Answerer(places, places.url(StorageSettings.model_validate({"url": url})), lambda: START + 3600)
    reader, told = asyncio.StreamReader(), list[bytes]()
    for question in questions:
        reader.feed_data(json.dumps(question).encode() + b"\n")
    reader.feed_eof()
    await serve(answerer, reader, told.append)
    await answerer.close()
    return sorted(json.loads(line) for line in told)


async def test_calls_and_who_supervised_them_are_told(storage: Storage, tmp_path: Path, url: str) -> None:
    storage.call("c1", ended_at=1_700_000_060_000_000)
    storage.call("c2")
    storage.books.joined()
    storage.books.left()
    await storage.replay()
    wanted = {"tenant": "default", "party": "49", "is_over": True, "agents": ["robert"], "teams": [], "calls": None, "most": 10}
    own, others = {"tenant": "default", "call": "c1"}, {"tenant": "other", "call": "c1"}
    page, call, foreign = await asked(tmp_path, url, [1, "calls", wanted], [2, "call", own], [3, "call", others])
    assert [row["id"] for row in page[1]] == ["c1"]
    assert [each["identity"] for each in call[1]["supervisions"]] == ["anna"]
    assert foreign == [3, None]


async def test_the_report_counts_what_is_not_yet_in_the_database(storage: Storage, tmp_path: Path, url: str) -> None:
    storage.books.joined()
    storage.books.left()
    wanted = {"tenant": "default", "since": None, "until": None, "by": ["supervisor"]}
    [[_, report]] = await asked(tmp_path, url, [1, "listening", wanted])
    assert [(row["supervisor"], row["sessions"]) for row in report["rows"]] == [("anna", 1)]
    assert report["total"]["seconds"] == report["rows"][0]["listen"] > 0


async def test_a_report_of_too_many_rows_says_what_to_ask_instead(
    storage: Storage, tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering, "MOST_ROWS", 0)
    storage.books.joined()
    wanted = {"tenant": "default", "since": None, "until": None, "by": ["supervisor"]}
    [[*_, why, text]] = await asked(tmp_path, url, [1, "listening", wanted])
    assert (why, "shorter time" in text) == ("unanswerable", True)


async def test_a_database_that_is_away_is_said_to_be_away(tmp_path: Path) -> None:
    [[number, result, why, _]] = await asked(tmp_path, AWAY, [1, "call", {"tenant": "default", "call": "c1"}])
    assert (number, result, why) == (1, None, "away")


async def test_a_fault_at_one_question_is_its_own_answer_and_harms_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(answerer: Answerer, given: dict[str, Any]) -> Any:
        raise KeyError("a row of another version")

    monkeypatch.setattr(answering, "QUESTIONS", answering.QUESTIONS | {"broken": (1.0, fails)})
    broken, call = await asked(tmp_path, "", [1, "broken", {}], [2, "call", {"tenant": "default", "call": "c1"}])
    assert (broken[:3], call) == ([1, None, "failed"], [2, None])


async def test_who_waits_for_others_waits_no_longer_than_his_own_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(answerer: Answerer, given: dict[str, Any]) -> Any:
        await asyncio.Event().wait()

    monkeypatch.setattr(answering, "QUESTIONS", {"slow": (0.3, never), "call": (0.01, Answerer.call)})
    answerer, reader, told = (
        Answerer(Places(tmp_path), f"sqlite+aiosqlite:///{tmp_path / 'kept.sqlite'}"),
        asyncio.StreamReader(),
        list[bytes](),
    )
    for number in range(answering.AT_ONCE):
        reader.feed_data(json.dumps([number, "slow", {}]).encode() + b"\n")
    reader.feed_data(b'[9,"call",{"tenant":"default","call":"c1"}]\n')
    reader.feed_eof()
    await serve(answerer, reader, told.append)
    await answerer.close()
    assert told[0] == b'[9,null,"away","no answer in time"]\n'


class Told(Asking):
    """Questions that go to the test instead of a process."""

    def __init__(self, patience: float = 60.0) -> None:
        super().__init__(Places(Path("/nowhere")), "", Counters(), patience)
        self.questions: list[Any] = []

    async def _send(self, line: bytes) -> None:
        self.questions.append(json.loads(line))


async def test_answers_find_their_questions_in_any_order() -> None:
    asking = Told()
    async with asyncio.TaskGroup() as tasks:
        first, second = tasks.create_task(asking.ask("call", call="c1")), tasks.create_task(asking.ask("call", call="c2"))
        await asyncio.sleep(0)
        asking.heard(b'[2,"two"]')
        asking.heard(b'[1,"one"]')
    assert (first.result(), second.result()) == ("one", "two")
    assert asking.questions == [[1, "call", {"call": "c1"}], [2, "call", {"call": "c2"}]]


@pytest.mark.parametrize(("said", "error"), [(b'[1,null,"away","no"]', Unanswered), (b'[1,null,"unanswerable","no"]', Unanswerable)])
async def test_what_has_no_answer_is_raised(said: bytes, error: type[Exception]) -> None:
    asking = Told()
    asking._send = lambda line: _hears(asking, said)  # type: ignore[method-assign]
    with pytest.raises(error):
        await asking.ask("call")


async def _hears(asking: Asking, said: bytes) -> None:
    asking.heard(said)


async def test_nobody_waits_for_ever_and_too_many_do_not_wait_at_all() -> None:
    asking = Told(patience=0)
    with pytest.raises(Unanswered, match="does not answer"):
        await asking.ask("call")
    patient = Told()
    async with asyncio.TaskGroup() as tasks:
        waiting = [tasks.create_task(patient.ask("call")) for _ in range(MOST_WAITING)]
        await asyncio.sleep(0)
        with pytest.raises(Unanswered, match="wait already"):
            await patient.ask("call")
        for number in range(MOST_WAITING):
            patient.heard(json.dumps([number + 1, "it"]).encode())
    assert {each.result() for each in waiting} == {"it"}


async def test_a_process_that_dies_fails_who_waits_and_the_next_question_starts_another(tmp_path: Path) -> None:
    asking = Asking(Places(tmp_path), f"sqlite+aiosqlite:///{tmp_path / 'kept.sqlite'}", Counters())
    assert await asking.ask("call", tenant="default", call="c1") is None
    question = asyncio.ensure_future(asking.ask("call", tenant="default", call="c1"))
    await asyncio.sleep(0)
    asking.close()
    with pytest.raises(Unanswered):
        await question
    assert await asking.ask("call", tenant="default", call="c1") is None
    asking.close()


async def test_what_is_administered_is_kept_changed_and_forgotten(tmp_path: Path, url: str) -> None:
    row = {
        "tenant": "default",
        "name": "vera",
        "secret": "x",
        "role": "",
        "ceiling": {"mode": "listen"},
        "user": "",
        "numbers": [],
        "is_disabled": False,
    }
    everything: list[Any] = [1, "governing", {"known": None}]

    async def told() -> Any:
        [[_, found]] = await asked(tmp_path, url, everything)
        return found["identities"], found["policies"]

    assert await told() == ([], {})
    assert await asked(tmp_path, url, [1, "put_identity", row]) == [[1, None]]
    assert await asked(tmp_path, url, [1, "put_identity", row | {"is_disabled": True}]) == [[1, None]]
    assert await asked(tmp_path, url, [1, "put_policy", {"tenant": "default", "rules": {"tone": False}}]) == [[1, None]]
    assert await asked(tmp_path, url, [1, "policies_read_last", {}]) == [[1, {}]]
    assert await told() == ([row | {"is_disabled": True}], {"default": {"tone": False}})
    assert await asked(tmp_path, AWAY, [1, "policies_read_last", {}]) == [[1, {"default": {"tone": False}}]]
    assert await asked(tmp_path, url, [1, "remove_identity", {"tenant": "default", "name": "vera"}]) == [[1, True]]
    assert await asked(tmp_path, url, [1, "governing", {"known": 4}]) == [[1, None]]
    assert await told() == ([], {"default": {"tone": False}})
