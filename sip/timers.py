"""All timers of the SIP core in one heap. Stopping one only forgets it; the heap is cleaned when most of it is dead.

There are several for each message, and most wait for half a minute and are then of no use. So the heap holds plain numbers, which the
garbage collector has no interest in.
"""

import heapq
from typing import Final, NewType, Protocol

_FEWEST_TO_CLEAN: Final = 512

Timer = NewType("Timer", int)
"""A timer that was started; it means nothing any more once it fired or was stopped."""


class Timed(Protocol):
    """Whoever is told that a timer fired."""

    def fired(self, name: str, now: float) -> None:
        """The timer that was started under this name is due."""


class Timers:
    """The heap. Timers due at the same time fire in the order in which they were started."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, Timer]] = []
        self._waiting: dict[Timer, tuple[Timed, str]] = {}
        self._started = 0

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def held(self) -> int:
        """Entries in the heap, those of stopped timers among them."""
        return len(self._heap)

    def start(self, at: float, owner: Timed, name: str) -> Timer:
        """Tell ``owner`` at this time."""
        self._started += 1
        timer = Timer(self._started)
        self._waiting[timer] = (owner, name)
        heapq.heappush(self._heap, (at, timer))
        return timer

    def stop(self, timer: Timer | None) -> None:
        """Forget a timer; one that fired, was stopped or never was is fine."""
        if timer is None or self._waiting.pop(timer, None) is None:
            return
        dead = len(self._heap) - len(self._waiting)
        if dead > _FEWEST_TO_CLEAN and dead * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[1] in self._waiting]
            heapq.heapify(self._heap)

    def next(self) -> float | None:
        """When the next one is due."""
        while self._heap and self._heap[0][1] not in self._waiting:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def run(self, now: float) -> None:
        """Fire what is due, also what becomes due by it."""
        while self._heap and self._heap[0][0] <= now:
            found = self._waiting.pop(heapq.heappop(self._heap)[1], None)
            if found is not None:
                owner, name = found
                owner.fired(name, now)
