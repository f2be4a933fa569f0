"""All timers of the SIP core in one heap. Stopping one only marks it; the heap is cleaned when most of it is dead."""

import heapq
from typing import Final, Protocol

_FEWEST_TO_CLEAN: Final = 512


class Timed(Protocol):
    """Whoever is told that a timer fired."""

    def fired(self, name: str, now: float) -> None:
        """The timer that was started under this name is due."""


class Timer:
    """One running, fired or stopped timer."""

    __slots__ = ("at", "name", "owner")

    def __init__(self, at: float, owner: Timed, name: str) -> None:
        self.at = at
        self.owner: Timed | None = owner
        """None once it fired or was stopped."""
        self.name = name


class Timers:
    """The heap. Timers due at the same time fire in the order in which they were started."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._started = 0
        self._dead = 0

    def __len__(self) -> int:
        return len(self._heap) - self._dead

    @property
    def held(self) -> int:
        """Entries in the heap, those of stopped timers among them."""
        return len(self._heap)

    def start(self, at: float, owner: Timed, name: str) -> Timer:
        """Tell ``owner`` at this time."""
        timer = Timer(at, owner, name)
        self._started += 1
        heapq.heappush(self._heap, (at, self._started, timer))
        return timer

    def stop(self, timer: Timer | None) -> None:
        """Forget a timer; one that fired, was stopped or never was is fine."""
        if timer is None or timer.owner is None:
            return
        timer.owner = None
        self._dead += 1
        if self._dead > _FEWEST_TO_CLEAN and self._dead * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].owner is not None]
            heapq.heapify(self._heap)
            self._dead = 0

    def next(self) -> float | None:
        """When the next one is due."""
        self._skip_dead()
        return self._heap[0][0] if self._heap else None

    def run(self, now: float) -> None:
        """Fire what is due, also what becomes due by it."""
        self._skip_dead()
        while self._heap and self._heap[0][0] <= now:
            timer = heapq.heappop(self._heap)[2]
            owner, timer.owner = timer.owner, None
            if owner is not None:
                owner.fired(timer.name, now)
            self._skip_dead()

    def _skip_dead(self) -> None:
        while self._heap and self._heap[0][2].owner is None:
            heapq.heappop(self._heap)
            self._dead -= 1
