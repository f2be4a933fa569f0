"""Listen time: what the report adds up is what the log says."""

from pathlib import Path

import pytest

from mediaserver.audit.entry import Entry, entry_of
from mediaserver.audit.report import DAY, By, ListenTime, microseconds, moment
from mediaserver.storage.segments import read
from tests.mediaserver.audit.books import START, Books

FIRST = round(START * 1e6)
EVER = (0, 2**62)


@pytest.fixture
def books(tmp_path: Path) -> Books:
    """New ones."""
    return Books(tmp_path / "journal")


def entries(books: Books) -> list[Entry]:
    """All of the log."""
    return [entry for line in read(books.folder) if line.kind == "audit" and (entry := entry_of(line.value)) is not None]


def reported(books: Books, *by: By, since: int = EVER[0], until: int = EVER[1], tenant: str = "") -> ListenTime:
    """The report of all of it."""
    report = ListenTime(since, until, by, tenant)
    for entry in entries(books):
        report.take(entry)
    report.finish(round(books.now * 1e6))
    return report


def seconds(report: ListenTime) -> dict[tuple[str, ...], float]:
    """Of each row."""
    return {key: heard.total / 1e6 for key, heard in report.rows.items()}


def test_time_is_told_by_mode(books: Books) -> None:
    books.joined()
    books.mode("whisper", after=10)
    books.mode("barge", after=20)
    books.left(after=5)
    report = reported(books, By.SUPERVISOR)
    assert report.rows["anna",].microseconds == {"listen": 10_000_000, "whisper": 20_000_000, "barge": 5_000_000}
    assert len(report.rows["anna",].sessions) == 1


def test_rows_add_up_to_the_total(books: Books) -> None:
    books.joined(leg=1, identity="anna", agent="robert")
    books.joined(leg=2, identity="bert", agent="maria", call="c2")
    books.joined(leg=3, identity="anna", agent="maria", call="c2")
    for leg in (1, 2, 3):
        books.left(leg, after=7)
    report = reported(books, By.SUPERVISOR, By.AGENT)
    assert seconds(report) == {("anna", "robert"): 9.0, ("bert", "maria"): 15.0, ("anna", "maria"): 21.0}
    assert report.total.total == sum(heard.total for heard in report.rows.values()) == 45_000_000


def test_who_is_still_there_is_counted_until_now(books: Books) -> None:
    books.joined()
    books.now += 30
    assert reported(books).total.total == 30_000_000


def test_a_new_agent_gets_the_time_from_then_on(books: Books) -> None:
    books.joined()
    books.note("call.agent", after=4, call="c1", agent="maria", team="south")
    books.left(after=6)
    assert seconds(reported(books, By.AGENT)) == {("robert",): 4.0, ("maria",): 6.0}


def test_only_what_is_within_the_period_is_counted(books: Books) -> None:
    books.joined()
    books.left(after=100)
    assert reported(books, since=FIRST + 11_000_000, until=FIRST + 31_000_000).total.total == 20_000_000


def test_a_night_shift_is_told_by_days(books: Books) -> None:
    midnight = (FIRST // DAY + 1) * DAY
    books.now = midnight / 1e6 - 61
    books.joined()
    books.left(after=90)
    report = reported(books, By.DAY)
    assert seconds(report) == {("2023-11-14",): 60.0, ("2023-11-15",): 30.0}
    assert seconds(reported(books, By.MONTH)) == {("2023-11",): 90.0}
    assert len(report.total.sessions) == 1


def test_a_crash_ends_what_was_heard_with_the_last_sign_of_life(books: Books) -> None:
    books.joined()
    books.crash()
    books.now += 3600
    books.live(last_sign=START + 21)
    assert reported(books).total.total == 20_000_000


def test_who_was_there_for_no_time_at_all_was_there(books: Books) -> None:
    books.joined()
    books.left(after=0)
    report = reported(books, By.SUPERVISOR)
    assert (len(report.rows["anna",].sessions), report.total.total) == (1, 0)


def test_a_tenant_sees_its_own_time(books: Books) -> None:
    books.joined()
    books.left(after=5)
    assert reported(books, tenant="other").total.total == 0
    assert reported(books, tenant="default").total.total == 5_000_000


def test_a_supervision_moved_to_another_call_goes_on_there(books: Books) -> None:
    books.joined(call="c2")
    books.left(after=3)
    books.joined(call="c1", agent="maria")
    books.left(after=4)
    assert seconds(reported(books, By.AGENT)) == {("robert",): 3.0, ("maria",): 4.0}


def test_who_was_lost_and_came_back_is_one_supervision_and_what_he_missed_is_not_counted(books: Books) -> None:
    books.lost_and_back(after=20)
    books.left(8, after=7)
    report = reported(books, By.SUPERVISOR)
    assert report.rows["anna",].microseconds == {"listen": 17_000_000, "whisper": 5_000_000}
    assert len(report.total.sessions) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1970-01-02", DAY), ("1970-01-01T00:00:01", 1_000_000), ("1970-01-01T01:00:00+01:00", 0), ("1970-01-01T00:00:00.25Z", 250_000)],
)
def test_times_are_read_as_utc_where_they_say_nothing_else(text: str, expected: int) -> None:
    assert microseconds(text) == expected
    assert microseconds(moment(expected).isoformat()) == expected


@pytest.mark.parametrize("kind", ["supervisor.left", "supervisor.mode", "call.agent"])
def test_entries_of_supervision_that_began_before_what_is_read_are_nothing(books: Books, kind: str) -> None:
    books.note(kind, leg=5, call="c1")
    assert reported(books).rows == {}
