"""A ledger on a real journal in a folder, with a clock that is turned by hand."""

from pathlib import Path

from mediaserver.audit.entry import AuditKey, Fact
from mediaserver.audit.ledger import Ledger
from mediaserver.observing.counters import Counters
from mediaserver.secrecy.key import Key
from mediaserver.storage.journal import Journal
from mediaserver.storage.segments import Place, read, segments

KEY = AuditKey.of(Key(b"k" * 32))
START = 1_700_000_000.0


class Books:
    """One server's journal and ledger, through several lives."""

    def __init__(self, folder: Path, chain: str = "server1", key: AuditKey = KEY) -> None:
        self.folder = folder
        self.now = START
        self.key = key
        self.chain = chain
        self.counters = Counters()
        self.live()

    def live(self, last_sign: float = 0.0) -> None:
        """A server starts."""
        self.journal = Journal(self.folder, 10_000_000, self.counters)
        self.ledger = Ledger(self.journal, self.key, self.chain, wall=lambda: self.now)
        self.journal.open()
        for number in reversed(segments(self.folder)):
            if self.ledger.restore(read(self.folder, Place(number, 0))):
                break
        self.journal.begin(self.ledger.checkpoint)
        self.ledger.begin()
        self.ledger.close_what_a_crash_left(last_sign)

    def crash(self) -> None:
        """It is gone: nothing that was held is written."""
        self.journal._held.clear()
        self.journal.close()

    def next_segment(self) -> None:
        """As the keeper does."""
        self.journal.begin(self.ledger.checkpoint)

    def note(self, kind: str, *, after: float = 1.0, **fields: object) -> None:
        """A fact, a moment later."""
        self.now += after
        self.ledger.write(Fact(kind=kind, **fields))  # type: ignore[arg-type]

    def joined(
        self, leg: int = 7, identity: str = "anna", agent: str = "robert", mode: str = "listen", call: str = "c1", **detail: str
    ) -> None:
        """Somebody begins to listen."""
        self.note(
            "supervisor.joined",
            tenant="default",
            identity=identity,
            call=call,
            leg=leg,
            agent=agent,
            team="north",
            way="api",
            address="10.0.0.1",
            permission="team:north mode:barge",
            detail={"mode": mode, "target": "agent"} | detail,
        )

    def lost_and_back(self, *, after: float) -> None:
        """Somebody whispers, is lost, and comes back with his next leg; the segment ends meanwhile."""
        self.joined(leg=7)
        began = self.ledger.head.count
        self.mode("whisper", leg=7, after=10)
        self.left(7, after=5)
        self.next_segment()
        self.now += after - 1
        self.joined(leg=8, resumes="7", supervision=f"{self.chain}/{began}")

    def mode(self, mode: str, leg: int = 7, *, after: float = 1.0) -> None:
        """He changes his mode."""
        self.note(
            "supervisor.mode", after=after, tenant="default", identity="anna", call="c1", leg=leg, detail={"mode": mode, "target": "agent"}
        )

    def left(self, leg: int = 7, *, after: float = 1.0) -> None:
        """He leaves."""
        self.note("supervisor.left", after=after, tenant="default", identity="anna", call="c1", leg=leg, detail={"cause": "requested"})
