"""Requests outside dialogs that parts of the server send, and who of them is told the answer."""

from collections.abc import Callable

from sip.asking import OutsideRequest
from sip.events import RequestAnswered
from sip.useragent import UserAgent

Told = Callable[[RequestAnswered, float], None]
"""Gets the answer, and the time."""


class OutsideRequests:
    """Remembers who asked; the user agent bounds how many may."""

    def __init__(self, agent: UserAgent) -> None:
        self._agent = agent
        self._waiting: dict[int, Told] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def ask(self, wish: OutsideRequest, told: Told, now: float) -> int:
        """Send a request; ``told`` is called once, unless it is abandoned. Raises `SipError` where it cannot be put into a message."""
        number = self._agent.request(wish, now)
        self._waiting[number] = told
        return number

    def abandon(self, request: int, now: float) -> None:
        """Wait no longer for this one."""
        self._waiting.pop(request, None)
        self._agent.abandon(request, now)

    def answered(self, event: RequestAnswered, now: float) -> None:
        """From the user agent."""
        told = self._waiting.pop(event.request, None)
        if told is not None:
            told(event, now)
