"""Frames of codecs with a state on their way to the playout buffers and the meters: collected a turn, put there together."""

from typing import Final

import numpy as np

from mediaserver.worker.metering import Metering
from mediaserver.worker.ordered import BLOCK, Decoded
from mediaserver.worker.state import State
from mixer.arrays import Int16
from mixer.concealment import HISTORY_BLOCKS, conceal, faded_in, pitch_lags, rejoin
from rtp.arrays import Int64
from rtp.playout import Playout

CAPACITY: Final = 64
"""Frames that are collected before they are put away."""
SOFT_BLOCKS: Final = 2
"""Blocks over which what begins is faded in: Opus begins with 6.5 ms of nothing."""


class Shelf:
    """Set `row` and `is_measured`, give `put` to the stream as its listener, and `clear` when all is decoded."""

    def __init__(self, state: State, metering: Metering, longest: int) -> None:
        """longest: most blocks of a frame."""
        self._state = state
        self._metering = metering
        self._frames = np.zeros((CAPACITY, longest * BLOCK), dtype=np.int16)
        self._rows: list[int] = []
        self._positions: list[int] = []
        self._blocks: list[int] = []
        self._measured: list[bool] = []
        self.inherited: Final[set[int]] = set()
        """Rows of which nothing was heard since a worker died: what would have gone on has faded."""
        self.row = 0
        """Whose frames come."""
        self.is_measured = False
        """Whether the meter is to see them."""

    def put(self, decoded: Decoded) -> None:
        """Take a frame of `row`."""
        if self.row in self._rows or len(self._rows) == CAPACITY:
            self.clear()
        samples = len(decoded.frame)
        kept = self._frames[len(self._rows), :samples]
        kept[:] = decoded.frame
        if decoded.is_first and self.row in self.inherited:
            self.inherited.discard(self.row)
            kept[:] = faded_in(kept, BLOCK)
        elif decoded.is_first:
            soften(kept[None], np.array([decoded.position]), self._state.wide, np.array([self.row]))
        if decoded.is_made_up:
            self._state.count.concealed_blocks[self.row] += np.uint64(samples // BLOCK)
        self._rows.append(self.row)
        self._positions.append(decoded.position)
        self._blocks.append(samples // BLOCK)
        self._measured.append(self.is_measured and not decoded.is_made_up)

    def clear(self) -> None:
        """Put everything where it belongs."""
        if not self._rows:
            return
        rows, positions, blocks = np.array(self._rows), np.array(self._positions), np.array(self._blocks)
        measured = np.array(self._measured)
        for size in set(self._blocks):
            index = np.flatnonzero(blocks == size)
            frames = self._frames[index, : size * BLOCK]
            self._state.wide.store(rows[index], positions[index], size, frames)
            shown = measured[index]
            if shown.any():
                self._metering.take(rows[index[shown]], frames[shown], BLOCK)
        for kept in (self._rows, self._positions, self._blocks, self._measured):
            kept.clear()


def soften(frames: Int16, position: Int64, playout: Playout, rows: Int64) -> None:
    """Fade frames (n, samples) that begin at ``position`` (n) in, over what would have gone on of what was heard of these rows before."""
    overlap = min(SOFT_BLOCKS * playout.samples.shape[1], frames.shape[1])
    history = playout.history(rows, position, HISTORY_BLOCKS)
    played_on = conceal(history, pitch_lags(history), np.zeros(len(rows), dtype=np.int64), overlap)
    frames[:, :overlap] = rejoin(frames[:, :overlap], played_on, np.full(len(rows), overlap))
