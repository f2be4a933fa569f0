"""What the tracer keeps: segments on disk, the oldest thrown away by age and by size.

A segment is one SQLite file, written in batches; its index finds a call's messages without a look at the others. A message's place
is its segment's number and its row, so places rise for ever and a reader can go on where he was.
"""

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mediaserver.tracing.records import CallKnown, Heard, Tied, Traced
from sip.masking import mask

SEGMENTS: Final = 8
"""Into so many the bounds are cut: a whole segment is what is thrown away at once."""
LARGEST_ANSWER: Final = 100_000
"""Octets of messages in one answer; it has to fit a packet."""

_ROWS: Final = 40
_CALL_ID: Final = re.compile(rb"[\r\n](?:call-id|i)[ \t]*:[ \t]*([^\r\n]+)", re.IGNORECASE)
_ROW_OVERHEAD: Final = 160
"""Octets that a message costs beside itself, index included; near enough."""

_SCHEMA: Final = """
    create table if not exists message (place integer primary key, wall real, is_sent integer, transport text,
        local_host text, local_port integer, remote_host text, remote_port integer, sip_call_id text, data blob);
    create index if not exists by_dialog on message (sip_call_id, place);
    create table if not exists tie (sip_call_id text, call text, leg integer, role text, primary key (call, sip_call_id));
    create table if not exists subject (call text primary key, tenant text, agent text, team text);
"""


class Segment:
    """One file."""

    def __init__(self, path: Path, number: int, opened: float) -> None:
        self.path = path
        self.number = number
        self.opened = opened
        self.octets = 0
        self._row = 0
        self._database = sqlite3.connect(path, isolation_level=None)
        # A trace may lose its last moment in a crash; it must not wait for a disk.
        self._database.executescript("pragma journal_mode=memory; pragma synchronous=off;" + _SCHEMA)

    def write(self, messages: list[tuple[Heard, str, bytes]], ties: list[Tied], subjects: list[CallKnown]) -> None:
        """Write a batch."""
        run = self._database.execute
        run("begin")
        for heard, sip_call_id, data in messages:
            self._row += 1
            place = self.number << _ROWS | self._row
            row = (place, heard.wall, heard.is_sent, heard.transport, *heard.local, *heard.remote, sip_call_id, data)
            run("insert into message values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
            self.octets += len(data) + _ROW_OVERHEAD
        for tie in ties:
            run("insert or replace into tie values (?, ?, ?, ?)", (tie.sip_call_id, tie.call, tie.leg, tie.role))
        for subject in subjects:
            run("insert or replace into subject values (?, ?, ?, ?)", (subject.call, subject.tenant, subject.agent, subject.team))
        run("commit")
        self.octets += _ROW_OVERHEAD * (len(ties) + len(subjects))

    def ties(self, call: str) -> list[tuple[str, int, str]]:
        """SIP Call-ID, leg and role of a call's dialogs."""
        return self._database.execute("select sip_call_id, leg, role from tie where call = ?", (call,)).fetchall()

    def subject(self, call: str) -> tuple[str, str, str] | None:
        """Tenant, agent and team of a call."""
        found: tuple[str, str, str] | None = self._database.execute(
            "select tenant, agent, team from subject where call = ?", (call,)
        ).fetchone()
        return found

    def messages(self, legs: dict[str, tuple[int, str]], after: int) -> Iterator[Traced]:
        """The messages of these dialogs after a place."""
        marks = ", ".join("?" * len(legs))
        rows = self._database.execute(f"select * from message where sip_call_id in ({marks}) and place > ? order by place", (*legs, after))
        for place, wall, is_sent, transport, local_host, local_port, remote_host, remote_port, sip_call_id, data in rows:
            local, remote = (local_host, local_port), (remote_host, remote_port)
            yield Traced(place, wall, bool(is_sent), transport, local, remote, sip_call_id, *legs[sip_call_id], data)

    def close(self, *, forget: bool) -> None:
        """Close the file, and throw it away."""
        self._database.close()
        if forget:
            self.path.unlink(missing_ok=True)


class Store:
    """The newest segments. ``most_octets`` and ``keep`` (seconds) bound them all together."""

    def __init__(self, folder: Path, *, most_octets: int, keep: float, mask_numbers: bool, now: float) -> None:
        self._folder = folder
        self._most_octets = most_octets
        self._keep = keep
        self._mask_numbers = mask_numbers
        self._segments: list[Segment] = []
        self._messages: list[tuple[Heard, str, bytes]] = []
        self._ties: list[Tied] = []
        self._subjects: list[CallKnown] = []
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for old in sorted(folder.glob("trace-*.sqlite")):
            old.unlink()
        self._next_segment(1, now)

    def take(self, record: Heard | Tied | CallKnown) -> bytes:
        """Keep a record with the next `write`; a message comes back masked."""
        match record:
            case Heard(data=data):
                masked = mask(data, numbers=self._mask_numbers)
                found = _CALL_ID.search(data)
                self._messages.append((record, "" if found is None else found[1].strip().decode("utf-8", "replace"), masked))
                return masked
            case Tied():
                self._ties.append(record)
            case CallKnown():
                self._subjects.append(record)
        return b""

    def write(self, now: float) -> None:
        """Write what was taken, begin a new segment when it is time, and throw the oldest away."""
        newest = self._segments[-1]
        if self._messages or self._ties or self._subjects:
            newest.write(self._messages, self._ties, self._subjects)
            self._messages, self._ties, self._subjects = [], [], []
        if newest.octets >= self._most_octets // SEGMENTS or now - newest.opened >= self._keep / SEGMENTS:
            self._next_segment(newest.number + 1, now)
        while len(self._segments) > SEGMENTS or now - self._segments[0].opened > self._keep * (1 + 1 / SEGMENTS):
            self._segments.pop(0).close(forget=True)

    def read(self, call: str, after: int, most: int) -> tuple[tuple[str, str, str] | None, list[Traced], bool]:
        """Whose the call is, its messages after a place, and whether these are all."""
        subject, legs = self._find(call)
        found: list[Traced] = []
        octets = 0
        for segment in self._segments if legs else ():
            for traced in segment.messages(legs, after):
                octets += len(traced.data) + _ROW_OVERHEAD
                if len(found) >= most or (found and octets > LARGEST_ANSWER):
                    return subject, found, False
                found.append(traced)
        return subject, found, True

    def close(self) -> None:
        """Close every file; they are for this run alone."""
        for segment in self._segments:
            segment.close(forget=True)

    def _find(self, call: str) -> tuple[tuple[str, str, str] | None, dict[str, tuple[int, str]]]:
        subject = None
        legs: dict[str, tuple[int, str]] = {}
        for segment in self._segments:
            subject = segment.subject(call) or subject
            legs |= {sip_call_id: (leg, role) for sip_call_id, leg, role in segment.ties(call)}
        return subject, legs

    def _next_segment(self, number: int, now: float) -> None:
        self._segments.append(Segment(self._folder / f"trace-{number:06}.sqlite", number, now))
