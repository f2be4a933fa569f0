"""Taps: what the legs of a call say, leg by leg, for recording and speech, into rings that other processes read.

Rules:
- a tap listens as a role would, by the one audibility table: as an outside party it gets the conversation alone (and who barges), as
  a supervisor whispers too; who is muted, not admitted, on hold or on his way out is not in it;
- all is told `DELAY` blocks after it came, so that what was late by less than that has its place. What was said before its leg was to
  be heard is never told, however long it lay in a buffer;
- a leg's time line is laid on the clock by when its packets come, those of them that came quickest; where that
  drifts by `DRIFT` blocks or more, it is laid anew, at most once a second, and at once where it leaps;
- what never came is marked: it is silent, or what was made up for a listener. A tap that nobody reads costs its own frames,
  and nothing waits for it.

While no tap is open, a turn costs one question.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from mediaserver.worker.decoding import Decoding
from mediaserver.worker.rings import RingWriter
from mediaserver.worker.roster import ROLES
from mediaserver.worker.state import State
from mixer.arrays import Int16
from mixer.formats import NARROWBAND, WIDEBAND
from mixer.modes import Mode, Role, is_audible
from mixer.resampling import HISTORY, Resampling
from rtp.arrays import Bools, Int64
from rtp.playout import Playout

FRAME: Final = 2
"""Blocks of a frame: 20 ms."""
DELAY: Final = 30
"""Blocks between what is said and when it is told."""
DRIFT: Final = 2
LEAP: Final = 25
"""Blocks by which a time line leaps at once."""
REVIEW: Final = 100
"""Blocks between two looks at a drift."""
MOST_TAPS: Final = 4
"""Of one call, on average; more are refused."""
_MOST_FRAMES: Final = 3
"""Caught up with in one turn."""
_SCALE: Final = 4
"""From the 14-bit domain to that of int16."""
_BLOCKS_A_SECOND: Final = 100
_MODES: Final = (None, *Mode)


def _table() -> Bools:
    """(speaker's role, mode + 1, target's role, listener's role) whether he is heard: `is_audible`, asked once of everything."""
    table = np.zeros((len(ROLES), len(_MODES), len(ROLES), len(ROLES)), dtype=np.bool_)
    for speaker, mode, target, listener in np.ndindex(*table.shape):
        table[speaker, mode, target, listener] = is_audible(ROLES[speaker], _MODES[mode], ROLES[target], ROLES[listener])
    return table


_AUDIBLE: Final = _table()


@dataclass(frozen=True, slots=True)
class Tap:
    """An open tap."""

    id: int
    call: int
    """Index."""
    call_id: int
    role: int
    """As whom it listens; number in `ROLES`."""
    leg: int
    """The only leg that it wants; -1 for every one."""
    ring: RingWriter


class Taps:
    """The open taps of a worker. Holds what is private to it: where each leg's time line lies on the clock."""

    def __init__(self, state: State, decoding: Decoding) -> None:
        self._state = state
        self._decoding = decoding
        self._taps: dict[int, Tap] = {}
        self._position = 0
        """Block that is told next."""
        self._offset = np.zeros(state.rows, dtype=np.int64)
        """What a leg's blocks lie behind the clock's."""
        self._lowest = np.zeros(state.rows, dtype=np.int64)
        """The least that they lay behind since the last review."""
        self._serial = np.zeros(state.rows, dtype=np.int64)
        """The stream that this was about."""
        self._audible = np.zeros((len(ROLES), state.rows), dtype=np.bool_)
        self._since = np.zeros((len(ROLES), state.rows), dtype=np.int64)
        """Block from which on a leg is to be heard by a tap in that role."""
        self._resampling: Resampling | None = None
        self._past = np.zeros((state.rows, HISTORY), dtype=np.int16)
        self._gather()

    def open(self, tap: int, call: int, call_id: int, role: Role, leg: int, ring: RingWriter, now: float) -> None:
        """Begin with what is said from now on; ``call``: its index. `ValueError` where the tap is open already, or there are too many."""
        if tap in self._taps:
            raise ValueError(f"tap {tap} is open already")
        if len(self._taps) >= MOST_TAPS * self._state.calls:
            raise ValueError(f"{len(self._taps)} taps are open, and no more can be")
        shared = next((other.ring for other in self._taps.values() if other.ring.inode == ring.inode), ring)
        if not self._taps:
            self._position = self._newest(now)
        self._taps[tap] = Tap(tap, call, call_id, ROLES.index(role), leg, shared)
        self._gather()

    def forget(self, row: int) -> None:
        """The leg of this row ended."""
        if self._taps:
            self._past[row] = 0
            self._audible[:, row] = False
            self._serial[row] = 0

    def close(self, tap: int) -> int:
        """End a tap; the index of its call, -1 where there was no such tap."""
        ended = self._taps.pop(tap, None)
        self._gather()
        return -1 if ended is None else ended.call

    def step(self, now: float) -> None:
        """Tell what is due."""
        if not self._taps:
            return
        newest = self._newest(now)
        if self._position >= newest:
            return
        self._leave_ended_calls()
        if not self._taps:
            return
        tap, row = self._heard(int(now * _BLOCKS_A_SECOND))
        if len(row):
            self._lay(row)
        self._position = max(self._position, newest - _MOST_FRAMES * FRAME)
        while self._position < newest:
            self._tell(tap, row)
            self._position += FRAME

    def _newest(self, now: float) -> int:
        """The block behind the newest one that may be told."""
        return (int(now * _BLOCKS_A_SECOND) - DELAY) // FRAME * FRAME

    def _gather(self) -> None:
        """The taps as arrays (t); calls whose legs are to be decoded are marked."""
        taps = list(self._taps.values())
        self._call = np.array([tap.call for tap in taps], dtype=np.int64)
        self._call_id = np.array([tap.call_id for tap in taps], dtype=np.int64)
        self._role = np.array([tap.role for tap in taps], dtype=np.int64)
        self._leg = np.array([tap.leg for tap in taps], dtype=np.int64)
        self._number = np.array([tap.id for tap in taps], dtype=np.int64)
        self._rings = list({id(tap.ring): tap.ring for tap in taps}.values())
        self._ring = np.array([self._rings.index(tap.ring) for tap in taps], dtype=np.int64)
        self._state.call_tapped[:] = False
        self._state.call_tapped[self._call] = True

    def _leave_ended_calls(self) -> None:
        ended = self._state.call_id[self._call] != self._call_id
        if ended.any():
            for tap in self._number[ended].tolist():
                del self._taps[tap]
            self._gather()

    def _heard(self, block: int) -> tuple[Int64, Int64]:
        """Taps (by place) and rows (n) of whom each hears now; who is newly heard is from this block on."""
        leg = self._state.leg
        listed = self._state.call_rows[self._call]
        row = np.maximum(listed, 0)
        open_now = (leg.admitted[row] != 0) & (leg.muted[row] == 0) & (leg.remote_sends[row] != 0) & (leg.closes_at[row] == 0.0)
        audible = (listed >= 0) & open_now & _AUDIBLE[leg.role[row], leg.mode[row], leg.target[row], self._role[:, None]]
        place, seat = np.nonzero(audible)
        rows = row[place, seat]
        now = np.zeros_like(self._audible)
        now[self._role[place], rows] = True
        self._since[now & ~self._audible] = block
        self._audible = now
        wanted = (self._leg[place] < 0) | (leg.id[rows] == self._leg[place])
        return place[wanted], rows[wanted]

    def _lay(self, row: Int64) -> None:
        """Lay the time lines of these rows (n) on the clock."""
        stream = self._state.stream
        rows = np.unique(row[stream.serial[row] > 0])
        behind = (stream.arrival[rows] * _BLOCKS_A_SECOND).astype(np.int64) - stream.position[rows] - np.maximum(stream.blocks[rows], 1)
        leaps = (self._serial[rows] != stream.serial[rows]) | (np.abs(behind - self._offset[rows]) > LEAP)
        self._offset[rows] = np.where(leaps, behind, self._offset[rows])
        self._lowest[rows] = np.where(leaps, behind, np.minimum(self._lowest[rows], behind))
        self._serial[rows] = stream.serial[rows]
        if self._position % REVIEW == 0:
            drifted = rows[np.abs(self._lowest[rows] - self._offset[rows]) >= DRIFT]
            self._offset[drifted] = self._lowest[drifted]
            self._lowest[rows] = behind

    def _tell(self, tap: Int64, row: Int64) -> None:
        fits = self._position >= self._since[self._role[tap], row]
        tap, row = tap[fits], row[fits]
        is_wide = self._state.leg.wide[np.maximum(self._state.call_rows[self._call], 0)] != 0
        is_wide &= self._state.call_rows[self._call] >= 0
        wide_call = is_wide.any(axis=1)[tap]
        for wide in (False, True):
            part = wide_call == wide
            if part.any():
                self._tell_alike(tap[part], row[part], wide=wide)

    def _tell_alike(self, tap: Int64, row: Int64, *, wide: bool) -> None:
        """One frame of each of these rows (n) to these taps (n), all of calls that are mixed at one rate."""
        rows, place = np.unique(row, return_inverse=True)
        missing, frames = self._frames(rows, wide=wide)
        for number, ring in enumerate(self._rings):
            there = self._ring[tap] == number
            if there.any():
                which, taps = place[there], self._number[tap[there]]
                rate = WIDEBAND if wide else NARROWBAND
                ring.write(self._position, taps, self._state.leg.id[row[there]], missing[which], frames[which], rate)

    def _frames(self, rows: Int64, *, wide: bool) -> tuple[Int64, Int16]:
        """Bits of what is missing (n), and the frames (n, samples) of rows (n) at the rate of their calls, in the domain of int16."""
        state = self._state
        if not wide:
            missing, frames = self._read(state.playout, rows)
            return missing, frames * np.int16(_SCALE)
        is_wide = state.leg.wide[rows] != 0
        missing = np.zeros(len(rows), dtype=np.int64)
        frames = np.empty((len(rows), FRAME * state.wide.samples.shape[1]), dtype=np.int16)
        missing[is_wide], frames[is_wide] = self._read(state.wide, rows[is_wide])
        narrow = rows[~is_wide]
        if len(narrow):
            missing[~is_wide], read = self._read(state.playout, narrow)
            frames[~is_wide] = self._resampled(narrow, read)
        return missing, frames * np.int16(_SCALE)

    def _read(self, playout: Playout, rows: Int64) -> tuple[Int64, Int16]:
        position = self._position - self._offset[rows]
        wanted, slots = playout.slots(rows, position, FRAME)
        there = playout.held[slots] == wanted
        if self._decoding.waiting and not there.all():
            self._decoding.give_up(rows[~there.all(axis=1)])
            there = playout.held[slots] == wanted
        frames = playout.samples[slots] * (there | (playout.made[slots] == wanted))[..., None]
        missing = (~there * np.array([1, 2])).sum(axis=1)
        return missing, frames.reshape(len(rows), FRAME * playout.samples.shape[1])

    def _resampled(self, rows: Int64, frames: Int16) -> Int16:
        if self._resampling is None:
            self._resampling = Resampling(self._state.rows)
        out = np.empty((len(rows), 2 * frames.shape[1]), dtype=np.int16)
        past = self._past[rows]
        self._resampling.up(out, frames, past)
        self._past[rows] = past
        return out
