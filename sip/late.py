"""Answers that wait: whoever proved wrong is told so later each time. Bounded: when many wait already, the next one is said at once."""

from collections.abc import Callable
from typing import Final

from sip.timers import Timers

MOST_WAITING: Final = 1000


class LateAnswers:
    """All answers that wait."""

    def __init__(self, timers: Timers) -> None:
        self._timers = timers
        self._waiting = 0

    def say(self, answer: Callable[[float], None], after: float, now: float) -> None:
        """Call ``answer(now)`` so many seconds later, or at once."""
        if after <= 0 or self._waiting >= MOST_WAITING:
            return answer(now)
        self._waiting += 1
        self._timers.start(now + after, _Waiting(self, answer), "late")
        return None

    def said(self) -> None:
        """One waits no more."""
        self._waiting -= 1


class _Waiting:
    """One answer until its time comes."""

    __slots__ = ("_answer", "_late")

    def __init__(self, late: LateAnswers, answer: Callable[[float], None]) -> None:
        self._late = late
        self._answer = answer

    def fired(self, name: str, now: float) -> None:
        """It is time."""
        self._late.said()
        self._answer(now)
