"""What the kernel dropped because a socket's buffer was full: a flood at that port, or a worker that does not keep up.

The kernel counts it for each socket. A share of the rows is asked each `LOOK_SECONDS`, and a socket before it is closed.
"""

import socket
from typing import Final

from mediaserver.worker.state import State
from rtp.sockets import overflowed

LOOK_SECONDS: Final = 0.05
LOOK_PARTS: Final = 128
"""So many looks until every row was asked: 6.4 s."""


class Overflows:
    """Counts them for the sockets of one kind, one a row."""

    def __init__(self, state: State, ends: list[socket.socket | None]) -> None:
        self._counted = state.count.dropped_overflow
        self._ends = ends
        self._seen = [0] * len(ends)
        """By row, what its present socket had dropped when it was asked last."""
        self._look_at = 0.0
        self._part = 0

    def step(self, now: float) -> None:
        """Ask some, where it is time."""
        if now < self._look_at:
            return
        self._look_at, self._part = now + LOOK_SECONDS, (self._part + 1) % LOOK_PARTS
        for row in range(self._part, len(self._ends), LOOK_PARTS):
            if self._ends[row] is not None:
                self.note(row)

    def note(self, row: int) -> None:
        """Ask a row's socket now."""
        end = self._ends[row]
        if end is not None:
            dropped = overflowed(end)
            self._counted[row] += (dropped - self._seen[row]) & 0xFFFF_FFFF
            self._seen[row] = dropped

    def begin(self, row: int) -> None:
        """A row has another socket: what was dropped before does not count."""
        end = self._ends[row]
        self._seen[row] = 0 if end is None else overflowed(end)
