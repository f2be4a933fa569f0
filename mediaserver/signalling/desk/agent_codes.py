"""Codes that an agent presses during his call, by digit or INFO: his tenant's policy says what they mean. The other party gets them too."""

from collections import OrderedDict
from typing import Final

import structlog

from config.policies import policy_of
from mediaserver.call.inputs import HelpRequested, LegId, PrivacyMarked
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
        # What he did while he was allowed to, he may take back.
        codes = [
            (policy.may_mark_private or entry.view.is_private, policy.private_code, self._mark),
            (policy.may_ask_help or entry.view.help is not None, policy.help_code, self._ask_help),
        ]
        if not any(is_allowed for is_allowed, *_ in codes):
            return
        digits = self._digits(leg, digit)
        for is_allowed, code, act in codes:
            if is_allowed and digits.endswith(code):
                del self._pressed[leg.leg]
                act(entry, leg)
                self._house.settle()
                return

    def _digits(self, leg: Leg, digit: str) -> str:
        """What he pressed one after the other."""
        now = self._house.clock()
        digits, last = self._pressed.pop(leg.leg, ("", now))
        digits = ((digits if now - last < PATIENCE else "") + digit)[-LONGEST:]
        self._pressed[leg.leg] = (digits, now)
        if len(self._pressed) > MOST_KEPT:
            self._pressed.popitem(last=False)
        return digits

    def _mark(self, entry: CallEntry, leg: Leg) -> None:
        """The call is private, or not any more."""
        is_private = not entry.view.is_private
        _log.info("call.marked_private" if is_private else "call.marked_public", call=entry.view.call, agent=entry.view.agent)
        self._house.counters.add("calls_marked", "private" if is_private else "public")
        self._switchboard.feed(entry, PrivacyMarked(leg.leg, is_private))

    def _ask_help(self, entry: CallEntry, leg: Leg) -> None:
        """He wants somebody, or nobody any more."""
        wants = entry.view.help is None
        _log.info("call.help_asked" if wants else "call.help_declined", call=entry.view.call, agent=entry.view.agent)
        self._house.counters.add("help_requests", "asked" if wants else "declined")
        self._switchboard.feed(entry, HelpRequested("" if wants else None, entry.view.agent))
