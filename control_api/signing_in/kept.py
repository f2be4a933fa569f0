"""What an issuer publishes, kept for a while: fetched when it is needed, and asked for anew no more often than is fit.

Whoever sends whatever, there is one question in `refetch_after` at most. While the issuer does not answer, what was had stays.
"""

import asyncio
from collections.abc import Awaitable, Callable
from math import inf
from typing import Generic, TypeVar

import structlog

from config.identities import IssuerSettings

Held = TypeVar("Held")

log = structlog.get_logger("control_api")


class Kept(Generic[Held]):
    """One thing of one issuer. Times are seconds of one monotonic clock."""

    def __init__(self, settings: IssuerSettings, complaint: str, ask: Callable[[], Awaitable[Held]], clock: Callable[[], float]) -> None:
        """complaint: the event in the log where it cannot be had. ask: has it from the issuer; raises `OSError`, `ValueError`."""
        self._settings = settings
        self._complaint = complaint
        self._ask = ask
        self._clock = clock
        self._held: Held | None = None
        self._fetched = -inf
        self._tried = -inf
        self._fetching = asyncio.Lock()

    @property
    def age(self) -> float:
        """How old it is."""
        return self._clock() - self._fetched

    async def having(self, suffices: Callable[[Held], bool] = lambda held: True) -> Held | None:
        """As it was told last; asked for anew where that is old, or does not suffice. None: it was never told."""
        async with self._fetching:
            is_wanted = self._held is None or self.age >= self._settings.keep_keys or not suffices(self._held)
            if is_wanted and self._clock() - self._tried >= self._settings.refetch_after:
                await self._refetch()
        return self._held

    async def _refetch(self) -> None:
        self._tried = self._clock()
        try:
            self._held = await self._ask()
        except (OSError, ValueError) as error:
            log.warning(self._complaint, issuer=self._settings.issuer, problem=str(error)[:200])
            return
        self._fetched = self._clock()
