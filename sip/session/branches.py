"""The branches of one INVITE of ours: several phones rung at once, or one group after the other (RFC 3261 §16.6, §16.7).

- Branches of one q are rung at once. Those of the next lower q join when all before have failed, or have only rung for a while.
- The first 2xx wins; the others are cancelled, and told that the call was completed elsewhere (RFC 3326).
- A 6xx ends all: the person himself does not want the call (§16.7 item 5).
- Where all have failed, the best failure is the call's (§16.7 item 6): what a phone said before what was concluded from its silence,
  a redirection before a failure of the request before one of the server, and what something can be done about before the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, Protocol

from sip.message import Request, Response
from sip.session.core import Core
from sip.session.exchange import Exchange
from sip.timers import Timer
from sip.transport.flow import Flow

ELSEWHERE: Final = 'SIP;cause=200;text="Call completed elsewhere"'
_GLOBAL: Final = 600
_CLASS: Final = 100
_WORTH: Final = {status: rank for rank, status in enumerate((401, 407, 415, 420, 484, 486))}
"""Failures of 4xx that say more than others: what would make the request succeed (§16.7 item 6), and that somebody is there."""
_SILENCE: Final = (408, 480)


@dataclass(frozen=True, slots=True)
class Written:
    """A branch before it is rung: its request as its first flow takes it."""

    request: Request
    flows: tuple[Flow, ...]
    q: float


@dataclass(frozen=True, slots=True)
class Failure:
    """How a branch ended."""

    status: int
    response: Response | None
    """None: nobody said so."""


class BranchUser(Protocol):
    """The session whose INVITE it is."""

    def ring(self, request: Request, flows: tuple[Flow, ...], now: float) -> Exchange:
        """Send a branch's request. Raises `UnsafeValue`, and then nothing was sent."""


class Branches:
    """Those that are under way, those that wait, and what has become of the others."""

    def __init__(self, core: Core, written: Sequence[Written], user: BranchUser) -> None:
        self._core = core
        self._user = user
        self._waiting = _groups(written)
        self._failures: list[Failure] = []
        self._timer: Timer | None = None
        self._running: list[Exchange] = []

    def __contains__(self, exchange: Exchange) -> bool:
        return exchange in self._running

    @property
    def first(self) -> Exchange:
        """One that is under way."""
        return self._running[0]

    def ring_next(self, now: float) -> bool:
        """Ring the next group as well; False where there is none. Raises `UnsafeValue`, and then nothing was sent."""
        self._core.timers.stop(self._timer)
        if not self._waiting:
            return False
        self._running += [self._user.ring(written.request, written.flows, now) for written in self._waiting.pop(0)]
        if self._waiting:
            self._timer = self._core.timers.start(now + self._core.settings.ring_next_after, self, "next")
        return True

    def fired(self, name: str, now: float) -> None:
        """It has rung for long enough where it rings."""
        self._core.count("next_group_rung")
        self.ring_next(now)

    def replace(self, old: Exchange, new: Exchange) -> None:
        """A branch's request had to be written anew."""
        self._running = [new if exchange is old else exchange for exchange in self._running]

    def failed(self, exchange: Exchange, failure: Failure, now: float) -> Failure | None:
        """A branch failed for good: the call's failure, or None while there is hope."""
        self._running.remove(exchange)
        self._failures.append(failure)
        if failure.status >= _GLOBAL:
            self.leave(f"SIP;cause={failure.status}", now)
            return failure
        if self._running or self.ring_next(now):
            return None
        return min(self._failures, key=_badness)

    def leave(self, reason: str, now: float, *, but: Exchange | None = None) -> None:
        """Cancel all branches but one, and ring no more of them."""
        self._core.timers.stop(self._timer)
        self._waiting.clear()
        for exchange in self._running:
            if exchange is not but:
                exchange.leave(reason, now)
        self._running = [exchange for exchange in self._running if exchange is but]


def _groups(written: Sequence[Written]) -> list[list[Written]]:
    """Those of one q together, the highest first; within a group the order stays."""

    def preference(branch: Written) -> float:
        return -branch.q

    return [list(group) for _, group in groupby(sorted(written, key=preference), preference)]


def _badness(failure: Failure) -> tuple[bool, int, bool, int]:
    return (
        failure.response is None,
        failure.status // _CLASS,
        failure.status in _SILENCE,
        _WORTH.get(failure.status, len(_WORTH)),
    )
