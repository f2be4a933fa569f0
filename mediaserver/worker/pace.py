"""How long a worker's turns are: what grows first, and without bound, where a core has more to do than it can."""

from collections import deque
from typing import Final

from rtp.arrays import Float64

WINDOW: Final = 0.25
"""Seconds over which it is taken."""
WINDOWS: Final = 4
"""Shown is the least of so many: a stall, or a burst of commands with all that waits behind it, is no load that lasts."""


class Pace:
    """The mean length of turns, each weighted by its own length: that of the turn in which a packet finds itself.

    Counted is the worker's own time on its core. Who is kept from it by others has more in each turn afterwards, and that counts.
    """

    def __init__(self, shown: Float64, processor: float, now: float) -> None:
        """``shown`` (1) is where the mean is written, in seconds; the times are as `note` has them."""
        self._shown = shown
        self._processor = processor
        self._since = now
        self._sum = 0.0
        self._squares = 0.0
        self._means: Final = deque([0.0] * WINDOWS, maxlen=WINDOWS)
        """Of the last windows."""

    def note(self, processor: float, now: float) -> None:
        """A turn was made; ``processor`` is the time that the worker has had on its core so far."""
        took = max(processor - self._processor, 0.0)
        self._processor = processor
        self._sum += took
        self._squares += took * took
        if now - self._since >= WINDOW:
            self._means.append(self._squares / self._sum if self._sum else 0.0)
            self._shown[0] = min(self._means)
            self._since, self._sum, self._squares = now, 0.0, 0.0
