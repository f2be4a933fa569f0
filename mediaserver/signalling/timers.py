"""A timer that is set anew as often as one likes and fires once."""

import asyncio
import time
from collections.abc import Callable


class Timer:
    """Calls back at a point of the monotonic clock; setting it again replaces what was set."""

    def __init__(self, fires: Callable[[], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._fires = fires
        self._clock = clock
        self._handle: asyncio.TimerHandle | None = None
        self._due: float | None = None

    def set(self, due: float | None) -> None:
        """Fire at ``due`` (monotonic seconds); None: not at all."""
        if due == self._due:
            return
        self.cancel()
        self._due = due
        if due is not None:
            delay = max(0.0, due - self._clock())
            self._handle = asyncio.get_running_loop().call_later(delay, self._fire)

    def cancel(self) -> None:
        """Fire no more."""
        if self._handle is not None:
            self._handle.cancel()
        self._handle = self._due = None

    def _fire(self) -> None:
        self._handle = self._due = None
        self._fires()
