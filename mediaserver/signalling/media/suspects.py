"""Whose packets kill workers: what a dead worker was handling is suspected, and a call that is suspected twice is guilty.

A worker notes in its memory the row whose packet it handles by itself, where a codec, a cipher or a parser could fail; else all
rows of the turn's batch are suspected, and of those only a call that is the last one left is found guilty. A process that was killed
from outside (SIGKILL, SIGTERM and the like, which no packet can send) suspects nobody.
"""

import signal
from dataclasses import dataclass, field

from mediaserver.signalling.media.worker import Worker

REMEMBERED = 60.0
"""Seconds after which a death says nothing about the next one."""
_FROM_OUTSIDE = frozenset({-signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP, -signal.SIGQUIT})


def is_suspicious(exit_status: int | None) -> bool:
    """Whether a process ended by itself: a crash, an abort, an exit."""
    return exit_status not in _FROM_OUTSIDE


def suspected_calls(worker: Worker) -> set[int]:
    """Numbers of the calls that a dead worker was at."""
    memory, legs = worker.memory, worker.open_rows()
    handled = int(memory.view("worker.handling")[0]) - 1
    batch = memory.view("batch.row")[: int(memory.view("worker.batch")[0])].tolist()
    rows = batch if handled < 0 else [handled]
    return {legs[row].call for row in rows if row in legs}


@dataclass(slots=True)
class Suspects:
    """What the deaths of the last minute have in common."""

    calls: set[int] = field(default_factory=set)
    _last: float = -REMEMBERED

    def died(self, calls: set[int], now: float) -> set[int]:
        """Another death, with those whom it makes suspects; the one call that is guilty of both, or nobody."""
        again = self.calls & calls if now - self._last < REMEMBERED else set()
        self._last = now
        self.calls = again or calls
        if len(again) != 1:
            return set()
        self.calls = set()
        return again
