"""Commands about calls, and what they give: seeing, ending and making them, texts, a third one, help."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from control_api.command import Command, check_one
from control_api.messages import CallModel, LegNumber, Message, Name, Phone, PhoneText


class CallsResult(Message):
    """Result of ``list``."""

    calls: tuple[CallModel, ...]


class CallResult(Message):
    """Result of ``get``."""

    call: CallModel


class InvitedResult(Message):
    """Result of ``invite``: the guest's phone is about to ring."""

    leg: int


class HelpResult(Message):
    """Result of ``ask_help``."""

    call: str


class MessageResult(Message):
    """Result of ``message``: a phone has taken the text."""

    status: int
    """What it answered, in SIP."""
    phones: int
    """How many phones of the agent it was sent to."""


class TracedModel(Message):
    """One SIP message of a call, masked."""

    place: int
    """Rises from message to message."""
    at: str
    """ISO 8601."""
    sent: bool
    """True: by the server."""
    transport: str
    local: str
    """``host:port``, IPv6 in brackets."""
    remote: str
    sip_call_id: str
    leg: int
    role: str
    summary: str
    data: str
    """The message as it was on the wire, but for what is masked, in base64."""


class TraceResult(Message):
    """Result of ``trace``."""

    messages: tuple[TracedModel, ...]
    next: int
    """To be given as ``after`` for what comes next."""
    complete: bool
    """Nothing more is known now."""
    live: bool
    """The call goes on."""


class ViewCommand(Command):
    """Name the calls whose meters this connection wants, such as those that its window shows. Events come of all calls."""

    type: Literal["view"] = "view"
    calls: Annotated[tuple[Name, ...], Field(max_length=500)] | None = None
    """Their ids; null: every call that the identity may see, as at the beginning."""


class ListCommand(Command):
    """All live calls that the identity may see."""

    type: Literal["list"] = "list"
    gives = CallsResult


class GetCommand(Command):
    """One call, live or ended in the last minute."""

    type: Literal["get"] = "get"
    gives = CallResult
    call: Name


class HangUpCommand(Command):
    """Hang up one leg of a call."""

    type: Literal["hang_up"] = "hang_up"
    call: Name
    leg: LegNumber


class EndCommand(Command):
    """End a call."""

    type: Literal["end"] = "end"
    call: Name


class OriginateCommand(Command):
    """Ring an agent, then a number for him."""

    type: Literal["originate"] = "originate"
    gives = CallModel
    agent: Name
    number: Phone


class InviteCommand(Command):
    """Ring a third one into a call, who hears and is heard by all (right ``originate``, and ``outside_numbers`` for those)."""

    type: Literal["invite"] = "invite"
    gives = InvitedResult
    call: Name
    number: Phone


class AskHelpCommand(Command):
    """Say that a call's agent needs help: by the agent himself, or by who may see the call."""

    type: Literal["ask_help"] = "ask_help"
    gives = HelpResult
    call: Name | None = None
    """Null: the agent's only one."""
    agent: Name | None = None
    """Null, as ``call``: one's own."""
    text: Annotated[str, Field(max_length=280, pattern=r"^[^\x00-\x1f\x7f]*$")] | None = ""
    """Null: no help is needed any more."""


class MessageCommand(Command):
    """Send a text to an agent's registered phones. The reply comes when the first of them has taken it."""

    type: Literal["message"] = "message"
    gives = MessageResult
    agent: Name | None = None
    call: Name | None = None
    """The agent of this call."""
    text: PhoneText

    @model_validator(mode="after")
    def _names_one(self) -> "MessageCommand":
        check_one(self.call, self.agent)
        return self


class TraceCommand(Command):
    """The SIP messages of a call, live or ended (right ``trace``)."""

    type: Literal["trace"] = "trace"
    gives = TraceResult
    call: Name
    after: Annotated[int, Field(ge=0, le=2**62)] = 0
    """The ``next`` of the result before; 0: from the start."""
