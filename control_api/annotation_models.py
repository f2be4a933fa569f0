"""Notes and flags of calls: the commands for them, and what they give."""

from typing import Annotated, Final, Literal

from pydantic import Field

from control_api.command import Command
from control_api.messages import FlagModel, Message, Name

LONGEST_NOTE: Final = 4000
LONGEST_LABEL: Final = 64
"""Characters."""
LONGEST_CALL: Final = 604_800.0
"""Seconds; no moment of a call is later."""

Words = Annotated[str, Field(min_length=1, max_length=LONGEST_NOTE, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]+$")]
"""Of control characters, line feed and tab."""
Label = Annotated[str, Field(min_length=1, max_length=LONGEST_LABEL, pattern=r"^[^\x00-\x1f\x7f]+$")]
FlagId = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[0-9a-f]+$")]
Moment = Annotated[float, Field(ge=0.0, le=LONGEST_CALL)]


class NoteModel(Message):
    """Result of ``note``: what somebody wrote about a call."""

    id: str
    identity: str
    """Who wrote it."""
    at: str
    """When, ISO 8601."""
    about: str
    """The moment that is meant, ISO 8601."""
    text: str


class NotesResult(Message):
    """Result of ``notes``: in the order in which they were written."""

    notes: tuple[NoteModel, ...]


class FlagsResult(Message):
    """Result of ``flags``: in the order in which they were set."""

    flags: tuple[FlagModel, ...]


class NoteCommand(Command):
    """Write a note about a call, live or over; whoever may see the call reads it."""

    type: Literal["note"] = "note"
    gives = NoteModel
    call: Name
    text: Words
    seconds: Moment | None = None
    """The moment that is meant, as the call's ``duration`` counts; null: now, or the end of a call that is over."""


class NotesCommand(Command):
    """The notes about a call, live or over."""

    type: Literal["notes"] = "notes"
    gives = NotesResult
    call: Name


class FlagCommand(Command):
    """Put a flag on a call, live or over: the call shows it to whoever may see it."""

    type: Literal["flag"] = "flag"
    gives = FlagModel
    call: Name
    label: Label = "look"
    """What it stands for, in a word."""
    seconds: Moment | None = None
    """The moment that is meant, as the call's ``duration`` counts; null: now, or the end of a call that is over."""


class UnflagCommand(Command):
    """Take a flag back: one's own, or with the right ``admin`` anybody's."""

    type: Literal["unflag"] = "unflag"
    call: Name
    flag: FlagId
    """Its id, as the call shows it."""


class FlagsCommand(Command):
    """The flags of a call, live or over, but those that were taken back."""

    type: Literal["flags"] = "flags"
    gives = FlagsResult
    call: Name
