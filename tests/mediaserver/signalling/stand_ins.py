"""What stands in the exchange for timers, a media worker, and the ledger: each remembers what it was told."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from mediaserver.audit.entry import AuditKey, Entry, Fact, made
from mediaserver.link.messages import (
    Applied,
    CloseLeg,
    Command,
    OpenLeg,
    OpenReports,
    ReceiveLeg,
    ReleaseLeg,
)
from mediaserver.link.quality import LegQuality
from mediaserver.signalling.media.journeys import Move
from mediaserver.signalling.media.worker import Reply
from mediaserver.storage.journal import JournalUnusable, Trouble


class HandTimer:
    """Stands for `Timer` on the virtual clock."""

    def __init__(self, fires: Callable[[], None]) -> None:
        self.fires = fires
        self.due: float | None = None

    def set(self, due: float | None) -> None:
        """Fire at ``due``."""
        self.due = due

    def cancel(self) -> None:
        """Fire no more."""
        self.due = None


@dataclass(eq=False)
class RecordedWorker:
    """A worker that applies everything at once, in turns counted by frame."""

    index: int = 0
    calls: int = 0
    turn_length: float = 0.0
    turn: int = 0
    told: list[Command] = field(default_factory=list)
    """All commands, in order."""
    told_in: list[int] = field(default_factory=list)
    """The turn of each of them."""
    silent_about: tuple[type, ...] = ()
    """Commands whose replies are kept back."""
    held_back: list[Callable[[], None]] = field(default_factory=list)

    def of(self, kind: type["C"], leg: int | None = None) -> "list[C]":
        """Commands of a kind, of one leg."""
        return [told for told in self.told if isinstance(told, kind) and (leg is None or getattr(told, "leg", None) == leg)]


C = TypeVar("C")


class RecordedMedia:
    """Stands for `Media`: one worker, replies at each flush."""

    def __init__(self) -> None:
        self.worker = RecordedWorker()
        self.is_ready = True
        self.kept: list[int] = []
        """Rows whose counters were kept."""
        self.qualities: dict[int, LegQuality] = {}
        """How the legs of rows sound; nothing is known of others."""
        self._replies: list[tuple[Command, Callable[[Reply], None]]] = []

    @property
    def workers(self) -> tuple[RecordedWorker, ...]:
        """The one."""
        return (self.worker,)

    def choose(self, near: Any = None) -> RecordedWorker | None:
        """The one, while it is up."""
        return self.worker if self.is_ready else None

    def tell(self, worker: Any, command: Command, *, lend: int = -1, replied: Callable[[Reply], None] | None = None) -> None:
        """Remember a command."""
        assert (lend >= 0) == isinstance(command, OpenLeg | OpenReports)
        worker.told.append(command)
        worker.told_in.append(worker.turn)
        if replied is not None:
            self._replies.append((command, replied))

    def move(self, moves: Sequence[Move], origin: Any, target: Any) -> None:
        """Remember what each of the two would be told."""
        for move in moves:
            origin.told.append(ReleaseLeg(move.leg))
            self.tell(target, ReceiveLeg(move.leg, move.call, move.role, False, move.is_new), replied=move.replied)

    def keep_counters(self, worker: Any, row: int) -> None:
        """Remember a row, which is not wiped yet."""
        assert worker.of(CloseLeg, row) == []
        self.kept.append(row)

    def quality(self, worker: Any, row: int) -> LegQuality | None:
        """How the leg of a row sounds, where a test said so."""
        return self.qualities.get(row)

    def mos(self, worker: Any, row: int) -> tuple[float, float]:
        """Its scores."""
        found = self.qualities.get(row)
        return (0.0, 0.0) if found is None else (found.up.mos, found.down.mos)

    def flush(self) -> None:
        """Answer what was told."""
        self.worker.turn += 1
        replies, self._replies = self._replies, []
        for command, replied in replies:
            row = command.leg if isinstance(command, OpenLeg | ReceiveLeg) else -1
            reply = Applied(0, self.worker.turn, row)
            if isinstance(command, self.worker.silent_about):
                self.worker.held_back.append(lambda replied=replied, reply=reply: replied(reply))  # type: ignore[misc]
            else:
                replied(reply)


class Book:
    """Stands for the ledger on its journal: what was written."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self.lines: list[bytes] = []
        self.is_usable = True

    def write(self, fact: Fact) -> Entry:
        """Take a fact, or refuse it."""
        if not self.is_usable:
            raise JournalUnusable(Trouble.FULL, "the journal is full")
        return self.owe(fact)

    def owe(self, fact: Fact) -> Entry:
        """Take a fact."""
        self.facts.append(fact)
        return made(fact, chain="", sequence=len(self.facts), at=0, before="", key=AuditKey("", b""))

    def refuse(self, fact: Fact) -> None:
        """Take a refusal."""
        self.facts.append(fact)

    def hold(self, line: bytes) -> bool:
        """Take a line of the journal."""
        self.lines.append(line)
        return True

    def append(self, line: bytes) -> None:
        """Take a line of the journal, or refuse it."""
        if not self.is_usable:
            raise JournalUnusable(Trouble.FULL, "the journal is full")
        self.lines.append(line)

    def told(self, kind: str) -> list[Fact]:
        """The facts of a kind."""
        return [fact for fact in self.facts if fact.kind == kind]
