"""Requests that wait for the audio to change: numbered on the way down, answered on the way up."""

import asyncio
import itertools

from control_api.permissions import Refusal

MOST_PENDING = 10_000
NOBODY_WAITS = 0
"""The number of requests that nobody is told about (a digit)."""


class PendingRequests:
    """A bounded table of request numbers and who waits for them."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[int]] = {}

    def open(self) -> tuple[int, asyncio.Future[int]]:
        """A number, and the future that gets the turn; raises `Refusal` when too many wait."""
        if len(self._waiting) >= MOST_PENDING:
            raise Refusal("too_many", "too many requests wait for the media worker", "try again in a second")
        number = next(self._numbers)
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        future.add_done_callback(lambda _: self._waiting.pop(number, None))
        return number, future

    def applied(self, number: int | None, turn: int) -> None:
        """The audio changed in this turn."""
        future = self._waiting.get(number) if number is not None else None
        if future is not None and not future.done():
            future.set_result(turn)

    def refused(self, number: int | None, code: str, text: str) -> None:
        """It could not be done."""
        future = self._waiting.get(number) if number is not None else None
        if future is not None and not future.done():
            future.set_exception(Refusal(code, text))
