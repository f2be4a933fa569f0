"""When turns begin: often enough that a packet hardly waits, seldom enough that the turns' own cost leaves room for packets.

- A turn lasts what the settings say, as long as its work fills less than `SHARE` of it;
- with more to do it gets longer, `LONGEST` at most: a turn costs something of its own, so fewer of them are less work;
- who cannot keep up makes one turn after the other, and what he is late by is not made up for.
"""

from typing import Final

LONGEST: Final = 0.008
"""Seconds; less than half a usual packet."""
SHARE: Final = 0.8
"""The rest is signalling's where it is on the same core. With a lesser share turns would be long, and packets late, at half the load."""
_WEIGHT: Final = 0.125
"""Of the last turn in the mean of what turns take."""


class Rhythm:
    """The turns' schedule."""

    def __init__(self, shortest: float, now: float) -> None:
        """shortest: seconds from turn to turn while there is little to do."""
        self._shortest = shortest
        self._longest = max(shortest, LONGEST)
        self._takes = 0.0
        self.due = now
        """When the next turn begins."""

    def note(self, began: float, ended: float) -> None:
        """A turn was made; the next is due accordingly."""
        self._takes += (ended - began - self._takes) * _WEIGHT
        length = min(max(self._takes / SHARE, self._shortest), self._longest)
        self.due = max(self.due, began - length) + length

    def postpone(self, now: float) -> None:
        """Nothing was to be done until now: the turn that was due begins now, and is not late."""
        self.due = max(self.due, now)
