"""What is done for the journal again and again, in a thread where it may wait for the disk: open, write, sync, sign, send.

A head is signed of what is on the disk, never of more: else a machine that loses its last second would look as if somebody had cut it off.
"""

import time
import urllib.request
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final

import structlog

from config.storage import AuditSettings
from mediaserver.audit.entry import AuditKey, Fact
from mediaserver.audit.head import Head, write_head
from mediaserver.audit.ledger import Ledger
from mediaserver.audit.sessions import STARTED
from mediaserver.observing.counters import Counters
from mediaserver.storage.journal import Journal, JournalUnusable, last_sign
from mediaserver.storage.segments import Place, read, segments

LOOK: Final = 0.2
"""Seconds between two looks; an entry is on the disk after two of them."""
TEND: Final = 1.0
STOPPED: Final = "server.stopped"
_PATIENCE: Final = 5.0

_log = structlog.get_logger(__name__)


class Keeper:
    """Looks after one journal and its ledger."""

    def __init__(
        self,
        journal: Journal,
        ledger: Ledger,
        key: AuditKey,
        settings: AuditSettings,
        head: Path,
        counters: Counters,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._journal = journal
        self._ledger = ledger
        self._key = key
        self._settings = settings
        self._path = head
        self._counters = counters
        self._clock = clock
        self._disk = ThreadPoolExecutor(1, "audit")
        self._post = ThreadPoolExecutor(1, "audit-head")
        self._work: Future[None] | None = None
        self._sending: Future[None] | None = None
        self._tended = self._signed = -1e9
        self._synced = 0
        self._is_restored = False
        self._complaint = ""
        self.head: Head | None = None
        """The last one that was signed."""

    def open(self) -> bool:
        """Take the journal and go on with its chain; False, and a line in the log, where that is not possible now."""
        journal, ledger = self._journal, self._ledger
        try:
            journal.open()
            self._restore()
            journal.begin(ledger.checkpoint)
        except JournalUnusable as error:
            self._complain(error)
            return False
        ledger.begin()
        died = last_sign(journal.folder)
        left = ledger.close_what_a_crash_left(died)
        ledger.owe(Fact(kind=STARTED, detail={"last_sign": round(died * 1e6)}))
        if left:
            _log.warning("audit.recovered", sessions=left)
        return True

    def _restore(self) -> None:
        """Once the folder is ours nobody else writes there: a second try to begin has nothing to read anew."""
        journal = self._journal
        if not self._is_restored:
            any(self._ledger.restore(read(journal.folder, Place(number, 0))) for number in reversed(segments(journal.folder)))
            self._is_restored = True

    def look(self) -> None:
        """Each `LOOK` seconds."""
        now = self._clock()
        is_written = self._journal.flush()
        if not self._is_idle():
            return
        if not self._journal.is_begun:
            if now - self._tended >= TEND:
                self._tended = now
                self.open()
            return
        if self._journal.wants_segment:
            self._begin_segment()
        is_tended = now - self._tended >= TEND
        is_due = now - self._signed >= self._settings.head_every and is_written
        if self._journal.written == self._synced and not is_tended and not is_due:
            return
        if is_tended:
            self._tended = now
            self._ledger.sum_up()
        if is_due:
            self._signed = now
            self.head = self._ledger.head.signed(self._key)
        self._synced = self._journal.written
        self._work = self._disk.submit(self._do, self.head if is_due else None, is_tended)
        if is_due and self._settings.send_to:
            self._send(self.head)

    def close(self) -> None:
        """The last entry, the last sync, the last head."""
        self._ledger.sum_up(at_end=True)
        self._ledger.owe(Fact(kind=STOPPED))
        if not self._journal.is_begun:
            return
        is_written = self._journal.flush()
        self.head = self._ledger.head.signed(self._key) if is_written else self.head
        last = self._disk.submit(self._do, self.head, False)
        try:
            last.result(_PATIENCE)
        except (OSError, TimeoutError) as error:
            _log.error("audit.last_head_missing", problem=str(error))
        if self._settings.send_to:
            self._send(self.head)
        self._disk.shutdown(wait=False)
        self._post.shutdown(wait=True)
        self._journal.close()

    def _begin_segment(self) -> None:
        try:
            self._journal.begin(self._ledger.checkpoint)
        except JournalUnusable as error:
            self._complain(error)

    def _complain(self, error: JournalUnusable) -> None:
        """One line for each new problem, though it be met at every look."""
        if str(error) != self._complaint:
            self._complaint = str(error)
            _log.error("journal.unusable", folder=str(self._journal.folder), problem=str(error), hint=error.hint)

    def _is_idle(self) -> bool:
        """Whether the disk is done with the work before; what failed is counted and told."""
        if self._work is None:
            return True
        if not self._work.done():
            return False
        problem = self._work.exception()
        self._work = None
        if problem is not None:
            self._counters.add("faults", "audit")
            self._synced = -1
            self._signed = -1e9
            _log.error("audit.not_synced", problem=str(problem))
        return True

    def _do(self, head: Head | None, is_tended: bool) -> None:
        if is_tended:
            self._journal.tend(time.time())
        self._journal.sync()
        if head is not None:
            write_head(head, self._path)

    def _send(self, head: Head | None) -> None:
        """Send it to whoever keeps it elsewhere; the one before is still on its way: this one is left out."""
        if head is None or (self._sending is not None and not self._sending.done()):
            self._counters.add("audit_heads_sent", "left_out")
            return
        self._sending = self._post.submit(self._posted, head)

    def _posted(self, head: Head) -> None:
        request = urllib.request.Request(self._settings.send_to, head.line.encode(), {"Content-Type": "application/json"}, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=_PATIENCE):
                self._counters.add("audit_heads_sent", "taken")
        except (OSError, ValueError):
            self._counters.add("audit_heads_sent", "failed")
