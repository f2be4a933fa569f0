"""Digits that a supervisor presses on a phone without telephone-event: found as tones in what he says, told once, and heard by nobody.

His tones are taken out of his voice from the moment in which a digit is certain, some 40 ms after it began, until it ends; what
of its beginning was not heard yet goes with it. Parties' tones stay as they are: they belong to their conversation.
"""

from typing import Final

import numpy as np

from mediaserver.link.messages import DigitReceived, Notice
from mediaserver.worker.roster import Roster
from mediaserver.worker.state import State
from mixer.arrays import Int16
from mixer.dtmf import DIGITS, HOP_MS, NO_DIGIT, Finder, Presses
from rtp.arrays import Int64
from rtp.playout import Playout

TAKEN_BACK: Final = 4
"""Blocks before the certainty that were the digit already."""


class _AtOneRate:
    """The windows of legs that speak at one rate."""

    def __init__(self, playout: Playout, sample_rate: int, rows: int) -> None:
        self.playout = playout
        self._finder = Finder(sample_rate)
        self._past: Int16 = np.zeros((rows, playout.samples.shape[1]), dtype=np.int16)
        """(row, samples) the block before the one that is looked at."""

    def find(self, rows: Int64, block: Int64) -> Int64:
        """The digit (n) in the windows of rows (n) that end with ``block`` (n)."""
        blocks = self.playout.history(rows, block + 1, 1)
        found = self._finder.find(np.concatenate([self._past[rows], blocks], axis=1))
        self._past[rows] = blocks
        return found

    def silence(self, rows: Int64, first: Int64, blocks: int) -> None:
        """Nobody hears ``blocks`` blocks from ``first`` (n) on of rows (n)."""
        wanted, slots = self.playout.slots(rows, first, blocks)
        there = (self.playout.held[slots] == wanted) | (self.playout.made[slots] == wanted)
        self.playout.samples[slots[there]] = 0

    def forget(self, row: int) -> None:
        self._past[row] = 0


class HeardDigits:
    """Listens to the legs that are marked for it."""

    def __init__(self, state: State, roster: Roster, notices: list[Notice]) -> None:
        self._state = state
        self._roster = roster
        self._notices = notices
        self._presses = Presses(state.rows)
        self._rates = (_AtOneRate(state.playout, 8000, state.rows), _AtOneRate(state.wide, 16_000, state.rows))

    def look(self, rows: Int64, position: Int64, blocks: Int64) -> None:
        """Audio packets of rows (n) were stored at ``position`` (n), ``blocks`` (n) long."""
        marked = self._state.leg.digits_in_band[rows] != 0
        if not marked.any():
            return
        wide = self._state.leg.wide[rows] != 0
        for is_wide, rate in enumerate(self._rates):
            part = marked & (wide == is_wide)
            if part.any():
                self._look_at(rate, rows[part], position[part], blocks[part])

    def forget(self, row: int) -> None:
        """A leg ended."""
        self._presses.forget(row)
        for rate in self._rates:
            rate.forget(row)

    def _look_at(self, rate: _AtOneRate, rows: Int64, position: Int64, blocks: Int64) -> None:
        for offset in range(int(blocks.max())):
            has = blocks > offset
            self._look_at_blocks(rate, rows[has], position[has] + offset)

    def _look_at_blocks(self, rate: _AtOneRate, rows: Int64, block: Int64) -> None:
        before = self._presses.pressed[rows]
        begins, ends = self._presses.note(rows, rate.find(rows, block))
        if begins.any():
            rate.silence(rows[begins], block[begins] - TAKEN_BACK, TAKEN_BACK)
        pressed = self._presses.pressed[rows] != NO_DIGIT
        if pressed.any():
            rate.silence(rows[pressed], block[pressed], 1)
        if ends.any():
            self._tell(rows[ends], before[ends])

    def _tell(self, rows: Int64, digits: Int64) -> None:
        for row, digit in zip(rows.tolist(), digits.tolist(), strict=True):
            leg = self._roster.by_row[row]
            if leg is not None:
                self._notices.append(DigitReceived(leg.id, DIGITS[digit], int(self._presses.lasted[row]) * HOP_MS))
