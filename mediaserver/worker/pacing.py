"""Now and then, some rows a turn: how far readers should move, and when the server's clock for a listener should strike.

- A reader should have no less margin than his source's packets are late, and no step more (`rtp.playout.wanted_moves`).
- Who is too far behind waits some time for a pause: amid speech a move is heard. So does who lacks a trifle, as where clocks drift, as
  long as he misses nothing, and where what he hears is no steady tone; who lacks more moves at once.
- The server's clock for a listener is set by one of his sources, once: it strikes when the packets of that one are there, so that
  they wait for nothing. Of several the one is taken with which the others wait least; a supervisor of two parties so hears both
  within half a packet time. From then on it is the server's own: a source that drifts moves in its buffer, not the clock.
- On its way there it strikes earlier only where no source is missed for that, those of other packet times among them; else later.
"""

from typing import Final

import numpy as np

from mediaserver.link.layout import BLOCK, WIDE_BLOCK
from mediaserver.worker.state import Kind, Smooth, State
from rtp.arrays import Float64, Int64
from rtp.playout import UNREAD, least_margins, least_slack, wanted_moves
from rtp.stream import BLOCK_SECONDS

REVIEW_SECONDS: Final = 0.032
"""Rows are looked at so often …"""
REVIEW_PARTS: Final = 32
"""… one in so many: all of them about once a second."""
ENOUGH: Final = 20
"""Packets of a source by which a clock is set."""
SLEW: Final = 0.0005
"""Most seconds by which the server's clock is moved with one packet."""
STALL: Final = 0.01
"""Seconds without a turn after which several packets of a leg may wait in its socket …"""
LONGEST_STALL: Final = 0.6
"""… and may take as long, but no longer than this, to be read."""
BREAK: Final = 0.05
"""Seconds without a turn after which phones and networks may have changed: another worker has taken over."""
PATIENCE: Final = 3
"""Reviews, about as many seconds, that who should move waits for a pause before he does it in the midst of sound."""
_TRIFLE: Final = 0.002
"""Seconds that a margin may lack without hurry, where it is not negative: about a turn."""
_EXACT: Final = 1e-6
"""Seconds to which clocks are read."""
_AFTER: Final = 0.0005
"""Seconds after the packets are due at which the clock strikes."""


def first_strike(state: State, row: int, now: float) -> float | None:
    """When, from ``now`` on, the server's clock for a listener should strike, as his sources are; None where they tell nothing."""
    chosen, ready = _choose(state, np.array([row]))
    if chosen[0] < 0:
        return None
    state.mix.paced_by[row], state.mix.slew[row] = state.mix.source[row, chosen[0]], 0.0
    period = float(state.leg.frame[row]) * BLOCK_SECONDS
    return now + (float(ready[0, chosen[0]]) - now) % period


class Pacing:
    """Reviews rows in turn."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._review_at = 0.0
        self._reviewed = 0
        self._stalled_until = self._unseen = 0.0
        self.has_rested = False
        """The sockets were silent until this turn: its packets have just come. Told before each turn of which that is true."""

    def begin(self, now: float) -> None:
        """A turn begins; the state tells yet when the last one did."""
        last = float(self._state.now[0])
        gap = now - last if last and not self.has_rested else 0.0
        if gap > STALL:
            self._stalled_until = now + min(gap, LONGEST_STALL)
            if gap > BREAK:
                self._state.late.forget_ways()
        self._unseen = min(gap, STALL)
        self.has_rested = False

    def note_arrivals(self, rows: Int64, position: Int64, now: float) -> None:
        """Packets of rows (n) came, which start at block ``position`` (n). What waited for us, not on its way, is not late."""
        late = self._state.late
        lag = late.note_way(rows, position, self._state.stream.breaks[rows], now)
        if now >= self._stalled_until:
            late.count(rows, np.maximum(lag - self._unseen, 0.0))

    def review(self, now: float) -> None:
        """Look at the rows whose time it is."""
        if now < self._review_at:
            return
        self._review_at, self._reviewed = now + REVIEW_SECONDS, (self._reviewed + 1) % REVIEW_PARTS
        state, mix = self._state, self._state.mix
        rows = np.arange(self._reviewed, state.rows, REVIEW_PARTS)
        state.late.review(rows[state.stream.serial[rows] > 0])
        rows = rows[mix.count[rows] > 0]
        if len(rows):
            self._review_readers(rows)
            self._review_clocks(rows[mix.kind[rows] == Kind.SERVER])

    def _review_readers(self, rows: Int64) -> None:
        state, mix = self._state, self._state.mix
        source = mix.source[rows]
        margin = mix.margin[rows]
        listed = (np.arange(state.seats) < mix.count[rows][:, None]) & np.isfinite(margin)
        listed[:, 0] &= mix.kind[rows] != Kind.CLOCKED
        margin, target = np.where(listed, margin, 0.0), state.late.target[source]
        packet, frame = np.maximum(state.stream.blocks[source], 1), np.maximum(state.leg.frame[rows], 1)[:, None]
        block = np.where(state.leg.wide[source], WIDE_BLOCK, BLOCK)
        moves = wanted_moves(margin, target, state.stream.position[source], packet, mix.read[rows], mix.offset[rows], frame, block)
        moves = np.where(listed, moves, 0)
        asked = np.where(moves * mix.move[rows] > 0, mix.asked[rows] + 1, 0)
        misses = (moves < 0) & ((margin < -_EXACT) | (target - margin > _TRIFLE))
        mix.asked[rows] = np.where(misses, PATIENCE, asked)
        mix.move[rows] = moves
        mix.margin[rows] = np.inf
        smooth = mix.smooth[rows]
        mix.smooth[rows] = np.where(mix.move[rows].any(axis=1) & (smooth != Smooth.NOT), Smooth.MOSTLY, smooth)

    def _review_clocks(self, rows: Int64) -> None:
        """Set the clocks of listeners (n) that no source of theirs has set yet."""
        state, mix = self._state, self._state.mix
        listed = np.arange(state.seats) < mix.count[rows][:, None]
        rows = rows[~(listed & (mix.source[rows] == mix.paced_by[rows][:, None])).any(axis=1)]
        if not len(rows):
            return
        chosen, ready = _choose(state, rows)
        rows, ready, chosen = rows[chosen >= 0], ready[chosen >= 0], chosen[chosen >= 0]
        period = state.leg.frame[rows] * BLOCK_SECONDS
        due = np.take_along_axis(ready, chosen[:, None], axis=1)[:, 0]
        slew = (due - mix.next_due[rows] + period / 2) % period - period / 2
        mix.slew[rows] = np.where(slew < -_spare(state, rows), slew + period, slew)
        mix.paced_by[rows] = mix.source[rows, chosen]


def _spare(state: State, rows: Int64) -> Float64:
    """Seconds (n) by which the clocks of listeners (n) may strike earlier, so that no source has less margin than it should."""
    mix = state.mix
    source, read = mix.source[rows], mix.read[rows]
    frame, packet = np.maximum(state.leg.frame[rows], 1)[:, None], np.maximum(state.stream.blocks[source], 1)
    base, target = state.late.base(source), state.late.target[source]
    last = read + (frame - 1) + (mix.offset[rows] > 0)
    margin = least_margins(state.stream.position[source], base, packet, frame, last, mix.next_due[rows][:, None])
    tells = (np.arange(state.seats) < mix.count[rows][:, None]) & (read != UNREAD) & np.isfinite(base)
    return np.asarray(np.where(tells, margin - (target - least_slack(target)), np.inf).min(axis=1))


def _choose(state: State, rows: Int64) -> tuple[Int64, Float64]:
    """The place (n) in the lists of listeners (n) of the source to set their clocks by, or -1; when each one's (n, places) are there."""
    mix = state.mix
    places = int(mix.count[rows].max())
    source = mix.source[rows, :places]
    period = state.leg.frame[rows] * BLOCK_SECONDS
    ready = state.stream.position[source] * BLOCK_SECONDS + state.late.base(source) + state.late.target[source] + _AFTER
    tells = (np.arange(places) < mix.count[rows][:, None]) & np.isfinite(ready)
    tells &= (state.stream.blocks[source] == state.leg.frame[rows][:, None]) & (state.late.counts[source].sum(axis=2) >= ENOUGH)
    ready = np.where(tells, ready, 0.0)
    waits = (ready[:, :, None] - ready[:, None, :]) % period[:, None, None] * tells[:, None, :]
    waits = np.where(waits > period[:, None, None] - _AFTER, 0.0, waits)
    longest = np.where(tells, waits.max(axis=2), np.inf)
    return np.where(tells.any(axis=1), longest.argmin(axis=1), -1), ready
