"""A path through the network: from when packets are sent to which of them arrive, and when."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.simulator.delaying import Jitter
from bench.simulator.losing import Loss

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_ON_ITS_HEELS = 0.0005
"""Seconds between a packet and its second copy, at most."""


@dataclass(frozen=True, slots=True)
class Path:
    """What a path does to what is sent on it. One of these, a seed and the send times say everything about a journey."""

    loss: Loss | None = None
    jitter: Jitter | None = None
    keeps_order: bool = False
    """Nothing overtakes: who would arrive before his predecessor arrives with him."""
    duplicates: float = 0.0
    """Share of packets that arrive twice."""
    delay: float = 0.0
    """Seconds that even the quickest packet takes."""
    pauses: tuple[tuple[float, float], ...] = ()
    """(start, seconds) in which nothing gets through: what should arrive then arrives at the end, all at once."""

    def carry(self, sent: Floats, seed: int) -> "Journey":
        """The journey of packets sent at these times (n), rising, seconds. The same seed loses the same packets, whatever the jitter."""
        losing, delaying, doubling = (np.random.default_rng([seed, number]) for number in range(3))
        arrival = sent + self.delay
        if self.jitter is not None:
            arrival = arrival + self.jitter.draw(delaying, sent)
        for start, seconds in self.pauses:
            arrival = np.where((arrival >= start) & (arrival < start + seconds), start + seconds, arrival)
        if self.keeps_order:
            arrival = np.maximum.accumulate(arrival)
        packet = np.arange(len(sent), dtype=np.int64)
        doubled = doubling.random(len(sent)) < self.duplicates
        behind = arrival + doubling.uniform(0.0, _ON_ITS_HEELS, len(sent))
        if self.loss is not None:
            kept = ~self.loss.draw(losing, len(sent))
            packet, arrival, behind, doubled = packet[kept], arrival[kept], behind[kept], doubled[kept]
        arrival, packet = np.concatenate([arrival, behind[doubled]]), np.concatenate([packet, packet[doubled]])
        order = np.argsort(arrival, kind="stable")
        return Journey(len(sent), packet[order], arrival[order])


@dataclass(frozen=True, slots=True)
class Journey:
    """What became of packets on a path: the trace that a reference decoder is given."""

    count: int
    """How many were sent."""
    packet: Ints
    """(m) numbers of those that arrive, in the order of arrival; a number twice where it was doubled."""
    arrival: Floats
    """(m) when, seconds, rising."""

    @property
    def lost(self) -> Ints:
        """Numbers of those that never arrive."""
        return np.setdiff1d(np.arange(self.count), self.packet)

    def first_arrival(self) -> Floats:
        """(count) when each packet came first; infinite for those that never do."""
        first = np.full(self.count, np.inf)
        np.minimum.at(first, self.packet, self.arrival)
        return first


def send_times(count: int, ptime: float, *, start: float = 0.0, drift_ppm: float = 0.0) -> Floats:
    """When a phone sends its packets (count), seconds: every ``ptime`` by a clock that runs fast by so many millionths."""
    return np.asarray(start + np.arange(count) * (ptime / (1.0 + drift_ppm * 1e-6)))


CLEAN = Path()
"""A path that does nothing."""
