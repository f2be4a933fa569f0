"""Codes that an agent presses during his call, by digit or INFO: his tenant's policy says what they mean. The other party gets them too."""

from collections import OrderedDict
from typing import Final

import structlog

from config.policies import policy_of
from mediaserver.call.inputs import LegId, PrivacyMarked
from mediaserver.signalling.calls.legs import Leg
from mediaserver.signalling.calls.live import CallEntry
from mediaserver.signalling.calls.switchboard import Switchboard
from mediaserver.signalling.house import House

_log = structlog.get_logger(__name__)

PATIENCE: Final = 3.0
"""Seconds from one digit of a code to the next."""
LONGEST: Final = 8
MOST_KEPT: Final = 10_000


class AgentCodes:
    """What agents have pressed lately, and what came of it."""

    def __init__(self, house: House, switchboard: Switchboard) -> None:
        self._house = house
        self._switchboard = switchboard
        self._pressed: OrderedDict[LegId, tuple[str, float]] = OrderedDict()

    def pressed(self, entry: CallEntry, leg: Leg, digit: str) -> None:
        """One digit of an agent."""
        policy = policy_of(self._house.settings.policies, entry.view.tenant)
        if not policy.may_mark_private:
            return
        now = self._house.clock()
        digits, last = self._pressed.pop(leg.leg, ("", now))
        digits = ((digits if now - last < PATIENCE else "") + digit)[-LONGEST:]
        if digits.endswith(policy.private_code):
            is_private = not entry.view.is_private
            _log.info("call.marked_private" if is_private else "call.marked_public", call=entry.view.call, agent=entry.view.agent)
            self._house.counters.add("calls_marked", "private" if is_private else "public")
            self._switchboard.feed(entry, PrivacyMarked(leg.leg, is_private))
            self._house.settle()
            return
        self._pressed[leg.leg] = (digits, now)
        if len(self._pressed) > MOST_KEPT:
            self._pressed.popitem(last=False)
