"""What one turn sends: lines of a byte matrix, each with the row that it goes to and its length."""

from typing import Final

import numpy as np

from mediaserver.worker.state import State
from rtp.arrays import Bytes, Int64
from rtp.header import HEADER, build

WIDTH: Final = 1472
"""Bytes of a line, in and out: what fits an Ethernet frame without fragments. A datagram as long as that is refused."""


class Outbox:
    """The departures of a turn, in the order in which they were put in."""

    def __init__(self, state: State) -> None:
        self.matrix: Final[Bytes] = np.zeros((2 * state.rows, WIDTH), dtype=np.uint8)
        self.rows: Final[list[int]] = []
        self.lengths: Final[list[int]] = []
        self._sender = state.sender
        self._sent = state.count.sent

    def clear(self) -> None:
        """Begin a turn."""
        self.rows.clear()
        self.lengths.clear()

    def room(self, count: int) -> Bytes:
        """The next ``count`` lines (count, WIDTH), to be filled from byte 12 on before `put` or `put_sizes`."""
        start = len(self.rows)
        return self.matrix[start : start + count]

    def put(self, listener: Int64, marked_types: Int64, sequence: Int64, timestamp: Int64, size: int) -> None:
        """Give the next lines their headers and send each to its listener (n): ``size`` bytes of payload are in place."""
        build(self.room(len(listener)), marked_types, sequence, timestamp, self._sender.ssrc[listener])
        self._sent[listener] += 1
        self.rows.extend(listener.tolist())
        self.lengths.extend([HEADER + size] * len(listener))

    def put_sizes(self, listener: Int64, marked_types: Int64, sequence: Int64, timestamp: Int64, sizes: Int64) -> None:
        """As `put`, with a payload size for each line (n)."""
        build(self.room(len(listener)), marked_types, sequence, timestamp, self._sender.ssrc[listener])
        self._sent[listener] += 1
        self.rows.extend(listener.tolist())
        self.lengths.extend((sizes + HEADER).tolist())
