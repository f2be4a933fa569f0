"""What clients ask of the past, and are told: ended calls, who supervised them, and how long who listened."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field

from control_api.annotation_models import NoteModel
from control_api.command import Command
from control_api.messages import FlagModel, Message, Name

MOST_CALLS: Final = 200
"""On a page."""


def _as_written(value: Any) -> Any:
    """A moment by its date, in UTC, as it is without a zone; seconds since 1970, which pydantic would take for one too, are none here."""
    if isinstance(value, int | float):
        raise ValueError("must be a moment such as 2026-01-31T09:00:00Z")
    read = datetime.fromisoformat(value) if isinstance(value, str) else value
    if not isinstance(read, datetime):
        return read
    try:
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:
        raise ValueError("must be in the years 1 to 9999, in UTC too") from None


Moment = Annotated[datetime, BeforeValidator(_as_written)]
Cursor = Annotated[str, Field(min_length=1, max_length=128)]
Party = Annotated[str, Field(min_length=1, max_length=64)]


class PastCallModel(Message):
    """A call as it was kept."""

    call: str
    caller: str
    called: str
    agent: str
    team: str
    trunk: str
    metadata: dict[str, str]
    """``queue``, ``campaign`` and the mapped headers."""
    started: str
    """ISO 8601."""
    answered: str | None = None
    """ISO 8601."""
    ended: str | None = None
    """ISO 8601; null: it goes on."""
    duration: float = 0.0
    """Seconds from when it was answered (if it never was: from its start) until it ended."""
    cause: str = ""
    """Why it ended; ``crash``: the server did."""


class HistoryResult(Message):
    """Result of ``history``."""

    calls: tuple[PastCallModel, ...]
    next: str | None = None
    """The ``cursor`` of the next page; null: there is none."""


class StretchModel(Message):
    """A time in one mode, toward one agent."""

    mode: str
    target: str
    """Who heard a whisper."""
    agent: str
    team: str
    since: str
    """ISO 8601."""
    until: str | None = None
    """ISO 8601; null: it goes on."""


class PastSupervisionModel(Message):
    """A supervisor's time in a call."""

    supervision: str
    """Its id: chain and number of the audit entry by which he joined."""
    identity: str
    way: str
    """By which door he came: ``api``, ``digit``, ``info``, ``dial_in``."""
    address: str
    """From where, as far as that is known."""
    permission: str
    """What of his ceiling allowed it."""
    joined: str
    """ISO 8601."""
    left: str | None = None
    """ISO 8601; null: he is there."""
    cause: str
    """Why he left."""
    timeline: tuple[StretchModel, ...]


class PastCallResult(Message):
    """Result of ``past_call``."""

    call: PastCallModel
    supervisions: tuple[PastSupervisionModel, ...]
    """Those whom the reader may see; with the right ``reports`` all of them."""
    notes: tuple[NoteModel, ...] = ()
    flags: tuple[FlagModel, ...] = ()
    """Those that stand."""


class HeardModel(Message):
    """Supervision added up: how many there were, and seconds in all and by mode."""

    supervisor: str | None = None
    agent: str | None = None
    team: str | None = None
    day: str | None = None
    """As ``2030-01-31``, in UTC."""
    month: str | None = None
    """As ``2030-01``, in UTC."""
    sessions: int
    """Supervisions: who was lost and came back in time goes on with his."""
    seconds: float
    listen: float
    whisper: float
    barge: float


class ListeningResult(Message):
    """Result of ``listening``."""

    since: str | None = None
    """ISO 8601; null: from the start."""
    until: str | None = None
    """ISO 8601."""
    rows: tuple[HeardModel, ...]
    total: HeardModel


class HistoryCommand(Command):
    """Calls that have ended, the newest first: those within the ceiling, or with the right ``reports`` all of the tenant."""

    type: Literal["history"] = "history"
    gives = HistoryResult
    agent: Name | None = None
    team: Name | None = None
    party: Party | None = None
    """A part of the caller's or the called number."""
    since: Moment | None = None
    """Calls that began then or later; ISO 8601, without a zone it is UTC."""
    until: Moment | None = None
    """Calls that began before."""
    cursor: Cursor | None = None
    """The ``next`` of the page before; null: the first page."""
    limit: Annotated[int, Field(ge=1, le=MOST_CALLS)] = 50
    """Calls on a page."""


class PastCallCommand(Command):
    """One call that was kept, with those who supervised it and when they were in which mode."""

    type: Literal["past_call"] = "past_call"
    gives = PastCallResult
    call: Name


class ListeningCommand(Command):
    """How long who listened to whom, as the audit log has it (right ``reports``)."""

    type: Literal["listening"] = "listening"
    gives = ListeningResult
    since: Moment | None = None
    """ISO 8601, without a zone it is UTC; null: from the start."""
    until: Moment | None = None
    """ISO 8601; null: until now."""
    by: Annotated[str, Field(pattern=r"^(supervisor|agent|team|day|month)(,(supervisor|agent|team|day|month)){0,4}$")] = "supervisor,agent"
    """What there is a row for: ``supervisor``, ``agent``, ``team``, ``day``, ``month``, with commas between them."""
