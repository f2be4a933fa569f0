"""The keeper: what is on the disk is signed, and no more; what cannot be had yet is tried again."""

import errno
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from config.storage import AuditSettings
from mediaserver.audit import keeper as keepers
from mediaserver.audit.entry import Fact
from mediaserver.audit.head import Head, read_heads
from mediaserver.audit.keeper import Keeper
from mediaserver.audit.ledger import Ledger
from mediaserver.observing.counters import Counters
from mediaserver.storage import journal as journals
from mediaserver.storage.journal import Journal
from mediaserver.storage.segments import read, segments
from tests.mediaserver.audit.books import KEY, START


class Kept:
    """A journal with its keeper, on a clock that is turned by hand."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.folder = folder
        self.now = 100.0
        self.counters = Counters()
        self.journal = Journal(folder / "journal", 10_000_000, self.counters)
        self.ledger = Ledger(self.journal, KEY, "chain", wall=lambda: START + self.now)
        chosen = AuditSettings.model_validate(settings)
        self.path = folder / "elsewhere" / "head"
        self.keeper = Keeper(self.journal, self.ledger, KEY, chosen, self.path, self.counters, clock=lambda: self.now)

    def look(self, after: float = 0.2) -> None:
        """The next look, and the disk's work done."""
        self.now += after
        self.keeper.look()
        if self.keeper._work is not None:
            self.keeper._work.exception()

    @property
    def head(self) -> Head:
        """The one in the file."""
        (found,) = read_heads(self.path.read_text().splitlines())
        return found

    def kinds(self) -> list[str]:
        """Kinds of the entries in the journal."""
        return [line.value[3] for line in read(self.folder / "journal") if line.kind == "audit"]


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    """One that is open."""
    made = Kept(tmp_path)
    assert made.keeper.open()
    return made


def test_the_first_look_signs_the_head(kept: Kept) -> None:
    kept.look()
    assert kept.head.count == 1
    assert kept.head.is_signed_by(KEY)


def test_a_head_is_signed_anew_though_nothing_happened(kept: Kept) -> None:
    kept.look()
    first = kept.head
    kept.look(after=4.9)
    assert kept.head == first
    kept.look()
    assert kept.head.count == first.count
    assert kept.head.at > first.at


def test_each_look_syncs_what_was_written_and_rests_where_nothing_was(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fdatasync", synced.append)
    kept.look()
    kept.look()
    kept.ledger.owe(Fact(kind="command.permitted"))
    kept.look()
    kept.look()
    assert len(synced) == 2


def test_while_something_waits_to_be_written_no_head_is_signed(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    kept.look()
    with monkeypatch.context() as patch:
        patch.setattr(kept.journal, "_most_octets", -2 * journals.RESERVE)
        kept.ledger.owe(Fact(kind="supervisor.left"))
        kept.look(after=6)
        assert kept.head.count == 1
    kept.look()
    kept.look()
    assert kept.head.count == 2


def test_a_sync_that_failed_is_tried_again_before_a_head_is_believed(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(file: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", fails)
        kept.look()
    assert not kept.path.exists()
    kept.look()
    assert kept.head.count == 1
    assert kept.counters.value("faults", "audit") == 1


def test_a_long_segment_is_followed_by_another_one(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journals, "SEGMENT", 100)
    kept.ledger.owe(Fact(kind="command.permitted"))
    kept.look()
    assert segments(kept.folder / "journal") == [1, 2]


def test_the_end_is_an_entry_and_a_head_of_it(kept: Kept) -> None:
    kept.look()
    kept.keeper.close()
    assert kept.kinds() == ["server.started", "server.stopped"]
    assert kept.head.count == 2


def test_a_folder_that_another_server_has_is_tried_again(kept: Kept) -> None:
    second = Kept(kept.folder)
    assert not second.keeper.open()
    second.ledger.owe(Fact(kind="access.denied"))
    second.look(after=1.1)
    kept.keeper.close()
    second.look(after=0.5)
    assert kept.kinds()[-1] == "server.stopped"
    second.look(after=1.1)
    assert kept.kinds()[-2:] == ["access.denied", "server.started"]


def test_a_full_disk_at_the_start_is_tried_again_and_what_the_journal_holds_is_read_once(
    kept: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.keeper.close()
    again, looked = Kept(tmp_path), list[Path]()

    def look(folder: Path) -> list[int]:
        looked.append(folder)
        return segments(folder)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(keepers, "segments", look)
    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_fallocate", full)
        patch.setattr(Path, "exists", lambda path: False)
        assert not again.keeper.open()
        again.look(after=1.0)
        again.look(after=1.0)
        assert not again.journal.is_begun
    again.look(after=1.0)
    assert again.journal.is_begun
    assert len(looked) == 1
    assert again.kinds()[-2:] == ["server.stopped", "server.started"]


def test_a_problem_that_lasts_is_told_once(kept: Kept) -> None:
    second = Kept(kept.folder)
    with capture_logs() as lines:
        second.keeper.open()
        for _ in range(3):
            second.look(after=1.1)
    assert [line["event"] for line in lines] == ["journal.unusable"]
    kept.keeper.close()


@pytest.fixture
def receiver() -> Iterator[tuple[str, list[bytes]]]:
    """Somebody who takes heads."""
    taken: list[bytes] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/heads", taken
    server.shutdown()
    thread.join()
    server.server_close()


def test_heads_are_sent_out(tmp_path: Path, receiver: tuple[str, list[bytes]]) -> None:
    url, taken = receiver
    kept = Kept(tmp_path, send_to=url)
    kept.keeper.open()
    kept.look()
    kept.keeper.close()
    counts = [head.count for head in read_heads(line.decode() for line in taken)]
    assert counts[-1] >= 1
    assert kept.counters.value("audit_heads_sent", "taken") == len(taken)


def test_a_receiver_that_is_away_holds_nothing_up(tmp_path: Path) -> None:
    kept = Kept(tmp_path, send_to="http://127.0.0.1:9/heads")
    kept.keeper.open()
    kept.look()
    kept.keeper.close()
    assert kept.head.count == 2
    assert kept.counters.value("audit_heads_sent", "failed") >= 1
