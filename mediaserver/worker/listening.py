"""Reading what listeners are due: from playout buffers through gains, concealment and the server's sounds to one frame each.

Two ways to the same result. The quick one is for listeners none of whose gains changes and all of whose frames are in place:
a gather and a sum. The careful one does everything: ramps, volumes, sounds, missing frames, dropping a block in silence.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from mediaserver.worker.decoding import Decoding
from mediaserver.worker.sounds import Sounds
from mediaserver.worker.state import State
from mixer.arrays import Float32, Int16
from mixer.concealment import FADED_BLOCKS, HISTORY_BLOCKS, conceal, cross, overlaps, pitch_lags, rejoin
from mixer.mixing import ramp, saturate, sum_for_ears, sum_plain, sum_ramped
from rtp.arrays import Bools, Int64, every, is_alike, some
from rtp.playout import MAX_MARGIN, RING, UNREAD, Playout, goal_seconds, margins, spare_blocks, starting_blocks
from rtp.stream import BLOCK_SECONDS

REVIEW_SECONDS: Final = 0.032
"""Margins are looked at so often …"""
REVIEW_PARTS: Final = 32
"""… those of one in so many rows: all of them about once a second."""
QUIET: Final = 60
"""Peak of a block, in the 14-bit domain, that may be dropped unheard."""
QUIET_DBOV: Final = -42.0
"""Level of a source below which it is worth looking for such a block."""
STALE_SECONDS: Final = 0.1
"""Nobody starts to read a source whose newest frame is older: that was heard by those who were there."""
MAX_NEW_GAPS: Final = 64
"""Concealments that may begin in one turn: more at once are not the network's doing, but a machine that is too slow."""
_MEASURED_TURNS: Final = 3
"""Margins are taken each so many turns; not a divisor of the turns in a packet time, so that every listener is met."""


@dataclass(slots=True)
class _Reads:
    """Reads that cannot be served as they are (n): some of it is missing, or returns."""

    pairs: Int64
    """Number of listener and place in his list."""
    source: Int64
    """Row."""
    read: Int64
    """Block that is due."""
    end: Int64
    """The buffer's end."""
    there: Bools
    """(n, blocks)"""
    frames: Int16
    """(n, blocks, samples of a block), written."""


def read_anew(state: State, rows: Int64) -> None:
    """Have listeners (n) begin to read all that they hear near its newest frame, coming from silence."""
    mix = state.mix
    mix.read[rows], mix.gap[rows], mix.waited[rows] = UNREAD, FADED_BLOCKS, 0
    mix.margin[rows], mix.excess[rows] = np.inf, 0
    mix.smooth[rows] = False


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
        self._decoding = decoding
        self._columns = np.arange(state.seats)
        self._source = state.mix.source.reshape(-1)
        self._read_pointer = state.mix.read.reshape(-1)
        self._waited = state.mix.waited.reshape(-1)
        self._margin = state.mix.margin.reshape(-1)
        self._excess = state.mix.excess.reshape(-1)
        self._gain = state.mix.gain.reshape(-1)
        self._goal = state.mix.goal.reshape(-1)
        self._ears = state.mix.ears.reshape(-1, 2)
        self._gap = state.mix.gap.reshape(-1)
        self._gap_at = state.mix.gap_at.reshape(-1)
        self._lag = state.mix.lag.reshape(-1)
        self._review_at = 0.0
        self._reviewed = 0
        self.settled: Final[list[int]] = []
        """Rows whose gains, or whose sound, came to their goal or end in this turn: their calls need a new plan."""

    def frames(self, listener: Int64, first: Int64, count: Int64, blocks: int, now: float, ears: int = 1) -> Int16:
        """One frame (n, samples) int16 of each listener's (n) sources of this rate, their read pointers brought forward.

        first (n) is the number of the first of them (listener · seats + place in his list), count (n) how many they are.
        With two ears a frame is twice as long: what the left one hears, then the right one.
        """
        smooth = self._state.mix.smooth[listener].astype(np.bool_)
        if every(smooth) and count[0] and is_alike(count):
            return self._quickly(listener, first, int(count[0]), blocks, now, ears)
        mixed = np.empty((len(listener), ears * blocks * self._block), dtype=np.int16)
        for sources in range(int(count.min()), int(count.max()) + 1):
            alike = count == sources
            for part, frames in ((alike & smooth, self._quickly), (alike & ~smooth, self._carefully)):
                if some(part):
                    mixed[part] = frames(listener[part], first[part], sources, blocks, now, ears)
        return mixed

    def review(self, now: float) -> None:
        """Now and then, look at the margins of some rows: who always has more than he needs may drop a block in silence."""
        if now < self._review_at:
            return
        self._review_at, self._reviewed = now + REVIEW_SECONDS, (self._reviewed + 1) % REVIEW_PARTS
        state, mix = self._state, self._state.mix
        rows = np.arange(self._reviewed, state.rows, REVIEW_PARTS)
        rows = rows[mix.count[rows] > 0]
        if not len(rows):
            return
        jitter = state.stream.jitter[mix.source[rows]] + np.where(mix.main[rows] >= 0, state.stream.jitter[mix.main[rows]], 0.0)[:, None]
        listed = np.arange(state.seats) < mix.count[rows][:, None]
        margin = mix.margin[rows]
        quiet = (state.meter.level[mix.source[rows]] < QUIET_DBOV) | (margin > MAX_MARGIN)
        listed &= np.isfinite(margin) & quiet
        margin = np.where(listed, margin, 0.0)
        frames = np.maximum(state.leg.frame[rows], 1)[:, None]
        mix.excess[rows] = listed & (spare_blocks(margin, goal_seconds(jitter), frames, self._packet(mix.source[rows])) > 0)
        mix.margin[rows] = np.inf
        self._smooth_where_possible(rows)

    def _quickly(self, listener: Int64, first: Int64, sources: int, blocks: int, now: float, ears: int) -> Int16:
        """Frames (n, samples) of listeners with so many sources, their gains steady; who misses one goes the careful way."""
        if not sources:
            return np.zeros((len(listener), ears * blocks * self._block), dtype=np.int16)
        playout = self._playout
        pairs = first[:, None] + self._columns[:sources]
        source, read = self._source.take(pairs), self._read_pointer.take(pairs)
        wanted, slots = playout.slots(source, read, blocks)
        there = playout.held.take(slots) == wanted
        if not every(there):
            return self._mostly_quickly(listener, first, there.all(axis=(1, 2)), sources, blocks, now, ears)
        self._read_pointer[pairs] = read + blocks
        if not int(self._state.turn[0]) % _MEASURED_TURNS:
            self._measure(pairs, source, read, blocks, now)
        frames = playout.frames(slots)
        if ears > 1:
            gain = self._gain.take(pairs)
            return saturate(self._sum(frames, pairs, gain, gain, blocks, ears))
        mixed = sum_plain(frames)
        weighted = self._state.mix.plain[listener] == 0
        if some(weighted):
            gain = self._gain.take(pairs[weighted])
            mixed[weighted] = saturate(sum_ramped(frames[weighted], gain, gain, self._ramps[blocks]))
        return mixed

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
        gain, goal = self._gain.take(pairs), self._goal.take(pairs)
        mixed = self._sum(frames, pairs, gain, goal, blocks, ears)
        changed = (gain != goal).any(axis=1)
        self._gain[pairs] = goal
        played = (mix.sound[listener] >= 0) & (state.leg.wide[listener] == self._is_wide)
        if played.any():
            hearing = listener[played]
            sound, ended = self._sounds.frames(mix, hearing, blocks, is_wide=self._is_wide)
            level, level_goal = mix.sound_gain[hearing][:, None], mix.sound_goal[hearing][:, None]
            mixed[played] += np.tile(sum_ramped(sound[:, None, :], level, level_goal, self._ramps[blocks]), (1, ears))
            mix.sound_gain[hearing] = mix.sound_goal[hearing]
            over = np.union1d(ended, hearing[mix.sound_goal[hearing] == 0.0])
            mix.sound[over] = -1
            self.settled.extend(over.tolist())
        self.settled.extend(listener[changed].tolist())
        self._smooth_where_possible(listener)
        return saturate(mixed)

    def _sum(self, frames: Int16, pairs: Int64, gain: Float32, goal: Float32, blocks: int, ears: int) -> Float32:
        """What is heard of frames (n, sources, samples) under gains (n, sources): (n, ears · samples)."""
        if ears == 1:
            return sum_ramped(frames, gain, goal, self._ramps[blocks])
        return sum_for_ears(frames, gain, goal, self._ears[pairs], self._ramps[blocks])

    def _read(self, listener: Int64, first: Int64, sources: int, blocks: int, now: float) -> Int16:
        """Frames (n, sources, samples) of listed sources, whatever is missing made up."""
        state = self._state
        pairs = first[:, None] + self._columns[:sources]
        source, read = self._source.take(pairs), self._read_pointer.take(pairs)
        wanted, slots = self._playout.slots(source, read, blocks)
        there = self._playout.held.take(slots) == wanted
        frames = self._playout.samples.take(slots, axis=0)
        frames *= there[..., None]
        self._measure(pairs, source, read, blocks, now)
        whole, gap, end = there.all(axis=2), self._gap.take(pairs), self._playout.end[source]
        stale = (read == UNREAD) & (now - state.stream.arrival[source] > STALE_SECONDS)
        silent = ~whole & ((end == 0) | stale | ((gap >= FADED_BLOCKS) & (end <= read)))
        self._read_pointer[pairs] = np.where(whole, read + blocks, read)
        if not silent.all():
            ragged = ~silent & (~whole | (gap > 0))
            if ragged.any():
                reads = _Reads(pairs[ragged], source[ragged], read[ragged], end[ragged], there[ragged], frames[ragged])
                self._repair(reads, now)
                frames[ragged] = reads.frames
            roomy = whole & (gap == 0) & (self._excess.take(pairs) != 0)
            for index, column in zip(*(axis.tolist() for axis in np.nonzero(roomy)), strict=True):
                self._catch_up(int(pairs[index, column]), int(source[index, column]), frames[index, column], now)
        return frames.reshape(len(listener), sources, blocks * self._block)

    def _repair(self, reads: "_Reads", now: float) -> None:
        """Make up what is missing of ``reads``, fade in what returns, and set where each reads next."""
        blocks = reads.there.shape[1]
        gap = self._gap[reads.pairs]
        starts = (reads.read == UNREAD) | (reads.end - reads.read > RING - FADED_BLOCKS)
        starts |= (gap >= FADED_BLOCKS) & (reads.end > reads.read) & ~reads.there[:, 0]
        if starts.any():
            self._start(reads, starts, now)
            gap[starts] = FADED_BLOCKS
            self._waited[reads.pairs[starts]] = 0
        overdue = self._skip_what_was_waited_for(reads, now)
        if self._decoding.waiting:
            self._give_up(reads, starts | overdue)
        waits = ~reads.there.all(axis=1) & ((reads.end < reads.read + blocks) | ~overdue)
        reads.there[waits] = False
        self._waited[reads.pairs] = np.where(waits, self._waited[reads.pairs] + blocks, 0)
        for block in range(blocks):
            self._repair_block(reads, gap, block)
        self._gap[reads.pairs] = gap
        self._read_pointer[reads.pairs] = np.where(waits, reads.read, reads.read + blocks)

    def _start(self, reads: "_Reads", starts: Bools, now: float) -> None:
        """Begin to read, or begin anew, near the newest frame."""
        stream = self._state.stream
        source, blocks = reads.source[starts], reads.there.shape[1]
        age, goal = now - stream.arrival[source], goal_seconds(stream.jitter[source])
        reads.read[starts] = starting_blocks(reads.end[starts], blocks, self._packet(source), age, goal)
        self._read_again(reads, starts)

    def _skip_what_was_waited_for(self, reads: "_Reads", now: float) -> Bools:
        """Which reads (n) are so late that what is missing has been lost; they go on behind it, as far as it was filled in by waiting."""
        stream, blocks = self._state.stream, reads.there.shape[1]
        margin = margins(reads.end, stream.arrival[reads.source], reads.read, blocks, self._packet(reads.source), now)
        overdue = margin >= goal_seconds(stream.jitter[reads.source])
        lost = np.where(reads.there.any(axis=1), reads.there.argmax(axis=1), blocks)
        skipped = np.where(overdue, np.minimum(self._waited[reads.pairs], np.minimum(lost, reads.end - reads.read)), 0)
        skips = skipped > 0
        if skips.any():
            reads.read[skips] += skipped[skips]
            self._read_again(reads, skips)
        return overdue

    def _give_up(self, reads: "_Reads", which: Bools) -> None:
        """What these reads (n) miss has been lost, where the codec of the source is one that waits for it."""
        which = which & ~reads.there.all(axis=1) & np.isin(reads.source, list(self._decoding.waiting))
        if which.any():
            self._decoding.give_up(reads.source[which])
            self._read_again(reads, which)

    def _read_again(self, reads: "_Reads", which: Bools) -> None:
        playout = self._playout
        wanted, slots = playout.slots(reads.source[which], reads.read[which], reads.there.shape[1])
        there = playout.held[slots] == wanted
        reads.there[which] = there
        reads.frames[which] = playout.samples[slots] * there[..., None]

    def _repair_block(self, reads: "_Reads", gap: Int64, block: int) -> None:
        """One block of each read: what is missing goes on from before the gap, what returns is faded in; gap (n) is counted."""
        missing = ~reads.there[:, block]
        begins = missing & (gap == 0)
        if begins.any():
            self._begin_gaps(reads, begins, gap, block)
        if missing.any():
            np.add.at(self._state.count.concealed_blocks, reads.source[missing & (gap < FADED_BLOCKS)], 1)
            made_up = np.rint(self._played_on(reads, missing, gap)).astype(np.int16)
            reads.frames[missing, block] = made_up
            self._playout.make_up(reads.source[missing], reads.read[missing] + block, made_up)
        returns = ~missing & (gap > 0)
        if returns.any():
            overlap = overlaps(self._lag[reads.pairs[returns]], gap[returns], self._block)
            played_on = self._played_on(reads, returns, gap)
            reads.frames[returns, block] = rejoin(reads.frames[returns, block], played_on, overlap)
        gap[missing] += 1
        gap[returns] = 0

    def _begin_gaps(self, reads: "_Reads", begins: Bools, gap: Int64, block: int) -> None:
        """Note where gaps begin, and the pitch there. Of more than `MAX_NEW_GAPS` the others are silent: it keeps the turn short."""
        beyond = begins & (np.cumsum(begins) > MAX_NEW_GAPS)
        gap[beyond] = FADED_BLOCKS
        begins = begins & ~beyond
        pairs, at = reads.pairs[begins], reads.read[begins] + block
        self._gap_at[pairs] = at
        self._lag[pairs] = pitch_lags(self._playout.history(reads.source[begins], at, HISTORY_BLOCKS))

    def _played_on(self, reads: "_Reads", which: Bools, gap: Int64) -> Float32:
        """The next block (n, samples) of the gaps of some reads; silence where they have faded."""
        played = np.zeros((int(which.sum()), self._block), dtype=np.float32)
        sounds = which & (gap < FADED_BLOCKS)
        if sounds.any():
            pairs = reads.pairs[sounds]
            history = self._playout.history(reads.source[sounds], self._gap_at[pairs], HISTORY_BLOCKS)
            played[sounds[which]] = conceal(history, self._lag[pairs], gap[sounds] * self._block, self._block)
        return played

    def _catch_up(self, pair: int, source: int, frame: Int16, now: float) -> None:
        """Leave out the blocks that are more than the pair's margin needs, as far as nobody hears it. One try a review.

        frame (blocks, samples) was read at the pair's pointer, which stands behind it already. Where the delay has grown
        beyond `MAX_MARGIN`, it is done whatever is heard.
        """
        state, playout = self._state, self._playout
        self._excess[pair] = 0
        read = int(self._read_pointer[pair])
        margin = (int(playout.end[source]) - read) * BLOCK_SECONDS + now - float(state.stream.arrival[source])
        row = slice(source, source + 1)
        goal = goal_seconds(state.stream.jitter[row])
        spare = int(spare_blocks(self._margin[pair : pair + 1], goal, len(frame), self._packet(row))[0])
        spare = max(0, min(spare, int(playout.end[source]) - read, RING - len(frame)))
        wanted, slots = playout.slots(np.array(source), np.array(read), spare)
        later = playout.samples[slots] * (playout.held[slots] == wanted)[:, None]
        left_out = np.concatenate([frame, later])
        if margin < MAX_MARGIN:
            loud = np.flatnonzero(np.abs(left_out).max(axis=1) > QUIET)
            later = later[: int(loud[0])] if len(loud) else later
        if len(later):
            shifted = np.concatenate([frame, later])[len(later) :]
            frame[:] = cross(frame.reshape(-1), shifted.reshape(-1), self._block // 2).reshape(frame.shape)
            self._read_pointer[pair] = read + len(later)
            self._margin[pair] = np.inf
            state.count.skipped_blocks[source] += len(later)

    def _packet(self, source: Int64 | slice) -> Int64:
        """Blocks of a packet of these sources."""
        packet: Int64 = np.maximum(self._state.stream.blocks[source], 1)
        return packet

    def _measure(self, pairs: Int64, source: Int64, read: Int64, blocks: int, now: float) -> None:
        state = self._state
        margin = margins(self._playout.end[source], state.stream.arrival[source], read, blocks, self._packet(source), now)
        self._margin[pairs] = np.minimum(self._margin.take(pairs), margin)

    def _smooth_where_possible(self, listener: Int64) -> None:
        mix = self._state.mix
        listed = self._columns < mix.count[listener][:, None]
        gain, silent = mix.gain[listener], mix.sound[listener] < 0
        steady = gain == mix.goal[listener]
        mix.plain[listener] = ((steady & (gain == 1.0)) | ~listed).all(axis=1) & silent
        even = (mix.gap[listener] == 0) & (mix.excess[listener] == 0)
        mix.smooth[listener] = ((steady & even) | ~listed).all(axis=1) & silent
