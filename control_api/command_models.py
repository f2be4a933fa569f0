"""What clients of the control API, version 1, say: a model for each command. What the server says is in `control_api.messages`."""

from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field, model_validator

from control_api.messages import Gain, LegNumber, Message, ModeName, Name, Phone, PhoneText, RequestId, Sdp, WhisperTarget
from mixer.modes import Mode


class Command(Message):
    """What all commands share."""

    id: RequestId
    key: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    """Makes the command safe to send again: the same identity's same key gets the first one's reply."""


class ListCommand(Command):
    """All live calls that the identity may see."""

    type: Literal["list"] = "list"


class GetCommand(Command):
    """One call, live or ended in the last minute."""

    type: Literal["get"] = "get"
    call: Name


class SuperviseCommand(Command):
    """Ring the identity's phone into a call, named by its id or by its agent if he has exactly one."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"properties": {name: {"type": "null"}}} for name in ("phone", "offer")]})

    type: Literal["supervise"] = "supervise"
    call: Name | None = None
    agent: Name | None = None
    mode: ModeName = Mode.LISTEN
    target: WhisperTarget = "agent"
    phone: Phone | None = None
    """One of the identity's own contacts or numbers; null: his registered phone."""
    offer: Sdp | None = None
    """A browser's offer: he listens and speaks there, and no phone rings."""

    @model_validator(mode="after")
    def _names_one(self) -> "SuperviseCommand":
        if (self.call is None) == (self.agent is None):
            raise ValueError("name either the call or the agent")
        if self.phone is not None and self.offer is not None:
            raise ValueError("give either a phone or a browser's offer")
        return self


class ReofferCommand(Command):
    """A browser's new offer for its leg: a restart of ICE where its network changed, or another direction."""

    type: Literal["reoffer"] = "reoffer"
    leg: LegNumber
    offer: Sdp


class CandidateCommand(Command):
    """A candidate that a browser found after its offer (trickle ICE, RFC 8838)."""

    type: Literal["candidate"] = "candidate"
    leg: LegNumber
    candidate: Annotated[str, Field(max_length=512, pattern=r"^(candidate:[\x20-\x7e]+)?$")] = ""
    """As ``RTCIceCandidate.candidate`` has it; empty: there are no more."""


class IceServersCommand(Command):
    """The STUN and TURN servers for the browser's ``RTCPeerConnection``."""

    type: Literal["ice_servers"] = "ice_servers"


class SetModeCommand(Command):
    """Change the mode of a supervising leg. The reply comes after the audio changed."""

    type: Literal["set_mode"] = "set_mode"
    leg: LegNumber
    mode: ModeName
    target: WhisperTarget = "agent"


class MuteCommand(Command):
    """Mute or unmute a supervising leg."""

    type: Literal["mute"] = "mute"
    leg: LegNumber
    muted: bool = True


class VolumesCommand(Command):
    """Set a supervising leg's volumes, 0 to 4; one left out stays."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"properties": {name: {"type": "number"}}, "required": [name]} for name in ("hears", "heard")]}
    )

    type: Literal["volumes"] = "volumes"
    leg: LegNumber
    hears: Gain | None = None
    heard: Gain | None = None

    @model_validator(mode="after")
    def _sets_something(self) -> "VolumesCommand":
        if self.hears is None and self.heard is None:
            raise ValueError("give hears, heard or both")
        return self


class LeaveCommand(Command):
    """End a supervising leg of one's own."""

    type: Literal["leave"] = "leave"
    leg: LegNumber


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
    agent: Name
    number: Phone


class MessageCommand(Command):
    """Send a text to an agent's registered phones. The reply comes when the first of them has taken it."""

    type: Literal["message"] = "message"
    agent: Name | None = None
    call: Name | None = None
    """The agent of this call."""
    text: PhoneText

    @model_validator(mode="after")
    def _names_one(self) -> "MessageCommand":
        if (self.call is None) == (self.agent is None):
            raise ValueError("name either the call or the agent")
        return self


class TraceCommand(Command):
    """The SIP messages of a call, live or ended (right ``trace``)."""

    type: Literal["trace"] = "trace"
    call: Name
    after: Annotated[int, Field(ge=0, le=2**62)] = 0
    """The ``next`` of the result before; 0: from the start."""


class BansCommand(Command):
    """Who is kept out for wrong passwords (right ``admin``)."""

    type: Literal["bans"] = "bans"


class LiftBanCommand(Command):
    """Let somebody in again (right ``admin``)."""

    type: Literal["lift_ban"] = "lift_ban"
    source: Name
    """As ``bans`` shows it."""
    user: Annotated[str, Field(max_length=64)] = ""
    """As ``bans`` shows it; empty: everybody there."""


class LinkCommand(Command):
    """Make a listen-in link: whoever has it may listen to this call, once and soon (right ``links``)."""

    type: Literal["link"] = "link"
    call: Name
    seconds: Annotated[float, Field(gt=0, le=86_400)] | None = None
    """How long it is good; never longer than ``signing_in.link``."""


class SessionsCommand(Command):
    """Who is signed in (right ``admin``)."""

    type: Literal["sessions"] = "sessions"


class WithdrawCommand(Command):
    """End a session at once, with the supervision that goes on by it: one's own, or with the right ``admin`` any."""

    type: Literal["withdraw"] = "withdraw"
    session: Name


class ShutOutCommand(Command):
    """End whatever access an identity has, and give it none until ``let_in`` (right ``admin``)."""

    type: Literal["shut_out"] = "shut_out"
    identity: Name


class LetInCommand(Command):
    """Take ``shut_out`` back (right ``admin``)."""

    type: Literal["let_in"] = "let_in"
    identity: Name


AnyCommand = (
    ListCommand
    | GetCommand
    | SuperviseCommand
    | ReofferCommand
    | CandidateCommand
    | IceServersCommand
    | SetModeCommand
    | MuteCommand
    | VolumesCommand
    | LeaveCommand
    | HangUpCommand
    | EndCommand
    | OriginateCommand
    | MessageCommand
    | TraceCommand
    | BansCommand
    | LiftBanCommand
    | LinkCommand
    | SessionsCommand
    | WithdrawCommand
    | ShutOutCommand
    | LetInCommand
)

COMMANDS: Final[dict[str, type[AnyCommand]]] = {
    "list": ListCommand,
    "get": GetCommand,
    "supervise": SuperviseCommand,
    "reoffer": ReofferCommand,
    "candidate": CandidateCommand,
    "ice_servers": IceServersCommand,
    "set_mode": SetModeCommand,
    "mute": MuteCommand,
    "volumes": VolumesCommand,
    "leave": LeaveCommand,
    "hang_up": HangUpCommand,
    "end": EndCommand,
    "originate": OriginateCommand,
    "message": MessageCommand,
    "trace": TraceCommand,
    "bans": BansCommand,
    "lift_ban": LiftBanCommand,
    "link": LinkCommand,
    "sessions": SessionsCommand,
    "withdraw": WithdrawCommand,
    "shut_out": ShutOutCommand,
    "let_in": LetInCommand,
}
"""The model of each ``type``."""
