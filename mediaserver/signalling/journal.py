"""The journal: which dialogs live, on disk, so that a restart after a crash can end with BYE what it cannot go on with.

A line a change (``+`` a dialog, ``-`` its key), gathered once a second and written by a thread of its own. Nothing waits for the disk;
where it is too slow, a look is left out, never queued. The file is written anew when most of it is history. A server that lives holds
a lock, so that another one in the same folder neither ends its calls nor writes into its journal. Calls that began within the last
second, and calls that ring, are not in it: their phones' own timers end them.
"""

import fcntl
import json
import os
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final

import structlog

from config.settings import JournalSettings
from mediaserver.observing.counters import Counters
from sip.parting import LastingDialog
from sip.transport.flow import Flow

_log = structlog.get_logger(__name__)

LOOK: Final = 1.0
"""Seconds between two looks at the dialogs."""
MOST_LINES: Final = 1_000_000
"""More of a file are not read."""
_HISTORY: Final = 1000
"""Lines beyond four for each dialog, before the file is written anew."""

Key = tuple[str, str]


class Journal:
    """One server's journal. `open` it before the first call, `look` each `LOOK` seconds."""

    def __init__(self, folder: Path | None, counters: Counters) -> None:
        """folder: None for no journal."""
        self._path = None if folder is None else folder / "dialogs"
        self._counters = counters
        self._thread = ThreadPoolExecutor(1, "journal")
        self._writing: Future[None] | None = None
        self._noted: dict[Key, LastingDialog] = {}
        self._lines = 0
        self._is_fresh = False
        """The file holds what was noted, and nothing of another time."""
        self._lock = -1

    def open(self) -> list[LastingDialog]:
        """Take the lock; the dialogs that another process left behind. They stay in the file until the first `look`."""
        if self._path is None:
            return []
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = os.open(self._path.with_suffix(".lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return read(self._path)
        except BlockingIOError:
            _log.error("journal.taken", path=str(self._path), hint="another server keeps its journal here: set journal.folder")
        except OSError as error:
            _log.error("journal.unusable", path=str(self._path), problem=str(error))
        self._path = None
        return []

    def look(self, dialogs: Iterable[LastingDialog]) -> None:
        """Note what has changed; nothing where the last change is still being written."""
        if self._path is None or not self._was_written():
            return
        living = {(dialog.call_id, dialog.local): dialog for dialog in dialogs}
        lines = [_plus(dialog) for key, dialog in living.items() if self._noted.get(key) != dialog]
        lines += [_minus(key) for key in self._noted if key not in living]
        self._noted = living
        if not self._is_fresh or self._lines + len(lines) > 4 * len(living) + _HISTORY:
            lines = [_plus(dialog) for dialog in living.values()]
            self._lines, self._is_fresh = 0, True
            self._writing = self._thread.submit(_write_anew, self._path, lines)
        elif lines:
            self._writing = self._thread.submit(_append, self._path, lines)
        self._lines += len(lines)

    def close(self, dialogs: Iterable[LastingDialog]) -> None:
        """The last look; waits for the disk."""
        if self._writing is not None:
            self._was_written(wait=True)
        self.look(dialogs)
        if self._writing is not None:
            self._was_written(wait=True)
        self._thread.shutdown()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _was_written(self, *, wait: bool = False) -> bool:
        """Whether nothing is under way; what failed is counted, and the file written anew."""
        if self._writing is None:
            return True
        if not wait and not self._writing.done():
            self._counters.add("journal_looks_left_out")
            return False
        problem = self._writing.exception()
        self._writing = None
        if problem is not None:
            self._counters.add("faults", "journal")
            _log.error("journal.not_written", path=str(self._path), problem=str(problem))
            self._is_fresh = False
        return True


def journal_folder(settings: JournalSettings, environment: Mapping[str, str]) -> Path | None:
    """Where the journal is: as configured, or in the service's own state; None for nowhere."""
    if not settings.enabled:
        return None
    state = settings.folder or environment.get("STATE_DIRECTORY", "").partition(":")[0]
    return Path(state) if state else None


def read(path: Path) -> list[LastingDialog]:
    """The dialogs that a journal says live; lines that are none are left out, as the last one may be cut short."""
    living: dict[Key, LastingDialog] = {}
    try:
        with path.open(encoding="utf-8", errors="replace") as lines:
            for _, line in zip(range(MOST_LINES), lines, strict=False):
                try:
                    _take(json.loads(line), living)
                except (ValueError, TypeError, IndexError):
                    continue
    except FileNotFoundError:
        return []
    return list(living.values())


def _take(entry: object, living: dict[Key, LastingDialog]) -> None:
    match entry:
        case [
            "+",
            str(call_id),
            str(local),
            str(remote),
            str(target),
            list(routes),
            int(sequence),
            bool(follows),
            [str(transport), list(near), list(far), str(name)],
        ]:
            way = Flow(transport, (str(near[0]), int(near[1])), (str(far[0]), int(far[1])), name)
            living[call_id, local] = LastingDialog(call_id, local, remote, target, tuple(map(str, routes)), sequence, follows, way)
        case ["-", str(call_id), str(local)]:
            living.pop((call_id, local), None)


def _plus(dialog: LastingDialog) -> str:
    return json.dumps(["+", *dialog]) + "\n"


def _minus(key: Key) -> str:
    return json.dumps(["-", *key]) + "\n"


def _append(path: Path, lines: list[str]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.writelines(lines)


def _write_anew(path: Path, lines: list[str]) -> None:
    fresh = path.with_suffix(".new")
    descriptor = os.open(fresh, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.writelines(lines)
    fresh.replace(path)
