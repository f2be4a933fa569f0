"""What the trunks need of the house to do their work."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from mediaserver.observing.counters import Counters
from mediaserver.signalling.desk.publishing import Publisher
from mediaserver.signalling.outside import OutsideRequests
from mediaserver.signalling.timers import Timer
from mediaserver.signalling.trunks.places import Locator
from sip.transport.flow import Flow


@dataclass(frozen=True, slots=True)
class Means:
    """One of each."""

    locator: Locator
    outside: OutsideRequests
    publisher: Publisher
    counters: Counters
    entropy: Callable[[int], bytes]
    advertised: Callable[[Flow], tuple[str, int]]
    """How we name ourselves on a flow."""
    settle: Callable[[], None]
    """Let the SIP shell send what the agent has."""
    clock: Callable[[], float] = time.monotonic
    new_timer: Callable[[Callable[[], None]], Timer] = Timer

    def below(self, bound: int) -> int:
        """A random number from 0 to ``bound`` - 1, near enough uniform."""
        return int.from_bytes(self.entropy(4), "big") % bound
