"""The worker's end of a ring: many frames written at once, whatever does not fit counted and left out."""

import os
from typing import Any, Final

import numpy as np

from mediaserver.link.ring import DROPPED, HEAD, READ, RECORD_BYTES, SAMPLES, WRITTEN, map_ring
from mixer.arrays import Int16
from rtp.arrays import Int64

_RECORD: Final = np.dtype(
    [("position", "i8"), ("tap", "i8"), ("leg", "i8"), ("rate", "u4"), ("missing", "u2"), ("count", "u2"), ("samples", "i2", SAMPLES)]
)
assert _RECORD.itemsize == RECORD_BYTES


class RingWriter:
    """Writes into one ring."""

    def __init__(self, descriptor: int) -> None:
        """Map a lent ring; the descriptor is closed in any case. `ValueError` or `OSError` where it is none."""
        try:
            self.inode = os.fstat(descriptor).st_ino
            """Which memory it is: taps that are lent the same share it."""
            self._map, self._records = map_ring(descriptor)
        finally:
            os.close(descriptor)
        self._head: Any = np.frombuffer(self._map, dtype=np.uint64, count=HEAD // 8)
        self._ring = np.frombuffer(self._map, dtype=_RECORD, count=self._records, offset=HEAD)

    def write(self, position: int, tap: Int64, leg: Int64, missing: Int64, frames: Int16, rate: int) -> None:
        """Frames (n, samples) of taps (n) and legs (n), all at one position and rate; missing (n) as bits."""
        written, read = int(self._head[WRITTEN]), int(self._head[READ])
        free = min(max(self._records - (written - read), 0), len(tap))
        places = (written + np.arange(free)) % self._records
        ring = self._ring
        ring["position"][places], ring["rate"][places], ring["count"][places] = position, rate, frames.shape[1]
        ring["tap"][places], ring["leg"][places], ring["missing"][places] = tap[:free], leg[:free], missing[:free]
        ring["samples"][places, : frames.shape[1]] = frames[:free]
        self._head[WRITTEN] = written + free
        self._head[DROPPED] += np.uint64(len(tap) - free)
