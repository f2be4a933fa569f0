"""What the control API, version 1, says, as models, and the words that it shares with its clients' commands.

The AsyncAPI file is made from these and from what `control_api.command_models` names.

Unknown fields are ignored in both directions, so either side may be newer than the other. Times are ISO 8601 in UTC,
durations are seconds, gains are linear.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from mixer.modes import MODE_ALIASES, Mode, Role

VERSION: Final = 1

RequestId = Annotated[int, Field(ge=-(2**53), le=2**53)] | Annotated[str, Field(max_length=64)]
"""Chosen by the client and told back in the reply."""
Name = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$")]
Phone = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^\x00-\x20\x7f<>\"]+$")]
"""A SIP URI or a number; what could break out of a header is refused."""
Sdp = Annotated[str, Field(min_length=1, max_length=16_384)]
"""A session description (RFC 8866), as ``RTCSessionDescription.sdp`` has it."""
Gain = Annotated[float, Field(ge=0.0, le=4.0)]
LegNumber = Annotated[int, Field(ge=0, le=2**53)]


def _mode(value: object) -> object:
    return MODE_ALIASES.get(value, value) if isinstance(value, str) else value


ModeName = Annotated[Mode, BeforeValidator(_mode)]
"""``listen``, ``whisper`` or ``barge``; ``spy``, ``monitor``, ``coach`` and ``join`` are understood."""
WhisperTarget = Literal["agent", "customer"]
"""A `Role` that may be whispered to."""


LONGEST_TEXT: Final = 1300
"""Octets of a text for a phone, which RFC 3428 §8 allows a message to have."""


def _fits(text: str) -> str:
    try:
        octets = len(text.encode())
    except UnicodeEncodeError:
        raise ValueError("half of a surrogate pair; expected text") from None
    if octets > LONGEST_TEXT:
        raise ValueError(f"{octets} octets of UTF-8; at most {LONGEST_TEXT} are sent")
    return text


PhoneText = Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]+$"), AfterValidator(_fits)]
"""Text for a phone's display; of control characters, line feed and tab."""


def iso(wall: float) -> str:
    """Seconds since 1970 as ISO 8601 in UTC with milliseconds: ``2030-01-31T12:00:00.000Z``."""
    return datetime.fromtimestamp(wall, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def first_problem(error: ValidationError) -> str:
    """What is wrong with a message, in one line: ``mode: Input should be …``."""
    problem = error.errors()[0]
    where = ".".join(str(part) for part in problem["loc"])
    text = problem["msg"].removeprefix("Value error, ")
    return f"{where}: {text}" if where else text


class Message(BaseModel):
    """What all messages share: they do not change, and ignore what they do not know."""

    model_config = ConfigDict(extra="ignore", frozen=True)


def type_of(model: type[BaseModel]) -> str:
    """What the ``type`` of such a message is."""
    return str(model.model_fields["type"].default)


# What calls look like


class LegModel(Message):
    """One leg of a call."""

    leg: int
    role: Role
    state: str
    """``ringing``, ``early``, ``answered``, ``held`` or ``ended``."""
    party: str
    """The caller's number, the agent's name, the supervisor's name."""
    codec: str = ""
    secured: bool = False
    """SRTP was agreed on."""
    identity: str = ""
    """The supervisor's identity; empty for other roles, as are the fields below."""
    supervision: int | None = None
    """Number of the first leg of his supervision: the same after he was lost and came back with another leg."""
    mode: Mode | None = None
    target: Role | None = None
    muted: bool = False
    hears: float = 1.0
    heard: float = 1.0
    inaudible: str = ""
    """Why the mode's target cannot hear the supervisor now; empty where it can."""
    taken_over: bool = False
    """The supervisor talks in the agent's stead."""
    aside: bool = False
    """The agent, while a supervisor talks in his stead."""


class WayModel(Message):
    """How one way of a leg sounds: *up* from it to us, *down* from us to it."""

    mos: float
    """1 to 4.5, by the E-model (ITU-T G.107), of the last seconds."""
    mos_average: float
    """Over the whole leg."""
    mos_least: float
    r: float
    """0 to 93.2, of a wideband codec to 129."""
    loss: float
    """Part of the packets lost in the last seconds, 0 to 1. What other legs lost is not in it."""
    lost: int
    """Packets, all in all."""
    jitter_ms: float


class QualityModel(Message):
    """How a leg sounds, or sounded."""

    role: Role
    codec: str
    live: bool
    """False: it has ended."""
    up: WayModel | None = None
    """None before anything came."""
    down: WayModel | None = None
    """None where the leg never told by RTCP."""
    round_trip_ms: float | None = None
    late: int = 0
    """Packets that came after their turn."""
    concealed_ms: int = 0
    """Sound that was made up for listeners."""
    dropped: int = 0
    """Datagrams that were refused."""


class FlagModel(Message):
    """A flag that somebody put on a call; result of ``flag``."""

    id: str
    identity: str
    """Who set it."""
    at: str
    """When, ISO 8601."""
    about: str
    """The moment that is meant, ISO 8601."""
    label: str


class CallModel(Message):
    """One call."""

    call: str
    """Its id, as the commands want it."""
    tenant: str
    state: str
    """``routing``, ``ringing``, ``answered``, ``held`` or ``ended``."""
    caller: str
    called: str
    agent: str
    """Empty before one is known."""
    team: str
    trunk: str
    metadata: dict[str, str] = {}
    """``queue``, ``campaign`` and the mapped headers."""
    private: bool = False
    """The agent has marked it private: nobody may supervise it."""
    started: str
    """ISO 8601."""
    answered: str | None = None
    """ISO 8601."""
    ended: str | None = None
    """ISO 8601."""
    duration: float = 0.0
    """Seconds since it was answered (before that: since it started) until this message was made, or until it ended."""
    cause: str = ""
    """Why it ended; empty while it lives."""
    legs: tuple[LegModel, ...] = ()
    help: str | None = None
    """What the agent said when he asked for help, until a supervisor came; null: he did not."""
    flags: tuple[FlagModel, ...] = ()
    """Those that stand."""
    quality: dict[str, QualityModel] = {}
    """By leg number, of legs that have ended too; none of a leg of which nothing is known."""


# What the server says


class CeilingModel(Message):
    """How far the identity may go."""

    agents: tuple[str, ...]
    teams: tuple[str, ...]
    mode: Mode | None
    rights: tuple[str, ...]


class HelloMessage(Message):
    """The first message of every connection."""

    type: Literal["hello"] = "hello"
    version: Literal[1] = 1
    identity: str
    tenant: str
    ceiling: CeilingModel
    commands: tuple[str, ...] = ()
    """What you may ask of this server, as far as your ceiling and your tenant's policy go: a client shows nothing else."""
    stream: str
    """Names the numbering of the events; to be given back with the last sequence to resume."""
    sequence: int
    """Number of the last event before this connection's first one."""
    resumed: bool
    """True: the events after the one that was named follow. False: a snapshot follows."""


class SnapshotMessage(Message):
    """The live calls as they are after the event ``sequence``. Replaces all that the client knew."""

    type: Literal["snapshot"] = "snapshot"
    stream: str
    sequence: int
    reason: Literal["connected", "not_resumable", "too_slow", "policy_changed"]
    """Why it is sent; ``too_slow``: events were left out because this client did not read them in time; ``policy_changed``: who may
    see who listens is another matter now, or what you may ask."""
    commands: tuple[str, ...] | None = None
    """As in ``hello``, where the policy changed: what you may ask from now on."""
    calls: tuple[CallModel, ...]
    last: bool
    """False: more messages with further calls of the same snapshot follow."""


class EventMessage(Message):
    """Something happened to a call. The numbers of a stream have no holes."""

    model_config = ConfigDict(extra="allow", frozen=True)

    type: Literal["event"] = "event"
    sequence: int
    kind: str
    """``call.`` and ``started``, ``ringing``, ``answered``, ``held``, ``resumed``, ``agent``, ``private``, ``public``, ``transferring``,
    ``transferred``, ``transfer_failed``, ``merged``, ``updated``, ``taken_over``, ``given_back``, ``agent_left``, ``help``, ``help_over``,
    ``note``, ``flag``, ``unflag`` (a `NoteModel` or `FlagModel` in ``detail``), ``ended`` or ``hidden``;
    ``guest.`` and ``ringing``, ``joined``, ``left`` or ``failed``;
    ``follow.`` and ``ringing``, ``waiting``, ``joined`` or ``over`` (a `FollowModel` in ``detail``, told to who follows alone);
    ``supervisor.`` and ``ringing``, ``joined``, ``mode``, ``audibility``, ``updated`` or ``left``;
    ``quality.`` and ``dropped`` or ``recovered``, with ``way``, ``mos``, ``poor`` and ``fair`` in ``detail``;
    for the right ``admin`` also ``trunk.`` and ``up``, ``down``, ``registered`` or ``unregistered``, and ``policy.changed``."""
    call_id: str
    """Empty for ``trunk.``, whose ``detail`` holds ``trunk``, ``target``, ``status`` and ``is_up``, and for ``policy.changed``, whose
    ``detail`` holds the rules ``before`` and ``now``."""
    at: str
    """ISO 8601."""
    call: CallModel | None = None
    """The whole call as it is after the event; None for ``call.hidden``: it is no longer this client's to see."""
    leg: int | None = None
    detail: dict[str, Any] = {}


class LevelModel(Message):
    """How loud a leg is, and how it sounds."""

    level_dbov: float
    """0 is the loudest that there is, -127 silence (RFC 6464)."""
    speaks: bool
    mos_up: float | None = None
    """As `WayModel.mos`; null where it is not known."""
    mos_down: float | None = None


class CallMetersModel(Message):
    """The meters of one call's legs, by leg number."""

    legs: dict[str, LevelModel]


class MetersMessage(Message):
    """The latest meters by call id; sent at most ``control.meters_hz`` times a second, unnumbered, never repeated."""

    type: Literal["meters"] = "meters"
    calls: dict[str, CallMetersModel]


class ErrorModel(Message):
    """The one shape of every error."""

    code: str
    """``bad_request``, ``unauthenticated``, ``forbidden``, ``not_found``, ``ambiguous``, ``conflict``, ``too_many``,
    ``unavailable``, ``private``, ``timeout`` or ``internal``."""
    text: str
    hint: str = ""


class ReplyMessage(Message):
    """The answer to a command; it comes after every event that happened before it."""

    type: Literal["reply"] = "reply"
    id: RequestId | None
    """As in the command; null where it could not be read."""
    ok: bool
    result: dict[str, Any] | None = None
    error: ErrorModel | None = None


class DoneResult(Message):
    """Result of commands that give nothing: what was asked is done."""


ServerMessage = HelloMessage | SnapshotMessage | EventMessage | MetersMessage | ReplyMessage
SERVER_MESSAGE: Final[TypeAdapter[ServerMessage]] = TypeAdapter(Annotated[ServerMessage, Field(discriminator="type")])
"""How clients read what the server says."""
