"""Which command of the API is which on the command line. What has no row here, and no command written by hand, stands in the group ``api``.

Plain data, so that `mediaserver --help` needs no models.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final


class Panel(StrEnum):
    """The parts of `mediaserver --help`, in their order."""

    SUPERVISING = "Supervise"
    CALLS = "Calls, agents and supervisors"
    ACCESS = "Who may do what"
    PAST = "What was"
    SERVER = "The server"


class Source(StrEnum):
    """Where what a command does is described."""

    COMMAND = "command"
    """`control_api.command_models.COMMANDS`."""
    LOOK = "look"
    """`control_api.rest.looks.LOOKS`."""


@dataclass(frozen=True, slots=True)
class Place:
    """One command of the command line that is made from the API's models."""

    group: str
    name: str
    kind: str
    """The ``type`` of the API's command, or the name of the look."""
    help: str
    panel: str | None = None
    source: Source = Source.COMMAND
    preset: Mapping[str, Any] = field(default_factory=dict)
    """Fields that nobody is asked for."""
    positional: tuple[str, ...] = ()
    """Fields that may be left out, and are arguments all the same."""
    says: Mapping[str, str] = field(default_factory=dict)
    """What is said of a field instead of what the API says of it."""
    needs_call: bool = True
    """Where it takes a call or an agent: whether one of them has to be named."""


TOP: Final = "mediaserver"
"""The group of the commands that are in none."""
_NEEDED: Final = {"text": "What he needs."}
_NUMBER: Final = {"agent": "Whose phones ring first.", "number": "A number or a SIP URI."}
_SAID: Final = {"text": "What to write.", "seconds": "The moment that is meant, from the answer on; left out: now."}
PLACES: Final = (
    Place(TOP, "mute", "mute", "Be heard by nobody, in whatever mode.", Panel.SUPERVISING, preset={"muted": True}),
    Place(TOP, "unmute", "mute", "Be heard again, as far as your mode goes.", Panel.SUPERVISING, preset={"muted": False}),
    Place(TOP, "volume", "volumes", "How loud you hear, and are heard: 1 is as it comes, 0 is nothing, 4 the most.", Panel.SUPERVISING),
    Place(
        *(TOP, "follow", "follow", "Join each new call of an agent, of a team, or of anybody.", Panel.SUPERVISING),
        positional=("agent",),
        says={"agent": "Whom; left out: --team, or anybody.", "team": "Anybody of this team."},
    ),
    Place(TOP, "unfollow", "unfollow", "Follow no more.", Panel.SUPERVISING, says={"follow": "Its number, as follows shows it."}),
    Place(TOP, "follows", "follows", "List whom you follow.", Panel.SUPERVISING),
    Place(TOP, "take-over", "take_over", "Talk in the agent's stead, who stands aside (right take_over).", Panel.SUPERVISING),
    Place(TOP, "give-back", "give_back", "Let the agent talk again; you listen.", Panel.SUPERVISING),
    Place(TOP, "hand-over", "hand_over", "Give your talk to another supervisor of the call.", Panel.SUPERVISING),
    Place(TOP, "help-wanted", "ask_help", "Say that an agent needs help.", Panel.SUPERVISING, says=_NEEDED, needs_call=False),
    Place(TOP, "help-over", "ask_help", "Say that he needs none any more.", Panel.SUPERVISING, preset={"text": None}, needs_call=False),
    Place(TOP, "agents", "agents", "List the agents whom you may see, and what they do.", Panel.CALLS, Source.LOOK),
    Place(TOP, "supervisors", "supervisors", "List who supervises which call, and how.", Panel.CALLS, Source.LOOK),
    Place("call", "history", "history", "List calls that have ended."),
    Place("call", "past", "past_call", "Show a call that was kept, and who supervised it.", says={"call": "Its id, as history shows it."}),
    Place("call", "show", "get", "Show one call: who is in it, and how it sounds."),
    Place("call", "start", "originate", "Ring an agent, then a number for him (right originate).", says=_NUMBER),
    Place("call", "invite", "invite", "Ring a third one into a call (right originate).", says=_NUMBER),
    Place("call", "drop-agent", "drop_agent", "Hang up the agent, and stay with the other party (right take_over)."),
    Place("call", "link", "link", "Make a link by which somebody may listen once (right links)."),
    Place("call", "note", "note", "Write a note about a call, live or over.", says=_SAID),
    Place("call", "notes", "notes", "Show the notes about a call, live or over."),
    Place("call", "flag", "flag", "Put a flag on a call, live or over.", positional=("label",), says=_SAID),
    Place("call", "unflag", "unflag", "Take a flag back.", says={"flag": "Its id, as flags shows it."}),
    Place("call", "flags", "flags", "Show the flags of a call, live or over."),
    Place("access", "me", "me", "Say who your token makes you, and how far you may go.", source=Source.LOOK),
    Place("access", "identities", "identities", "List who may sign in with a password (right admin)."),
    Place("access", "put", "put_identity", "Let somebody sign in, or change what he may (right admin)."),
    Place("access", "remove", "remove_identity", "Forget somebody of the database (right admin)."),
    Place("access", "policy", "policy", "Show what agents are told of supervision, and may say about it (right admin)."),
    Place("access", "set-policy", "set_policy", "Have some of that otherwise, at once (right admin)."),
    Place("access", "reset-policy", "reset_policy", "Have a rule of it, or all, as configured again (right admin)."),
    Place("access", "sessions", "sessions", "List who is signed in (right admin)."),
    Place("access", "withdraw", "withdraw", "End a session at once, with the supervision that goes on by it."),
    Place("access", "shut-out", "shut_out", "End whatever access somebody has, until let-in (right admin)."),
    Place("access", "let-in", "let_in", "Take shut-out back (right admin)."),
    Place(TOP, "resend", "resend", "Deliver again what a webhook was told in vain (right admin).", Panel.SERVER),
    Place(TOP, "health", "health", "Say whether the server lives and takes calls.", Panel.SERVER, Source.LOOK),
)

OF_THE_PAST: Final = frozenset({"past_call"})
"""Commands about calls that are live no more: nobody is asked for an agent instead of their id."""
WRITTEN_BY_HAND: Final = frozenset(
    {"list", "supervise", "set_mode", "leave", "hang_up", "end", "message", "trace", "bans", "lift_ban"},
)
"""Commands of the API behind those of `mediaserver.cli.main`: calls, listen, whisper, barge, leave, hangup, message, trace and bans."""


def typed(kind: str) -> str | None:
    """How a command of the API is typed here; None where it is no name of one, or stands in the group ``api``."""
    by_hand = {"list": "calls", "bans": "bans"}
    made = {place.kind: place.name if place.group == TOP else f"{place.group} {place.name}" for place in PLACES}
    words = (made | by_hand).get(kind)
    return None if words is None else f"mediaserver {words}"


def in_group(group: str) -> dict[str, Place]:
    """The places of a group, by name."""
    return {place.name: place for place in PLACES if place.group == group}


def others() -> dict[str, Place]:
    """What else the API can be told and asked, by name."""
    # Imported late: most commands need neither.
    from control_api.command_models import COMMANDS
    from control_api.rest.looks import LOOKS
    from control_api.schemas import summary

    taken = {(place.source, place.kind) for place in PLACES} | {(Source.COMMAND, kind) for kind in WRITTEN_BY_HAND}
    found = [Place("api", _dashed(kind), kind, summary(model)) for kind, model in COMMANDS.items() if (Source.COMMAND, kind) not in taken]
    found += [
        Place("api", _dashed(look.name), look.name, summary(look.result), source=Source.LOOK)
        for look in LOOKS
        if (Source.LOOK, look.name) not in taken
    ]
    return {place.name: place for place in found}


def _dashed(kind: str) -> str:
    return kind.replace("_", "-")
