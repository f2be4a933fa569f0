"""How late each leg's packets come behind the fastest of them, and the margin that its readers should leave for that.

A packet's *transit* is its arrival less its place on the leg's time line. The least transit of the last seconds is the *fastest* way
here; how far others lag behind it is counted in a histogram that fades. The *target* is what all but `TOLERATED` of them need.

- It grows at once with a packet that is later than it, and sinks as what was counted fades, about `MEMORY_SECONDS`.
- The time that packets lie unseen between two turns is no lateness: who reads in the turn that sees them reads them in time.
- Clocks that drift move the fastest way along: it is looked for anew each `SPAN_SECONDS`.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from rtp.arrays import Bools, Float32, Float64, Int64, some
from rtp.stream import BLOCK_SECONDS

TOLERATED: Final = 0.01
"""Share of packets that may come later than the target."""
LEAST_TARGET: Final = 0.001
"""Seconds of margin that are aimed at even where no packet is ever late: one within a millisecond is called punctual (`_NEEDED`), and a
clock that drifts is noticed before it is heard."""
SPAN_SECONDS: Final = 1.0
"""The fastest way is that of the present span and the one before."""
MEMORY_SECONDS: Final = 4.0
BINS: Final = 32

_EDGES: Final = np.concatenate([np.arange(17), 16 + 4 * np.arange(1, 9), 48 + 16 * np.arange(1, 9)]) * 0.001
"""Edges of the bins, seconds: of 1 ms up to 16, of 4 ms up to 48, of 16 ms up to 176."""
_NEEDED: Final = np.where(_EDGES > 0.001, _EDGES, 0.0)
"""Margin that packets of each bin need, behind none: what comes within a millisecond is punctual."""
_BIN_OF: Final = np.searchsorted(_EDGES, np.arange(177) * 0.001 + 1e-9, side="right").clip(1, BINS) - 1
"""Bin of each whole millisecond."""
_FADED: Final = float(np.exp(-SPAN_SECONDS / MEMORY_SECONDS))
_TRIFLE: Final = 0.0005
"""Seconds by which a packet may miss the target without being looked at closer."""


@dataclass(slots=True)
class Lateness:
    """What is known about each leg's packets; one entry a row, where nothing else is said."""

    fastest: Float64
    """Least transit, seconds, of the present span; inf before the first packet."""
    before: Float64
    """The same of the span before."""
    counts: Float32
    """(row, BINS) packets by how late they were."""
    target: Float64
    """Seconds."""
    breaks: Int64
    """The stream's count of breaks up to which this is known."""

    def forget_ways(self) -> None:
        """All packets may come another way from now on; how late they are stays known."""
        self.fastest[:] = self.before[:] = np.inf

    def base(self, rows: Int64) -> Float64:
        """The fastest transit (…), seconds, of rows (…); inf where nothing came yet."""
        return np.minimum(self.fastest[rows], self.before[rows])

    def note_way(self, rows: Int64, position: Int64, breaks: Int64, now: float) -> Float64:
        """Packets of rows (n, each once) came, which start at block ``position`` (n): seconds (n) that each lags behind the fastest.

        breaks (n) counts the breaks of their streams: behind one, the way is another, and how late packets are stays known.
        """
        broken = breaks != self.breaks[rows]
        if some(broken):
            self.breaks[rows] = breaks
            self.fastest[rows[broken]] = self.before[rows[broken]] = np.inf
        transit = now - position * BLOCK_SECONDS
        fastest = np.minimum(self.fastest[rows], transit)
        self.fastest[rows] = fastest
        lag: Float64 = transit - np.minimum(fastest, self.before[rows])
        return lag

    def count(self, rows: Int64, lag: Float64) -> None:
        """Count packets of rows (n, each once) that lag (n) seconds behind, without the time that they lay unseen."""
        bins = _BIN_OF.take((lag * 1000.0).astype(np.int64), mode="clip")
        self.counts.reshape(-1)[rows * BINS + bins] += 1
        later = lag > self.target[rows] + _TRIFLE
        if some(later):
            self._aim(rows[later])

    def review(self, rows: Int64) -> None:
        """Once in `SPAN_SECONDS` for rows (n): old packets fade, the targets sink to what is left of them."""
        self.before[rows] = self.fastest[rows]
        self.fastest[rows] = np.inf
        self.counts[rows] *= _FADED
        self._aim(rows)

    def _aim(self, rows: Int64) -> None:
        counts = self.counts[rows]
        beyond = np.cumsum(counts[:, ::-1], axis=1)[:, ::-1]
        needed: Bools = beyond > TOLERATED * beyond[:, :1]
        upper = _NEEDED[needed.sum(axis=1)]
        self.target[rows] = np.maximum(upper, LEAST_TARGET)
