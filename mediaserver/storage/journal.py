"""The journal that signalling writes: what it took survives the death of the process at once, and of the machine once `sync` was done.

- `append` is one write into the page cache: it is done when it returns, or it raises and nothing of it is there.
- `hold` keeps a line for the next write. What is owed (the end of a supervision, a call) is held: it is written as soon as that is
  possible, from a reserve of the disk's room where there is no other.
- Without that reserve, over its bound, or while the disk does not answer, nothing is appended: whoever enters must be able to leave.
- A segment begins with a checkpoint, so that those before it can be thrown away by whoever has read them.
"""

import errno
import fcntl
import os
import time
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Final

from mediaserver.observing.counters import Counters
from mediaserver.storage.segments import path_of, segments

SEGMENT: Final = 4 << 20
"""Octets after which a new one is wanted."""
RESERVE: Final = 1 << 20
"""Octets of the disk that are kept for what is owed."""
MOST_HELD: Final = 8 << 20
SLOW: Final = 2.0
"""Seconds that the disk may take for one sync."""


class Trouble(StrEnum):
    """Why the journal takes nothing new."""

    CLOSED = "closed"
    FULL = "full"
    READ_ONLY = "read_only"
    SLOW = "slow"
    TAKEN = "taken"
    """By another server."""
    FAILED = "failed"


HINTS: Final = {
    Trouble.CLOSED: "the server is starting or stopping; try again in a moment",
    Trouble.FULL: "free space on its disk, bring the database back, or raise storage.journal_megabytes",
    Trouble.READ_ONLY: "its file system does not let the server write; mount it read-write, or set storage.folder",
    Trouble.SLOW: "its disk does not answer; look at the disk",
    Trouble.TAKEN: "another server keeps its journal there: set storage.folder",
    Trouble.FAILED: "the server's log says why",
}
_SIGN: Final = "alive"
_TROUBLES: Final = {errno.ENOSPC: Trouble.FULL, errno.EDQUOT: Trouble.FULL, errno.EFBIG: Trouble.FULL, errno.EROFS: Trouble.READ_ONLY}


class JournalUnusable(Exception):
    """The journal takes nothing new now."""

    def __init__(self, trouble: Trouble, text: str) -> None:
        super().__init__(text)
        self.trouble = trouble

    @property
    def hint(self) -> str:
        """What to do."""
        return HINTS[self.trouble]


class Journal:
    """One server's journal: `open` it, `begin` a segment, then write; `tend` it and `sync` it in a thread, again and again."""

    def __init__(self, folder: Path, most_octets: int, counters: Counters, clock: Callable[[], float] = time.monotonic) -> None:
        self.folder = folder
        self.trouble: Trouble | None = Trouble.CLOSED
        self.octets = 0
        """On disk, in all segments."""
        self.written = 0
        """Octets since the start."""
        self._most_octets = most_octets
        self._counters = counters
        self._clock = clock
        self._lock = -1
        self._file = -1
        self._size = 0
        self._is_new = False
        """The folder on the disk does not know the segment yet."""
        self._retired: list[int] = []
        self._held: list[bytes] = []
        self._held_octets = 0
        self._has_reserve = False
        self._sync_began: float | None = None

    # life

    def open(self) -> None:
        """Take the folder for this server. Raises `JournalUnusable`."""
        try:
            for folder in (self.folder.parent, self.folder):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if self._lock < 0:
                self._lock = _locked(self.folder / "lock")
            self.octets = _octets(self.folder)
        except OSError as error:
            raise self._unusable(error) from error

    def begin(self, checkpoint: bytes) -> None:
        """Begin a new segment with this line. Raises `JournalUnusable`, and the old one stays."""
        if self._lock < 0:
            raise JournalUnusable(Trouble.CLOSED, "the journal is not open")
        number = max(segments(self.folder), default=0) + 1
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC
        file = -1
        try:
            self._make_reserve()
            file = os.open(path_of(self.folder, number), flags, 0o600)
            _put(file, checkpoint, 0)
        except OSError as error:
            if file >= 0:
                os.close(file)
                path_of(self.folder, number).unlink(missing_ok=True)
            raise self._unusable(error) from error
        if self._file >= 0:
            self._retired.append(self._file)
        self._file, self._size, self.trouble, self._is_new = file, len(checkpoint), None, True
        self.octets += len(checkpoint)
        self.written += len(checkpoint)

    @property
    def is_begun(self) -> bool:
        """Whether there is a segment to write to."""
        return self._file >= 0

    @property
    def wants_segment(self) -> bool:
        """Whether the segment is long enough, and nothing is held that belongs into it."""
        return self._size >= SEGMENT and not self._held

    def close(self) -> None:
        """Let the folder go; what is held and could not be written is lost."""
        self.flush()
        self.trouble = Trouble.CLOSED
        if self._held:
            self.lost("closed", len(self._held))
        self._file, files = -1, [*self._retired, self._file, self._lock]
        self._lock, self._retired = -1, []
        for file in files:
            if file >= 0:
                os.close(file)

    # writing

    def append(self, data: bytes) -> None:
        """Write lines now, after those that are held. Raises `JournalUnusable`: then these lines are not there, and never will be."""
        self._check_room(len(data))
        try:
            self._write(b"".join((*self._held, data)))
        except OSError as error:
            raise self._unusable(error) from error
        self.trouble = None
        self._let_go_of_held()

    def hold(self, data: bytes) -> bool:
        """Take a line for the next write; False where too much is held already."""
        if self._held_octets + len(data) > MOST_HELD:
            self.lost(str(self.trouble or "held"))
            return False
        self._held.append(data)
        self._held_octets += len(data)
        return True

    def flush(self) -> bool:
        """Write what is held, if need be into the reserve; False where that is not possible now."""
        if not self._held:
            return True
        if self._file < 0 or self._is_stuck():
            return False
        data = b"".join(self._held)
        if self.octets + len(data) > self._most_octets + RESERVE:
            self.trouble = Trouble.FULL
            return False
        try:
            try:
                self._write(data)
            except OSError as error:
                if _TROUBLES.get(error.errno or 0) is not Trouble.FULL or not self._has_reserve:
                    raise
                self._give_reserve()
                self._write(data)
        except OSError as error:
            self._unusable(error)
            return False
        self._let_go_of_held()
        return True

    def lost(self, why: str, lines: int = 1) -> None:
        """Count lines that will never be written."""
        self._counters.add("storage_dropped", why, lines)

    def _write(self, data: bytes) -> None:
        _put(self._file, data, self._size)
        self._size += len(data)
        self.octets += len(data)
        self.written += len(data)

    def _let_go_of_held(self) -> None:
        self._held.clear()
        self._held_octets = 0

    def _check_room(self, octets: int) -> None:
        if self._file < 0:
            raise JournalUnusable(self.trouble or Trouble.CLOSED, f"the journal in {self.folder} is not usable")
        if self._is_stuck():
            self.trouble = Trouble.SLOW
        elif self.octets + self._held_octets + octets > self._most_octets or not self._has_reserve:
            self.trouble = Trouble.FULL
        elif self.trouble in (Trouble.SLOW, Trouble.FULL):
            self.trouble = None  # it is over, or the write that follows will tell
        if self.trouble in (Trouble.SLOW, Trouble.FULL):
            raise JournalUnusable(self.trouble, f"the journal in {self.folder} is {self.trouble}")

    def _is_stuck(self) -> bool:
        return self._sync_began is not None and self._clock() - self._sync_began > SLOW

    def _unusable(self, error: OSError) -> JournalUnusable:
        is_taken = isinstance(error, BlockingIOError)
        self.trouble = Trouble.TAKEN if is_taken else _TROUBLES.get(error.errno or 0, Trouble.FAILED)
        self._counters.add("storage_journal_failures", str(self.trouble))
        return JournalUnusable(self.trouble, f"the journal in {self.folder} cannot be written ({(error.strerror or str(error)).lower()})")

    # the reserve

    def _make_reserve(self) -> None:
        """Raises `OSError`."""
        path = self.folder / "reserve"
        if self._has_reserve and path.exists():
            return
        self._has_reserve = False
        file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(file, 0, RESERVE)
        finally:
            os.close(file)
        self._has_reserve = True

    def _give_reserve(self) -> None:
        self._has_reserve = False
        (self.folder / "reserve").unlink(missing_ok=True)

    # in a thread

    def tend(self, now: float) -> None:
        """Leave a sign of life (``now``: seconds since 1970), look how much is on disk, and make a reserve that was given away anew."""
        self.octets = _octets(self.folder)
        if self._file >= 0:
            try:
                leave_sign(self.folder, now)
                self._make_reserve()
            except OSError as error:
                self._unusable(error)

    def sync(self) -> None:
        """Bring onto the disk what was written before. Raises `OSError`."""
        self._sync_began = self._clock()
        try:
            while self._retired:
                file = self._retired[0]
                os.fdatasync(file)
                del self._retired[0]
                os.close(file)
            if self._is_new:
                _sync_folder(self.folder)
                self._is_new = False
            if self._file >= 0:
                os.fdatasync(self._file)
        finally:
            self._sync_began = None


def leave_sign(folder: Path, now: float) -> None:
    """Say that the server lives. Raises `OSError`."""
    file = os.open(folder / _SIGN, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    try:
        os.pwrite(file, b"%020.6f" % now, 0)
    finally:
        os.close(file)


def last_sign(folder: Path) -> float:
    """When a server last said that it lives, in seconds since 1970; 0: never."""
    try:
        return float((folder / _SIGN).read_text())
    except (OSError, ValueError):
        return 0.0


def _put(file: int, data: bytes, size: int) -> None:
    """Write all of it behind the first ``size`` octets, or nothing."""
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(file, view) :]
    except OSError:
        with suppress(OSError):
            os.ftruncate(file, size)
        raise


def _locked(path: Path) -> int:
    """A locked file's descriptor. Raises `OSError`; `BlockingIOError` where another process has it."""
    lock = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise
    return lock


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _octets(folder: Path) -> int:
    """Of all segments; one that is thrown away meanwhile has none."""
    octets = 0
    for number in segments(folder):
        with suppress(FileNotFoundError):
            octets += path_of(folder, number).stat().st_size
    return octets
