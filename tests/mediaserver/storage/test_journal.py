"""The journal: what it takes is there after a crash, and where it takes nothing, it says why."""

import errno
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mediaserver.observing.counters import Counters
from mediaserver.storage import journal as journals
from mediaserver.storage.journal import Journal, JournalUnusable, Trouble, last_sign
from mediaserver.storage.segments import Line, Place, path_of, read, segments, written


def opened(folder: Path, most_octets: int = 100_000_000) -> Journal:
    """One that can be written to."""
    made = Journal(folder, most_octets, Counters())
    made.open()
    made.begin(written("checkpoint", {}))
    return made


def values(folder: Path) -> list[object]:
    """What stands in it, checkpoints left out."""
    return [line.value for line in read(folder) if line.kind != "checkpoint"]


def test_what_was_appended_is_there_at_once(tmp_path: Path) -> None:
    opened(tmp_path).append(written("audit", [1]))
    assert [(line.kind, line.value) for line in read(tmp_path)] == [("checkpoint", {}), ("audit", [1])]


def test_what_is_held_comes_before_what_is_appended_after_it(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    assert journal.hold(written("call", 1))
    assert values(tmp_path) == []
    journal.append(written("audit", 2))
    assert values(tmp_path) == [1, 2]


def test_what_is_held_is_written_by_the_next_flush(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.hold(written("call", 1))
    assert journal.flush()
    assert values(tmp_path) == [1]


def test_a_line_that_a_crash_cut_short_is_none(tmp_path: Path) -> None:
    opened(tmp_path).append(written("audit", 1))
    path = path_of(tmp_path, 1)
    with path.open("ab") as file:
        file.write(b'audit {"half')
    assert values(tmp_path) == [1]


def test_a_new_life_goes_on_in_a_new_segment(tmp_path: Path) -> None:
    first = opened(tmp_path)
    first.append(written("audit", 1))
    first.close()
    opened(tmp_path).append(written("audit", 2))
    assert segments(tmp_path) == [1, 2]
    assert values(tmp_path) == [1, 2]


def test_reading_goes_on_after_a_place(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    for number in range(3):
        journal.append(written("audit", number))
    first = next(line for line in read(tmp_path) if line.value == 0)
    assert [line.value for line in read(tmp_path, first.after)] == [1, 2]


def test_a_long_segment_wants_another_one_only_when_nothing_is_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journals, "SEGMENT", 10)
    journal = opened(tmp_path)
    journal.append(written("audit", "a long one"))
    assert journal.wants_segment
    journal.hold(written("call", 1))
    assert not journal.wants_segment


def test_nobody_else_may_look_into_it(tmp_path: Path) -> None:
    opened(tmp_path / "storage" / "journal").append(written("audit", 1))
    for path in (tmp_path / "storage", *(tmp_path / "storage").rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path


def test_a_second_server_is_told_that_the_folder_is_taken(tmp_path: Path) -> None:
    first = opened(tmp_path)
    second = Journal(tmp_path, 10_000, Counters())
    with pytest.raises(JournalUnusable) as caught:
        second.open()
    assert caught.value.trouble is Trouble.TAKEN
    assert "storage.folder" in caught.value.hint
    first.close()
    second.open()


def test_over_its_bound_nothing_new_is_taken_but_what_is_owed(tmp_path: Path) -> None:
    journal = opened(tmp_path, most_octets=1000)
    with pytest.raises(JournalUnusable) as caught:
        journal.append(b"x" * 1000)
    assert caught.value.trouble is Trouble.FULL
    assert journal.hold(written("audit", "y" * 1000))
    assert journal.flush()
    assert values(tmp_path) == ["y" * 1000]


def test_what_lies_there_from_a_life_before_counts(tmp_path: Path) -> None:
    first = opened(tmp_path)
    first.append(written("audit", "x" * 900))
    first.close()
    with pytest.raises(JournalUnusable):
        opened(tmp_path, most_octets=1000).append(written("audit", "x" * 100))


def test_beyond_its_reserve_even_what_is_owed_has_to_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journals, "RESERVE", 100)
    journal = opened(tmp_path, most_octets=1000)
    journal.hold(b"y" * 1200)
    assert not journal.flush()
    assert journal.trouble is Trouble.FULL


def test_it_takes_again_when_segments_were_read_and_thrown_away(tmp_path: Path) -> None:
    journal = opened(tmp_path, most_octets=1000)
    journal.append(written("audit", "x" * 900))
    with pytest.raises(JournalUnusable):
        journal.append(written("audit", "x" * 900))
    journal.begin(written("checkpoint", {}))
    path_of(tmp_path, 1).unlink()
    journal.tend(0.0)
    journal.append(written("audit", 3))
    assert values(tmp_path) == [3]
    assert journal.trouble is None


class FullDisk:
    """Stands for `os.write` on a disk with no room but the reserve's."""

    def __init__(self, reserve: Path) -> None:
        self.reserve = reserve
        self.write = os.write

    def __call__(self, file: int, data: bytes) -> int:
        if self.reserve.exists():
            self.write(file, bytes(data)[:5])
            raise OSError(errno.ENOSPC, "no space left")
        return self.write(file, data)


def test_a_full_disk_refuses_what_is_new_and_keeps_no_half_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = opened(tmp_path)
    journal.append(written("audit", 1))
    monkeypatch.setattr(os, "write", FullDisk(tmp_path / "reserve"))
    with pytest.raises(JournalUnusable) as caught:
        journal.append(written("audit", 2))
    assert caught.value.trouble is Trouble.FULL
    monkeypatch.undo()
    journal.append(written("audit", 3))
    assert values(tmp_path) == [1, 3]


def test_on_a_full_disk_what_is_owed_goes_into_the_reserve_and_nothing_new_is_taken_until_there_is_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = opened(tmp_path)
    monkeypatch.setattr(os, "write", FullDisk(tmp_path / "reserve"))
    journal.hold(written("audit", 1))
    assert journal.flush()
    assert values(tmp_path) == [1]
    with pytest.raises(JournalUnusable):
        journal.append(written("audit", 2))
    monkeypatch.undo()
    journal.tend(0.0)
    journal.append(written("audit", 3))
    assert values(tmp_path) == [1, 3]


def test_a_file_system_that_is_read_only_is_named_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = opened(tmp_path)

    def refuses(file: int, data: bytes) -> int:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(os, "write", refuses)
    with pytest.raises(JournalUnusable, match="read-only file system") as caught:
        journal.append(written("audit", 1))
    assert caught.value.trouble is Trouble.READ_ONLY
    assert "mount" in caught.value.hint


def test_while_the_disk_does_not_answer_it_is_not_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    journal = Journal(tmp_path, 100_000, Counters(), clock=lambda: now[0])
    journal.open()
    journal.begin(written("checkpoint", {}))
    refusals: list[Trouble | None] = []

    def hangs(file: int) -> None:
        """What happens beside a sync that takes three seconds."""
        now[0] += 3.0
        journal.hold(written("audit", 1))
        assert not journal.flush()
        with pytest.raises(JournalUnusable) as caught:
            journal.append(written("audit", 2))
        refusals.append(caught.value.trouble)

    monkeypatch.setattr(os, "fdatasync", hangs)
    journal.sync()
    assert refusals == [Trouble.SLOW]
    journal.append(written("audit", 3))
    assert values(tmp_path) == [1, 3]


def test_a_folder_that_could_not_be_brought_onto_the_disk_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal, synced = opened(tmp_path), list[int]()

    def fails(file: int) -> None:
        raise OSError(errno.EIO, "no answer")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fails)
        with pytest.raises(OSError, match="no answer"):
            journal.sync()
    monkeypatch.setattr(os, "fsync", synced.append)
    journal.sync()
    journal.sync()
    assert len(synced) == 1


def test_what_is_held_is_bounded_and_the_rest_counted(tmp_path: Path) -> None:
    counters = Counters()
    journal = Journal(tmp_path, 100_000, counters)
    assert journal.hold(b"x" * journals.MOST_HELD)
    assert not journal.hold(b"x")
    assert counters.value("storage_dropped", "closed") == 1


def test_a_sign_of_life_tells_when_the_server_lived_last(tmp_path: Path) -> None:
    assert last_sign(tmp_path) == 0.0
    journal = opened(tmp_path)
    journal.tend(1_700_000_000.25)
    journal.tend(1_700_000_001.5)
    assert last_sign(tmp_path) == 1_700_000_001.5


def test_places_of_lines_add_up_over_blocks(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    for number in range(3):
        journal.append(written("audit", str(number) * 700_000))
    *_, last = read(tmp_path)
    assert last.after == Place(1, path_of(tmp_path, 1).stat().st_size)


def test_a_line_that_is_no_json_is_told_with_its_kind(tmp_path: Path) -> None:
    opened(tmp_path).append(b"audit nonsense\n")
    assert [line[:2] for line in read(tmp_path)][1:] == [("audit", None)]
    assert isinstance(next(read(tmp_path)), Line)


_WRITES_UNTIL_KILLED = """
import sys
from pathlib import Path
from mediaserver.observing.counters import Counters
from mediaserver.storage.journal import Journal, JournalUnusable
from mediaserver.storage.segments import written
journal = Journal(Path(sys.argv[1]), 100_000_000, Counters())
journal.open()
journal.begin(written("checkpoint", {}))
number = 0
while True:
    number += 1
    try:
        journal.append(written("audit", number))
    except JournalUnusable as error:
        print(error.trouble, flush=True)
        break
    print(number, flush=True)
"""


def test_what_was_acknowledged_survives_the_death_of_the_process(tmp_path: Path) -> None:
    writer = subprocess.Popen([sys.executable, "-c", _WRITES_UNTIL_KILLED, str(tmp_path)], stdout=subprocess.PIPE)
    assert writer.stdout is not None
    acknowledged = [int(writer.stdout.readline()) for _ in range(200)]
    writer.send_signal(signal.SIGKILL)
    acknowledged += [int(line) for line in writer.stdout.read().split(b"\n") if line]
    writer.wait()
    writer.stdout.close()
    assert values(tmp_path)[: len(acknowledged)] == acknowledged


def test_a_quota_of_the_kernel_is_a_full_disk(tmp_path: Path) -> None:
    """RLIMIT_FSIZE stands for a full disk: the write that would cross it fails as a whole or in part."""
    limit = 2 * journals.RESERVE
    done = subprocess.run(
        [sys.executable, "-c", _WRITES_UNTIL_KILLED.replace("number))", "str(number) * 1000))"), str(tmp_path)],
        stdout=subprocess.PIPE,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        timeout=50,
        check=True,
    )
    assert done.stdout.split()[-1] == b"full"
    assert len(values(tmp_path)) == int(done.stdout.split()[-2])
