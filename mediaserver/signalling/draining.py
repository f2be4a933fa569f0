"""The way out: the server takes no new call and lets those that stand finish; in time, or asked a second time, it says BYE."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

LOOK: Final = 0.1
"""Seconds between two looks at the calls that are left."""


class Drain:
    """Whether the server is to end, and until when calls may go on."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._asked = asyncio.Event()
        self._hurried = asyncio.Event()
        self._until = 0.0

    @property
    def is_asked(self) -> bool:
        """Whether no new call is to be taken."""
        return self._asked.is_set()

    def ask(self, patience: float) -> None:
        """End when the last call has, in ``patience`` seconds at most; asked again, at once."""
        if self.is_asked or patience <= 0:
            self._hurried.set()
        else:
            self._until = self._clock() + patience
        self._asked.set()

    async def asked(self) -> None:
        """Wait until the server is to end."""
        await self._asked.wait()

    async def finished(self, is_empty: Callable[[], bool]) -> None:
        """Wait until nothing is left, or time is up."""
        while not is_empty() and not self._hurried.is_set() and (left := self._until - self._clock()) > 0:
            try:
                async with asyncio.timeout(min(LOOK, left)):
                    await self._hurried.wait()
            except TimeoutError:
                continue
