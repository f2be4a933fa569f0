"""What REST shows that is no command of the websocket, whose clients know it from their snapshot: oneself, supervisors, agents, health."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

from pydantic import ConfigDict

from control_api.messages import CeilingModel, LegModel, Message
from control_api.permissions import Identity
from control_api.ports import Desk
from control_api.repertoire import introduction
from mixer.modes import Role


class IdentityResult(Message):
    """Who the token makes you, and how far you may go."""

    identity: str
    tenant: str
    ceiling: CeilingModel
    commands: tuple[str, ...] = ()
    """What you may ask, as far as your ceiling and your tenant's policy go."""


class SupervisorModel(Message):
    """A supervisor's leg in a call."""

    call: str
    agent: str
    """The call's."""
    leg: LegModel


class SupervisorsResult(Message):
    """Every supervisor on the calls that you may see."""

    supervisors: tuple[SupervisorModel, ...]


class AgentModel(Message):
    """An agent."""

    agent: str
    team: str
    state: Literal["on_call", "ringing", "idle", "offline"]
    """``offline``: a phone that registers here is not registered; ``idle``: he can be called."""
    calls: tuple[str, ...]
    """Ids of his calls."""


class AgentsResult(Message):
    """The agents whom you may see, on calls or not."""

    agents: tuple[AgentModel, ...]


class HealthResult(Message):
    """Whether the server lives and takes calls, with a few facts."""

    model_config = ConfigDict(extra="allow", frozen=True)

    ready: bool
    """New calls are taken."""


@dataclass(frozen=True, slots=True)
class Look:
    """One path that only shows."""

    path: str
    name: str
    show: Callable[[Desk, Identity], dict[str, Any]]
    result: type[Message]


def _identity(desk: Desk, identity: Identity) -> dict[str, Any]:
    return introduction(identity, desk.withheld(identity))


def _supervisors(desk: Desk, identity: Identity) -> dict[str, Any]:
    found = [
        {"call": call["call"], "agent": call["agent"], "leg": leg}
        for call in desk.calls(identity)
        for leg in call["legs"]
        if leg["role"] == Role.SUPERVISOR
    ]
    return {"supervisors": found}


def _agents(desk: Desk, identity: Identity) -> dict[str, Any]:
    return {"agents": list(desk.agents(identity))}


def _health(desk: Desk, _: Identity) -> dict[str, Any]:
    return desk.health() | {"ready": desk.is_ready()}


LOOKS: Final = (
    Look("/v1/me", "me", _identity, IdentityResult),
    Look("/v1/supervisors", "supervisors", _supervisors, SupervisorsResult),
    Look("/v1/agents", "agents", _agents, AgentsResult),
    Look("/v1/health", "health", _health, HealthResult),
)
