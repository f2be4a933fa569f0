"""What was kept is found again: calls by page and by who may see them, notes and flags, identities and policies. On both databases."""

from pathlib import Path
from typing import Any

import pytest

from control_api.annotation_models import LONGEST_NOTE
from mediaserver.signalling.calls.said import said_of
from mediaserver.storage.administered import Administered, Governed, StoredIdentity
from mediaserver.storage.database import Database
from mediaserver.storage.history import History, Wanted
from mediaserver.storage.notebook import Notebook
from tests.mediaserver.audit.books import START
from tests.mediaserver.storage.test_replaying import Storage


@pytest.fixture
def storage(tmp_path: Path, database: Database) -> Storage:
    """With an empty database."""
    return Storage(tmp_path / "storage", database)


@pytest.fixture
def history(storage: Storage) -> History:
    """Of the same database."""
    return History(storage.database)


@pytest.fixture
def notebook(storage: Storage) -> Notebook:
    """On the same journal."""
    ids = iter(range(1, 100))
    return Notebook(storage.books.journal, lambda length: next(ids).to_bytes(length, "big"), lambda: START)


def ids(rows: list[dict[str, Any]]) -> list[str]:
    """Of calls."""
    return [row["id"] for row in rows]


async def test_before_anything_happened_there_is_nothing(history: History) -> None:
    assert await history.calls(Wanted("default")) == []
    assert await history.call("default", "c1") is None


async def test_calls_come_newest_first_and_page_by_page(storage: Storage, history: History) -> None:
    for number in range(5):
        storage.call(f"c{number}", started_at=1000 + number // 2)
    await storage.replay()
    first = await history.calls(Wanted("default"), most=2)
    second = await history.calls(Wanted("default", before=(first[-1]["started_at"], first[-1]["id"])), most=10)
    assert ids(first) + ids(second) == ["c4", "c3", "c2", "c1", "c0"]


async def test_calls_are_found_by_agent_team_and_time_and_never_in_another_tenant(storage: Storage, history: History) -> None:
    storage.call("c1", agent="robert", team="north", started_at=10)
    storage.call("c2", agent="maria", team="south", started_at=20)
    storage.call("c3", agent="robert", tenant="other", started_at=30)
    await storage.replay()
    assert ids(await history.calls(Wanted("default", agents=frozenset({"robert"})))) == ["c1"]
    assert ids(await history.calls(Wanted("default", agents=frozenset({"robert"}), teams=frozenset({"south"})))) == ["c2", "c1"]
    assert ids(await history.calls(Wanted("default", agents=frozenset()))) == []
    assert ids(await history.calls(Wanted("default", since=15, until=20))) == []
    assert ids(await history.calls(Wanted("default", since=10, until=20))) == ["c1"]
    assert await history.call("default", "c3") is None


async def test_a_call_tells_who_supervised_it_and_what_was_said_about_it(storage: Storage, history: History, notebook: Notebook) -> None:
    storage.call("c1")
    storage.books.joined()
    storage.books.mode("whisper")
    storage.books.left()
    kept = notebook.note(tenant="default", identity="anna", call="c1", text=" well\0 done ", about=START - 5)
    notebook.flag(tenant="default", identity="anna", call="c1", label="praise")
    await storage.replay()
    call = await history.call("default", "c1")
    assert call is not None
    assert [[stretch["mode"] for stretch in each["stretches"]] for each in call["supervisions"]] == [["listen", "whisper"]]
    assert call["notes"] == [kept]
    assert (kept["text"], kept["about"]) == ("well done", round((START - 5) * 1e6))
    assert [(flag["label"], flag["about"]) for flag in call["flags"]] == [("praise", None)]


async def test_a_flag_that_was_taken_back_says_when_and_by_whom(storage: Storage, history: History, notebook: Notebook) -> None:
    storage.call("c1")
    kept = [notebook.flag(tenant="default", identity="anna", call="c1", label=label) for label in ("praise", "look")]
    await storage.replay()
    notebook.unflag(tenant="default", identity="carla", call="c1", flag=kept[0]["id"])
    await storage.replay()
    call = await history.call("default", "c1")
    assert call is not None
    assert [(flag["taken_back_at"], flag["taken_back_by"]) for flag in call["flags"]] == [(round(START * 1e6), "carla"), (None, None)]
    assert list(said_of(call["notes"], call["flags"]).flags) == [kept[1]["id"]]


@pytest.mark.parametrize("text", ["", " \0", "x" * (LONGEST_NOTE + 1)])
def test_a_note_of_nothing_or_of_too_much_is_refused(storage: Storage, notebook: Notebook, text: str) -> None:
    with pytest.raises(ValueError, match="1 to 4000 characters"):
        notebook.note(tenant="default", identity="anna", call="c1", text=text)


async def test_identities_are_kept_as_they_were_put(database: Database) -> None:
    administered = Administered(database)
    await administered.open()
    anna = StoredIdentity("default", "anna", "$argon2id$…", "", {"teams": ["north"], "mode": "barge"}, "anna", ("sip:anna@192.0.2.7",))
    await administered.put_identity(anna)
    await administered.put_identity(StoredIdentity("other", "anna", role="lead"))
    disabled = StoredIdentity("default", "anna", is_disabled=True)
    assert (await told(administered)).identities == [anna, StoredIdentity("other", "anna", role="lead")]
    await administered.put_identity(disabled)
    assert (await told(administered)).identities == [disabled, StoredIdentity("other", "anna", role="lead")]
    assert await administered.remove_identity("default", "anna")
    assert not await administered.remove_identity("default", "anna")
    assert (await told(administered)).identities == [StoredIdentity("other", "anna", role="lead")]


async def told(administered: Administered) -> Governed:
    """All that is administered."""
    found = await administered.governed()
    assert found is not None
    return found


async def test_a_tenant_has_the_rules_that_were_put_last_and_no_others(database: Database) -> None:
    administered = Administered(database)
    await administered.open()
    await administered.put_policy("default", {"presence": "indicated", "tone": False})
    await administered.put_policy("other", {"presence": "stealth"})
    await administered.put_policy("default", {"presence": "named"})
    assert (await told(administered)).policies == {"default": {"presence": "named"}, "other": {"presence": "stealth"}}
    await administered.put_policy("default", {})
    assert (await told(administered)).policies == {"other": {"presence": "stealth"}}


async def test_who_knows_the_newest_revision_is_told_nothing(database: Database) -> None:
    administered = Administered(database)
    await administered.open()
    known = (await told(administered)).revision
    assert await administered.governed(known) is None
    await administered.put_policy("default", {"presence": "named"})
    found = await administered.governed(known)
    assert found is not None
    assert found.revision == known + 1
    await administered.remove_identity("default", "nobody")
    assert await administered.governed(found.revision) is not None


def test_a_password_is_not_shown() -> None:
    assert "argon2id" not in repr(StoredIdentity("default", "anna", "$argon2id$…"))
