"""How much a trunk may carry: calls at once, and new calls a second, each way. Pure.

A call that begins gets a lease and gives it back when its leg is closed. What is over a cap is refused and counted.
"""

from collections.abc import Callable

from config.trunks import CapSettings
from sip.bucket import Bucket


class Way:
    """One direction of a trunk: its live calls and the tokens for new ones. A limit of 0 is none."""

    def __init__(self, most: int, rate: float) -> None:
        self._most = most
        self._rate = rate
        self._bucket = Bucket(max(1.0, rate))
        self.calls = 0
        """Live ones."""

    def refusal(self, now: float) -> str:
        """Why no call may begin now; empty where one may, and then it counts for the rate."""
        if self._most and self.calls >= self._most:
            return "calls"
        if self._rate and not self._bucket.take(self._rate, now):
            return "rate"
        return ""


class Lease:
    """One call's place on a trunk."""

    __slots__ = ("_give_back",)

    def __init__(self, give_back: Callable[[], None]) -> None:
        self._give_back: Callable[[], None] | None = give_back

    def release(self) -> None:
        """The call's leg is gone; once is enough."""
        give_back, self._give_back = self._give_back, None
        if give_back is not None:
            give_back()


class Caps:
    """Both directions of one trunk."""

    def __init__(self, settings: CapSettings) -> None:
        self.inward = Way(settings.calls_in, settings.rate_in)
        self.outward = Way(settings.calls_out, settings.rate_out)

    def lease(self, way: Way) -> Lease:
        """Take a place, after `Way.refusal` said nothing."""
        way.calls += 1

        def give_back() -> None:
            way.calls -= 1

        return Lease(give_back)
