"""journeys: what legs hear of it when they go from one media worker to another. The answer that is promised: a gap of 40 ms at most.

Two worker processes and the part of the signalling process that moves legs, without SIP around it; phones in the generator's process,
every other leg secured, all numbers about to roll over. By turns a whole call goes, and a supervisor alone who follows to another call.
"""

import asyncio
import random
import socket
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from bench.aged.numbers import SPREAD, aged
from bench.generator.memory import Size
from bench.generator.rtp import LATE_LIMIT_MS, RtpGenerator, late_ms, missing
from bench.generator.secrecy import PLAIN, Keys, told_to_worker
from bench.generator.signals import Tones
from bench.house import CUSTOMERS, SERVER
from bench.options import Surroundings
from bench.report import Result
from bench.runs.death import SUITES
from config.settings import MediaSettings
from mediaserver.link.messages import Admit, Applied, OpenLeg, SetMedia, SetMode
from mediaserver.observing.counters import Counters
from mediaserver.signalling.media.journeys import Move
from mediaserver.signalling.media.worker import Reply, Worker
from mediaserver.signalling.media.workers import Media

LONGEST_GAP_MS: Final = 40
SEATS: Final = 4
ROLES: Final = ("customer", "agent", "supervisor")
COLUMNS: Final = ("journey", "what", "legs", "gap_max_ms", "lost", "new_ssrc", "refused", "generator_late_p99_ms", "verdict")
_TONES: Final = (433, 701, 1103)
_SETTLE = 1.5
_AFTER = 0.4
_ANSWERED_WITHIN: Final = 5.0


@dataclass(slots=True, eq=False)
class _Leg:
    """One leg with its lent port, and the phone that it talks to."""

    number: int
    call: int
    role: str
    phone: tuple[str, int]
    suite: str
    worker: Worker
    lent: socket.socket = field(default_factory=lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))

    def open(self, media: Media, rtp: RtpGenerator, first: int) -> None:
        """Have the worker open it, and the phone talk."""
        self.lent.bind((SERVER, 0))
        keys = Keys.draw(self.suite) if self.suite else None
        media.tell(self.worker, OpenLeg(self.number, self.call, self.role, False), lend=self.lent.fileno())
        media.tell(self.worker, SetMedia(self.number, *self.phone, "PCMU", 0, 0, 20, -1, -1, True, True, **told_to_worker(keys)))
        self.let_in(media)
        signal = Tones((_TONES[ROLES.index(self.role)],), 2500)
        rtp.start(self.number, self.lent.getsockname(), signal, digits=-1, keys=keys, first=first)

    def let_in(self, media: Media) -> None:
        """Let it hear and be heard as it should."""
        media.tell(self.worker, Admit(self.number, True))
        if self.role == "supervisor":
            media.tell(self.worker, SetMode(self.number, "whisper", "agent"))


@dataclass(frozen=True, slots=True)
class _Journey:
    """What one of them cost."""

    what: str
    legs: int
    gap_ms: float
    lost: int
    """Numbers that no packet came with."""
    streams: int
    refused: int
    late_ms: float

    @property
    def verdict(self) -> str:
        """One word for the table."""
        if self.late_ms > LATE_LIMIT_MS:
            return f"generator late (> {LATE_LIMIT_MS:g} ms): does not count"
        return "unheard" if self.gap_ms <= LONGEST_GAP_MS and not (self.lost or self.streams or self.refused) else "heard"


async def run(around: Surroundings, *, calls: int, journeys: int, seed: int = 1) -> Result:
    """Calls, half of them at each worker, and so many journeys."""
    draw, size = random.Random(seed), Size(3 * calls)
    made: list[_Journey] = []
    async with _two_workers(calls) as media, RtpGenerator(size, core=around.generator_core, kernel_times=True) as rtp:
        legs = await _opened(media, rtp, calls, draw)
        await asyncio.sleep(_SETTLE)
        for number in range(journeys):
            around.progress.say(f"journey {number + 1} of {journeys} …")
            await asyncio.sleep(draw.random() * 0.02)
            if number % 2:
                made.append(await _measured(rtp, "a supervisor", _follower(media, legs, draw)))
            else:
                made.append(await _measured(rtp, "a call", _whole_call(media, legs, draw)))
        for leg in legs:
            leg.lent.close()
    return _result(made, calls, legs)


@asynccontextmanager
async def _two_workers(calls: int) -> AsyncIterator[Media]:
    media = Media(MediaSettings(rows=5 * calls, seats=SEATS, workers=2), {}, Counters())
    await media.start()
    try:
        yield media
    finally:
        await media.close()


async def _opened(media: Media, rtp: RtpGenerator, calls: int, draw: random.Random) -> list[_Leg]:
    opened = await rtp.open((CUSTOMERS,) * (3 * calls))
    legs = [
        _Leg(
            opened.first + at,
            at // 3,
            ROLES[at % 3],
            (CUSTOMERS, port),
            SUITES[at % len(SUITES)].replace(PLAIN, ""),
            media.workers[at // 3 % 2],
        )
        for at, port in enumerate(opened.ports)
    ]
    for leg in legs:
        leg.open(media, rtp, aged(draw.randrange(SPREAD)))
    media.flush()
    await rtp.sync()
    return legs


@dataclass(frozen=True, slots=True)
class _Departure:
    """Legs that go together, when `go` is called; then all is told."""

    media: Media
    legs: Sequence[_Leg]
    target: Worker
    call: int = -1
    """In which they will be as new; -1: they stay in theirs."""

    async def go(self) -> None:
        """Move them; returns when they are there. Raises RuntimeError where one is not."""
        arrived: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        replies: list[Reply] = []

        def replied(reply: Reply) -> None:
            replies.append(reply)
            if len(replies) == len(self.legs):
                arrived.set_result(None)

        origin, is_new = self.legs[0].worker, self.call >= 0
        moves = [Move(leg.number, self.call if is_new else leg.call, leg.role, is_new=is_new, replied=replied) for leg in self.legs]
        self.media.move(moves, origin, self.target)
        for leg in self.legs:
            leg.worker = self.target
            if is_new:
                leg.call = self.call
                leg.let_in(self.media)
        self.media.flush()
        async with asyncio.timeout(_ANSWERED_WITHIN):
            await arrived
        if not all(isinstance(reply, Applied) for reply in replies):
            raise RuntimeError(f"a leg did not arrive: {replies}")


def _other(media: Media, worker: Worker) -> Worker:
    return next(other for other in media.workers if other is not worker)


def _whole_call(media: Media, legs: Sequence[_Leg], draw: random.Random) -> _Departure:
    """A call of the worker that has more of them goes to the other."""
    busier = max(media.workers, key=lambda worker: sum(leg.worker is worker for leg in legs))
    call = draw.choice(sorted({leg.call for leg in legs if leg.worker is busier}))
    return _Departure(media, [leg for leg in legs if leg.call == call], _other(media, busier))


def _follower(media: Media, legs: Sequence[_Leg], draw: random.Random) -> _Departure:
    """A supervisor follows to a call of the other worker that has a seat free."""
    seats = Counter(leg.call for leg in legs)
    goes = draw.choice([leg for leg in legs if leg.role == "supervisor"])
    target = _other(media, goes.worker)
    calls = sorted({leg.call for leg in legs if leg.worker is target and seats[leg.call] < SEATS})
    return _Departure(media, [goes], target, draw.choice(calls))


async def _measured(rtp: RtpGenerator, what: str, departure: _Departure) -> _Journey:
    rows, memory = np.array([leg.number for leg in departure.legs]), rtp.memory
    before, streams, refused = rtp.snapshot(), memory.jumps[rows].copy(), memory.refused[rows].sum()
    memory.longest_gap[rows] = 0.0
    await departure.go()
    await asyncio.sleep(_AFTER)
    after = rtp.snapshot()
    return _Journey(
        what,
        len(rows),
        float(memory.longest_gap[rows].max()) * 1000,
        missing(before, after, rows)[1],
        int((memory.jumps[rows] != streams).sum()),
        int(memory.refused[rows].sum() - refused),
        late_ms(before, after)[1],
    )


def _result(made: list[_Journey], calls: int, legs: list[_Leg]) -> Result:
    rows = [
        (at, each.what, each.legs, round(each.gap_ms), each.lost, each.streams, each.refused, round(each.late_ms, 1), each.verdict)
        for at, each in enumerate(made, 1)
    ]
    counted = [each for each in made if each.late_ms <= LATE_LIMIT_MS]
    figures = {
        "calls": calls,
        "secured_legs": sum(bool(leg.suite) for leg in legs),
        "journeys": len(made),
        "journeys_that_count": len(counted),
        "gap_median_ms": round(float(np.median([each.gap_ms for each in counted])), 1) if counted else None,
        "gap_max_ms": round(max((each.gap_ms for each in counted), default=0.0), 1),
        "lost": sum(each.lost for each in counted),
    }
    return Result("journeys", figures, COLUMNS, rows, ok=bool(made) and all(each.verdict == "unheard" for each in made))
