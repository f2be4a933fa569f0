"""Which packets came, by their indexes, as arrays over all rows: what libsrtp knows too, but kept where an heir finds it.

An index is the rollover counter and the sequence number (RFC 3711 §3.3.1). Of each row the last `SLOTS` SSRCs are remembered, the
one in use first. Rules:
- a packet's index is the one nearest to the highest;
- what came already, or is `WINDOW` or more behind the highest, is a repetition (§3.3.2);
- an index is noted only once its packet has proved genuine.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from rtp.arrays import Bools, Int64, UInt64, every

SLOTS: Final = 4
"""SSRCs of a row that are remembered."""
WINDOW: Final = 64
"""Packets behind the highest that are told from repeated ones."""
NOBODY: Final = -1
"""SSRC of a free slot."""
ALL: Final = np.uint64(0xFFFF_FFFF_FFFF_FFFF)
"""A window in which everything came."""


@dataclass(slots=True)
class Indexes:
    """What came under the present key; every array has the axes (row, slot)."""

    ssrc: Int64
    following: Int64
    """Highest index + 1; 0 where no RTP packet came."""
    window: UInt64
    """Bit n: the index ``following - 1 - n`` came."""
    report_following: Int64
    """The same of RTCP packets, whose index each of them says (§3.4)."""
    report_window: UInt64

    def wipe(self, row: int) -> None:
        """Forget all of a row."""
        self.ssrc[row] = NOBODY
        for array in (self.following, self.window, self.report_following, self.report_window):
            array[row] = 0

    def slot(self, row: int, ssrc: int) -> int:
        """Where an SSRC is remembered; -1 where it is not."""
        for slot, known in enumerate(self.ssrc[row].tolist()):
            if known == ssrc:
                return slot
        return -1

    def bring_to_front(self, row: int, ssrc: int) -> int | None:
        """Make an SSRC the one in use; the one that was forgotten for it, where one had to be."""
        slot = self.slot(row, ssrc)
        forgotten = None
        if slot == 0:
            return None
        if slot < 0:
            slot = SLOTS - 1
            forgotten = int(self.ssrc[row, slot])
            self.ssrc[row, slot] = ssrc
            for array in (self.following, self.window, self.report_following, self.report_window):
                array[row, slot] = 0
        order = [slot, *(other for other in range(SLOTS) if other != slot)]
        for moved in (self.ssrc, self.following, self.window, self.report_following, self.report_window):
            moved[row] = moved[row, order]
        return None if forgotten == NOBODY else forgotten

    def begin_anew(self, row: int) -> None:
        """Another key: of what is known no index may come again, and reports count from the beginning."""
        self.window[row] = ALL
        self.report_following[row] = 0
        self.report_window[row] = 0


def nearest(following: Int64, sequence: Int64) -> Int64:
    """The indexes (n) that packets of these sequence numbers have, next to the highest so far; negative where there is none."""
    highest = following - 1
    return np.asarray(highest + ((sequence - highest + 0x8000) & 0xFFFF) - 0x8000, dtype=np.int64)


def nearest_one(following: int, sequence: int) -> int:
    """As `nearest`, of one packet."""
    highest = following - 1
    return highest + ((sequence - highest + 0x8000) & 0xFFFF) - 0x8000


def one_came_already(following: int, window: int, index: int) -> bool:
    """As `came_already`, of one packet."""
    behind = following - 1 - index
    return behind >= WINDOW or (behind >= 0 and bool(window >> behind & 1))


def one_noted(following: int, window: int, index: int) -> tuple[int, int]:
    """As `noted`, of one packet."""
    ahead = index - (following - 1)
    if ahead <= 0:
        return following, window | 1 << -ahead
    return index + 1, (window << ahead & int(ALL)) | 1 if ahead < WINDOW else 1


def came_already(following: Int64, window: UInt64, index: Int64) -> Bools:
    """Which indexes (n) are repeated, or too old to tell."""
    behind = following - 1 - index
    bit = (window >> np.clip(behind, 0, WINDOW - 1).astype(np.uint64)) & np.uint64(1)
    return np.asarray((behind >= WINDOW) | ((behind >= 0) & (bit != 0)), dtype=np.bool_)


def noted(following: Int64, window: UInt64, index: Int64) -> tuple[Int64, UInt64]:
    """``following`` and ``window`` (n) once packets of these indexes (n), which had not come already, have proved genuine."""
    ahead = index - (following - 1)
    if every(ahead == 1):
        return following + 1, (window << np.uint64(1)) | np.uint64(1)
    shift = np.clip(ahead, 0, WINDOW - 1).astype(np.uint64)
    behind = np.clip(-ahead, 0, WINDOW - 1).astype(np.uint64)
    forward = np.where(ahead >= WINDOW, np.uint64(0), window << shift) | np.uint64(1)
    backward = window | (np.uint64(1) << behind)
    return np.maximum(following, index + 1), np.where(ahead > 0, forward, backward)
