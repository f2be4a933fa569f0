"""From lines of the journal to rows of the tables. Pure: what a batch of lines comes to, row by row, the last word on each counting.

To project the same lines twice gives the same rows; so a batch of which nobody knows whether it was written is written again.
"""

from dataclasses import dataclass, field
from typing import Any, Final

from mediaserver.audit import sessions
from mediaserver.audit.entry import FIELDS, Entry, entry_of
from mediaserver.audit.sessions import Sessions, Stretch
from mediaserver.storage.segments import Line

_CALL_FIELDS: Final = frozenset(
    {
        *("id", "tenant", "trunk", "caller", "called", "agent", "team", "metadata"),
        *("started_at", "answered_at", "ended_at", "cause"),
    }
)
_SAID: Final = ("id", "call", "tenant", "identity", "at", "about")
_NOTE_FIELDS: Final = frozenset({*_SAID, "text"})
_FLAG_FIELDS: Final = frozenset({*_SAID, "label"})
_UNFLAG_FIELDS: Final = frozenset({*_SAID} - {"about"})


@dataclass(slots=True)
class Rows:
    """What is to be written, by table and key."""

    audit: list[dict[str, Any]] = field(default_factory=list)
    calls: dict[str, dict[str, Any]] = field(default_factory=dict)
    supervisions: dict[str, dict[str, Any]] = field(default_factory=dict)
    left: dict[str, tuple[int | None, str]] = field(default_factory=dict)
    """When supervisions ended, and why; None: they go on again."""
    stretches: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)
    notes: dict[str, dict[str, Any]] = field(default_factory=dict)
    flags: dict[str, dict[str, Any]] = field(default_factory=dict)
    taken_back: dict[str, tuple[int, str]] = field(default_factory=dict)
    """When flags were taken back, and by whom."""
    restarts: list[tuple[str, int, int]] = field(default_factory=list)
    """Server, when it started, and when the life before had ended: the calls of that one are over."""
    unreadable: int = 0


class Projection:
    """Folds lines in their order; knows who supervises after the last one."""

    def __init__(self) -> None:
        self._chain = ""
        self._sessions = Sessions()

    def copy(self) -> "Projection":
        """One that knows the same."""
        twin = Projection()
        twin._chain, twin._sessions = self._chain, Sessions(tuple(self._sessions.open.values()))
        return twin

    def project(self, lines: list[Line]) -> Rows:
        """What these lines come to."""
        rows = Rows()
        for line in lines:
            match line.kind, line.value:
                case "audit", list(row) if (entry := entry_of(row)) is not None:
                    self._entry(entry, rows)
                case "call", {"id": str()} as call if call.keys() == _CALL_FIELDS:
                    rows.calls[call["id"]] = {**call, "server": self._chain}
                case "note", {"id": str()} as note if note.keys() == _NOTE_FIELDS:
                    rows.notes[note["id"]] = note
                case "flag", {"id": str()} as flag if flag.keys() == _FLAG_FIELDS:
                    rows.flags[flag["id"]] = flag
                case "unflag", {"id": str(flag), "at": int(at), "identity": str(by)} as undone if undone.keys() == _UNFLAG_FIELDS:
                    rows.taken_back[flag] = at, by
                case "checkpoint", {"chain": str(chain), "open": list(known)}:
                    self._chain = chain
                    self._sessions = Sessions(tuple(stretch for fields in known if (stretch := sessions.read(fields)) is not None))
                case _:
                    rows.unreadable += 1
        return rows

    def _entry(self, entry: Entry, rows: Rows) -> None:
        rows.audit.append({name: getattr(entry, name) for name in FIELDS})
        known = self._sessions.open.get(entry.leg)
        for ended in self._sessions.take(entry):
            rows.stretches[ended.session, ended.since] = _stretch(ended)
        for begun in self._sessions.open.values():
            if begun.since == entry.at:
                rows.stretches[begun.session, begun.since] = _stretch(begun)
        match entry.kind:
            case sessions.JOINED if (session := self._sessions.open[entry.leg].session) != entry.place:
                rows.left[session] = None, ""
            case sessions.JOINED:
                rows.supervisions[entry.place] = _supervision(entry)
            case sessions.LEFT if known is not None:
                rows.left[known.session] = entry.moment("left_at"), str(entry.facts.get("cause", ""))
            case sessions.STARTED:
                rows.restarts.append((entry.chain, entry.at, entry.moment("last_sign")))


def _supervision(entry: Entry) -> dict[str, Any]:
    shared = ("tenant", "identity", "call", "agent", "team", "way", "address", "permission")
    return {"id": entry.place, "joined_at": entry.at, "left_at": None, "cause": ""} | {name: getattr(entry, name) for name in shared}


def _stretch(stretch: Stretch) -> dict[str, Any]:
    return {
        "supervision": stretch.session,
        "since": stretch.since,
        "until": stretch.until or None,
        "mode": stretch.mode,
        "target": stretch.target,
        "agent": stretch.agent,
        "team": stretch.team,
    }
