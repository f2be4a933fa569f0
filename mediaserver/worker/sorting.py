"""Datagrams of legs that share their port with STUN and DTLS, sorted by first byte (RFC 7983 §7): media stays, the others are handed up.

The other rows pay one test a turn. Who runs ICE and DTLS sits in another process, so each row may have so much handed up: what comes
from its source has a budget of its own, which strangers at the door cannot use up.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from mediaserver.link.messages import DatagramReceived
from mediaserver.worker.roster import Roster
from mediaserver.worker.state import State
from rtp.arrays import Bytes, Int64
from rtp.latch import Address

HIGHEST_STUN: Final = 3
DTLS: Final = range(20, 64)
A_SECOND: Final = 60.0
"""Datagrams of a row that are handed up in the long run, of its source and of strangers each."""
AT_ONCE: Final = 40.0
A_TURN: Final = 64
"""Of all rows together."""

_IS_ASIDE: Final = np.array([byte <= HIGHEST_STUN or byte in DTLS for byte in range(256)])


@dataclass(slots=True)
class _Budget:
    """What a row may still have handed up: a bucket that fills by time."""

    left: float = AT_ONCE
    at: float = 0.0

    def takes(self, now: float) -> bool:
        """Whether one more goes."""
        self.left = min(AT_ONCE, self.left + (now - self.at) * A_SECOND)
        self.at = now
        if self.left < 1.0:
            return False
        self.left -= 1.0
        return True


class Sorting:
    """Which rows have their datagrams sorted, and what was sorted out in this turn."""

    def __init__(self, state: State, roster: Roster, inbox: Bytes) -> None:
        self._state = state
        self._roster = roster
        self._inbox = inbox
        self._budgets: dict[int, tuple[_Budget, _Budget]] = {}
        """By row: of its source, and of strangers."""
        self._handed: list[DatagramReceived] = []
        for row in np.flatnonzero(state.leg.sorts).tolist():
            self.note(row)

    @property
    def is_idle(self) -> bool:
        """Whether no row is sorted."""
        return not self._budgets

    def note(self, row: int) -> None:
        """A row is sorted from now on, or no more, as its leg says."""
        if not self._state.leg.sorts[row]:
            self.forget(row)
        elif row not in self._budgets:
            self._budgets[row] = (_Budget(), _Budget())

    def forget(self, row: int) -> None:
        """The row is nobody's now."""
        self._budgets.pop(row, None)

    def taken(self) -> list[DatagramReceived]:
        """What is to be told, once."""
        handed, self._handed = self._handed, []
        return handed

    def sift(self, lengths: Int64, rows: Int64, now: float) -> tuple[Int64, Int64]:
        """Of the first n lines of the inbox (lengths (n), rows (n)) those that are media, or of rows that are not sorted; in place."""
        aside = _IS_ASIDE[self._inbox[: len(rows), 0]] & (self._state.leg.sorts[rows] != 0) & (lengths > 0)
        if not aside.any():
            return lengths, rows
        for line in np.flatnonzero(aside).tolist():
            row = int(rows[line])
            leg = self._roster.by_row[row]
            if leg is not None and leg.latch.source is not None:
                self._hand_up(row, line, int(lengths[line]), leg.latch.source, now, is_stranger=False)
        kept = np.flatnonzero(~aside)
        self._inbox[: len(kept)] = self._inbox[kept]
        return lengths[kept], rows[kept]

    def takes(self, row: int, line: int, length: int, address: Address, now: float) -> bool:
        """Whether a datagram at a row's lent socket was none of media, and is done with."""
        if row not in self._budgets or not length or not _IS_ASIDE[self._inbox[line, 0]]:
            return False
        self._hand_up(row, line, length, address, now, is_stranger=True)
        return True

    def _hand_up(self, row: int, line: int, length: int, address: Address, now: float, *, is_stranger: bool) -> None:
        leg, count = self._roster.by_row[row], self._state.count
        is_whole = length < self._inbox.shape[1]
        if leg is None or not is_whole or len(self._handed) >= A_TURN or not self._budgets[row][is_stranger].takes(now):
            count.dropped_unhanded[row] += 1
            return
        count.handed_up[row] += 1
        self._handed.append(DatagramReceived(leg.id, address[0], address[1], self._inbox[line, :length].tobytes()))
