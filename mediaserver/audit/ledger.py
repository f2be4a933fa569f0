"""The audit log as the server writes it: facts become entries of the chain, and the entries lines of the journal.

The one invariant: the chain goes on from what the journal took. An entry that it refuses is not in the chain either.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from math import inf
from typing import Any, Final, Protocol

from mediaserver.audit import sessions
from mediaserver.audit.coalescing import Coalescing
from mediaserver.audit.entry import GENESIS, AuditKey, Entry, Fact, entry_of, made
from mediaserver.audit.head import Head
from mediaserver.audit.sessions import Sessions, Stretch
from mediaserver.storage.segments import Line, written

ENTRY: Final = "audit"
CHECKPOINT: Final = "checkpoint"
MOST_EARLY: Final = 1000
"""Facts that are kept until the journal is open."""


class Paper(Protocol):
    """What the ledger is written on: `mediaserver.storage.journal.Journal`."""

    def append(self, data: bytes) -> None:
        """Write now, or raise `JournalUnusable`."""

    def hold(self, data: bytes) -> bool:
        """Write as soon as possible; False where too much waits already."""

    def flush(self) -> bool:
        """Write what waits; False where that is not possible now."""

    def lost(self, why: str) -> None:
        """Count a line that will never be written."""


class Ledger:
    """One server's chain. `restore` it from what the journal holds, then write."""

    def __init__(self, paper: Paper, key: AuditKey, chain: str, wall: Callable[[], float] = time.time) -> None:
        """``chain``: the name of a new one, where the journal holds none."""
        self._paper = paper
        self._key = key
        self._wall = wall
        self._chain = chain
        self._count = 0
        self._seal = GENESIS
        self._at = 0
        self._floods = Coalescing()
        self._early: deque[tuple[int, Fact]] = deque()
        self._has_begun = False
        self.sessions = Sessions()

    # from one life of the server to the next

    def restore(self, lines: Iterable[Line]) -> bool:
        """Go on where a journal ends, which begins with a checkpoint; False where it says nothing of a chain."""
        found = False
        for line in lines:
            if line.kind == CHECKPOINT and isinstance(line.value, dict):
                found = self._go_to(line.value) or found
            elif line.kind == ENTRY and isinstance(line.value, list) and (entry := entry_of(line.value)) is not None and found:
                self._follow(entry)
        return found

    def begin(self) -> None:
        """The chain is known and the journal open: write from now on, and what was owed before."""
        self._has_begun = True
        while self._early:
            at, fact = self._early.popleft()
            self.owe(replace(fact, detail={**fact.detail, "happened_at": at}))

    def _go_to(self, checkpoint: dict[str, Any]) -> bool:
        match checkpoint:
            case {"chain": str(chain), "count": int(count), "seal": str(seal), "at": int(at), "open": list(known)}:
                self._chain, self._count, self._seal, self._at = chain, count, seal, at
                self.sessions = Sessions(tuple(stretch for fields in known if (stretch := sessions.read(fields)) is not None))
                return True
        return False

    @property
    def checkpoint(self) -> bytes:
        """The line with which a segment begins."""
        known = [sessions.written(stretch) for stretch in self.sessions.open.values()]
        return written(CHECKPOINT, {"chain": self._chain, "count": self._count, "seal": self._seal, "at": self._at, "open": known})

    def close_what_a_crash_left(self, last_sign: float) -> int:
        """Whoever still supervised when the last life of the server ended, left then; how many. ``last_sign``: seconds since 1970."""
        left_at = max(self._at, round(last_sign * 1e6))
        known = list(self.sessions.open.values())
        if known:
            self.owe(Fact(kind=sessions.RECOVERED, detail={"sessions": len(known), "died_at": left_at}))
        for stretch in known:
            self.owe(_left(stretch, min(left_at, self._now())))
        return len(known)

    # writing

    def write(self, fact: Fact) -> Entry:
        """Write an entry now. Raises `mediaserver.storage.journal.JournalUnusable`: then it never was."""
        entry = self._made(fact)
        self._paper.append(written(ENTRY, entry.row()))
        self._follow(entry)
        return entry

    def owe(self, fact: Fact) -> Entry | None:
        """Write an entry now, or, where the journal is not usable, as soon as it is. None: it is no entry yet, or too many wait."""
        if not self._has_begun:
            if len(self._early) < MOST_EARLY:
                self._early.append((self._now(), fact))
            else:
                self._paper.lost("early")
            return None
        entry = self._made(fact)
        if not self._paper.hold(written(ENTRY, entry.row())):
            return None
        self._follow(entry)
        self._paper.flush()
        return entry

    def refuse(self, fact: Fact) -> None:
        """As `owe`, for what anybody can cause: in a flood, most of it is summed up."""
        if not self._floods.takes(fact, self._wall()):
            self.owe(fact)

    def sum_up(self, *, at_end: bool = False) -> None:
        """Write the sums of floods that are over; once a second or so, and at the end all of them."""
        for fact in self._floods.due(inf if at_end else self._wall()):
            self.owe(fact)

    @property
    def head(self) -> Head:
        """The end of the chain as it is now, unsigned."""
        return Head(self._chain, self._count, self._seal, self._now(), self._key.id)

    def _made(self, fact: Fact) -> Entry:
        return made(fact, chain=self._chain, sequence=self._count + 1, at=self._now(), before=self._seal, key=self._key)

    def _now(self) -> int:
        """Microseconds since 1970; a clock that was set back stands still."""
        return max(self._at, round(self._wall() * 1e6))

    def _follow(self, entry: Entry) -> None:
        self._count, self._seal, self._at = entry.sequence, entry.seal, entry.at
        self.sessions.take(entry)


def _left(stretch: Stretch, at: int) -> Fact:
    return Fact(
        kind=sessions.LEFT,
        tenant=stretch.tenant,
        identity=stretch.identity,
        call=stretch.call,
        leg=stretch.leg,
        agent=stretch.agent,
        team=stretch.team,
        detail={"cause": "crash", "left_at": at},
    )
