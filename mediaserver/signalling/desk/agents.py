"""The agents that somebody may see: those on calls, and those who wait for one or are not there."""

from typing import Any

from control_api.permissions import Identity, Subject, may_see
from mediaserver.call.view import CallState
from mediaserver.signalling.calls.switchboard import Switchboard
from mediaserver.signalling.house import House

_TALKING = (CallState.ANSWERED, CallState.HELD)


def agents(house: House, switchboard: Switchboard, identity: Identity) -> list[dict[str, Any]]:
    """Each as `control_api.rest.looks.AgentModel` fields, by name."""
    settings = [one for one in house.settings.agents if one.tenant == identity.tenant]
    teams = {one.name: one.team for one in settings if may_see(identity, Subject(one.tenant, one.name, one.team))}
    away = {one.name for one in settings if one.user and not house.agent.contacts(one.user, house.clock())}
    calls: dict[str, list[str]] = {}
    talking: set[str] = set()
    for entry in switchboard.calls.conversations():
        view = entry.view
        if view.agent and view.state is not CallState.ENDED and may_see(identity, entry.subject):
            teams.setdefault(view.agent, view.team)
            if view.agent_left:
                continue
            calls.setdefault(view.agent, []).append(view.call)
            if view.state in _TALKING:
                talking.add(view.agent)

    def state(name: str) -> str:
        if name in calls:
            return "on_call" if name in talking else "ringing"
        return "offline" if name in away else "idle"

    return [{"agent": name, "team": teams[name], "state": state(name), "calls": calls.get(name, [])} for name in sorted(teams)]
