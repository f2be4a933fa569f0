"""death: what calls lose when their media worker is killed. The answer that is promised: at most 200 ms, and nothing else.

Judged by the generator's own counters: each leg's longest gap between packets, whether it hears a voice afterwards, whether its
stream changed SSRC, whether a number came twice, whether its SRTP refused a packet, and how many SIP messages the phones got
meanwhile. The worker is killed (SIGKILL), or stopped (SIGSTOP), at a random moment of its turn. All numbers, the phones' and the
server's, begin shortly before they roll over, so that SRTP's rollover counters are not 0, and grow between two deaths.
"""

import asyncio
import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.aged.numbers import SPREAD, aged
from bench.generator.rtp import LATE_LIMIT_MS, Snapshot, late_ms
from bench.generator.secrecy import PLAIN
from bench.generator.signals import Tones
from bench.house import House
from bench.options import Surroundings
from bench.report import Result
from bench.runs.crowds import stand_up
from bench.server import Server
from bench.stage import Call, Cast, Stage

LONGEST_GAP_MS = 200
NOTICED_WITHIN_MS = 500
"""Until when it must have been noticed that a worker hangs."""
_SETTLE = 2.0
_AFTER = 1.2
"""Seconds measured after a death; the next spare is ready by then, where the machine has time for it."""
_SPARE_WITHIN = 30.0
_COUNTS = 5
_ENDED = 1.0
"""Seconds after the last BYE until every port must be free again."""
CODECS = (*("PCMU",) * 28, "opus")
SUITES = (PLAIN, "AES_CM_128_HMAC_SHA1_80", PLAIN, "AEAD_AES_128_GCM")
"""Of which each leg has one: every 29th is in Opus, every other one is secured."""
ROLLOVER = 1 << 16
_ROLLED_ONCE = 2 * ROLLOVER
"""What `Memory.highest` says of a stream that rolled over."""
COLUMNS = (
    *("death", "legs", "gap_median_ms", "gap_max_ms", "silent", "new_ssrc", "numbers_twice", "refused", "rolled_over", "sip"),
    *("generator_late_p99_ms", "verdict"),
)


@dataclass(frozen=True, slots=True)
class Death:
    """What one of them cost."""

    number: int
    legs: int
    median_ms: float
    longest_ms: float
    silent: int
    """Legs that heard nobody afterwards."""
    streams: int
    """Legs whose stream has another SSRC."""
    twice: int
    """Numbers that came again."""
    refused: int
    """Packets that the SRTP of a leg refused: forged, plain, or come already."""
    rolled: int
    """Legs whose numbers have rolled over, in either direction."""
    messages: int
    """SIP messages that phones got."""
    late_ms: float
    allowed_ms: float
    """The longest gap that may be."""

    @property
    def verdict(self) -> str:
        """One word for the table."""
        if self.silent or self.streams or self.twice or self.refused or self.messages:
            return "harmed"
        if self.longest_ms <= self.allowed_ms:
            return "survived"
        return f"generator late (> {LATE_LIMIT_MS:g} ms): does not count" if self.late_ms > LATE_LIMIT_MS else "harmed"

    @property
    def counts(self) -> bool:
        """Whether the gap is the server's: a generator that is late makes gaps longer, never shorter."""
        return self.late_ms <= LATE_LIMIT_MS or self.longest_ms <= self.allowed_ms


class NoSpare(Exception):
    """The next death would be the end of the calls."""


@dataclass(frozen=True, slots=True)
class Held:
    """What the server's processes hold."""

    processes: int
    descriptors: int
    memories: int
    """Of them, memory files."""

    @classmethod
    async def by(cls, server: Server) -> "Held":
        """Count them a few times; the least, for connections come and go."""
        counts = []
        for _ in range(_COUNTS):
            # The process that brings the journal into the database opens and closes files as it likes.
            held = [_held_by(pid) for pid in server.processes() if b"mediaserver.storage" not in _read(pid, "cmdline")]
            counts.append((len(held), sum(map(len, held)), sum("memfd:" in name for names in held for name in names)))
            await asyncio.sleep(0.1)
        return cls(*(min(each) for each in zip(*counts, strict=True)))


async def run(
    around: Surroundings,
    *,
    calls: int,
    kills: int,
    seed: int = 1,
    codecs: tuple[str, ...] = CODECS,
    suites: tuple[str, ...] = SUITES,
    hangs: bool = False,
) -> Result:
    """Monitored calls that stand, and their worker killed again and again. codecs, suites: of which each leg has one.

    hangs: the worker is stopped, and to be noticed, instead.
    """
    house = House.build(calls=calls, codecs=tuple(dict.fromkeys(codecs)), refuses_overload=False, security="prefer")
    draw = random.Random(seed)
    async with (
        Server(house, core=around.server_core, nice=around.server_nice, module=("bench.aged",)) as server,
        Stage(house, Cast(calls, calls, calls), core=around.generator_core, codec=around.codec, kernel_times=True) as stage,
    ):
        await stage.register(range(calls), range(calls), around.progress)
        standing = await stand_up(
            stage,
            calls,
            _signals,
            around.progress,
            mode=_mode,
            records=False,
            codecs=codecs,
            suites=suites,
            first=lambda: aged(draw.randrange(SPREAD)),
        )
        await asyncio.sleep(_SETTLE)
        await _worker(server)
        deaths, before, notes = [], await Held.by(server), []
        try:
            for number in range(1, kills + 1):
                around.progress.say(f"death {number} of {kills} …")
                deaths.append(await _kill(stage, server, standing, number, draw, hangs=hangs))
            await _worker(server)
        except NoSpare as problem:
            notes.append(f"after {len(deaths)} of {kills} deaths: {problem}")
        after, text = await Held.by(server), await server.metrics()
        for call in standing:
            await stage.hang_up(call)
        await asyncio.sleep(_ENDED)
        lent = _gauge(await server.metrics(), "mediaserver_media_ports_lent")
    result = _result(deaths, standing, text, before, after, lent)
    result.notes, result.ok = notes, result.ok and not notes
    return result


def _signals(number: int) -> tuple[Tones, Tones, Tones]:
    return Tones((433,), 2500), Tones((701,), 2500), Tones((1103,), 2500)


def _mode(number: int) -> str:
    return ("listen", "whisper", "barge")[number % 3]


async def _kill(stage: Stage, server: Server, standing: list[Call], number: int, draw: random.Random, *, hangs: bool) -> Death:
    """Kill the worker once a spare is ready, and count."""
    worker, memory = await _worker(server), stage.rtp.memory
    legs = np.array([leg.number for call in standing for leg in call.legs])
    phones = (stage.customers, stage.agents, stage.supervisors)
    await asyncio.sleep(draw.random() * 0.1)
    before, twice, streams = stage.rtp.snapshot(), memory.duplicates[legs].sum(), memory.jumps[legs].copy()
    messages, refused = sum(each.datagrams for each in phones), memory.refused[legs].sum()
    memory.longest_gap[legs] = 0.0
    os.kill(worker, signal.SIGSTOP if hangs else signal.SIGKILL)
    await asyncio.sleep(_AFTER)
    after = stage.rtp.snapshot()
    longest = np.maximum(memory.longest_gap[legs], time.monotonic() - memory.last_arrival[legs]) * 1000
    quiet_for = time.monotonic() - memory.last_voice[legs]
    return Death(
        number,
        len(legs),
        float(np.median(longest)),
        float(longest.max()),
        int((quiet_for > _AFTER / 2).sum()),
        int((memory.jumps[legs] != streams).sum()),
        int(memory.duplicates[legs].sum() - twice) + _repeated(before, after, legs),
        int(memory.refused[legs].sum() - refused),
        _rolled(after, standing),
        sum(each.datagrams for each in phones) - messages,
        late_ms(before, after)[1],
        LONGEST_GAP_MS + (NOTICED_WITHIN_MS if hangs else 0),
    )


def _rolled(now: Snapshot, standing: list[Call]) -> int:
    """Legs whose numbers rolled over, those that they get or those that they send."""
    legs = [leg for call in standing for leg in call.legs]
    return sum(now.highest[leg.number] >= _ROLLED_ONCE or leg.first + now.sent[leg.number] > ROLLOVER for leg in legs)


def _repeated(before: Snapshot, after: Snapshot, legs: NDArray[np.int64]) -> int:
    """Packets beyond what the numbers allow: some number came again."""
    numbers = after.highest[legs] - before.highest[legs]
    return int(np.maximum((after.received[legs] - before.received[legs]) - numbers, 0).sum())


async def _worker(server: Server) -> int:
    """The process that has the memory mapped, once another one waits as its spare."""
    deadline = time.monotonic() + _SPARE_WITHIN
    while time.monotonic() < deadline:
        processes = [pid for pid in server.processes() if b"bench.aged.worker" in _read(pid, "cmdline")]
        working = [pid for pid in processes if b"memfd:mediaserver-worker" in _read(pid, "maps")]
        ready = "mediaserver_worker_spares 1.0" in await server.metrics()
        if len(working) == 1 and len(processes) == 2 and ready:
            return working[0]
        await asyncio.sleep(0.1)
    raise NoSpare(f"no spare worker was ready within {_SPARE_WITHIN:.0f} s")


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""


def _held_by(pid: int) -> list[str]:
    """What the descriptors of a process are of; nothing where it is gone."""
    names = []
    with contextlib.suppress(OSError):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                names.append(str(descriptor.readlink()))
    return names


def _row(death: Death) -> tuple[object, ...]:
    gaps = round(death.median_ms), round(death.longest_ms)
    harm = death.silent, death.streams, death.twice, death.refused, death.rolled, death.messages
    return (death.number, death.legs, *gaps, *harm, round(death.late_ms, 1), death.verdict)


def _result(deaths: list[Death], standing: list[Call], metrics: str, before: Held, after: Held, lent: float) -> Result:
    counted = [death for death in deaths if death.counts]
    legs = [leg for call in standing for leg in call.legs]
    live = _gauge(metrics, "mediaserver_calls")
    figures = {
        "calls": len(standing),
        "legs_by_codec": _shares(leg.codec for leg in legs),
        "legs_by_suite": _shares(PLAIN if leg.crypto is None else leg.crypto.suite for leg in legs),
        "legs_that_rolled_over": f"{deaths[0].rolled} before the first death, {deaths[-1].rolled} before the end" if deaths else "",
        "kills": len(deaths),
        "kills_that_count": len(counted),
        "gap_median_ms": round(float(np.median([death.median_ms for death in counted])), 1) if counted else None,
        "gap_max_ms": round(max((death.longest_ms for death in counted), default=0.0), 1),
        "live_calls_at_the_end": live,
        "heirs": _gauge(metrics, "mediaserver_heirs_total"),
        "processes": f"{before.processes}, afterwards {after.processes}",
        "descriptors": f"{before.descriptors}, afterwards {after.descriptors}",
        "memory_files": f"{before.memories}, afterwards {after.memories}",
        "ports_lent_after_the_calls": lent,
    }
    survived = bool(deaths) and all(death.verdict == "survived" for death in deaths) and live == len(standing)
    return Result("death", figures, COLUMNS, [_row(death) for death in deaths], ok=survived and before == after and not lent)


def _shares(names: Iterable[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in Counter(names).items())


def _gauge(metrics: str, name: str) -> float:
    """Sum of a family's samples."""
    return sum(float(line.rpartition(" ")[2]) for line in metrics.splitlines() if line.split("{")[0].split(" ")[0] == name)
