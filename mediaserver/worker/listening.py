"""Reading what listeners are due: from playout buffers through gains, concealment and the server's sounds to one frame each.

Two ways to the same result. The quick one is for listeners all of whose sources are at unity and have their frames in place:
a gather and a sum. The careful one does everything: ramps, volumes, sounds, missing frames, dropping a block in silence.
"""

from typing import Final

import numpy as np

from mediaserver.worker.sounds import Sounds
from mediaserver.worker.state import State
from mixer.arrays import Int16
from mixer.concealment import FADED, HISTORY, Concealment, cross, join_silence
from mixer.mixing import ramp, saturate, sum_plain, sum_ramped
from rtp.arrays import Bools, Int64
from rtp.playout import BLOCK_SECONDS, MAX_MARGIN, RING, UNREAD, goal_seconds, margins, starting_block
from rtp.stream import BLOCK

FADED_BLOCKS: Final = FADED // BLOCK
HISTORY_BLOCKS: Final = HISTORY // BLOCK
REVIEW_TURNS: Final = 16
"""Margins are looked at each so many turns …"""
REVIEW_PARTS: Final = 32
"""… those of one in so many rows: all of them about once a second."""
QUIET: Final = 60
"""Peak of a block, in the 14-bit domain, that may be dropped unheard."""
QUIET_DBOV: Final = -42.0
"""Level of a source below which it is worth looking for such a block."""
_MEASURED_TURNS: Final = 3
"""Margins are taken each so many turns; not a divisor of the turns in a packet time, so that every listener is met."""
_RAMPS: Final = tuple(ramp(blocks * BLOCK) for blocks in range(RING))


class Listening:
    """Makes the frames that listeners hear. Holds what is private to this worker: the concealments under way."""

    def __init__(self, state: State, sounds: Sounds) -> None:
        self._state = state
        self._sounds = sounds
        self._columns = np.arange(state.seats)
        self._source = state.mix.source.reshape(-1)
        self._read_pointer = state.mix.read.reshape(-1)
        self._margin = state.mix.margin.reshape(-1)
        self._concealments: dict[tuple[int, int], Concealment] = {}
        self.settled: Final[list[int]] = []
        """Rows whose gains, or whose sound, came to their goal or end in this turn: their calls need a new plan."""

    def forget(self, row: int) -> None:
        """Forget what was under way toward or from a leg that ended."""
        for pair in [pair for pair in self._concealments if row in pair]:
            del self._concealments[pair]

    def frames(self, listener: Int64, blocks: int, now: float) -> Int16:
        """One frame (n, blocks · BLOCK) int16 for each listener (n), its sources' read pointers brought forward."""
        mix = self._state.mix
        count = mix.count[listener]
        smooth = mix.smooth[listener] != 0
        if smooth.all() and count[0] and (count == count[0]).all():
            return self._quickly(listener, int(count[0]), blocks, now)
        mixed = np.empty((len(listener), blocks * BLOCK), dtype=np.int16)
        for sources in range(int(count.min()), int(count.max()) + 1):
            alike = count == sources
            for part, frames in ((alike & smooth, self._quickly), (alike & ~smooth, self._carefully)):
                if part.any():
                    mixed[part] = frames(listener[part], sources, blocks, now)
        return mixed

    def review(self, turn: int) -> None:
        """Now and then, look at the margins of some rows: who always has more than he needs may drop a block in silence."""
        if turn % REVIEW_TURNS:
            return
        state, mix = self._state, self._state.mix
        rows = np.arange(turn // REVIEW_TURNS % REVIEW_PARTS, state.rows, REVIEW_PARTS)
        rows = rows[mix.count[rows] > 0]
        if not len(rows):
            return
        jitter = state.stream.jitter[mix.source[rows]] + np.where(mix.main[rows] >= 0, state.stream.jitter[mix.main[rows]], 0.0)[:, None]
        listed = np.arange(state.seats) < mix.count[rows][:, None]
        margin = mix.margin[rows]
        quiet = (state.meter.level[mix.source[rows]] < QUIET_DBOV) | (margin > MAX_MARGIN)
        mix.excess[rows] = listed & np.isfinite(margin) & quiet & (margin - BLOCK_SECONDS >= goal_seconds(jitter))
        mix.margin[rows] = np.inf
        self._smooth_where_possible(rows)

    def _quickly(self, listener: Int64, sources: int, blocks: int, now: float) -> Int16:
        """Frames (n, blocks · BLOCK) of listeners with so many sources, all at unity; who misses one goes the careful way."""
        if not sources:
            return np.zeros((len(listener), blocks * BLOCK), dtype=np.int16)
        playout = self._state.playout
        pairs = (listener * self._state.seats)[:, None] + self._columns[:sources]
        source, read = self._source.take(pairs), self._read_pointer.take(pairs)
        wanted, slots = playout.slots(source, read, blocks)
        there = playout.held.take(slots) == wanted
        if not there.all():
            return self._mostly_quickly(listener, there.all(axis=(1, 2)), sources, blocks, now)
        self._read_pointer[pairs] = read + blocks
        if not int(self._state.turn[0]) % _MEASURED_TURNS:
            self._measure(pairs, source, read, blocks, now)
        frames = playout.samples.take(slots, axis=0)
        return sum_plain(frames.reshape(len(listener), sources, blocks * BLOCK))

    def _mostly_quickly(self, listener: Int64, complete: Bools, sources: int, blocks: int, now: float) -> Int16:
        mixed = np.empty((len(listener), blocks * BLOCK), dtype=np.int16)
        if complete.any():
            mixed[complete] = self._quickly(listener[complete], sources, blocks, now)
        mixed[~complete] = self._carefully(listener[~complete], sources, blocks, now)
        return mixed

    def _carefully(self, listener: Int64, sources: int, blocks: int, now: float) -> Int16:
        state, mix = self._state, self._state.mix
        frames = self._read(listener, sources, blocks, now)
        gain, goal = mix.gain[listener, :sources], mix.goal[listener, :sources]
        mixed = sum_ramped(frames, gain, goal, _RAMPS[blocks])
        changed = (gain != goal).any(axis=1)
        mix.gain[listener, :sources] = goal
        played = mix.sound[listener] >= 0
        if played.any():
            hearing = listener[played]
            sound, ended = self._sounds.frames(mix, hearing, blocks * BLOCK)
            level, level_goal = mix.sound_gain[hearing][:, None], mix.sound_goal[hearing][:, None]
            mixed[played] += sum_ramped(sound[:, None, :], level, level_goal, _RAMPS[blocks])
            mix.sound_gain[hearing] = mix.sound_goal[hearing]
            over = np.union1d(ended, hearing[mix.sound_goal[hearing] == 0.0])
            mix.sound[over] = -1
            self.settled.extend(over.tolist())
        self.settled.extend(listener[changed].tolist())
        state.mix.plain[listener] = (mix.goal[listener, :sources] == 1.0).all(axis=1) & (mix.sound[listener] < 0)
        self._smooth_where_possible(listener)
        return saturate(mixed)

    def _read(self, listener: Int64, sources: int, blocks: int, now: float) -> Int16:
        """Frames (n, sources, blocks · BLOCK) of listed sources, whatever is missing made up."""
        state, mix = self._state, self._state.mix
        pairs = (listener * state.seats)[:, None] + self._columns[:sources]
        source, read = self._source.take(pairs), self._read_pointer.take(pairs)
        wanted, slots = state.playout.slots(source, read, blocks)
        there = state.playout.held.take(slots) == wanted
        frames = state.playout.samples.take(slots, axis=0)
        frames *= there[..., None]
        whole, gap, end = there.all(axis=2), mix.gap[listener, :sources], state.playout.end[source]
        self._measure(pairs, source, read, blocks, now)
        silent = ~whole & ((end == 0) | ((gap >= FADED_BLOCKS) & (end <= read)))
        frames[silent] = 0
        after = np.where(whole, read + blocks, read)
        troubled = ~silent & (~whole | (gap > 0) | mix.excess[listener, :sources].astype(np.bool_))
        for index, column in zip(*(axis.tolist() for axis in np.nonzero(troubled)), strict=True):
            row = int(listener[index])
            after[index, column] = self._mend(row, column, frames[index, column], there[index, column], blocks, now)
        mix.read[listener, :sources] = after
        return frames.reshape(len(listener), sources, blocks * BLOCK)

    def _mend(self, row: int, column: int, frame: Int16, there: Bools, blocks: int, now: float) -> int:
        """Put into ``frame`` (blocks, BLOCK) what one listener hears of one troubled source; where he reads next."""
        state, mix = self._state, self._state.mix
        source, read = int(mix.source[row, column]), int(mix.read[row, column])
        end = int(state.playout.end[source])
        if self._starts(row, column, read, end):
            goal = float(goal_seconds(state.stream.jitter[source : source + 1])[0])
            read = starting_block(end, blocks, now - float(state.stream.arrival[source]), goal)
            mix.gap[row, column] = FADED_BLOCKS
            self._concealments.pop((row, source), None)
            there = self._fetch(source, read, frame)
        elif there.all() and mix.excess[row, column]:
            return self._drop_if_quiet(row, column, source, read, frame, now)
        if there.all() or end >= read + blocks:
            self._fill_holes(row, column, source, read, frame, there)
            return read + blocks
        self._conceal(row, column, source, read, frame.reshape(-1))
        return read

    def _starts(self, row: int, column: int, read: int, end: int) -> bool:
        if read == UNREAD or end - read > RING - FADED_BLOCKS:
            return True
        return bool(self._state.mix.gap[row, column] >= FADED_BLOCKS) and end > read and self._never_held(row, column, read)

    def _never_held(self, row: int, column: int, read: int) -> bool:
        source = int(self._state.mix.source[row, column])
        return bool(self._state.playout.held[source * RING + (read & (RING - 1))] != read)

    def _fetch(self, source: int, read: int, frame: Int16) -> Bools:
        playout = self._state.playout
        wanted, slots = playout.slots(np.array(source), np.array(read), len(frame))
        there: Bools = playout.held[slots] == wanted
        frame[:] = playout.samples[slots] * there[:, None]
        return there

    def _fill_holes(
        self, row: int, column: int, source: int, read: int, frame: Int16, there: Bools
    ) -> None:
        mix = self._state.mix
        for block in range(len(frame)):
            if not there[block]:
                self._conceal(row, column, source, read + block, frame[block])
            elif mix.gap[row, column]:
                concealment = self._concealments.pop((row, source), None)
                frame[block] = join_silence(frame[block]) if concealment is None else concealment.join(frame[block])
                mix.gap[row, column] = 0

    def _conceal(self, row: int, column: int, source: int, before: int, into: Int16) -> None:
        """Fill ``into`` (samples) with what goes on from before block ``before``; silence once that has faded."""
        state, mix = self._state, self._state.mix
        gap = int(mix.gap[row, column])
        if gap == 0:
            self._concealments[row, source] = Concealment(state.playout.history(source, before, HISTORY_BLOCKS))
        concealment = self._concealments.get((row, source))
        into[:] = 0 if concealment is None else concealment.play(len(into))
        mix.gap[row, column] = gap + len(into) // BLOCK
        if gap < FADED_BLOCKS:
            state.count.concealed[source] += 1
        mix.smooth[row] = 0

    def _drop_if_quiet(self, row: int, column: int, source: int, read: int, frame: Int16, now: float) -> int:
        """Leave out one block where nobody hears it, or where the delay has grown too long to wait for silence. One try a review."""
        state, mix = self._state, self._state.mix
        mix.excess[row, column] = 0
        blocks = len(frame)
        margin = (int(state.playout.end[source]) - read - blocks) * BLOCK_SECONDS + now - float(state.stream.arrival[source])
        if np.abs(frame[0]).max() > QUIET and margin < MAX_MARGIN:
            return read + blocks
        later = frame.copy()
        if not self._fetch(source, read + 1, later).all():
            return read + blocks
        frame[:] = cross(frame.reshape(-1), later.reshape(-1)).reshape(frame.shape)
        mix.margin[row, column] = np.inf
        state.count.skipped[source] += 1
        return read + 1 + blocks

    def _measure(self, pairs: Int64, source: Int64, read: Int64, blocks: int, now: float) -> None:
        state = self._state
        margin = margins(state.playout.end[source], state.stream.arrival[source], read, blocks, now)
        self._margin[pairs] = np.minimum(self._margin.take(pairs), margin)

    def _smooth_where_possible(self, listener: Int64) -> None:
        mix = self._state.mix
        listed = np.arange(self._state.seats) < mix.count[listener][:, None]
        uneven = (((mix.gap[listener] > 0) | (mix.excess[listener] > 0)) & listed).any(axis=1)
        mix.smooth[listener] = mix.plain[listener].astype(np.bool_) & ~uneven
