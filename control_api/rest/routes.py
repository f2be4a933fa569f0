"""Which request is which command: the table of the REST API.

A field of the command that stands in the path comes from there; the others come from the query (GET, DELETE) or the body. A command
without a row of its own is reached by ``POST /v1/commands/TYPE``.
"""

import re
from dataclasses import dataclass, field
from typing import Final

from control_api.annotation_models import (
    FlagCommand,
    FlagsCommand,
    FlagsResult,
    NoteCommand,
    NoteModel,
    NotesCommand,
    NotesResult,
    UnflagCommand,
)
from control_api.browser_messages import AnswerResult, IceServersResult
from control_api.command import Command
from control_api.command_models import (
    COMMANDS,
    BansCommand,
    CandidateCommand,
    EndCommand,
    GetCommand,
    HangUpCommand,
    IceServersCommand,
    LeaveCommand,
    LetInCommand,
    LiftBanCommand,
    LinkCommand,
    ListCommand,
    MessageCommand,
    MuteCommand,
    OriginateCommand,
    ReofferCommand,
    ResendCommand,
    SessionsCommand,
    SetModeCommand,
    ShutOutCommand,
    SuperviseCommand,
    TraceCommand,
    ViewCommand,
    VolumesCommand,
    WithdrawCommand,
)
from control_api.governing_models import (
    IdentitiesCommand,
    IdentitiesResult,
    PolicyCommand,
    PolicyResult,
    PutIdentityCommand,
    RemoveIdentityCommand,
    ResetPolicyCommand,
    SetPolicyCommand,
)
from control_api.messages import (
    AppliedResult,
    BansResult,
    CallModel,
    CallResult,
    CallsResult,
    DoneResult,
    FlagModel,
    LinkResult,
    Message,
    MessageResult,
    ResendResult,
    SessionsResult,
    SupervisionResult,
    TraceResult,
)
from control_api.past_models import HistoryCommand, HistoryResult, ListeningCommand, ListeningResult, PastCallCommand, PastCallResult

GENERIC: Final = "/v1/commands/{}"
_PLACE: Final = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path, and the command that it gives."""

    method: str
    path: str
    """Its fields in braces."""
    command: type[Command]
    result: type[Message] | None = DoneResult
    """The model of what comes back; None: an object that is not described."""
    status: int = 200
    leaves_out: frozenset[str] = field(default_factory=frozenset)
    """Fields that another path is for."""

    @property
    def kind(self) -> str:
        """The command's type."""
        return str(self.command.model_fields["type"].default)

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
        return self.method != "GET"


_CALL, _AGENT = frozenset({"call"}), frozenset({"agent"})

_RESOURCES: Final = (
    Route("GET", "/v1/calls", ListCommand, CallsResult),
    Route("POST", "/v1/calls", OriginateCommand, CallModel, 201),
    Route("GET", "/v1/calls/{call}", GetCommand, CallResult),
    Route("DELETE", "/v1/calls/{call}", EndCommand),
    Route("GET", "/v1/calls/{call}/trace", TraceCommand, TraceResult),
    Route("GET", "/v1/calls/{call}/notes", NotesCommand, NotesResult),
    Route("POST", "/v1/calls/{call}/notes", NoteCommand, NoteModel, 201),
    Route("GET", "/v1/calls/{call}/flags", FlagsCommand, FlagsResult),
    Route("POST", "/v1/calls/{call}/flags", FlagCommand, FlagModel, 201),
    Route("DELETE", "/v1/calls/{call}/flags/{flag}", UnflagCommand),
    Route("DELETE", "/v1/calls/{call}/legs/{leg}", HangUpCommand),
    Route("POST", "/v1/calls/{call}/supervisors", SuperviseCommand, SupervisionResult, 201, leaves_out=_AGENT),
    Route("POST", "/v1/agents/{agent}/supervisors", SuperviseCommand, SupervisionResult, 201, leaves_out=_CALL),
    Route("POST", "/v1/calls/{call}/messages", MessageCommand, MessageResult, leaves_out=_AGENT),
    Route("POST", "/v1/agents/{agent}/messages", MessageCommand, MessageResult, leaves_out=_CALL),
    Route("PUT", "/v1/supervisors/{leg}/mode", SetModeCommand, AppliedResult),
    Route("PUT", "/v1/supervisors/{leg}/muted", MuteCommand, AppliedResult),
    Route("PATCH", "/v1/supervisors/{leg}/volumes", VolumesCommand, AppliedResult),
    Route("DELETE", "/v1/supervisors/{leg}", LeaveCommand),
    Route("PUT", "/v1/supervisors/{leg}/offer", ReofferCommand, AnswerResult),
    Route("POST", "/v1/supervisors/{leg}/candidates", CandidateCommand),
    Route("GET", "/v1/ice-servers", IceServersCommand, IceServersResult),
    Route("GET", "/v1/bans", BansCommand, BansResult),
    Route("DELETE", "/v1/bans", LiftBanCommand),
    Route("POST", "/v1/calls/{call}/links", LinkCommand, LinkResult, 201),
    Route("GET", "/v1/sessions", SessionsCommand, SessionsResult),
    Route("DELETE", "/v1/sessions/{session}", WithdrawCommand),
    Route("POST", "/v1/identities/{identity}/shut-out", ShutOutCommand),
    Route("DELETE", "/v1/identities/{identity}/shut-out", LetInCommand),
    Route("GET", "/v1/identities", IdentitiesCommand, IdentitiesResult),
    Route("PUT", "/v1/identities/{identity}", PutIdentityCommand, IdentitiesResult),
    Route("DELETE", "/v1/identities/{identity}", RemoveIdentityCommand),
    Route("GET", "/v1/policy", PolicyCommand, PolicyResult),
    Route("PATCH", "/v1/policy", SetPolicyCommand, PolicyResult),
    Route("DELETE", "/v1/policy", ResetPolicyCommand, PolicyResult, leaves_out=frozenset({"rule"})),
    Route("DELETE", "/v1/policy/{rule}", ResetPolicyCommand, PolicyResult),
    Route("GET", "/v1/history", HistoryCommand, HistoryResult),
    Route("GET", "/v1/history/{call}", PastCallCommand, PastCallResult),
    Route("GET", "/v1/report/listening", ListeningCommand, ListeningResult),
    Route("POST", "/v1/webhooks/{webhook}/resend", ResendCommand, ResendResult),
)
_WITH_A_ROW: Final = {route.command for route in _RESOURCES}
ON_WEBSOCKETS_ONLY: Final = {ViewCommand}
"""About a connection that lasts."""

ROUTES: Final = _RESOURCES + tuple(
    Route("POST", GENERIC.format(kind), command, None)
    for kind, command in COMMANDS.items()
    if command not in _WITH_A_ROW | ON_WEBSOCKETS_ONLY
)
"""All of them."""
