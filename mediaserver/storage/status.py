"""How far the journal is in the database, as the replaying process tells it in a file."""

import json
from dataclasses import dataclass
from pathlib import Path

from mediaserver.storage.segments import START, Place, segments


@dataclass(frozen=True, slots=True)
class Status:
    """How far the journal is in the database; kept in a file, for the server's metrics."""

    segment: int = 0
    offset: int = 0
    lines: int = 0
    """Replayed by this process."""
    set_aside: int = 0
    is_up: bool = False
    """The database answered when it was last asked."""
    problem: str = ""


def place_of(status: Status, folder: Path) -> Place:
    """Where to go on in a journal; at its start where it is not the one that the status is about."""
    return Place(status.segment, status.offset) if status.segment in segments(folder) else START


def read_status(path: Path) -> Status:
    """How far a replayer was; nothing is known of one that never was."""
    try:
        return Status(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return Status()
