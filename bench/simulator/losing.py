"""Which packets never arrive: each by itself, or in bursts after Gilbert and Elliott."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class UniformLoss:
    """Each packet is lost by itself with this probability."""

    share: float

    def draw(self, random: np.random.Generator, count: int) -> Bools:
        """Which of so many packets, in the order in which they are sent, are lost: (count) bool."""
        return np.asarray(random.random(count) < self.share)


@dataclass(frozen=True, slots=True)
class BurstLoss:
    """Two states (Gilbert 1960, Elliott 1963): in the bad one packets are lost, in the good one they are not.

    Told by what can be counted afterwards: the share that is lost, and how many packets are lost in a row on average.
    """

    share: float
    burst: float
    """Mean length of a run of losses, packets; at least 1."""
    lost_when_bad: float = 1.0
    """Probability of a loss in the bad state; below 1 the bursts have holes, and last longer by as much."""

    def draw(self, random: np.random.Generator, count: int) -> Bools:
        """As `UniformLoss.draw`."""
        bad = self.share / self.lost_when_bad
        leaves_bad = 1.0 / self.burst
        enters_bad = leaves_bad * bad / (1.0 - bad) if bad < 1.0 else 1.0
        is_bad = bool(random.random() < bad)
        states = np.empty(count, np.bool_)
        at = 0
        while at < count:
            stays = int(random.geometric(leaves_bad if is_bad else enters_bad)) if bad > 0.0 else count
            states[at : at + stays] = is_bad
            at, is_bad = at + stays, not is_bad
        return np.asarray(states & (random.random(count) < self.lost_when_bad))


Loss = UniformLoss | BurstLoss
