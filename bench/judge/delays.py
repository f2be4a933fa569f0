"""Delay to the sample: marks that were sent, found again in what listeners received.

A sample is *sent* when its packet is sent plus its place in the packet, and *heard* when its packet arrives plus its place in
that one. Packetisation cancels: a server that hands packets on at once adds 0, one that holds a frame until its 20 ms tick
adds that wait, whatever the phases of the two streams.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bench.generator.companding import RATE
from bench.generator.memory import Memory
from bench.generator.signals import Marks, mark_positions
from bench.judge.recording import Recording

LONGEST = 0.28
"""Seconds; marks are at least 0.3 s apart, so a nearer one before is the right one."""
_TOLERANCE = 0.25
"""A mark may come out this much louder or quieter and is still known by its value."""


@dataclass(slots=True)
class Delays:
    """The delays of one path, seconds, and the marks that never came."""

    found: list[float] = field(default_factory=list)
    lost: int = 0

    def percentile_ms(self, percent: float) -> float | None:
        """In ms; None where nothing was found."""
        return round(float(np.percentile(self.found, percent)) * 1000, 3) if self.found else None


def sent_marks(memory: Memory, signals: dict[int, Marks]) -> dict[int, NDArray[np.float64]]:
    """When each speaker's marks were sent, rising, from the log of sent packets."""
    count = memory.total("logged")
    legs, frames, times = memory.log_leg[:count], memory.log_frame[:count], memory.log_time[:count]
    order = np.argsort(legs, kind="stable")
    edges = np.searchsorted(legs[order], list(signals), side="left"), np.searchsorted(legs[order], list(signals), side="right")
    sent = {}
    for (leg, signal), low, high in zip(signals.items(), *edges, strict=True):
        rows = order[low:high]
        marked, places = mark_positions(signal)
        place_of = np.full(signal.frames, -1, np.int64)
        place_of[marked] = places
        place = place_of[frames[rows] % signal.frames]
        has = place >= 0
        sent[leg] = np.asarray(times[rows][has] + place[has] / RATE)
    return sent


def heard_marks(recording: Recording, amplitude: int) -> NDArray[np.float64]:
    """When samples of about this value were heard."""
    near = np.abs(recording.samples - amplitude) < abs(amplitude) * _TOLERANCE
    return recording.times(np.flatnonzero(near))


def match(sent: NDArray[np.float64], heard: NDArray[np.float64], since: float, until: float) -> Delays:
    """Each mark sent in this span with the first one heard after it."""
    delays = Delays()
    for moment in sent[(sent >= since) & (sent < until)]:
        at = int(np.searchsorted(heard, moment - 0.001))
        if at < len(heard) and heard[at] - moment < LONGEST:
            delays.found.append(float(heard[at] - moment))
        else:
            delays.lost += 1
    return delays
