"""Hops that failed lately: for a time they stand at the end of the line, for every request (RFC 3263 §4.3, RFC 3261 §21.5.4).

They are never left out: where all hops have failed, the one that is free again first is tried first.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from sip.transport.flow import Address, Flow

MOST_HOPS: Final = 4096
"""Remembered at once; the one that failed longest ago is forgotten."""
LONGEST: Final = 3600.0
"""Seconds; a Retry-After beyond is shortened."""

_Hop = tuple[str, Address]


class Penalties:
    """Until when which hop is avoided."""

    def __init__(self, limit: int = MOST_HOPS) -> None:
        self._limit = limit
        self._until: OrderedDict[_Hop, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._until)

    def avoid(self, flow: Flow, seconds: float, now: float) -> None:
        """Put a hop at the end of the line for so long."""
        hop = _hop(flow)
        self._until[hop] = now + min(seconds, LONGEST)
        self._until.move_to_end(hop)
        if len(self._until) > self._limit:
            self._until.popitem(last=False)

    def forgive(self, flow: Flow) -> None:
        """It answered."""
        if self._until:
            self._until.pop(_hop(flow), None)

    def is_avoided(self, flow: Flow, now: float) -> bool:
        """Whether a hop failed lately."""
        return self._left(flow, now) > 0

    def ordered(self, flows: Sequence[Flow], now: float) -> list[Flow]:
        """The same hops, those that failed lately last."""
        return sorted(flows, key=lambda flow: self._left(flow, now)) if self._until else list(flows)

    def _left(self, flow: Flow, now: float) -> float:
        """Seconds still to be avoided; 0 for none."""
        hop = _hop(flow)
        until = self._until.get(hop)
        if until is None:
            return 0.0
        if until <= now:
            del self._until[hop]
            return 0.0
        return until - now


def _hop(flow: Flow) -> _Hop:
    return flow.transport, flow.remote
