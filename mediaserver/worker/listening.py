"""Reading what listeners are due: from playout buffers through gains, concealment and the server's sounds to one frame each.

Two ways to the same result. The quick one is for listeners all of whose frames are in place, and to whom the server plays nothing:
a gather and a sum. The careful one does everything: sounds, missing frames, and readers who begin or have to move.
"""

from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from mediaserver.worker.decoding import Decoding
from mediaserver.worker.gaps import Gaps, Reads
from mediaserver.worker.shifting import MAX_MOVES, Shifting
from mediaserver.worker.sounds import Sounds
from mediaserver.worker.state import Smooth, State
from mixer.arrays import Float32, Int16
from mixer.concealment import FADED_BLOCKS
from mixer.mixing import ramp, saturate, sum_for_ears, sum_plain, sum_ramped
from rtp.arrays import Bools, Int64, every, is_alike, some
from rtp.playout import RING, UNREAD, Playout, margins

STALE_SECONDS: Final = 0.1
"""Nobody starts to read a source whose newest frame is older: that was heard by those who were there."""
_TRIED: Final = 8
"""Margins are taken, and moves are tried, in one turn of so many, picked by a hash of its number."""
_HASH: Final = 0x9E37_79B1
_NOT, _WHOLLY, _MOSTLY = map(int, Smooth)
"""As plain numbers: enumerations are slow to ask."""


def read_anew(state: State, rows: Int64) -> None:
    """Have listeners (n) begin to read all that they hear near its newest frame, coming from silence."""
    mix = state.mix
    mix.read[rows], mix.offset[rows], mix.gap[rows], mix.waited[rows] = UNREAD, 0, FADED_BLOCKS, 0
    mix.margin[rows], mix.move[rows] = np.inf, 0
    mix.smooth[rows] = Smooth.NOT


class Listening:
    """Makes the frames that listeners hear, at one rate."""

    def __init__(self, state: State, playout: Playout, sounds: Sounds, decoding: Decoding) -> None:
        """playout: the buffers of the sources of this rate."""
        self._state = state
        self._playout = playout
        self._is_wide = playout is state.wide
        self._block = playout.samples.shape[1]
        self._ramps = tuple(ramp(blocks, self._block) for blocks in range(RING))
        self._sounds = sounds
        self._columns = np.arange(state.seats)
        self._source = state.mix.source.reshape(-1)
        self._read_pointer = state.mix.read.reshape(-1)
        self._margin = state.mix.margin.reshape(-1)
        self._offset = state.mix.offset.reshape(-1)
        self._move = state.mix.move.reshape(-1)
        self._gain = state.mix.gain.reshape(-1)
        self._goal = state.mix.goal.reshape(-1)
        self._ears = state.mix.ears.reshape(-1, 2)
        self._gap = state.mix.gap.reshape(-1)
        self._views: dict[int, Int16] = {}
        self._gaps = Gaps(state, playout, decoding)
        self._shifting = Shifting(state, playout)
        self.settled: Final[list[int]] = []
        """Rows whose gains, or whose sound, came to their goal or end in this turn: their calls need a new plan."""

    def frames(self, listener: Int64, first: Int64, count: Int64, blocks: int, now: float, ears: int = 1) -> Int16:
        """One frame (n, samples) int16 of each listener's (n) sources of this rate, their read pointers brought forward.

        first (n) is the number of the first of them (listener · seats + place in his list), count (n) how many they are.
        With two ears a frame is twice as long: what the left one hears, then the right one.
        """
        smooth = self._are_smooth(listener)
        if every(smooth) and count[0] and is_alike(count):
            return self._quickly(listener, first, int(count[0]), blocks, now, ears)
        mixed = np.empty((len(listener), ears * blocks * self._block), dtype=np.int16)
        for sources in range(int(count.min()), int(count.max()) + 1):
            alike = count == sources
            for part, frames in ((alike & smooth, self._quickly), (alike & ~smooth, self._carefully)):
                if some(part):
                    mixed[part] = frames(listener[part], first[part], sources, blocks, now, ears)
        return mixed

    def _are_smooth(self, listener: Int64) -> Bools:
        """Who of these (n) goes the quick way. Who has to move goes it too, but for those turns in which it is tried."""
        smooth = self._state.mix.smooth[listener]
        quick: Bools = smooth.astype(np.bool_)
        if self._is_tried:
            astray = (smooth == _MOSTLY).nonzero()[0]
            hopeful = astray[self._shifting.are_hopeful(listener[astray])]
            quick[self._some(hopeful)] = False
        return quick

    def _some(self, indexes: Int64) -> Int64:
        """As many of these (n) as may be moved in a turn, others each time."""
        if len(indexes) <= MAX_MOVES:
            return indexes
        return np.asarray(indexes[(int(self._state.turn[0]) * MAX_MOVES + np.arange(MAX_MOVES)) % len(indexes)])

    @property
    def _is_tried(self) -> bool:
        """Whether this is a turn, in step with nobody's frames, in which what is not for every turn is done."""
        return not ((int(self._state.turn[0]) * _HASH) >> 16) % _TRIED

    def _quickly(self, listener: Int64, first: Int64, sources: int, blocks: int, now: float, ears: int) -> Int16:
        """Frames (n, samples) of listeners with so many sources; who misses one goes the careful way."""
        if not sources:
            return np.zeros((len(listener), ears * blocks * self._block), dtype=np.int16)
        playout = self._playout
        pairs = first[:, None] + self._columns[:sources]
        source, read, offset = self._source.take(pairs), self._read_pointer.take(pairs), self._offset.take(pairs)
        between = offset > 0
        are_between = some(between)
        wanted, slots = playout.slots(source, read, blocks + are_between)
        there = playout.held.take(slots) == wanted
        if are_between:
            there[..., -1] |= ~between
        if not every(there):
            return self._mostly_quickly(listener, first, there.all(axis=(1, 2)), sources, blocks, now, ears)
        self._read_pointer[pairs] = read + blocks
        if self._is_tried:
            self._measure(pairs, source, read + (blocks - 1) + between, now)
        frames = self._frames_between(source, read, offset, slots[..., 0], blocks) if are_between else playout.frames(slots)
        if ears > 1:
            return saturate(self._sum(frames, listener, pairs, blocks, ears))
        mixed = sum_plain(frames)
        weighted = (self._state.mix.plain[listener] == 0).nonzero()[0]
        if len(weighted):
            mixed[weighted] = saturate(self._sum(frames[weighted], listener[weighted], pairs[weighted], blocks, ears))
        return mixed

    def _frames_between(self, source: Int64, read: Int64, offset: Int64, slot: Int64, blocks: int) -> Int16:
        """Frames (n, sources, samples) that are there, some of which begin between two blocks; slot (n, sources) of the first block."""
        split = (read & (RING - 1)) + blocks + (offset > 0) > RING
        start = slot * self._block + offset
        if not some(split):
            return np.asarray(self._pieces(blocks)[start])
        start[split] = source[split] * RING * self._block
        frames: Int16 = self._pieces(blocks)[start]
        frames[split] = self._playout.shifted(source[split], read[split], offset[split], blocks)[1].reshape(-1, frames.shape[-1])
        return frames

    def _pieces(self, blocks: int) -> Int16:
        """Every run of samples of so many blocks that the buffers hold, by its first sample: a view."""
        pieces = self._views.get(blocks)
        if pieces is None:
            pieces = self._views[blocks] = sliding_window_view(self._playout.samples.reshape(-1), blocks * self._block)
        return pieces

    def _mostly_quickly(self, listener: Int64, first: Int64, complete: Bools, sources: int, blocks: int, now: float, ears: int) -> Int16:
        mixed = np.empty((len(listener), ears * blocks * self._block), dtype=np.int16)
        if some(complete):
            mixed[complete] = self._quickly(listener[complete], first[complete], sources, blocks, now, ears)
        mixed[~complete] = self._carefully(listener[~complete], first[~complete], sources, blocks, now, ears)
        return mixed

    def _carefully(self, listener: Int64, first: Int64, sources: int, blocks: int, now: float, ears: int) -> Int16:
        state, mix = self._state, self._state.mix
        frames = self._read(listener, first, sources, blocks, now)
        pairs = first[:, None] + self._columns[:sources]
        mixed = self._sum(frames, listener, pairs, blocks, ears)
        played = (mix.sound[listener] >= 0) & (state.leg.wide[listener] == self._is_wide)
        if played.any():
            hearing = listener[played]
            sound, ended = self._sounds.frames(mix, hearing, blocks, is_wide=self._is_wide)
            level, level_goal = mix.sound_gain[hearing][:, None], mix.sound_goal[hearing][:, None]
            mixed[played] += np.tile(sum_ramped(sound[:, None, :], level, level_goal, self._ramps[blocks]), (1, ears))
            mix.sound_gain[hearing] = mix.sound_goal[hearing]
            over = np.union1d(ended, hearing[mix.sound_goal[hearing] == 0.0])
            if len(over):
                self._end_sounds(over)
        self._smooth_where_possible(listener)
        return saturate(mixed)

    def _end_sounds(self, over: Int64) -> None:
        """The sounds of these listeners (n) are over; one that was only interrupted goes on."""
        mix = self._state.mix
        behind = np.where(mix.sound_goal[over] == 0.0, -1, mix.sound_behind[over])
        mix.sound[over], mix.sound_behind[over] = behind, -1
        again = over[behind >= 0]
        mix.sound_position[again], mix.sound_loops[again], mix.sound_gain[again] = 0, True, 0.0
        self.settled.extend(over.tolist())

    def _sum(self, frames: Int16, listener: Int64, pairs: Int64, blocks: int, ears: int) -> Float32:
        """What listeners (n) hear of frames (n, sources, samples) under the gains of pairs (n, sources), which come to their goals."""
        gain, goal = self._gain.take(pairs), self._goal.take(pairs)
        if ears == 1:
            mixed = sum_ramped(frames, gain, goal, self._ramps[blocks])
        else:
            mixed = sum_for_ears(frames, gain, goal, self._ears[pairs], self._ramps[blocks])
        changed = gain != goal
        if some(changed):
            self._gain[pairs] = goal
            self._settle(listener, changed, goal)
        return mixed

    def _settle(self, listener: Int64, changed: Bools, goal: Float32) -> None:
        """Gains of listeners (n) came to their goals (n, sources). Who still hears the same, only louder or softer, needs no other plan."""
        changes = changed.any(axis=1)
        others = (changed & (goal == 0.0)).any(axis=1) | (changes & (self._state.mix.count[listener] == 1))
        self.settled.extend(listener[others].tolist())
        self._note_plain(listener[changes])

    def _read(self, listener: Int64, first: Int64, sources: int, blocks: int, now: float) -> Int16:
        """Frames (n, sources, samples) of listed sources, whatever is missing made up."""
        state = self._state
        pairs = first[:, None] + self._columns[:sources]
        source, read = self._source.take(pairs), self._read_pointer.take(pairs)
        offset = self._offset.take(pairs)
        there, frames = self._in_place(source, read, offset, blocks)
        whole, gap, end = there.all(axis=2), self._gap.take(pairs), self._playout.end[source]
        stale = (read == UNREAD) & (now - state.stream.arrival[source] > STALE_SECONDS)
        if state.has_noise:
            stale &= state.noise.is_on[source] == 0
        silent = ~whole & ((end == 0) | stale | ((gap >= FADED_BLOCKS) & (end <= read)))
        self._read_pointer[pairs] = np.where(whole, read + blocks, read)
        if whole.any():
            self._measure(pairs[whole], source[whole], (read + (blocks - 1) + (offset > 0))[whole], now)
        if not silent.all():
            ragged = ~silent & (~whole | (gap > 0))
            if ragged.any():
                parts = (part[ragged] for part in (pairs, source, read, offset, end, there, frames, offset))
                reads = Reads(*parts)
                self._gaps.repair(reads, now)
                frames[ragged] = reads.frames
            astray = whole & (gap == 0) & (self._move.take(pairs) != 0)
            if astray.any():
                moved = frames[astray]
                self._shifting.shift(pairs[astray], source[astray], moved)
                frames[astray] = moved
        return frames.reshape(len(listener), sources, blocks * self._block)

    def _in_place(self, source: Int64, read: Int64, offset: Int64, blocks: int) -> tuple[Bools, Int16]:
        """Which blocks (n, sources, blocks) of these reads are there, and their samples; zeros for those that are not."""
        wanted, slots = self._playout.slots(source, read, blocks)
        there = self._playout.held.take(slots) == wanted
        frames = self._playout.samples.take(slots, axis=0)
        frames *= there[..., None]
        between = offset > 0
        if between.any():
            there[between], frames[between] = self._playout.shifted(source[between], read[between], offset[between], blocks)
        return there, frames

    def _measure(self, pairs: Int64, source: Int64, last: Int64, now: float) -> None:
        """Note the margins of pairs (n) whose frames end in block ``last`` (n)."""
        stream, late = self._state.stream, self._state.late
        packet = np.maximum(stream.blocks.take(source), 1)
        margin = margins(stream.position.take(source), late.base(source), packet, last, now)
        self._margin[pairs] = np.minimum(self._margin.take(pairs), margin)

    def _smooth_where_possible(self, listener: Int64) -> None:
        mix = self._state.mix
        listed = self._listed(listener)
        columns = listed.shape[1]
        smooth = ((mix.gap[listener, :columns] == 0) | ~listed).all(axis=1) & (mix.sound[listener] < 0)
        moves = ((mix.move[listener, :columns] != 0) & listed).any(axis=1)
        mix.smooth[listener] = np.where(smooth, np.where(moves, _MOSTLY, _WHOLLY), _NOT)
        self._note_plain(listener)

    def _note_plain(self, listener: Int64) -> None:
        mix = self._state.mix
        listed = self._listed(listener)
        columns = listed.shape[1]
        is_one = (mix.gain[listener, :columns] == 1.0) & (mix.goal[listener, :columns] == 1.0)
        mix.plain[listener] = (is_one | ~listed).all(axis=1) & (mix.sound[listener] < 0)

    def _listed(self, listener: Int64) -> Bools:
        """Which places (n, places) of the lists of listeners (n) are taken, as far as any of them goes."""
        count = self._state.mix.count[listener]
        return np.asarray(self._columns[: int(count.max())] < count[:, None])
