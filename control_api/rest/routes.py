"""Which request is which command: the table of the REST API.

A field of the command that stands in the path comes from there; the others come from the query (GET, DELETE) or the body. A command
without a row of its own is reached by ``POST /v1/commands/TYPE``.
"""

import re
from dataclasses import dataclass, field
from typing import Final

from control_api.command import Command
from control_api.command_models import COMMANDS, LOOKING

GENERIC: Final = "/v1/commands/{}"
_PLACE: Final = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path, and the command that it gives."""

    method: str
    path: str
    """Its fields in braces."""
    kind: str
    """The command's type."""
    status: int = 200
    leaves_out: frozenset[str] = field(default_factory=frozenset)
    """Fields that another path is for."""

    @property
    def command(self) -> type[Command]:
        """Its model."""
        return COMMANDS[self.kind]

    @property
    def places(self) -> tuple[str, ...]:
        """The fields that stand in the path."""
        return tuple(_PLACE.findall(self.path))

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that stand in the query or the body."""
        elsewhere = {"id", "key", "traceparent", "type", *self.places, *self.leaves_out}
        return tuple(name for name in self.command.model_fields if name not in elsewhere)

    @property
    def has_body(self) -> bool:
        """Whether the fields come as a JSON object."""
        return self.method in ("POST", "PUT", "PATCH")

    @property
    def has_effect(self) -> bool:
        """Whether a request that is sent again would do it twice."""
        return self.kind not in LOOKING


_CALL, _AGENT = frozenset({"call"}), frozenset({"agent"})

_RESOURCES: Final = (
    Route("GET", "/v1/calls", "list"),
    Route("POST", "/v1/calls", "originate", 201),
    Route("GET", "/v1/calls/{call}", "get"),
    Route("DELETE", "/v1/calls/{call}", "end"),
    Route("GET", "/v1/calls/{call}/trace", "trace"),
    Route("GET", "/v1/calls/{call}/notes", "notes"),
    Route("POST", "/v1/calls/{call}/notes", "note", 201),
    Route("GET", "/v1/calls/{call}/flags", "flags"),
    Route("POST", "/v1/calls/{call}/flags", "flag", 201),
    Route("DELETE", "/v1/calls/{call}/flags/{flag}", "unflag"),
    Route("DELETE", "/v1/calls/{call}/legs/{leg}", "hang_up"),
    Route("POST", "/v1/calls/{call}/supervisors", "supervise", 201, leaves_out=_AGENT),
    Route("POST", "/v1/agents/{agent}/supervisors", "supervise", 201, leaves_out=_CALL),
    Route("POST", "/v1/calls/{call}/messages", "message", leaves_out=_AGENT),
    Route("POST", "/v1/agents/{agent}/messages", "message", leaves_out=_CALL),
    Route("PUT", "/v1/supervisors/{leg}/mode", "set_mode"),
    Route("PUT", "/v1/supervisors/{leg}/muted", "mute"),
    Route("PATCH", "/v1/supervisors/{leg}/volumes", "volumes"),
    Route("DELETE", "/v1/supervisors/{leg}", "leave"),
    Route("PUT", "/v1/supervisors/{leg}/offer", "reoffer"),
    Route("POST", "/v1/supervisors/{leg}/candidates", "candidate"),
    Route("GET", "/v1/ice-servers", "ice_servers"),
    Route("GET", "/v1/bans", "bans"),
    Route("DELETE", "/v1/bans", "lift_ban"),
    Route("POST", "/v1/calls/{call}/links", "link", 201),
    Route("GET", "/v1/sessions", "sessions"),
    Route("DELETE", "/v1/sessions/{session}", "withdraw"),
    Route("POST", "/v1/identities/{identity}/shut-out", "shut_out"),
    Route("DELETE", "/v1/identities/{identity}/shut-out", "let_in"),
    Route("GET", "/v1/identities", "identities"),
    Route("PUT", "/v1/identities/{identity}", "put_identity"),
    Route("DELETE", "/v1/identities/{identity}", "remove_identity"),
    Route("GET", "/v1/policy", "policy"),
    Route("PATCH", "/v1/policy", "set_policy"),
    Route("DELETE", "/v1/policy", "reset_policy", leaves_out=frozenset({"rule"})),
    Route("DELETE", "/v1/policy/{rule}", "reset_policy"),
    Route("GET", "/v1/history", "history"),
    Route("GET", "/v1/history/{call}", "past_call"),
    Route("GET", "/v1/report/listening", "listening"),
    Route("POST", "/v1/webhooks/{webhook}/resend", "resend"),
)
ON_WEBSOCKETS_ONLY: Final = frozenset({"view"})
"""About a connection that lasts."""
_ELSEWHERE: Final = ON_WEBSOCKETS_ONLY | {route.kind for route in _RESOURCES}

ROUTES: Final = _RESOURCES + tuple(Route("POST", GENERIC.format(kind), kind) for kind in COMMANDS if kind not in _ELSEWHERE)
"""All of them."""
