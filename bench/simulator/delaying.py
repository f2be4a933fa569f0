"""How much later than the quickest packet each one arrives."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class UniformJitter:
    """Anything from 0 to this many seconds, each as likely."""

    span: float

    def draw(self, random: np.random.Generator, sent: Floats) -> Floats:
        """Seconds that packets sent at these times (n) are late by: (n), none negative."""
        return random.uniform(0.0, self.span, len(sent))


@dataclass(frozen=True, slots=True)
class NormalJitter:
    """Normal about three deviations, cut there on both sides, so that nothing is earlier than the quickest."""

    deviation: float

    def draw(self, random: np.random.Generator, sent: Floats) -> Floats:
        """As `UniformJitter.draw`."""
        return np.asarray(np.clip(random.normal(3.0, 1.0, len(sent)), 0.0, 6.0) * self.deviation)


@dataclass(frozen=True, slots=True)
class SpikeJitter:
    """A path that is quick but for spikes: all at once a packet is late, and those behind it catch up with it."""

    height: float
    """Seconds that the first packet of a spike is late."""
    every: float
    """Mean seconds from one spike to the next."""
    base: float = 0.0
    """Uniform jitter beside them, seconds."""

    def draw(self, random: np.random.Generator, sent: Floats) -> Floats:
        """As `UniformJitter.draw`. A packet sent while a spike lasts arrives when it is over."""
        late = random.uniform(0.0, self.base, len(sent)) if self.base else np.zeros(len(sent))
        if not len(sent):
            return late
        moment = float(sent[0]) + random.exponential(self.every)
        while moment <= sent[-1]:
            first = int(np.searchsorted(sent, moment))
            over = sent[first] + self.height
            caught = slice(first, int(np.searchsorted(sent, over)))
            late[caught] = np.maximum(late[caught], over - sent[caught])
            moment = float(over) + random.exponential(self.every)
        return late


Jitter = UniformJitter | NormalJitter | SpikeJitter
