"""Telling agents that they are supervised, where their tenant's policy says so: a short tone in the agent's ear alone, a text to his phone.

An agent is told when somebody joins, and when a call with a supervisor in it becomes his. Where he could not hear it, because the call is
held, he hears it when it goes on, if somebody is still there. Where the policy is changed so that he is told more, he is told at once
who is there.
"""

from typing import Final

import structlog

from config.policies import PolicySettings, policy_of
from config.settings import Settings
from control_api.permissions import Refusal
from control_api.ports import HouseEvent
from mediaserver.call.actions import PlaySound
from mediaserver.call.view import CallState, LegState
from mediaserver.signalling.calls.live import CallEntry
from mediaserver.signalling.calls.switchboard import Switchboard
from mediaserver.signalling.desk.changes import changed_policies
from mediaserver.signalling.desk.messaging import notify
from mediaserver.signalling.house import House
from mediaserver.signalling.media.sounds import SUPERVISED
from mixer.modes import Role

_log = structlog.get_logger(__name__)

_TELLING: Final = frozenset({"supervisor.joined", "call.agent", "call.resumed", "call.answered"})


class Indicating:
    """Hears what calls say of themselves, and tells their agents."""

    def __init__(self, house: House, switchboard: Switchboard) -> None:
        self._house = house
        self._switchboard = switchboard
        self._owed: set[str] = set()
        """Calls whose agent is still to hear the tone."""
        house.publisher.subscribe(self.heard, lambda: False)
        house.on_settings.append(self._settings_changed)

    def heard(self, event: HouseEvent) -> None:
        """Something happened to a call."""
        if event.kind == "call.ended":
            self._owed.discard(event.call)
        if event.kind not in _TELLING:
            return
        policy = policy_of(self._house.settings.policies, event.tenant)
        entry = self._switchboard.calls.get(event.call)
        if policy.presence == "stealth" or entry is None:
            return
        if event.kind in ("supervisor.joined", "call.agent"):
            self._tell(entry, policy)
        elif not _names(entry):
            self._owed.discard(event.call)
        elif event.call in self._owed:
            self._sound(entry)

    def _settings_changed(self, before: Settings) -> None:
        now = self._house.settings
        for tenant in changed_policies(before, now):
            policy = policy_of(now.policies, tenant)
            if _told(policy) - _told(policy_of(before.policies, tenant)):
                for entry in tuple(self._switchboard.calls.conversations()):
                    if entry.view.tenant == tenant:
                        self._tell(entry, policy)

    def _tell(self, entry: CallEntry, policy: PolicySettings) -> None:
        names = _names(entry)
        if not names:
            return
        if policy.tone:
            self._owed.add(entry.view.call)
            self._sound(entry)
        if policy.message:
            who = f"{names[-1]} is" if policy.presence == "named" else "A supervisor is"
            try:
                notify(self._house, entry.subject, f"{who} on your call.")
                self._house.counters.add("indications", "text")
            except Refusal as refusal:
                self._house.counters.add("indications", "no_phone")
                _log.info("indication.no_phone", call=entry.view.call, why=refusal.text)

    def _sound(self, entry: CallEntry) -> None:
        if entry.view.state is not CallState.ANSWERED:
            return
        for leg in entry.view.legs:
            if leg.role is Role.AGENT and leg.state is LegState.ANSWERED:
                self._owed.discard(entry.view.call)
                self._house.counters.add("indications", "tone")
                self._switchboard.perform(entry, PlaySound(leg.leg, SUPERVISED, loop=False))


def _names(entry: CallEntry) -> list[str]:
    """Who supervises the call."""
    return [leg.identity for leg in entry.view.legs if leg.role is Role.SUPERVISOR and leg.state is LegState.ANSWERED]


def _told(policy: PolicySettings) -> set[str]:
    """What agents are told of supervision, and how."""
    if policy.presence == "stealth":
        return set()
    text = "name" if policy.presence == "named" else "text"
    return ({"tone"} if policy.tone else set()) | ({"text", text} if policy.message else set())
