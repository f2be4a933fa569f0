"""What clients of the control API, version 1, say: a model for each command. What the server says is in `control_api.messages`."""

from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field, model_validator

from control_api.annotation_models import FlagCommand, FlagsCommand, NoteCommand, NotesCommand, UnflagCommand
from control_api.command import Command
from control_api.governing_models import (
    IdentitiesCommand,
    PolicyCommand,
    PutIdentityCommand,
    RemoveIdentityCommand,
    ResetPolicyCommand,
    SetPolicyCommand,
)
from control_api.messages import Gain, LegNumber, ModeName, Name, Phone, PhoneText, Sdp, WhisperTarget
from control_api.past_models import HistoryCommand, ListeningCommand, PastCallCommand
from mixer.modes import Mode


def _one_at_most(*names: str) -> dict[str, Any]:
    """The schema of two fields, one of which at least is null."""
    return {"anyOf": [{"properties": {name: {"type": "null"}}} for name in names]}


class ViewCommand(Command):
    """Name the calls whose meters this connection wants, such as those that its window shows. Events come of all calls."""

    type: Literal["view"] = "view"
    calls: Annotated[tuple[Name, ...], Field(max_length=500)] | None = None
    """Their ids; null: every call that the identity may see, as at the beginning."""


class ListCommand(Command):
    """All live calls that the identity may see."""

    type: Literal["list"] = "list"


class GetCommand(Command):
    """One call, live or ended in the last minute."""

    type: Literal["get"] = "get"
    call: Name


class SuperviseCommand(Command):
    """Ring the identity's phone into a call, named by its id or by its agent if he has exactly one."""

    model_config = ConfigDict(json_schema_extra=_one_at_most("phone", "offer"))

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
    """How loud the supervisor hears the others."""
    heard: Gain | None = None
    """How loud he is heard, where his mode lets him be."""

    @model_validator(mode="after")
    def _sets_something(self) -> "VolumesCommand":
        if self.hears is None and self.heard is None:
            raise ValueError("give hears, heard or both")
        return self


class LeaveCommand(Command):
    """End a supervising leg of one's own."""

    type: Literal["leave"] = "leave"
    leg: LegNumber


class HandOverCommand(Command):
    """Give one's talk (whisper or barge) to another supervisor of the call; both gains change in one turn."""

    type: Literal["hand_over"] = "hand_over"
    leg: LegNumber
    to: LegNumber
    """His leg."""


class TakeOverCommand(Command):
    """Talk in the agent's stead, who stands aside and hears music (right ``take_over``)."""

    type: Literal["take_over"] = "take_over"
    leg: LegNumber
    """One's own."""


class GiveBackCommand(Command):
    """Let the agent talk again, whose call was taken over; one's own leg listens."""

    type: Literal["give_back"] = "give_back"
    leg: LegNumber


class DropAgentCommand(Command):
    """Hang up the agent's leg and keep the other party, with whom one talks (right ``take_over``)."""

    type: Literal["drop_agent"] = "drop_agent"
    leg: LegNumber
    """One's own."""


class InviteCommand(Command):
    """Ring a third one into a call, who hears and is heard by all (right ``originate``, and ``outside_numbers`` for those)."""

    type: Literal["invite"] = "invite"
    call: Name
    number: Phone


class AskHelpCommand(Command):
    """Say that a call's agent needs help: by the agent himself, or by who may see the call."""

    type: Literal["ask_help"] = "ask_help"
    call: Name | None = None
    """Null: the agent's only one."""
    agent: Name | None = None
    """Null, as ``call``: one's own."""
    text: Annotated[str, Field(max_length=280, pattern=r"^[^\x00-\x1f\x7f]*$")] | None = ""
    """Null: no help is needed any more."""


class FollowCommand(Command):
    """Have one leg, rung once or a browser's, join in listen each new call of an agent, of a team, or of anybody whom he may see."""

    model_config = ConfigDict(json_schema_extra={"allOf": [_one_at_most("agent", "team"), _one_at_most("phone", "offer")]})

    type: Literal["follow"] = "follow"
    agent: Name | None = None
    team: Name | None = None
    pick: Literal["next", "random"] = "next"
    """``random``: one of the calls that stand, by chance, for a while, and then another one."""
    calls: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """After so many it is over; null: when he leaves."""
    current: bool = True
    """The call that the agent has now counts too; false: wait for his next one."""
    seconds: Annotated[float, Field(ge=1.0, le=86_400.0)] = 60.0
    """How long each call is listened to that was picked by chance."""
    phone: Phone | None = None
    """One of the identity's own contacts or numbers; null: his registered phone."""
    offer: Sdp | None = None
    """A browser's offer: its leg waits and joins, and no phone rings."""

    @model_validator(mode="after")
    def _names_one_at_most(self) -> "FollowCommand":
        if self.agent is not None and self.team is not None:
            raise ValueError("name either an agent or a team")
        if self.phone is not None and self.offer is not None:
            raise ValueError("give either a phone or a browser's offer")
        return self


class UnfollowCommand(Command):
    """Follow no more: who waits is hung up, who is in a call stays there."""

    type: Literal["unfollow"] = "unfollow"
    follow: LegNumber
    """Its number."""


class FollowsCommand(Command):
    """Whom one follows."""

    type: Literal["follows"] = "follows"


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


class ResendCommand(Command):
    """Deliver again what a webhook was told in vain: all that waits for it, and what was given up lately (right ``admin``)."""

    type: Literal["resend"] = "resend"
    webhook: Name
    """What it is called in the configuration."""


class LetInCommand(Command):
    """Take ``shut_out`` back (right ``admin``)."""

    type: Literal["let_in"] = "let_in"
    identity: Name


AnyCommand = (
    ListCommand
    | ViewCommand
    | GetCommand
    | SuperviseCommand
    | ReofferCommand
    | CandidateCommand
    | IceServersCommand
    | SetModeCommand
    | MuteCommand
    | VolumesCommand
    | LeaveCommand
    | HandOverCommand
    | TakeOverCommand
    | GiveBackCommand
    | DropAgentCommand
    | InviteCommand
    | AskHelpCommand
    | FollowCommand
    | UnfollowCommand
    | FollowsCommand
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
    | ResendCommand
    | NoteCommand
    | NotesCommand
    | FlagCommand
    | UnflagCommand
    | FlagsCommand
    | HistoryCommand
    | PastCallCommand
    | ListeningCommand
    | IdentitiesCommand
    | PutIdentityCommand
    | RemoveIdentityCommand
    | PolicyCommand
    | SetPolicyCommand
    | ResetPolicyCommand
)

COMMANDS: Final[dict[str, type[AnyCommand]]] = {
    "list": ListCommand,
    "view": ViewCommand,
    "get": GetCommand,
    "supervise": SuperviseCommand,
    "reoffer": ReofferCommand,
    "candidate": CandidateCommand,
    "ice_servers": IceServersCommand,
    "set_mode": SetModeCommand,
    "mute": MuteCommand,
    "volumes": VolumesCommand,
    "leave": LeaveCommand,
    "hand_over": HandOverCommand,
    "take_over": TakeOverCommand,
    "give_back": GiveBackCommand,
    "drop_agent": DropAgentCommand,
    "invite": InviteCommand,
    "ask_help": AskHelpCommand,
    "follow": FollowCommand,
    "unfollow": UnfollowCommand,
    "follows": FollowsCommand,
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
    "resend": ResendCommand,
    "note": NoteCommand,
    "notes": NotesCommand,
    "flag": FlagCommand,
    "unflag": UnflagCommand,
    "flags": FlagsCommand,
    "history": HistoryCommand,
    "past_call": PastCallCommand,
    "listening": ListeningCommand,
    "identities": IdentitiesCommand,
    "put_identity": PutIdentityCommand,
    "remove_identity": RemoveIdentityCommand,
    "policy": PolicyCommand,
    "set_policy": SetPolicyCommand,
    "reset_policy": ResetPolicyCommand,
}
"""The model of each ``type``."""
