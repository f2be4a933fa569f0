"""Commands by which somebody supervises and follows, and what they give."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator

from control_api.browser_messages import AnswerResult, IceServersResult
from control_api.command import Command, check_one
from control_api.messages import Gain, LegNumber, Message, ModeName, Name, Phone, Sdp, WhisperTarget
from mixer.modes import Mode


class SupervisionResult(Message):
    """Result of ``supervise``."""

    call: str
    leg: int
    mode: Mode
    state: str
    """``ringing`` until the phone answers, then ``joined``."""
    answer: str = ""
    """To a browser's offer; it is joined at once."""


class AppliedResult(Message):
    """Result of ``set_mode``, ``mute``, ``volumes``, ``hand_over``, ``take_over``, ``drop_agent`` and ``give_back``: the audio shows it."""

    turn: int
    """The media turn in which it took effect."""


class FollowModel(Message):
    """Result of ``follow``: somebody who waits for calls, and joins them."""

    follow: int
    leg: int
    state: Literal["ringing", "waiting", "joined"]
    call: str
    """Where he is; empty: nowhere yet."""
    agent: str
    """Whom he follows; empty: not one alone."""
    team: str
    pick: Literal["next", "random"]
    joined: int
    """Calls so far."""
    left: int | None
    """Calls still to come; null: until he leaves."""
    answer: str = ""
    """To a browser's offer, in the reply to it."""


class FollowsResult(Message):
    """Result of ``follows``."""

    follows: tuple[FollowModel, ...]


def _one_at_most(*names: str) -> dict[str, Any]:
    """The schema of two fields, one of which at least is null."""
    return {"anyOf": [{"properties": {name: {"type": "null"}}} for name in names]}


def _check_place(phone: str | None, offer: str | None) -> None:
    """Raise ValueError unless one at most is given."""
    if phone is not None and offer is not None:
        raise ValueError("give either a phone or a browser's offer")


class SuperviseCommand(Command):
    """Ring the identity's phone into a call, named by its id or by its agent if he has exactly one."""

    model_config = ConfigDict(json_schema_extra=_one_at_most("phone", "offer"))

    type: Literal["supervise"] = "supervise"
    gives = SupervisionResult
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
        check_one(self.call, self.agent)
        _check_place(self.phone, self.offer)
        return self


class ReofferCommand(Command):
    """A browser's new offer for its leg: a restart of ICE where its network changed, or another direction."""

    type: Literal["reoffer"] = "reoffer"
    gives = AnswerResult
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
    gives = IceServersResult


class SetModeCommand(Command):
    """Change the mode of a supervising leg. The reply comes after the audio changed."""

    type: Literal["set_mode"] = "set_mode"
    gives = AppliedResult
    leg: LegNumber
    mode: ModeName
    target: WhisperTarget = "agent"


class MuteCommand(Command):
    """Mute or unmute a supervising leg."""

    type: Literal["mute"] = "mute"
    gives = AppliedResult
    leg: LegNumber
    muted: bool = True


class VolumesCommand(Command):
    """Set a supervising leg's volumes, 0 to 4; one left out stays."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"properties": {name: {"type": "number"}}, "required": [name]} for name in ("hears", "heard")]}
    )

    type: Literal["volumes"] = "volumes"
    gives = AppliedResult
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
    gives = AppliedResult
    leg: LegNumber
    to: LegNumber
    """His leg."""


class TakeOverCommand(Command):
    """Talk in the agent's stead, who stands aside and hears music (right ``take_over``)."""

    type: Literal["take_over"] = "take_over"
    gives = AppliedResult
    leg: LegNumber
    """One's own."""


class GiveBackCommand(Command):
    """Let the agent talk again, whose call was taken over; one's own leg listens."""

    type: Literal["give_back"] = "give_back"
    gives = AppliedResult
    leg: LegNumber


class DropAgentCommand(Command):
    """Hang up the agent's leg and keep the other party, with whom one talks (right ``take_over``)."""

    type: Literal["drop_agent"] = "drop_agent"
    gives = AppliedResult
    leg: LegNumber
    """One's own."""


class FollowCommand(Command):
    """Have one leg, rung once or a browser's, join in listen each new call of an agent, of a team, or of anybody whom he may see."""

    model_config = ConfigDict(json_schema_extra={"allOf": [_one_at_most("agent", "team"), _one_at_most("phone", "offer")]})

    type: Literal["follow"] = "follow"
    gives = FollowModel
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
        _check_place(self.phone, self.offer)
        return self


class UnfollowCommand(Command):
    """Follow no more: who waits is hung up, who is in a call stays there."""

    type: Literal["unfollow"] = "unfollow"
    follow: LegNumber
    """Its number."""


class FollowsCommand(Command):
    """Whom one follows."""

    type: Literal["follows"] = "follows"
    gives = FollowsResult
