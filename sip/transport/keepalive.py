"""Whether a connection is still alive: pings when it has been silent, and the end when none is answered (RFC 5626 §4.4.1). Sans-IO.

- A ping goes out after each interval without anything heard. Whatever comes in is a sign of life.
- A peer who has answered pings and answers no more for `PONG_PATIENCE` is gone. One who never did may not know them (RFC 5626 is
  optional): his connection stays, and the pings go on for the sake of the address translators between us.
"""

from enum import Enum
from typing import Final

PONG_PATIENCE: Final = 10.0
"""RFC 5626 §4.4.1."""


class Pulse(Enum):
    """What is to be done now."""

    NOTHING = "nothing"
    PING = "ping"
    DEAD = "dead"


class KeepAlive:
    """The pings of one connection. ``interval`` 0: none."""

    __slots__ = ("_asked_at", "_heard_at", "_interval", "_is_known_to_answer")

    def __init__(self, interval: float, now: float) -> None:
        self._interval = interval
        self._heard_at = now
        self._asked_at: float | None = None
        self._is_known_to_answer = False

    def heard(self, now: float, *, is_pong: bool = False) -> None:
        """Something came in."""
        self._heard_at = now
        self._asked_at = None
        self._is_known_to_answer = self._is_known_to_answer or is_pong

    def check(self, now: float) -> Pulse:
        """To be asked every few seconds."""
        if self._interval <= 0:
            return Pulse.NOTHING
        if self._asked_at is not None and self._is_known_to_answer and now - self._asked_at >= PONG_PATIENCE:
            return Pulse.DEAD
        if now - (self._heard_at if self._asked_at is None else self._asked_at) < self._interval:
            return Pulse.NOTHING
        self._asked_at = now
        return Pulse.PING
