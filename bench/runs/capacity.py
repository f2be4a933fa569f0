"""capacity: how many monitored three-leg calls one core carries. Every leg sends and receives 50 packets a second."""

import asyncio
import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bench import metrics
from bench.generator.phones.asking import CallFailed
from bench.generator.rtp import LATE_LIMIT_MS, Snapshot, gap_p99_ms, late_ms
from bench.generator.signals import Tones
from bench.house import AGENTS, CUSTOMERS, SUPERVISORS, House
from bench.judge.spotcheck import Pair, wrong_pairs
from bench.options import Surroundings
from bench.report import Result
from bench.server import Server, cpu_seconds
from bench.stage import Call, Cast, Leg, Stage

LOSS_LIMIT = 0.001
GAP_LIMIT_MS = 40.0
_PACKETS_A_SECOND = 50
_DUCKING_DB = 12.0
"""As by default: a part of what a whisper costs."""
_SETTLE = 3.0
_TRIES = 3
"""A row is measured so often at most until the generator is in time."""
_SET_UPS_A_SECOND, _LATER_A_SECOND, _MANY = 25, 10, 500
"""With many calls the core has less left for signalling, and 1,000 calls of three minutes are six new ones a second."""
_SIGNALS = tuple(Tones((307 + 31 * at,), 2500) for at in range(96))
_CUT = 2
"""Packets of a leg that the ends of a window may hide."""
_SAMPLED_EVERY = 50
"""One call in so many is recorded and its audio checked."""
COLUMNS = (
    "calls",
    "loss_percent",
    "worst_gap_p99_ms",
    "cpu_percent",
    "rss_mib",
    "turn_late_p99_ms",
    "generator_late_p99_ms",
    "generator_cpu_percent",
    "failed",
    "wrong_audio",
    "verdict",
)


@dataclass(frozen=True, slots=True)
class Steps:
    """How the number of calls rises."""

    first: int
    step: int
    last: int
    seconds: float
    whispering: float
    """Share of supervisors who whisper; the others listen."""

    @property
    def counts(self) -> range:
        """The numbers of calls, in order."""
        return range(self.first, self.last + 1, self.step)


@dataclass(frozen=True, slots=True)
class Row:
    """One step's figures."""

    calls: int
    loss: float
    gap_ms: float
    cpu: float
    """Cores in use, of all server processes."""
    resident_kib: int
    turn_late_ms: float | None
    late_ms: float
    generator_cpu: float
    """Cores in use, of the RTP process."""
    failed: int
    """Calls that could not be set up."""
    wrong_audio: int
    """Sampled (speaker, listener) pairs that were heard and must not be, or the reverse."""

    @property
    def counts(self) -> bool:
        """Whether the generator itself was in time."""
        return self.late_ms <= LATE_LIMIT_MS

    @property
    def is_kept(self) -> bool:
        """Whether the calls that stand have what they should."""
        return self.loss < LOSS_LIMIT and self.gap_ms < GAP_LIMIT_MS and self.wrong_audio == 0

    @property
    def held(self) -> bool:
        """Whether the server took all calls and kept its figures."""
        return self.is_kept and self.failed == 0

    @property
    def verdict(self) -> str:
        """One word for the table."""
        if not self.counts:
            return f"generator late (> {LATE_LIMIT_MS:g} ms): does not count"
        if self.held:
            return "held"
        return "some calls refused, the others held" if self.is_kept else "not held"

    def cells(self) -> tuple[object, ...]:
        """In the order of `COLUMNS`."""
        turn = None if self.turn_late_ms is None else round(self.turn_late_ms, 2)
        gap = None if math.isinf(self.gap_ms) else self.gap_ms
        return (
            self.calls,
            round(100 * self.loss, 4),
            gap,
            round(100 * self.cpu, 1),
            round(self.resident_kib / 1024, 1),
            turn,
            round(self.late_ms, 1),
            round(100 * self.generator_cpu, 1),
            self.failed,
            self.wrong_audio,
            self.verdict,
        )


async def run(around: Surroundings, *, first: int, step: int, last: int, seconds: float, whispering: float) -> Result:
    """Add calls step by step until a row is not held, or the last step is done. whispering: share of the supervisors."""
    steps = Steps(first, step, last, seconds, whispering)
    house = House.build(calls=steps.last, ducking_db=_DUCKING_DB)
    cast = Cast(steps.last, steps.last, steps.last)
    sampled = 3 * (steps.last // _SAMPLED_EVERY + 1)
    recorded = int(sampled * _PACKETS_A_SECOND * (len(steps.counts) * (_TRIES * (steps.seconds + _SETTLE) + 20) + 30))
    rows: list[Row] = []
    async with (
        Server(house, core=around.server_core, nice=around.server_nice) as server,
        Stage(house, cast, core=around.generator_core, recorded=recorded, codec=around.codec) as stage,
    ):
        for signal in _SIGNALS:
            stage.rtp.prepare(signal, around.codec)
        await stage.register(range(steps.last), range(steps.last), around.progress)
        crowd = _Crowd(stage, steps.whispering)
        for count in steps.counts:
            await crowd.grow_to(count, around)
            for _ in range(_TRIES):
                row = await _measure(server, stage, crowd, steps.seconds, around)
                if row.counts:
                    break
                around.progress.say(f"{row.calls} calls: the generator was late (p99 {row.late_ms:.1f} ms), measuring again")
            rows.append(row)
            around.progress.say("  ".join(f"{name} {cell}" for name, cell in zip(COLUMNS, row.cells(), strict=True)))
            if not (row.held and row.counts):
                break
    result = _result(rows)
    result.notes += [f"{count} set-ups failed: {failure}" for failure, count in crowd.failures.most_common()]
    return result


class _Crowd:
    """The calls that stand."""

    def __init__(self, stage: Stage, whispering: float) -> None:
        self.stage = stage
        self.calls: list[Call] = []
        self.failures: Counter[str] = Counter()
        """Set-ups that failed, by what the phone was told."""
        self._whispering = whispering

    async def grow_to(self, count: int, around: Surroundings) -> None:
        """Set up calls at a steady pace until so many stand."""
        with around.progress.task(f"setting up {count} calls", count - len(self.calls)) as advance:
            async with asyncio.TaskGroup() as group:
                for number in range(len(self.calls), count):
                    group.create_task(self._add(number, advance))
                    await asyncio.sleep(1 / (_SET_UPS_A_SECOND if number < _MANY else _LATER_A_SECOND))

    async def _add(self, number: int, advance: Callable[[float], None]) -> None:
        stage, records = self.stage, number % _SAMPLED_EVERY == 0
        signals = [_SIGNALS[(number + 32 * at) % len(_SIGNALS)] for at in range(3)]
        customer, agent, supervisor = (
            stage.take(address, signal, records=records) for address, signal in zip((CUSTOMERS, AGENTS, SUPERVISORS), signals, strict=True)
        )
        whispers = int((number + 1) * self._whispering) > int(number * self._whispering)
        try:
            call = await stage.call(number, customer, agent)
            await stage.join(call, number, supervisor, "whisper" if whispers else "listen")
        except (CallFailed, TimeoutError) as failure:
            self.failures[str(failure) or "no answer in time"] += 1
        else:
            self.calls.append(call)
        advance(1)

    def legs(self) -> list[Leg]:
        """Every leg of every call."""
        return [leg for call in self.calls for leg in call.legs]

    def sampled_pairs(self) -> list[Pair]:
        """Who must, and who must not, hear whom among the recorded calls."""
        pairs = []
        sampled = [call for call in self.calls if call.customer.records]
        for call in sampled:
            customer, agent, supervisor = call.legs
            whispers = supervisor.dialog is not None and "*2" in supervisor.dialog.remote
            heard = {(customer, agent), (agent, customer), (customer, supervisor), (agent, supervisor)}
            if whispers:
                heard.add((supervisor, agent))
            pairs += [
                Pair(
                    speaker.number,
                    speaker.signal,
                    listener.number,
                    (speaker, listener) in heard,
                    -_DUCKING_DB if whispers and (speaker, listener) == (customer, agent) else 0.0,
                )
                for speaker in call.legs
                for listener in call.legs
                if speaker is not listener
            ]
        return pairs


async def _measure(server: Server, stage: Stage, crowd: _Crowd, seconds: float, around: Surroundings) -> Row:
    await asyncio.sleep(_SETTLE)
    generator = stage.rtp.process.pid
    turns, cpu, spent, before, begun = (
        metrics.buckets(await server.metrics(), metrics.TURN_LATE),
        server.cpu_seconds(),
        cpu_seconds(generator),
        stage.rtp.snapshot(),
        time.monotonic(),
    )
    with around.progress.task(f"measuring {len(crowd.calls)} calls", round(seconds)) as advance:
        while (left := begun + seconds - time.monotonic()) > 0:
            await asyncio.sleep(min(1.0, left))
            advance(1)
    after, lasted = stage.rtp.snapshot(), time.monotonic() - begun
    used, spent = (server.cpu_seconds() - cpu) / lasted, cpu_seconds(generator) - spent
    late = metrics.p99(turns, metrics.buckets(await server.metrics(), metrics.TURN_LATE))
    legs = np.array([leg.number for leg in crowd.legs()])
    wrong = wrong_pairs(stage.rtp.memory, crowd.sampled_pairs(), time.monotonic() - 2.0, around.codec)
    return Row(
        calls=len(crowd.calls),
        loss=_loss(before, after, legs),
        gap_ms=float(gap_p99_ms(before, after, legs).max()),
        cpu=used,
        resident_kib=server.resident_kib(),
        turn_late_ms=None if late is None else late * 1000,
        late_ms=late_ms(before, after)[1],
        generator_cpu=spent / lasted,
        failed=crowd.failures.total(),
        wrong_audio=wrong,
    )


def _loss(before: Snapshot, after: Snapshot, legs: np.ndarray[tuple[int], np.dtype[np.int64]]) -> float:
    """Share of packets that did not come, of those that were sent: everybody sends 50 a second and must get as many."""
    sent = after.sent[legs] - before.sent[legs]
    missing = sent - (after.received[legs] - before.received[legs])
    # A window cuts each stream at its two ends, which is one packet more or less a leg; over all legs that evens out.
    starved = np.maximum(missing - _CUT, 0).sum()
    return float(max(0, missing.sum(), starved) / max(1, sent.sum()))


def _result(rows: list[Row]) -> Result:
    good = [row for row in rows if row.held and row.counts]
    figures: dict[str, object] = {
        "max_calls": good[-1].calls if good else 0,
        "cpu_per_call": None,
        "rss_per_call_kib": None,
        "turn_late_p99_ms": None,
        "generator_late_p99_ms": round(rows[-1].late_ms, 1),
    }
    if good:
        last = good[-1]
        figures["cpu_per_call"] = round(100 * last.cpu / last.calls, 4)
        figures["turn_late_p99_ms"] = None if last.turn_late_ms is None else round(last.turn_late_ms, 2)
        figures["generator_late_p99_ms"] = round(last.late_ms, 1)
    if len(good) > 1:
        figures["rss_per_call_kib"] = round((good[-1].resident_kib - good[0].resident_kib) / (good[-1].calls - good[0].calls), 1)
    result = Result("capacity", figures, COLUMNS, [row.cells() for row in rows], ok=bool(good))
    if not rows[-1].counts:
        result.notes.append(f"the generator was late in the last row (p99 {rows[-1].late_ms:.1f} ms): it does not count")
    elif rows[-1].held:
        result.notes.append("the last step was held: the limit lies higher, raise --to")
    return result
