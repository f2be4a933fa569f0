"""Supervision that goes on, as the log tells it: who is in which call since when. Pure; the ledger, the database and the report fold alike.

A leg's number is unique in one life of the server, so a supervisor is known by it between ``supervisor.joined`` and ``supervisor.left``.
Who was lost and came back in time joined again: that entry names the supervision with which he goes on.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from mediaserver.audit.entry import Entry

JOINED: Final = "supervisor.joined"
MODE: Final = "supervisor.mode"
AGENT: Final = "call.agent"
LEFT: Final = "supervisor.left"
RECOVERED: Final = "server.recovered"
STARTED: Final = "server.started"
SUPERVISION: Final = "supervision"
"""The detail of ``supervisor.joined`` that names the supervision that is resumed."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which a supervisor heard one agent in one mode."""

    tenant: str
    identity: str
    call: str
    leg: int
    agent: str
    team: str
    mode: str
    target: str
    since: int
    """Microseconds since 1970."""
    until: int = 0
    """0: it goes on."""
    session: str = ""
    """The supervision: `Entry.place` of the entry by which he joined first."""

    @property
    def seconds(self) -> float:
        """How long it was."""
        return max(0, self.until - self.since) / 1e6


class Sessions:
    """The supervisors who are in calls after the entries that were taken."""

    def __init__(self, stretches: Iterable[Stretch] = ()) -> None:
        self.open: dict[int, Stretch] = {stretch.leg: stretch for stretch in stretches}

    def take(self, entry: Entry) -> list[Stretch]:
        """One entry; the stretches that ended with it."""
        known = self.open.get(entry.leg)
        if entry.kind == JOINED:
            ended = self._end(entry.leg, entry.at)
            self.open[entry.leg] = _begun(entry)
            return ended
        if entry.kind == MODE and known is not None:
            ended, facts = self._end(entry.leg, entry.at), entry.facts
            mode, target = str(facts.get("mode", known.mode)), str(facts.get("target", known.target))
            self.open[entry.leg] = replace(known, since=entry.at, mode=mode, target=target)
            return ended
        if entry.kind == LEFT:
            return self._end(entry.leg, entry.moment("left_at"))
        return self._change_agent(entry) if entry.kind == AGENT else []

    def _end(self, leg: int, at: int) -> list[Stretch]:
        known = self.open.pop(leg, None)
        return [] if known is None else [replace(known, until=max(at, known.since))]

    def _change_agent(self, entry: Entry) -> list[Stretch]:
        ended = []
        for known in [stretch for stretch in self.open.values() if stretch.call == entry.call]:
            ended += self._end(known.leg, entry.at)
            self.open[known.leg] = replace(known, since=entry.at, agent=entry.agent, team=entry.team)
        return ended


def _begun(entry: Entry) -> Stretch:
    facts = entry.facts
    return Stretch(
        tenant=entry.tenant,
        identity=entry.identity,
        call=entry.call,
        leg=entry.leg,
        agent=entry.agent,
        team=entry.team,
        mode=str(facts.get("mode", "")),
        target=str(facts.get("target", "")),
        since=entry.at,
        session=str(facts.get(SUPERVISION) or entry.place),
    )


def written(stretch: Stretch) -> dict[str, Any]:
    """For a checkpoint."""
    return {name: getattr(stretch, name) for name in Stretch.__dataclass_fields__}


def read(fields: Any) -> Stretch | None:
    """From a checkpoint; None where it is none."""
    names = Stretch.__dataclass_fields__
    if not isinstance(fields, dict) or fields.keys() != names.keys():
        return None
    numbers = ("leg", "since", "until")
    return Stretch(**fields) if all(isinstance(fields[name], int if name in numbers else str) for name in names) else None
