"""What a listener gets of a source whose frame is not in place: made up, waited for, skipped, or begun anew.

The rules stand on top of `rtp/playout.py`. Everything is done for many reads at once; how far each is lies in the shared arrays.
Who has waited goes on where the sound is most like what was played meanwhile, as near to the newest frame as that can be had: a
tone so goes on in phase, and the wait costs no more delay than it must.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from mediaserver.worker.decoding import Decoding
from mediaserver.worker.state import Kind, State
from mixer.arrays import Float32, Int16
from mixer.concealment import FADED_BLOCKS, HISTORY_BLOCKS, conceal, overlaps, pitch_lags, rejoin
from mixer.stretching import LONGEST, best_seam
from rtp.arrays import Bools, Float64, Int64
from rtp.playout import RING, SLACK, UNREAD, Playout, least_slack, margins, starting_blocks
from rtp.stream import BLOCK_SECONDS

_BY_CODEC: Final = 0
"""The pitch period of a gap that a codec fills by itself."""
MAX_NEW_GAPS: Final = 64
"""Concealments that may begin in one turn: more at once are not the network's doing, but a machine that is too slow."""
LONG_TURN: Final = 0.007
"""Seconds of a turn that tell the same: what is missing is only late then, and to make it up would make the next turn later still …"""
FEW_NEW_GAPS: Final = 4
"""… so that hardly any concealment begins."""
MAX_SEAMS: Final = 8
"""Readers who have waited, for whom a seamless place to go on is looked for in one turn."""
MAX_LAG: Final = 0.02
"""Seconds that the server's clock may be late; more is another one's clock."""


@dataclass(slots=True)
class Reads:
    """Reads that cannot be served as they are (n): some of it is missing, or returns."""

    pairs: Int64
    """Number of listener and place in his list."""
    source: Int64
    """Row."""
    read: Int64
    """Block that is due …"""
    offset: Int64
    """… and samples into it."""
    end: Int64
    """The buffer's end."""
    there: Bools
    """(n, blocks)"""
    frames: Int16
    """(n, blocks, samples of a block), written."""
    begun: Int64
    """Samples into its block at which what is missing began."""


class Gaps:
    """Repairs reads of sources of one rate."""

    def __init__(self, state: State, playout: Playout, decoding: Decoding) -> None:
        """playout: the buffers of the sources of this rate."""
        self._state = state
        self._decoding = decoding
        self._playout = playout
        self._block = playout.samples.shape[1]
        mix = state.mix
        self._read, self._offset = mix.read.reshape(-1), mix.offset.reshape(-1)
        self._gap, self._gap_at = mix.gap.reshape(-1), mix.gap_at.reshape(-1)
        self._lag, self._waited = mix.lag.reshape(-1), mix.waited.reshape(-1)
        self._gain = mix.gain.reshape(-1)
        self._move, self._margin = mix.move.reshape(-1), mix.margin.reshape(-1)
        self._fade = 1.0 - np.arange(1, self._block + 1) / self._block

    def repair(self, reads: Reads, now: float) -> None:
        """Make up what is missing of ``reads``, fade in what returns, and set where each reads next."""
        blocks = reads.there.shape[1]
        gap = self._gap[reads.pairs]
        starts = (reads.read == UNREAD) | (reads.end - reads.read > RING - FADED_BLOCKS)
        starts |= (gap >= FADED_BLOCKS) & (reads.end > reads.read) & ~reads.there[:, 0]
        if starts.any():
            self._start(reads, starts, gap, now)
        if self._decoding.waiting:
            self._give_up(reads, starts, now)
        waited, overdue = self._skip_what_was_waited_for(reads, now)
        whole = reads.there.all(axis=1)
        waits = ~whole & ((reads.end < reads.read + blocks + (reads.offset > 0)) | ~overdue)
        reads.there[waits] = False
        self._waited[reads.pairs] = np.where(waits, waited + blocks, 0)
        later = reads.pairs[whole & (waited > 0)]
        self._move[later], self._margin[later] = 0, np.inf
        grown = whole & (waited > 0) & (gap > 0) & (gap < FADED_BLOCKS) & (self._lag[reads.pairs] != _BY_CODEC)
        if grown.any():
            self._join(reads, grown & ~self._are_clocks(reads.pairs), gap, now)
        at = reads.read + np.where(waits, waited, 0)
        for block in range(blocks):
            self._repair_block(reads, gap, block, at + block)
        self._gap[reads.pairs] = gap
        self._offset[reads.pairs] = reads.offset
        self._read[reads.pairs] = np.where(waits, reads.read, reads.read + blocks)

    def _start(self, reads: Reads, starts: Bools, gap: Int64, now: float) -> None:
        """Begin to read, or begin anew, near the newest frame. What comes under a gain that opens needs no fading in of its own."""
        state, stream = self._state, self._state.stream
        source, pairs = reads.source[starts], reads.pairs[starts]
        heard_by = pairs // state.seats
        at = now - self._lag_of_clock(heard_by, now)
        packet, newest, target = np.maximum(stream.blocks[source], 1), stream.position[source], state.late.target[source]
        base = state.late.base(source)
        base = np.where(np.isfinite(base), base, stream.arrival[source] - newest * BLOCK_SECONDS)
        if state.has_noise:
            pauses, transit = state.noise.is_on[source] != 0, state.noise.transit[source]
            base = np.where(pauses, transit, base)
            gone_on = np.floor((now - transit) / BLOCK_SECONDS).astype(np.int64) - newest
            newest = np.where(pauses, newest + np.maximum(gone_on, 0) // packet * packet, newest)
        reads.read[starts] = starting_blocks(newest, base, reads.there.shape[1], packet, target - least_slack(target), at)
        reads.offset[starts] = reads.begun[starts] = 0
        self._read_again(reads, starts)
        self._waited[pairs] = 0
        gap[starts] = np.where((self._gain[pairs] == 0.0) & reads.there[starts, 0], 0, FADED_BLOCKS)

    def _lag_of_clock(self, listener: Int64, now: float) -> Float64:
        """How late (n) in this turn what clocks these listeners (n) is: the packet of a main source, or the server's own clock."""
        state, mix = self._state, self._state.mix
        main = mix.main[listener]
        packet = now - state.stream.position[main] * BLOCK_SECONDS - state.late.base(main)
        server = now - (mix.next_due[listener] - state.leg.frame[listener] * BLOCK_SECONDS)
        lag = np.where((main >= 0) & (state.stream.arrival[main] == now), packet, np.minimum(server, MAX_LAG))
        return np.where(np.isfinite(lag), np.maximum(lag, 0.0), 0.0)

    def _skip_what_was_waited_for(self, reads: Reads, now: float) -> tuple[Int64, Bools]:
        """Go on behind what is so late that it has been lost, as far as it was filled in by waiting.

        The blocks (n) that were waited for what may still come, and which reads (n) miss something now that has been lost.
        """
        waited = self._waited[reads.pairs]
        lost = reads.there.argmin(axis=1)
        overdue = self._are_overdue(reads.source, reads.read + lost, now)
        skips = (waited > 0) & overdue & ~reads.there[:, 0]
        if skips.any():
            skipped = self._lost_blocks(reads, np.where(skips, np.minimum(waited, reads.end - reads.read), 0), now)
            if skipped.any():
                reads.read += skipped
                waited = waited - skipped
                self._read_again(reads, skipped > 0)
                overdue = self._are_overdue(reads.source, reads.read + reads.there.argmin(axis=1), now)
        return waited, overdue

    def _are_overdue(self, source: Int64, at: Int64, now: float) -> Bools:
        """Which of these blocks (n, …) of sources (n, …) should have come by now, late as packets are."""
        late, stream = self._state.late, self._state.stream
        margin = margins(stream.position[source], late.base(source), np.maximum(stream.blocks[source], 1), at, now)
        overdue: Bools = margin >= np.maximum(late.target[source] - SLACK, 0.0)
        return overdue

    def _lost_blocks(self, reads: Reads, most: Int64, now: float) -> Int64:
        """How many blocks (n) from where each reads on have been lost, one after the other; ``most`` (n) at most."""
        ahead = int(most.max())
        at, slots = self._playout.slots(reads.source, reads.read, ahead + 1)
        held = self._playout.held[slots] == at
        missing = ~(held[:, :-1] & (held[:, 1:] | (reads.offset == 0)[:, None]))
        lost = missing & (np.arange(ahead) < most[:, None]) & self._are_overdue(reads.source[:, None], at[:, :-1], now)
        return np.asarray(np.logical_and.accumulate(lost, axis=1).sum(axis=1), dtype=np.int64)

    def _are_clocks(self, pairs: Int64) -> Bools:
        """Which pairs (n) are of a listener and the source whose packets clock him: its frame is the one that came."""
        listener, place = np.divmod(pairs, self._state.seats)
        clocks: Bools = (place == 0) & (self._state.mix.kind[listener] == Kind.CLOCKED)
        return clocks

    def _join(self, reads: Reads, which: Bools, gap: Int64, now: float) -> None:
        """Move these reads (n), that have waited and are whole again, to where the sound goes on as it was played."""
        chosen = which & (np.cumsum(which) <= MAX_SEAMS)
        if not chosen.any():
            return
        indexes = np.flatnonzero(chosen)
        played_on = self._played_on(reads, chosen, gap)
        at = now - self._lag_of_clock(reads.pairs[indexes] // self._state.seats, now)
        for index, played, moment in zip(indexes.tolist(), played_on, at.tolist(), strict=True):
            moved = self._seam(reads, index, played, moment)
            if moved:
                place = int(reads.read[index]) * self._block + int(reads.offset[index]) + moved
                reads.read[index], reads.offset[index] = divmod(place, self._block)
                self._move[reads.pairs[index]], self._margin[reads.pairs[index]] = 0, np.inf
        self._read_again(reads, chosen)

    def _seam(self, reads: Reads, index: int, played: Float32, now: float) -> int:
        """How far, in samples, one read should move so that the sound goes on like ``played``; forward as far as its margin allows."""
        source, block = int(reads.source[index]), self._block
        place = int(reads.read[index]) * block + int(reads.offset[index])
        count = int(reads.there.shape[1]) * block
        back = int(LONGEST * block)
        first = max((place - back) // block, 0)
        blocks = min(max(int(reads.end[index]), (place + count) // block) - first, RING)
        at, slots = self._playout.slots(np.array(source), np.array(first), blocks)
        held = self._playout.held[slots] == at
        starts = np.arange(max(place - back, 0), (first + blocks) * block - count + 1) - first * block
        starts = starts[self._may_begin(held, starts, count) & self._leave_margin(source, first * block + starts, place, count, now)]
        seam = best_seam(played, self._playout.samples[slots].reshape(-1), starts)
        return int(seam + first * block - place)

    def _may_begin(self, held: Bools, starts: Int64, count: int) -> Bools:
        """Which frames of ``count`` samples from ``starts`` (k) on, samples behind the first of the blocks ``held`` (m), are whole."""
        before = np.concatenate([[0], np.cumsum(~held)])
        whole: Bools = before[(starts + count - 1) // self._block + 1] == before[starts // self._block]
        return whole

    def _leave_margin(self, source: int, starts: Int64, place: int, count: int, now: float) -> Bools:
        """From which of ``starts`` (k), samples on the time line, a reader may go on: none further on than what packets are late allows."""
        late, stream = self._state.late, self._state.stream
        packet = max(int(stream.blocks[source]), 1)
        uneven = packet - np.gcd(packet, count // self._block)
        last = (starts + count - 1) // self._block
        margin = margins(stream.position[source], late.base(np.array(source)), np.array(packet), last, now)
        allowed: Bools = (starts <= place) | (margin >= late.target[source] + uneven * BLOCK_SECONDS)
        return allowed

    def _give_up(self, reads: Reads, starts: Bools, now: float) -> None:
        """Decode what waits for something that these reads (n) need now, or have passed, where that has been lost.

        What is missing before a later packet may still come in time; who ``starts`` (n) waits for nothing. Nor does who needs what
        the later packet tells of the missing one: that is nearly as good, and better than anything that waiting could fill in.
        """
        which = ~reads.there.all(axis=1) & np.isin(reads.source, list(self._decoding.waiting))
        if not which.any():
            return
        sources = reads.source[which].tolist()
        first = np.array([self._decoding.first_waiting(row) for row in sources])
        told = np.array([self._decoding.told_from(row) for row in sources])
        missing = first - np.maximum(self._state.stream.blocks[reads.source[which]], 1)
        until = reads.read[which] + reads.there.shape[1] + (reads.offset[which] > 0) + self._waited[reads.pairs[which]]
        lost = self._are_overdue(reads.source[which], missing, now)
        for row in set(reads.source[which][self._would_hear_late(reads, which, told, now)].tolist()):
            self._decoding.take_back(row)
        which[which] = starts[which] | (told <= self._needed(reads, which)) | ((missing < until) & lost)
        if which.any():
            self._decoding.give_up(reads.source[which])
            self._read_again(reads, which)

    def _needed(self, reads: Reads, which: Bools) -> Int64:
        """The first block that some reads (n) miss and that waiting has not filled in."""
        source, first = reads.source[which], reads.read[which] + reads.there[which].argmin(axis=1)
        is_held = self._playout.held[(first & (RING - 1)) + source * RING] == first
        return np.asarray(np.maximum(first + is_held, reads.read[which] + self._waited[reads.pairs[which]]))

    def _would_hear_late(self, reads: Reads, which: Bools, told: Int64, now: float) -> Bools:
        """Which of some reads (n) have waited for what is told now (from block ``told`` (n) on), and should be further behind anyway."""
        late, stream = self._state.late, self._state.stream
        source, read, waited = reads.source[which], reads.read[which], self._waited[reads.pairs[which]]
        packet = np.maximum(stream.blocks[source], 1)
        margin = margins(stream.position[source], late.base(source), packet, read + waited + reads.there.shape[1] - 1, now)
        lacks = margin < late.target[source] - least_slack(late.target[source])
        return np.asarray((waited > 0) & (told <= read) & ~reads.there[which, 0] & lacks)

    def _read_again(self, reads: Reads, which: Bools) -> None:
        read, offset = reads.read[which], reads.offset[which]
        reads.there[which], reads.frames[which] = self._playout.shifted(reads.source[which], read, offset, reads.there.shape[1])

    def _repair_block(self, reads: Reads, gap: Int64, block: int, at: Int64) -> None:
        """One block of each read: what is missing goes on from before the gap, what returns is faded in; gap (n) is counted.

        at (n) is the block in whose place it is heard: for who waits, as far behind the missing one as he has waited.
        """
        missing = ~reads.there[:, block]
        if self._decoding.concealing:
            missing = self._without_those_of_codecs(reads, missing, gap, block, at)
        begins = missing & ((gap == 0) | ((self._lag[reads.pairs] == _BY_CODEC) & (gap < FADED_BLOCKS)))
        if begins.any():
            self._begin_gaps(reads, begins, gap, block)
        if missing.any():
            np.add.at(self._state.count.concealed_blocks, reads.source[missing & (gap < FADED_BLOCKS)], 1)
            reads.frames[missing, block] = np.rint(self._played_on(reads, missing, gap))
            kept = missing & (reads.offset == 0)
            self._playout.make_up(reads.source[kept], reads.read[kept] + block, reads.frames[kept, block])
        absent = ~reads.there[:, block]
        returns = ~absent & (gap > 0) & ((self._lag[reads.pairs] != _BY_CODEC) | (gap >= FADED_BLOCKS))
        if returns.any():
            overlap = overlaps(self._lag[reads.pairs[returns]], gap[returns], self._block)
            played_on = self._played_on(reads, returns, gap)
            reads.frames[returns, block] = rejoin(reads.frames[returns, block], played_on, overlap)
        gap[absent] += 1
        gap[~absent] = 0

    def _without_those_of_codecs(self, reads: Reads, missing: Bools, gap: Int64, block: int, places: Int64) -> Bools:
        """Which blocks (n) are missing still, where codecs that make up by themselves what is missing have done so."""
        asked = missing & (gap < FADED_BLOCKS) & np.isin(reads.source, list(self._decoding.concealing))
        for index in np.flatnonzero(asked).tolist():
            source, at, offset = int(reads.source[index]), int(places[index]), int(reads.offset[index])
            if not all(self._is_made(source, part) for part in range(at, at + 1 + (offset > 0))):
                asked[index] = False
                continue
            one = slice(index, index + 1)
            made = self._playout.history(reads.source[one], places[one] + 1, 1, reads.offset[one])
            reads.frames[index, block] = made[0] * self._fade if gap[index] == FADED_BLOCKS - 1 else made[0]
            self._state.count.concealed_blocks[source] += np.uint64(1)
            if gap[index] == 0:
                self._lag[reads.pairs[index]] = _BY_CODEC
        return missing & ~asked

    def _is_made(self, source: int, at: int) -> bool:
        """Whether block ``at`` of a source is there, or has been made up: by its codec, if need be."""
        slot = (at & (RING - 1)) + source * RING
        if at in (int(self._playout.held[slot]), int(self._playout.made[slot])):
            return True
        frame = self._decoding.conceal(source, at)
        if frame is not None:
            self._playout.make_up(np.array([source]), np.array([at]), frame[None])
        return frame is not None

    def _begin_gaps(self, reads: Reads, begins: Bools, gap: Int64, block: int) -> None:
        """Note where gaps begin, and the pitch there. Of more than may begin the others are silent: it keeps the turn short."""
        most = MAX_NEW_GAPS if self._state.turn_length[0] < LONG_TURN else FEW_NEW_GAPS
        beyond = begins & (np.cumsum(begins) > most)
        gap[beyond] = FADED_BLOCKS
        begins = begins & ~beyond
        pairs, at = reads.pairs[begins], reads.read[begins] + block
        self._gap_at[pairs] = at
        self._lag[pairs] = pitch_lags(self._playout.history(reads.source[begins], at, HISTORY_BLOCKS, reads.offset[begins]))

    def _played_on(self, reads: Reads, which: Bools, gap: Int64) -> Float32:
        """The next block (n, samples) of the gaps of some reads; silence where they have faded."""
        played = np.zeros((int(which.sum()), self._block), dtype=np.float32)
        sounds = which & (gap < FADED_BLOCKS)
        if sounds.any():
            pairs = reads.pairs[sounds]
            history = self._playout.history(reads.source[sounds], self._gap_at[pairs], HISTORY_BLOCKS, reads.begun[sounds])
            played[sounds[which]] = conceal(history, self._lag[pairs], gap[sounds] * self._block, self._block)
        return played
