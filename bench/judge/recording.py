"""What one leg received, laid on the timeline of its RTP timestamps and of its arrival."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.generator.companding import FRAME, RATE, decode
from bench.generator.memory import Memory

_LONGEST = 3600 * RATE


@dataclass(frozen=True, slots=True)
class Recording:
    """One listener's stream.

    samples (n,) float32, int16 scale, zero where nothing came; covered (n,) bool, whether something came.
    position (k,) int64 first sample of each packet, rising; arrival (k,) seconds; payload (k, 160) uint8.
    """

    samples: NDArray[np.float32]
    covered: NDArray[np.bool_]
    position: NDArray[np.int64]
    arrival: NDArray[np.float64]
    payload: NDArray[np.uint8]

    def times(self, starts: NDArray[np.int64]) -> NDArray[np.float64]:
        """When the samples at these places were heard: their packet's arrival plus their place in it."""
        at = np.clip(np.searchsorted(self.position, starts, side="right") - 1, 0, None)
        return np.asarray(self.arrival[at] + (starts - self.position[at]) / RATE)

    def windows(self, length: int, hop: int) -> NDArray[np.int64]:
        """First samples of all windows of this length in which nothing is missing."""
        starts = np.arange(0, len(self.samples) - length + 1, hop, dtype=np.int64)
        missing = np.concatenate([[0], np.cumsum(~self.covered)])
        return np.asarray(starts[missing[starts + length] == missing[starts]], np.int64)


def build(timestamp: NDArray[np.uint32], arrival: NDArray[np.float64], payload: NDArray[np.uint8], codec: str) -> Recording:
    """A recording from packets in order of arrival; a packet far off the others' timestamps is left out."""
    if len(timestamp) == 0:
        empty = np.zeros(0, np.int64)
        return Recording(np.zeros(0, np.float32), np.zeros(0, bool), empty, np.zeros(0), np.zeros((0, FRAME), np.uint8))
    wide = timestamp.astype(np.int64)
    steps = wide - np.concatenate([wide[:1], wide[:-1]])
    steps = ((steps + 2**31) & 0xFFFFFFFF) - 2**31
    position = np.cumsum(steps)
    position -= position.min()
    near = position < _LONGEST
    order = np.argsort(position[near], kind="stable")
    position, arrival, payload = position[near][order], arrival[near][order], payload[near][order]
    samples = np.zeros(int(position[-1]) + FRAME, np.float32)
    covered = np.zeros(len(samples), bool)
    places = position[:, None] + np.arange(FRAME)
    samples[places] = decode(payload, codec)
    covered[places] = True
    return Recording(samples, covered, position, arrival, payload)


def of_leg(memory: Memory, leg: int, codec: str, *, since: float = -np.inf, until: float = np.inf) -> Recording:
    """What a leg received in a span of time. Looks through all records: for many legs use `of_all`."""
    count = memory.total("recorded")
    chosen = (memory.record_leg[:count] == leg) & (memory.record_time[:count] >= since) & (memory.record_time[:count] <= until)
    return _chosen(memory, np.flatnonzero(chosen), codec)


def of_all(memory: Memory, codec: str) -> Iterator[tuple[int, Recording]]:
    """Every leg that received something, with its recording."""
    count = memory.total("recorded")
    legs = memory.record_leg[:count]
    order = np.argsort(legs, kind="stable")
    edges = np.flatnonzero(np.diff(legs[order])) + 1
    for rows in np.split(order, edges):
        if len(rows):
            yield int(legs[rows[0]]), _chosen(memory, rows, codec)


def _chosen(memory: Memory, rows: NDArray[np.int64], codec: str) -> Recording:
    rows = rows[memory.record_length[rows] == FRAME]
    return build(memory.record_timestamp[rows], memory.record_time[rows], memory.record_payload[rows], codec)
