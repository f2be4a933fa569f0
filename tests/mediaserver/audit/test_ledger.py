"""The ledger: a chain that goes on over crashes, and takes nothing that the journal does not take."""

import json
from pathlib import Path

import pytest

from mediaserver.audit.coalescing import SINGLY
from mediaserver.audit.entry import Entry, Fact, clean, entry_of
from mediaserver.audit.ledger import MOST_EARLY, Ledger
from mediaserver.observing.counters import Counters
from mediaserver.storage import journal as journals
from mediaserver.storage.journal import Journal, JournalUnusable
from mediaserver.storage.segments import path_of, read
from tests.mediaserver.audit.books import KEY, START, Books


@pytest.fixture
def books(tmp_path: Path) -> Books:
    """New ones."""
    return Books(tmp_path / "journal")


def entries(books: Books) -> list[Entry]:
    """What stands in the journal."""
    found = [entry_of(line.value) for line in read(books.folder) if line.kind == "audit"]
    assert None not in found
    return [entry for entry in found if entry is not None]


def test_each_entry_is_sealed_with_the_one_before(books: Books) -> None:
    books.joined()
    books.left()
    first, second = entries(books)
    assert [first.sequence, second.sequence] == [1, 2]
    assert second.seal == KEY.seal(first.seal, second.sealed_text())
    assert second.at - first.at == 1_000_000


def test_a_crash_does_not_break_the_chain(books: Books) -> None:
    books.note("server.stopped")
    books.crash()
    books.live()
    books.note("server.started")
    first, second = entries(books)
    assert second.seal == KEY.seal(first.seal, second.sealed_text())


def test_the_chain_goes_on_from_a_checkpoint_when_what_was_before_it_is_thrown_away(books: Books) -> None:
    books.joined()
    books.next_segment()
    path_of(books.folder, 1).unlink()
    books.crash()
    books.live(last_sign=START + 9)
    recovered, left = entries(books)
    assert (recovered.kind, recovered.sequence) == ("server.recovered", 2)
    assert (left.kind, left.identity, left.agent) == ("supervisor.left", "anna", "robert")


def test_who_supervised_when_the_server_died_left_with_its_last_sign_of_life(books: Books) -> None:
    books.joined()
    books.crash()
    books.now += 60
    books.live(last_sign=START + 4.5)
    left = entries(books)[-1]
    assert left.facts == {"cause": "crash", "left_at": round((START + 4.5) * 1e6)}
    assert not books.ledger.sessions.open


def test_nobody_left_before_he_did_something(books: Books) -> None:
    books.joined()
    books.mode("whisper", after=3)
    books.crash()
    books.live(last_sign=START + 1)
    assert entries(books)[-1].facts["left_at"] == round((START + 4) * 1e6)


def test_what_the_journal_refuses_is_not_in_the_chain(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    books.joined()
    with monkeypatch.context() as patch:
        patch.setattr(books.journal, "_most_octets", 1)
        with pytest.raises(JournalUnusable):
            books.mode("whisper")
    books.left()
    assert [(entry.sequence, entry.kind) for entry in entries(books)] == [(1, "supervisor.joined"), (2, "supervisor.left")]


def test_what_is_owed_is_written_when_that_is_possible_again(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(books.journal, "_most_octets", -journals.RESERVE)
        books.ledger.owe(Fact(kind="supervisor.left"))
        assert entries(books) == []
    books.note("command.permitted")
    assert [entry.kind for entry in entries(books)] == ["supervisor.left", "command.permitted"]


def test_what_happens_before_the_journal_is_open_is_written_then_bounded_and_the_rest_counted(tmp_path: Path) -> None:
    counters = Counters()
    journal = Journal(tmp_path, 10_000_000, counters)
    ledger = Ledger(journal, KEY, "chain", wall=lambda: START)
    for number in range(MOST_EARLY + 5):
        ledger.owe(Fact(kind="access.denied", detail={"number": number}))
    journal.open()
    journal.begin(ledger.checkpoint)
    ledger.begin()
    written = [line for line in read(tmp_path) if line.kind == "audit"]
    assert len(written) == MOST_EARLY
    assert counters.value("storage_dropped", "early") == 5
    assert json.loads(written[0].value[13]) == {"happened_at": round(START * 1e6), "number": 0}


def test_a_clock_that_is_set_back_stands_still(books: Books) -> None:
    books.joined()
    books.left(after=-100)
    first, second = entries(books)
    assert second.at == first.at


def test_a_flood_of_refusals_is_summed_up(books: Books) -> None:
    fact = Fact(kind="access.denied", address="10.0.0.9", detail={"code": "unauthenticated"})
    for _ in range(SINGLY + 100):
        books.ledger.refuse(fact)
    books.ledger.refuse(Fact(kind="command.refused", identity="anna"))
    assert len(entries(books)) == SINGLY + 1
    books.now += 11
    books.ledger.sum_up()
    last = entries(books)[-1]
    assert (last.address, last.facts) == ("10.0.0.9", {"code": "unauthenticated", "times": 100})
    books.ledger.sum_up()
    assert len(entries(books)) == SINGLY + 2


def test_refusals_of_more_sources_than_can_be_remembered_are_summed_up_as_one(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mediaserver.audit.coalescing.MOST_SOURCES", 2)
    for number in range(100):
        books.ledger.refuse(Fact(kind="access.denied", address=f"10.0.0.{number}"))
    assert len(entries(books)) == 2 + SINGLY
    books.ledger.sum_up(at_end=True)
    assert (entries(books)[-1].address, entries(books)[-1].facts) == ("", {"times": 98 - SINGLY})


def test_an_entry_that_was_read_back_has_the_text_that_was_sealed(books: Books) -> None:
    books.note("command.refused", identity="Ænne \u2603", detail={"why": 'quote " and \\', "half": "\ud800", "nul": "a\x00b"})
    (entry,) = entries(books)
    assert entry.seal == KEY.seal("0" * 64, entry.sealed_text())
    assert entry.identity == "Ænne \u2603"
    assert entry.facts["nul"] == "a\ufffdb"


@pytest.mark.parametrize(
    ("text", "kept"), [("robert", "robert"), ("a\x00\x1f\x7fb", "a\ufffd\ufffd\ufffdb"), ("\udfff", "\ufffd"), ("x" * 300, "x" * 256)]
)
def test_texts_are_kept_as_every_database_takes_them(text: str, kept: str) -> None:
    assert clean(text) == kept


@pytest.mark.parametrize("row", [[], [1] * 16, ["chain", "1", *[""] * 14]])
def test_what_is_no_entry_is_none(row: list[object]) -> None:
    assert entry_of(row) is None
