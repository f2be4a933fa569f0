"""How long a worker's turns are: what grows first, and without bound, where a core has more to do than it can."""

from typing import Final

from rtp.arrays import Float64

WINDOW: Final = 0.25
"""Seconds over which it is taken."""


class Pace:
    """The mean length of turns, each weighted by its own length: that of the turn in which a packet finds itself."""

    def __init__(self, shown: Float64, now: float) -> None:
        """``shown`` (1) is where the mean is written, in seconds."""
        self._shown = shown
        self._since = now
        self._sum = 0.0
        self._squares = 0.0

    def note(self, began: float, ended: float) -> None:
        """A turn was made. Time in which others had the core is in it: packets waited all the same."""
        took = max(ended - began, 0.0)
        self._sum += took
        self._squares += took * took
        if ended - self._since >= WINDOW:
            self._shown[0] = self._squares / self._sum if self._sum else 0.0
            self._since, self._sum, self._squares = ended, 0.0, 0.0
