"""What supervisors said about a call: their notes, and their flags that stand. Pure, and bounded."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from control_api.messages import iso

MOST_NOTES: Final = 100
MOST_CHARACTERS: Final = 40_000
"""Of all notes about a call."""
MOST_FLAGS: Final = 20
"""At once."""
Row = Mapping[str, Any]
"""As `mediaserver.storage.notebook.Notebook` makes it, times in microseconds since 1970."""


@dataclass(slots=True)
class Said:
    """About one call."""

    notes: list[Row] = field(default_factory=list)
    flags: dict[str, Row] = field(default_factory=dict)
    """By id, in the order in which they were set."""

    def why_no_note(self, text: str) -> str:
        """Why there is no room for another note; empty: there is."""
        if len(self.notes) >= MOST_NOTES:
            return f"the call has {MOST_NOTES} notes already"
        written = sum(len(note["text"]) for note in self.notes)
        fits = written + len(text) <= MOST_CHARACTERS
        return "" if fits else f"notes about a call have {MOST_CHARACTERS} characters in all, {written} are used"

    def why_no_flag(self) -> str:
        """Why there is no room for another flag; empty: there is."""
        return f"the call has {MOST_FLAGS} flags already" if len(self.flags) >= MOST_FLAGS else ""


def said_of(notes: Iterable[Row], flags: Iterable[Row]) -> Said:
    """From rows of the database."""
    return Said(list(notes), {flag["id"]: flag for flag in flags if flag["taken_back_at"] is None})


def note_model(row: Row) -> dict[str, Any]:
    """A note as `control_api.annotation_models.NoteModel` has it."""
    return _model(row) | {"text": row["text"]}


def flag_model(row: Row) -> dict[str, Any]:
    """A flag as `control_api.messages.FlagModel` has it."""
    return _model(row) | {"label": row["label"]}


def _model(row: Row) -> dict[str, Any]:
    about = row["at"] if row["about"] is None else row["about"]
    return {"id": row["id"], "identity": row["identity"], "at": iso(row["at"] / 1e6), "about": iso(about / 1e6)}
