"""Sessions whose legs are gone, and whose phones may still say BYE by themselves; after a while we do."""

from dataclasses import dataclass

from mediaserver.signalling.house import House
from mediaserver.signalling.timers import Timer


@dataclass(slots=True)
class _Farewell:
    reason: str
    timer: Timer


class Farewells:
    """Who has still to hang up. As many as there are sessions at most, each for as long as it was given."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._waiting: dict[int, _Farewell] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def wait_for(self, session: int, until: float, reason: str) -> None:
        """End a session at that time, unless its phone did."""
        timer = self._house.new_timer(lambda: self._say(session))
        self._waiting[session] = _Farewell(reason, timer)
        timer.set(until)

    def said(self, session: int) -> None:
        """Its phone hung up; or it was none of ours."""
        farewell = self._waiting.pop(session, None)
        if farewell is not None:
            farewell.timer.cancel()

    def say_all(self) -> None:
        """End all of them now: the server stops."""
        for session in list(self._waiting):
            self._say(session)

    def _say(self, session: int) -> None:
        farewell = self._waiting.pop(session)
        farewell.timer.cancel()
        self._house.agent.end(session, self._house.clock(), reason=farewell.reason)
        self._house.settle()
