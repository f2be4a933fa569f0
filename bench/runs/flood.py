"""flood: attackers, one after the other, at a server that holds monitored calls. What they get, and what the conversations lose: nothing.

The guard has its default settings; the bench's own phones are trusted, the attackers' addresses are not. Each flood has an address of its
own, so that each has the whole burst; sipvicious's tools take the server's own.
"""

import asyncio
import re
import tempfile
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from bench import attackers
from bench.generator.rtp import LATE_LIMIT_MS, gap_p99_ms, late_ms, missing
from bench.generator.signals import Tones
from bench.house import House
from bench.options import Surroundings
from bench.report import Result
from bench.runs.crowds import stand_up
from bench.server import Server
from bench.stage import Call, Cast, Stage
from config.sip import GuardSettings

TIMES_THE_CAP: Final = 10
RATE_REACHED: Final = 0.98
"""Share of the wanted flood that must have been sent, or the phase does not count."""
GROWTH_LIMIT_KIB: Final = 2048
"""Resident memory may grow so much from the third flood to the end, when the first one has come again."""
SLACK: Final = 1.1
"""What is let in is counted a little later than the time that it is allowed for."""
_SETTLE = 2.0
_AFTER = 1.0
"""Seconds measured after an attack."""
_FIRST_ADDRESS: Final = 20
_METHODS: Final = ("INVITE", "REGISTER", "OPTIONS")
_FIRST_PORT: Final = 5090
_TRIED_FIRST: Final = 100
"""Names, every second one a user's: as many as come before the burst is used up."""
_GUESSED_BEFORE: Final = 30
"""Wrong passwords that svcrack tries before the right one."""
_COUNTER: Final = re.compile(r'^mediaserver_(sip_events|sip_dropped)_total\{kind="(\w+)"\} (\S+)', re.MULTILINE)
COLUMNS = (
    "attack",
    "arrived",
    "let_in",
    "dropped",
    "sent",
    "packets",
    "lost",
    "gap_ms",
    "rss_mib",
    "late_ms",
    "verdict",
)

Attack = Callable[["Ground"], Awaitable["Said"]]


@dataclass(frozen=True, slots=True)
class Said:
    """What an attacker says himself."""

    found: tuple[str, ...] = ()
    """Users and passwords."""
    problem: str = ""
    """Why his attack does not count."""


@dataclass(frozen=True, slots=True)
class Ground:
    """Where an attack happens."""

    house: House
    folder: Path
    address: str
    port: int
    seconds: float
    rate: float
    core: int | None

    @property
    def target(self) -> str:
        """The server, as sipvicious wants it."""
        return "udp://{}:{}".format(*self.house.sip)


@dataclass(frozen=True, slots=True)
class Phase:
    """What one attack got, and what it cost."""

    attack: str
    let_in: int
    """Messages that the guard let through, of everybody."""
    allowed: float
    """As many as one source may send in this time."""
    dropped: int
    sent: int
    """Messages that the server sent, retransmissions too."""
    said: Said
    packets: int
    lost: dict[str, int]
    """RTP packets, by who should have had them."""
    gap_ms: float
    """The worst listener's gap between packets at the 99th percentile."""
    resident_kib: int
    late_ms: float

    @property
    def is_limited(self) -> bool:
        """Whether no more was let in than one source may send."""
        return self.let_in <= self.allowed

    @property
    def counts(self) -> bool:
        """Whether it was an attack, and the generator punctual."""
        return self.late_ms <= LATE_LIMIT_MS and not self.said.problem

    @property
    def verdict(self) -> str:
        """A few words for the table."""
        wrong = [
            ("lost packets", sum(self.lost.values()) > 0 or self.packets == 0),
            ("not limited", not self.is_limited),
            ("found users", bool(self.said.found)),
            (f"generator late (> {LATE_LIMIT_MS:g} ms): does not count", self.late_ms > LATE_LIMIT_MS),
            (f"{self.said.problem}: does not count", bool(self.said.problem)),
        ]
        return ", ".join(text for text, is_so in wrong if is_so) or "held"

    def cells(self) -> tuple[object, ...]:
        """One row of the table."""
        return (
            self.attack,
            self.let_in + self.dropped,
            self.let_in,
            self.dropped,
            self.sent,
            self.packets,
            ", ".join(f"{path}: {count}" for path, count in self.lost.items() if count) or 0,
            round(self.gap_ms, 1),
            round(self.resident_kib / 1024, 1),
            round(self.late_ms, 1),
            self.verdict,
        )


@dataclass(slots=True)
class _Siege:
    """The server with its calls, and everything that is measured there."""

    around: Surroundings
    house: House
    server: Server
    stage: Stage
    standing: list[Call]
    folder: Path
    seconds: float
    phases: list[Phase] = field(default_factory=list)

    async def measure(self, name: str, attack: Attack) -> None:
        """One attack from an address of its own, and the second after it."""
        self.around.progress.say(f"{name} …")
        number, limits = len(self.phases), GuardSettings()
        address, port = f"127.0.0.{_FIRST_ADDRESS + number}", _FIRST_PORT + number
        rate = TIMES_THE_CAP * limits.rate
        ground = Ground(self.house, self.folder / str(number), address, port, self.seconds, rate, self.around.generator_core)
        counted, before, since = await self._counted(), self.stage.rtp.snapshot(), time.monotonic()
        said = await attack(ground)
        await asyncio.sleep(_AFTER)
        after, seconds = self.stage.rtp.snapshot(), time.monotonic() - since
        now = await self._counted()
        grown = {key: value - counted.get(key, 0) for key, value in now.items()}
        paths = {name: missing(before, after, legs) for name, legs in self._paths().items()}
        everybody = np.concatenate(list(self._paths().values()))
        self.phases.append(
            Phase(
                name,
                grown.get("received", 0),
                SLACK * (limits.burst + limits.rate * seconds),
                grown.get("flood", 0) + grown.get("banned", 0),
                grown.get("sent", 0),
                said,
                sum(packets for packets, _ in paths.values()),
                {path: lost for path, (_, lost) in paths.items()},
                float(gap_p99_ms(before, after, everybody).max()),
                self.server.resident_kib(),
                late_ms(before, after)[1],
            )
        )

    def _paths(self) -> "dict[str, np.ndarray[tuple[int], np.dtype[np.int64]]]":
        """Listeners' legs, by their part in the call."""
        return {
            "customers": np.array([call.customer.number for call in self.standing]),
            "agents": np.array([call.agent.number for call in self.standing]),
            "supervisors": np.array([leg.number for call in self.standing for leg in call.supervisors]),
        }

    async def _counted(self) -> dict[str, int]:
        return {kind: int(float(value)) for _, kind, value in _COUNTER.findall(await self.server.metrics())}


async def run(
    around: Surroundings, *, calls: int, seconds: float, guard: Mapping[str, Any] | None = None, only: Collection[str] = ()
) -> Result:
    """Monitored calls that stand, and one attack after the other.

    ``guard``: settings of it that are not the default ones. ``only``: names of attacks; empty: all of them.
    """
    house = House.build(calls=calls, guard=guard or {})
    with tempfile.TemporaryDirectory(prefix="bench-flood-") as folder:
        async with (
            Server(house, core=around.server_core, nice=around.server_nice) as server,
            Stage(house, Cast(calls, calls, calls), core=around.generator_core, codec=around.codec) as stage,
        ):
            await stage.register(range(calls), range(calls), around.progress)
            standing = await stand_up(stage, calls, _signals, around.progress, mode=_mode, records=False)
            await asyncio.sleep(_SETTLE)
            siege = _Siege(around, house, server, stage, standing, Path(folder), seconds)
            await siege.measure("none", _calm)
            for name, attack in _attacks().items():
                if not only or name in only:
                    await siege.measure(name, attack)
    return _result(siege.phases, calls)


def _attacks() -> dict[str, Attack]:
    found = {f"{method} flood": _flood(method) for method in _METHODS}
    if attackers.are_installed():
        found |= {"svmap": _svmap}
        found |= {f"svwar {method}": _svwar(method) for method in _METHODS}
        found |= {"svcrack": _svcrack}
    return found | {"INVITE flood again": _flood("INVITE")}


async def _calm(ground: Ground) -> Said:
    await asyncio.sleep(ground.seconds)
    return Said()


def _flood(method: str) -> Attack:
    async def attack(ground: Ground) -> Said:
        flood = attackers.flood(
            ground.folder,
            method,
            ground.house.agent(0).user,
            ground.house.sip,
            ground.address,
            rate=ground.rate,
            seconds=ground.seconds,
            core=ground.core,
        )
        async with flood:
            counted = await flood.finished()
        is_slow = counted.rate < ground.rate * RATE_REACHED
        return Said(problem=f"only {counted.rate:.0f} a second were sent" if is_slow else "")

    return attack


async def _svmap(ground: Ground) -> Said:
    """The server itself may be found: that it is there is no secret."""
    host, port = ground.house.sip
    text = await _said(ground, "svmap", "-p", str(port), host)
    users = _mentioned(text, _users(ground.house))
    return Said(users, "" if f"{host}:{port}" in text else "svmap did not find the server")


def _svwar(method: str) -> Attack:
    async def attack(ground: Ground) -> Said:
        users = _users(ground.house)
        names = [name for pair in zip(users, (f"nobody{number}" for number in range(len(users))), strict=True) for name in pair]
        names = names[:_TRIED_FIRST] + [f"nobody{number}" for number in range(len(users), 100_000)]
        listed = attackers.listed(ground.folder, "names", names)
        return _nothing_in(await _said(ground, "svwar", "--force", "-m", method, "-d", listed, ground.target), users)

    return attack


async def _svcrack(ground: Ground) -> Said:
    who = ground.house.agent(0)
    words = [f"guess{number}" for number in range(100_000)]
    words[_GUESSED_BEFORE] = who.secret
    listed = attackers.listed(ground.folder, "words", words)
    return _nothing_in(await _said(ground, "svcrack", "-u", who.user, "-d", listed, ground.target), (who.secret,))


async def _said(ground: Ground, tool: str, *arguments: str) -> str:
    return await attackers.attack(ground.folder, tool, *arguments, port=ground.port, seconds=ground.seconds, core=ground.core)


def _nothing_in(text: str, secrets: tuple[str, ...]) -> Said:
    """The tool says itself that it found nothing; it may not have said nothing for want of an answer."""
    if attackers.FOUND_NOTHING in text:
        return Said()
    found = _mentioned(text, secrets)
    return Said(found, "" if found else f"the tool said: {text.strip()[-200:] or 'nothing'}")


def _mentioned(text: str, words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word for word in words if re.search(rf"\b{re.escape(word)}\b", text))


def _users(house: House) -> tuple[str, ...]:
    agents = tuple(house.agent(number).user for number in range(house.agents))
    return agents + tuple(house.supervisor(number).user for number in range(house.supervisors))


def _signals(number: int) -> tuple[Tones, Tones, Tones]:
    return Tones((433,), 2500), Tones((701,), 2500), Tones((1103,), 2500)


def _mode(number: int) -> str:
    return ("listen", "whisper", "barge")[number % 3]


def _result(phases: list[Phase], calls: int) -> Result:
    calm, *attacks = phases
    flooded = attacks[: len(_METHODS)][-1]
    growth = attacks[-1].resident_kib - flooded.resident_kib
    figures = {
        "calls": calls,
        "lost": sum(sum(phase.lost.values()) for phase in phases),
        "found": sorted({word for phase in phases for word in phase.said.found}),
        "attackers_limited": all(phase.is_limited for phase in attacks),
        "rss_rise_kib": flooded.resident_kib - calm.resident_kib,
        "rss_growth_kib": growth,
        "generator_late_p99_ms": round(max(phase.late_ms for phase in phases), 1),
    }
    is_flat = growth < GROWTH_LIMIT_KIB
    result = Result("flood", figures, COLUMNS, [phase.cells() for phase in phases], ok=is_flat and all(p.verdict == "held" for p in phases))
    if not is_flat:
        result.notes.append(f"memory grew by {growth} KiB after the floods")
    if not attackers.are_installed():
        result.notes.append("sipvicious is not installed: floods only")
    return result
