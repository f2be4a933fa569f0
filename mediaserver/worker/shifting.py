"""Readers who are nearer to, or further behind, a source than its packets' lateness asks for, brought to their place unheard.

`Pacing` says how far each pair of listener and source should move (``mix.move``, in samples). Where it is quiet the whole way is gone
at once; where it is not, and there was no pause to wait for, a pitch period at a time, as long as the sound is alike there. Few are
tried in a turn.
"""

from typing import Final

import numpy as np

from mediaserver.worker.pacing import PATIENCE
from mediaserver.worker.state import State
from mixer.arrays import Int16
from mixer.concealment import cross
from mixer.stretching import LONGEST, SHORTEST, best_move
from rtp.arrays import Bools, Int64
from rtp.playout import RING, Playout

QUIET: Final = 60
"""Peak of sound, in the 14-bit domain, that may be left out or said twice unheard."""
HUSHED_DBOV: Final = -40.0
"""Level of a source, as it was measured last, at which its sound may be quiet."""
ALIKE: Final = 0.8
"""How alike the sound must be to itself a period further on …"""
STEADY: Final = 0.995
"""… and for who may wait for a pause: a tone has none, and in speech every seam is heard."""
MAX_MOVES: Final = 16
"""Readers who are moved in one turn …"""
MAX_SEARCHES: Final = 4
"""… and for how many of them a pitch period is looked for."""
MAX_AHEAD: Final = 20
"""Blocks beyond which a way is gone even where it is heard."""


class Shifting:
    """Moves the readers of sources of one rate."""

    def __init__(self, state: State, playout: Playout) -> None:
        """playout: the buffers of the sources of this rate."""
        self._state = state
        self._playout = playout
        self._block = playout.samples.shape[1]
        mix = state.mix
        self._read, self._offset = mix.read.reshape(-1), mix.offset.reshape(-1)
        self._move, self._margin = mix.move.reshape(-1), mix.margin.reshape(-1)
        self._asked = mix.asked.reshape(-1)
        self._forward = np.arange(int(SHORTEST * self._block), int(LONGEST * self._block) + 1)
        self._back = -self._forward[::-1]
        self._columns = np.arange(state.seats)

    def are_hopeful(self, listener: Int64) -> Bools:
        """Which of these listeners (n) should move by a way that may be gone now: amid sound it is a pitch period at least."""
        state, mix = self._state, self._state.mix
        wanted = mix.move[listener]
        quiet = state.meter.level[mix.source[listener]] < HUSHED_DBOV
        hopeful = self._may_be_heard(wanted, mix.asked[listener]) | ((wanted != 0) & quiet)
        return np.asarray((hopeful & (self._columns < mix.count[listener][:, None])).any(axis=1))

    def shift(self, pairs: Int64, source: Int64, frames: Int16) -> None:
        """Rewrite some of the frames (n, blocks, samples) of readers who should move, so that they lead further on, or back.

        A frame ends where its reader's pointer stands; pairs (n) and source (n) say whose it is. None of them is in a gap.
        """
        wanted = self._move[pairs]
        peak = np.abs(frames).max(axis=(1, 2))
        hopeful = self._may_be_heard(wanted, self._asked[pairs])
        unheard = (peak <= QUIET) | (wanted > MAX_AHEAD * self._block)
        for index in [*np.flatnonzero(unheard)[:MAX_MOVES].tolist(), *np.flatnonzero(hopeful & ~unheard)[:MAX_SEARCHES].tolist()]:
            self._shift_one(int(pairs[index]), int(source[index]), frames[index], int(wanted[index]))

    def _may_be_heard(self, wanted: Int64, asked: Int64) -> Bools:
        """Who (…) may be moved amid sound: forward by a pitch period at least, and after he has waited for a pause."""
        return np.asarray((wanted < 0) | ((wanted >= self._forward[0]) & (asked >= PATIENCE)))

    def _shift_one(self, pair: int, source: int, frame: Int16, wanted: int) -> None:
        count = frame.size
        at = int(self._read[pair]) * self._block + int(self._offset[pair]) - count
        back = min(wanted, int(self._back[0])) if wanted < 0 else 0
        sound, start = self._around(source, at + back, at + max(wanted, 0) + count)
        here = at - start
        moved = (
            self._unheard(sound, here, wanted, count, STEADY if self._asked[pair] < PATIENCE else ALIKE)
            if len(sound) >= here + count
            else 0
        )
        if moved:
            overlap = min(self._block, count)
            frame[:] = cross(sound[here : here + count], sound[here + moved : here + moved + count], overlap).reshape(frame.shape)
            self._go(pair, source, moved, wanted)

    def _unheard(self, sound: Int16, here: int, wanted: int, count: int, least: float) -> int:
        """How far to go now from sample ``here`` of the sound; 0 where it would be heard: where a seam is less alike than ``least``."""
        low, high = here + min(wanted, 0), here + max(wanted, 0) + count
        is_whole = low >= 0 and high <= len(sound)
        if is_whole and (wanted > MAX_AHEAD * self._block or int(np.abs(sound[low:high]).max()) <= QUIET):
            return wanted
        furthest = min(wanted, len(sound) - here - count)
        moves = self._forward[self._forward <= furthest] if wanted > 0 else self._back[self._back >= -here]
        if not len(moves):
            return 0
        moved, alike = best_move(sound, here, moves, self._block)
        return moved if alike >= least else 0

    def _around(self, source: int, start: int, end: int) -> tuple[Int16, int]:
        """The sound of a source from sample ``start`` of its time line on up to ``end`` or a gap, in whole blocks; its first sample."""
        first = start // self._block
        wanted, slots = self._playout.slots(np.array(source), np.array(first), min(-(-end // self._block) - first, RING))
        there = self._playout.held[slots] == wanted
        gaps = np.flatnonzero(~there)
        if not len(gaps):
            return self._playout.samples[slots].reshape(-1), first * self._block
        return self._playout.samples[slots[: gaps[0]]].reshape(-1), first * self._block

    def _go(self, pair: int, source: int, moved: int, wanted: int) -> None:
        place = int(self._read[pair]) * self._block + int(self._offset[pair]) + moved
        self._read[pair], self._offset[pair] = divmod(place, self._block)
        left = wanted - moved
        self._move[pair] = left if left * wanted > 0 else 0
        self._margin[pair] = np.inf
        if moved > 0:
            self._state.count.skipped_samples[source] += moved
        else:
            self._state.count.repeated_samples[source] += -moved
