"""What one turn sends: lines of a byte matrix, each with the row that it goes to and its length."""

from typing import Final

import numpy as np

from mediaserver.worker.state import State
from rtp.arrays import Bytes, Int64
from rtp.header import HEADER, build
from rtp.loops import Lines

WIDTH: Final = 1472
"""Bytes of a line, in and out: what fits an Ethernet frame without fragments. A datagram as long as that is refused."""


class Outbox:
    """The departures of a turn, in the order in which they were put in."""

    def __init__(self, state: State) -> None:
        self.matrix: Final[Bytes] = np.zeros((2 * state.rows, WIDTH), dtype=np.uint8)
        self.lines: Final = Lines.make(self.matrix)
        self.count = 0
        """Lines in use."""
        self.gone = 0
        """Those of them that were sent."""
        self._sender = state.sender
        self._sent = state.count.sent

    @property
    def rows(self) -> Int64:
        """The rows (n) that the lines in use go to."""
        return self.lines.rows[: self.count]

    @property
    def lengths(self) -> Int64:
        """Bytes (n) of the lines in use, headers included."""
        return self.lines.lengths[: self.count]

    def clear(self) -> None:
        """Begin a turn."""
        self.count = self.gone = 0

    def room(self, count: int) -> Bytes:
        """The next ``count`` lines (count, WIDTH), to be filled from byte 12 on before `put`."""
        return self.matrix[self.count : self.count + count]

    def put(self, listener: Int64, marked_types: Int64, sequence: Int64, timestamp: Int64, size: Int64 | int) -> None:
        """Give the next lines their headers and send each to its listener (n): ``size`` bytes of payload, or (n), are in place."""
        count = len(listener)
        build(self.room(count), marked_types, sequence, timestamp, self._sender.ssrc[listener])
        self._sent[listener] += 1
        self._sender.octets[listener] += size
        used = slice(self.count, self.count + count)
        self.lines.rows[used] = listener
        self.lines.lengths[used] = size + HEADER
        self.count += count

    def take_back(self, line: int) -> None:
        """Do not send a line after all that has not gone yet; the last one comes in its place."""
        row, last = int(self.lines.rows[line]), self.count - 1
        self._sent[row] -= np.uint64(1)
        self._sender.octets[row] -= self.lines.lengths[line] - HEADER
        for lines in (self.matrix, self.lines.rows, self.lines.lengths):
            lines[line] = lines[last]
        self.count = last
