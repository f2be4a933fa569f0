"""What is kept of a webhook's events on disk: what a restart finds, and how much there may be."""

import os
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from mediaserver.observing.counters import Counters
from mediaserver.webhooks import spool
from mediaserver.webhooks.envelopes import Envelope
from mediaserver.webhooks.spool import Spool


def envelope(number: int, body: str = '{"text": "größer"}') -> Envelope:
    return Envelope(f"e{number}", "call.ended", "default", body.encode(), "00-trace")


def opened(folder: Path, counters: Counters | None = None) -> Spool:
    kept = Spool(folder / "crm", counters or Counters())
    kept.open()
    return kept


def found(folder: Path) -> list[str]:
    """Ids that a start finds."""
    kept = Spool(folder / "crm", Counters())
    ids = [each.envelope.id for each in kept.open()]
    kept.close()
    return ids


def killed(kept: Spool) -> None:
    """The process dies: its files are let go, and nothing more is written."""
    for name in ("_file", "_lock"):
        os.close(getattr(kept, name))


def counted_writes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How much each write from now on takes."""
    write, taken = os.write, list[int]()

    def noted(file: int, data: Any) -> int:
        taken.append(write(file, data))
        return taken[-1]

    monkeypatch.setattr(os, "write", noted)
    return taken


def test_a_restart_finds_what_waits_as_it_was(tmp_path: Path) -> None:
    kept = opened(tmp_path)
    kept.keep(envelope(1), 17.5)
    kept.close()
    assert Spool(tmp_path / "crm", Counters()).open() == [(envelope(1), 17.5)]


def test_a_process_that_is_killed_loses_nothing_and_repeats_nothing_that_is_done(tmp_path: Path) -> None:
    kept = opened(tmp_path)
    for number in range(5):
        kept.keep(envelope(number), 0.0)
    for number in (0, 3):
        kept.forget(f"e{number}")
    killed(kept)
    assert found(tmp_path) == ["e1", "e2", "e4"]
    assert found(tmp_path) == ["e1", "e2", "e4"]


def test_a_line_that_was_cut_short_harms_no_other(tmp_path: Path) -> None:
    kept = opened(tmp_path)
    kept.keep(envelope(1), 0.0)
    killed(kept)
    (segment,) = (tmp_path / "crm").glob("*.log")
    segment.write_bytes(segment.read_bytes() + b'event {"id": "e2", "ki')
    kept = opened(tmp_path)
    kept.keep(envelope(3), 0.0)
    killed(kept)
    assert found(tmp_path) == ["e1", "e3"]


def test_what_is_done_leaves_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "SEGMENT", 1000)
    kept = opened(tmp_path)
    for number in range(500):
        kept.keep(envelope(number), 0.0)
        kept.forget(f"e{number}")
    assert len(list((tmp_path / "crm").glob("*.log"))) <= 2
    killed(kept)
    assert found(tmp_path) == []


def test_one_event_that_waits_for_long_does_not_hold_all_that_came_after_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "SEGMENT", 1000)
    monkeypatch.setattr(spool, "MOST_SEGMENTS", 4)
    kept = opened(tmp_path)
    kept.keep(envelope(-1), 7.0)
    for number in range(500):
        kept.keep(envelope(number), 0.0)
        kept.forget(f"e{number}")
    assert len(list((tmp_path / "crm").glob("*.log"))) <= 4
    killed(kept)
    assert Spool(tmp_path / "crm", Counters()).open() == [(envelope(-1), 7.0)]


def test_two_servers_do_not_share_a_folder(tmp_path: Path) -> None:
    first, counters = opened(tmp_path), Counters()
    first.keep(envelope(1), 0.0)
    second = Spool(tmp_path / "crm", counters)
    assert second.open() == []
    second.keep(envelope(2), 0.0)
    assert counters.value("webhooks_not_kept") == 1
    killed(first)
    assert found(tmp_path) == ["e1"]


def test_a_disk_that_takes_nothing_is_counted_and_kept_to_again_when_it_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counters = Counters()
    kept = opened(tmp_path, counters)
    kept.keep(envelope(1), 0.0)

    def full(*_: Any) -> int:
        raise OSError(28, "no space left")

    with monkeypatch.context() as broken:
        broken.setattr(os, "write", full)
        kept.keep(envelope(2), 0.0)
    kept.keep(envelope(3), 0.0)
    kept.close()
    assert (found(tmp_path), counters.value("webhooks_not_kept")) == (["e1", "e3"], 1)


def test_nothing_is_written_anew_where_most_still_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "SEGMENT", 1000)
    monkeypatch.setattr(spool, "MOST_SEGMENTS", 4)
    kept = opened(tmp_path)
    written = counted_writes(monkeypatch)
    for number in range(200):
        kept.keep(envelope(number), float(number))
    assert len(written) == 200
    killed(kept)
    assert found(tmp_path) == [f"e{number}" for number in range(200)]


def test_what_is_written_anew_is_a_few_events_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "SEGMENT", 20_000)
    monkeypatch.setattr(spool, "MOST_SEGMENTS", 2)
    kept = opened(tmp_path)
    for number in range(100):
        kept.keep(envelope(number), float(number))
    written, most = counted_writes(monkeypatch), 0
    for number in range(100, 3000):
        kept.keep(envelope(number), 0.0)
        kept.forget(f"e{number}")
        most = max(most, len(written))
        written.clear()
    assert 2 < most <= 2 + 2 * spool.LOOKED_THROUGH
    assert len(list((tmp_path / "crm").glob("*.log"))) <= 3
    killed(kept)
    assert found(tmp_path) == [f"e{number}" for number in range(100)]


def test_a_full_disk_is_not_filled_with_empty_segments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = opened(tmp_path)
    kept.keep(envelope(1), 0.0)

    def full(*_: Any) -> int:
        raise OSError(28, "no space left")

    with monkeypatch.context() as broken:
        broken.setattr(os, "write", full)
        for number in range(2, 50):
            kept.keep(envelope(number), 0.0)
        assert len(list((tmp_path / "crm").glob("*.log"))) == 1
    kept.keep(envelope(50), 0.0)
    killed(kept)
    assert found(tmp_path) == ["e1", "e50"]


def test_without_a_descriptor_to_spare_events_are_kept_and_nobody_is_disturbed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(_: int) -> int:
        raise OSError(24, "too many open files")

    kept = opened(tmp_path)
    with monkeypatch.context() as scarce:
        scarce.setattr(os, "dup", none_left)
        with capture_logs() as logs:
            for number in range(1, 6):
                kept.keep(envelope(number), 0.0)
    assert kept.unsynced() == []
    assert [entry["problem"] for entry in logs] == ["[Errno 24] too many open files"]
    kept.keep(envelope(6), 0.0)
    kept.close()
    assert found(tmp_path) == [f"e{number}" for number in range(1, 7)]


def test_a_disk_that_takes_a_part_at_a_time_gets_all_of_what_is_written_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "SEGMENT", 300)
    monkeypatch.setattr(spool, "MOST_SEGMENTS", 2)
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: write(file, bytes(data)[:40]))
    kept = opened(tmp_path)
    kept.keep(envelope(0), 7.0)
    for number in range(1, 20):
        kept.keep(envelope(number), 0.0)
        kept.forget(f"e{number}")
    assert not (tmp_path / "crm" / "journal-00000001.log").exists()
    kept.close()
    assert Spool(tmp_path / "crm", Counters()).open() == [(envelope(0), 7.0)]
