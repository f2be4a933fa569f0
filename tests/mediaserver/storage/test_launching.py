"""The storage process: started when there is something to bring, again where it dies, and given a moment at the end."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mediaserver.observing.counters import Counters
from mediaserver.storage.folder import Places
from mediaserver.storage.launching import RESTARTS_AFTER, StorageProcess
from tests.mediaserver.audit.books import Books

PATIENCE = 40.0


class Housed:
    """A storage process, on a clock that is turned by hand."""

    def __init__(self, folder: Path, *, is_temporary: bool = False) -> None:
        self.now = 0.0
        self.places = Places(folder)
        self.counters = Counters()
        self.books = Books(self.places.journal)
        self.url = f"sqlite+aiosqlite:///{self.places.database}"
        self.process = StorageProcess(self.places, self.url, self.counters, is_temporary=is_temporary, clock=lambda: self.now)

    def until(self, is_so: Callable[[], bool]) -> None:
        """Look again and again, as the server does."""
        deadline = time.monotonic() + PATIENCE
        while not is_so():
            assert time.monotonic() < deadline
            time.sleep(0.05)
            self.process.look()


@pytest.fixture
def housed(tmp_path: Path) -> Housed:
    """With something in its journal."""
    made = Housed(tmp_path)
    made.books.joined()
    return made


def test_what_is_in_the_journal_comes_into_the_database(housed: Housed) -> None:
    assert housed.process.behind > 0
    housed.until(lambda: housed.process.behind == 0)
    assert housed.process.status.is_up
    assert housed.process.status.lines == 2
    housed.process.close()


def test_one_that_dies_is_started_again_after_a_while(housed: Housed) -> None:
    housed.process.look()
    first = housed.process.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    housed.until(lambda: housed.process.pid is None)
    housed.process.look()
    assert housed.process.pid is None
    assert housed.counters.value("storage_died") == 1
    housed.now += RESTARTS_AFTER
    housed.until(lambda: housed.process.behind == 0)
    assert housed.process.pid not in (None, first)
    housed.process.close()


def test_where_there_is_nothing_to_bring_there_is_no_process(tmp_path: Path) -> None:
    process = StorageProcess(Places(tmp_path), "", Counters(), is_temporary=False)
    process.look()
    assert process.pid is None
    process.close()


def test_what_comes_last_is_brought_after_the_end(housed: Housed) -> None:
    housed.until(lambda: housed.process.behind == 0)
    housed.books.left()
    housed.process.close()
    assert housed.process.pid is not None
    housed.until(lambda: housed.process.behind == 0)


def test_with_a_temporary_folder_it_ends_at_once(tmp_path: Path) -> None:
    housed = Housed(tmp_path, is_temporary=True)
    housed.books.joined()
    housed.process.look()
    pid = housed.process.pid
    housed.process.close()
    assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_the_databases_password_is_no_argument_of_the_process(housed: Housed) -> None:
    housed.process.look()
    pid = housed.process.pid
    assert pid is not None
    assert housed.url.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes()
    housed.process.close()
