"""The events of one webhook on disk, so that a restart delivers what the life before could not.

- `keep` and `forget` are one write into the page cache each, as in the storage's journal: what they took survives the death of the
  process at once, and of the machine after `sync`.
- Segments are thrown away from the oldest on, and only when nothing of them is awaited any more: that an event is done stands in the
  same segment or a later one.
- What a long-lived event holds up is bounded: where there are more than `MOST_SEGMENTS`, and most of what they hold is done, the rest of
  the oldest is written anew, a few lines with each write: no call waits for a whole segment.
- Without a disk that takes it everything goes on in memory; what was not kept is counted.
"""

import fcntl
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

import structlog

from mediaserver.observing.counters import Counters
from mediaserver.storage.segments import Line, path_of, read_segment, segments, written
from mediaserver.webhooks.envelopes import Envelope

SEGMENT: Final = 1 << 20
"""Octets after which a new one is begun."""
MOST_SEGMENTS: Final = 64
LOOKED_THROUGH: Final = 16
"""Lines of the oldest segment that are seen to with one write, where its rest has to be written anew."""
EVENT: Final = "event"
DONE: Final = "done"

_log = structlog.get_logger(__name__)


class Kept(NamedTuple):
    """An event that waits since an earlier life."""

    envelope: Envelope
    at: float
    """When it happened, seconds since 1970."""


class Spool:
    """One webhook's folder. `open` it first; `sync` what is `unsynced` in a thread, again and again."""

    def __init__(self, folder: Path, counters: Counters) -> None:
        self._folder = folder
        self._counters = counters
        self._lock = -1
        self._file = -1
        self._number = 0
        self._size = 0
        self._where: dict[str, int] = {}
        """The segment of each event that is awaited."""
        self._left: Counter[int] = Counter()
        """How many of them a segment holds; the oldest segment first."""
        self._held: Counter[int] = Counter()
        """How many events a segment holds at all."""
        self._rest: tuple[int, Iterator[Line]] | None = None
        """A segment whose rest is written anew, and the lines of it that are still to be seen to."""
        self._unsynced: dict[int, int] = {}
        """Descriptors of segments that were written to since the last sync."""
        self._fails = False

    def open(self) -> list[Kept]:
        """Take the folder, and what waits there, the oldest first. Nothing where it cannot be had: then nothing is kept either."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = os.open(self._folder / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            found = self._read()
        except OSError as error:
            self._failed(error)
            return []
        self._sweep()
        return found

    def keep(self, envelope: Envelope, at: float) -> None:
        """An event waits from now on."""
        row = {
            "id": envelope.id,
            "kind": envelope.kind,
            "tenant": envelope.tenant,
            "body": envelope.body.decode(),
            "trace": envelope.traceparent,
            "at": at,
        }
        if not self._put(row):
            self._counters.add("webhooks_not_kept")
        self._tidy()

    def forget(self, event: str) -> None:
        """It is delivered, or given up."""
        number = self._where.pop(event, None)
        if number is None:
            return
        self._left[number] -= 1
        self._write(written(DONE, event))
        self._tidy()

    def unsynced(self) -> list[int]:
        """What `sync` is to be given."""
        files, self._unsynced = self._unsynced, {}
        return list(files.values())

    def sync(self, files: Iterable[int]) -> None:
        """Bring onto the disk what was written before, in a thread."""
        for file in files:
            try:
                os.fdatasync(file)
            except OSError as error:
                self._failed(error)
            finally:
                os.close(file)

    def close(self) -> None:
        """The server ends; what waits stays."""
        self.sync(self.unsynced())
        for file in (self._file, self._lock):
            if file >= 0:
                os.close(file)
        self._file = self._lock = -1

    def _read(self) -> list[Kept]:
        found: dict[str, Kept] = {}
        for number in segments(self._folder):
            self._number = number
            self._left[number] = 0
            for line in read_segment(self._folder, number):
                if line.kind == EVENT and (kept := _kept(line.value)) is not None:
                    self._held[number] += 1
                    found[kept.envelope.id] = kept
                    self._where[kept.envelope.id] = number
                elif line.kind == DONE:
                    found.pop(str(line.value), None)
                    self._where.pop(str(line.value), None)
        self._left.update(self._where.values())
        return sorted(found.values(), key=lambda kept: kept.at)

    def _put(self, row: dict[str, Any]) -> bool:
        """An event stands in the newest segment; False where it could not be written."""
        if not self._write(written(EVENT, row)):
            return False
        self._where[row["id"]] = self._number
        self._left[self._number] += 1
        self._held[self._number] += 1
        return True

    def _write(self, line: bytes) -> bool:
        """All of it, or False; after a failure a new segment is begun, since the old one may end amid a line."""
        if self._lock < 0:
            return False
        try:
            if self._file < 0 or self._size + len(line) > SEGMENT:
                self._begin()
            self._add(line)
        except OSError as error:
            self._failed(error)
            self._break_off()
            return False
        self._have_synced()
        return True

    def _have_synced(self) -> None:
        """It is written, whatever comes of this; where it fails the next line tries again."""
        if self._number not in self._unsynced:
            try:
                self._unsynced[self._number] = os.dup(self._file)
            except OSError as error:
                self._failed(error)
                return
        self._fails = False

    def _add(self, line: bytes) -> None:
        """Raises `OSError`."""
        view = memoryview(line)
        while view:
            view = view[os.write(self._file, view) :]
        self._size += len(line)

    def _begin(self) -> None:
        """Raises `OSError`."""
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC
        number = max(self._left, default=0) + 1
        file = os.open(path_of(self._folder, number), flags, 0o600)
        if self._file >= 0:
            os.close(self._file)
        self._file, self._number, self._size = file, number, 0
        self._left[number] = 0

    def _break_off(self) -> None:
        """Nothing more goes into the newest segment; one without a whole line leaves the disk."""
        if self._file < 0:
            return
        os.close(self._file)
        self._file = -1
        if self._size == 0:
            self._drop(self._number)

    def _tidy(self) -> None:
        self._sweep()
        if len(self._left) > MOST_SEGMENTS and 2 * len(self._where) < self._held.total():
            self._carry(next(iter(self._left)))
            self._sweep()

    def _carry(self, oldest: int) -> None:
        """Write a part of a segment's rest anew; at its end the segment goes."""
        if self._rest is None or self._rest[0] != oldest:
            self._rest = oldest, read_segment(self._folder, oldest)
        try:
            lines = list(islice(self._rest[1], LOOKED_THROUGH))
        except OSError as error:
            self._failed(error)
            self._rest = None
            return
        for line in lines:
            if line.kind == EVENT and _kept(line.value) is not None and self._where.get(line.value["id"]) == oldest:
                if not self._put(line.value):
                    self._rest = None
                    return
                self._left[oldest] -= 1
        if len(lines) < LOOKED_THROUGH:
            self._drop(oldest)

    def _sweep(self) -> None:
        while self._left:
            oldest = next(iter(self._left))
            if self._left[oldest] > 0 or (oldest == self._number and self._file >= 0):
                return
            self._drop(oldest)

    def _drop(self, number: int) -> None:
        del self._left[number], self._held[number]
        if self._rest is not None and self._rest[0] == number:
            self._rest = None
        path_of(self._folder, number).unlink(missing_ok=True)

    def _failed(self, error: OSError) -> None:
        """One line in the log for each time that it begins."""
        if not self._fails:
            _log.error("webhook.not_kept", folder=str(self._folder), problem=str(error), hint="what waits would not survive a restart")
        self._fails = True


def _kept(value: Any) -> Kept | None:
    """A line's event; None for what is none."""
    match value:
        case {
            "id": str(event),
            "kind": str(kind),
            "tenant": str(tenant),
            "body": str(body),
            "trace": str(trace),
            "at": int() | float() as at,
        }:
            return Kept(Envelope(event, kind, tenant, body.encode(), trace), float(at))
    return None
