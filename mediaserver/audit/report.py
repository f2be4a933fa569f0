"""How long who listened to whom: folded from the log's entries, so that its totals are the log's. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from mediaserver.audit.entry import Entry
from mediaserver.audit.sessions import Sessions, Stretch
from mixer.modes import Mode

DAY = 86_400_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
LONGEST_CALL = 7 * DAY
"""Microseconds; no supervision is longer, so entries before that say nothing about a period."""


class By(StrEnum):
    """What a row is about."""

    TENANT = "tenant"
    SUPERVISOR = "supervisor"
    AGENT = "agent"
    TEAM = "team"
    DAY = "day"
    MONTH = "month"


@dataclass(slots=True)
class Heard:
    """What one row adds up."""

    sessions: set[str] = field(default_factory=set)
    microseconds: dict[str, int] = field(default_factory=dict)
    """By mode."""

    @property
    def total(self) -> int:
        """All modes together."""
        return sum(self.microseconds.values())


class ListenTime:
    """Adds up stretches of supervision within a period, in microseconds since 1970."""

    def __init__(self, since: int, until: int, by: tuple[By, ...], tenant: str = "") -> None:
        self.since = since
        self.until = until
        self.by = by
        self._tenant = tenant
        self._chains: dict[str, Sessions] = {}
        self.rows: dict[tuple[str, ...], Heard] = {}
        self.total = Heard()

    def take(self, entry: Entry) -> None:
        """The next entry of its chain."""
        for stretch in self._chains.setdefault(entry.chain, Sessions()).take(entry):
            self._add(stretch, stretch.until)

    def finish(self, now: int) -> None:
        """There are no more entries: who supervises still, has until now."""
        for sessions in self._chains.values():
            for stretch in sessions.open.values():
                self._add(stretch, now)

    def told(self) -> dict[str, object]:
        """All of it, ready for JSON: seconds, and times in ISO 8601 (null for no bound)."""
        rows = [dict(zip(map(str, self.by), key, strict=True)) | told(heard) for key, heard in sorted(self.rows.items())]
        return {"since": _iso(self.since), "until": _iso(self.until), "rows": rows, "total": told(self.total)}

    def _add(self, stretch: Stretch, until: int) -> None:
        is_moment = stretch.since >= until  # who was there for no time at all was there
        since, until = max(stretch.since, self.since), min(max(stretch.since, until), self.until)
        if since > until or (since == until and not is_moment) or (self._tenant and stretch.tenant != self._tenant):
            return
        for first, last in pairwise(self._cut(since, until)):
            key = tuple(_name(by, stretch, first) for by in self.by)
            for heard in (self.rows.setdefault(key, Heard()), self.total):
                heard.sessions.add(stretch.session)
                heard.microseconds[stretch.mode] = heard.microseconds.get(stretch.mode, 0) + last - first

    def _cut(self, since: int, until: int) -> Iterable[int]:
        """The ends of the pieces that belong to one day or month each (UTC)."""
        yield since
        if By.DAY in self.by or By.MONTH in self.by:
            midnight = (since // DAY + 1) * DAY
            while midnight < until:
                yield midnight
                midnight += DAY
        yield until


def told(heard: Heard) -> dict[str, object]:
    """A row's sums: supervisions, and seconds in all and by mode."""
    modes: dict[str, object] = {str(mode): heard.microseconds.get(mode, 0) / 1e6 for mode in Mode}
    return {"sessions": len(heard.sessions), "seconds": heard.total / 1e6} | modes


def _iso(at: int) -> str | None:
    return moment(at).isoformat() if at else None


def _name(by: By, stretch: Stretch, at: int) -> str:
    match by:
        case By.TENANT:
            return stretch.tenant
        case By.SUPERVISOR:
            return stretch.identity
        case By.AGENT:
            return stretch.agent
        case By.TEAM:
            return stretch.team
        case By.DAY:
            return moment(at).strftime("%Y-%m-%d")
        case By.MONTH:
            return moment(at).strftime("%Y-%m")


def moment(at: int) -> datetime:
    """Microseconds since 1970 as a time."""
    return _EPOCH + at * _MICROSECOND


def microseconds(text: str) -> int:
    """A time that somebody typed, ISO 8601; without a zone it is UTC. Raises ValueError."""
    try:
        read = datetime.fromisoformat(text)
        return ((read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC) - _EPOCH) // _MICROSECOND
    except ValueError:
        raise ValueError(f"{text!r} is no moment such as 2030-01-31 or 2030-01-31T12:00Z") from None
    except OverflowError:
        raise ValueError(f"{text!r} is beyond the calendar: a moment must be in the years 1 to 9999, in UTC too") from None
