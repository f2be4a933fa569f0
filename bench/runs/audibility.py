"""audibility: calls that come and go, supervisors who switch at random, and a judge who listens to every ear."""

import asyncio
import os
import random
import time
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.console import open_console
from bench.faults.names import EXPECTED
from bench.generator.formats import FORMATS
from bench.generator.rtp import LATE_LIMIT_MS, late_ms, stalls, tardy
from bench.house import TOKEN, House
from bench.judge.audibility import AudibilityJudge, Verdict, too_disturbed
from bench.judge.recording import build, of_all
from bench.judge.score import CrowdBook, Score, ToneBook
from bench.options import Surroundings
from bench.progress import Progress
from bench.report import Result
from bench.runs.scene import DUCKING_DB, Pace, Run, Tally, keep_calling
from bench.runs.weight import Weight
from bench.server import Server
from bench.stage import Cast, Stage, in_group

_SUPERVISORS = 2
_OPUS_PAYLOAD = 400
_PACE = Pace()
_SLACK = 20
"""Legs more than are needed, for those that are still being let go."""
_LONGEST_BESIDE = 1800.0
"""Seconds that the generator may live beyond what is played."""
_SHOWN = 30
_STALLED_SHARE = 0.1
"""Share of windows that stalls of the generator may take away; beyond it a run does not count."""
_EXCUSED_SHARE = 0.2
"""The same of levels that packets which it sent late excuse."""
_PACKETS_A_SECOND = 50


@dataclass(frozen=True, slots=True)
class Plan:
    """What is played, for how long."""

    calls: int
    """That are judged."""
    seconds: float
    seed: int
    codecs: tuple[str, ...] = ()
    """Of which each leg has one; empty: the bench's own."""
    pace: Pace = _PACE
    crowd: int = 0
    """Calls beside them that are only there."""
    crowds_pace: Pace = _PACE

    @property
    def cast(self) -> Cast:
        """A leg of its own for everybody who is judged; those of the crowd are used again."""
        scenes = self.calls * (int(self.seconds / self.pace.lasts[0]) + 2)
        acts = 1 + int(self.pace.lasts[1] / (sum(self.pace.rests) / 2))
        return Cast(
            scenes + self.crowd + _SLACK,
            scenes * (3 + acts // 3) + 3 * self.crowd + _SLACK,
            scenes * (3 + acts // 3) + 2 * self.crowd + _SLACK,
        )


async def run(
    around: Surroundings,
    *,
    calls: int,
    seconds: float,
    seed: int,
    broken: str | None = None,
    journal: str | None = None,
    codecs: tuple[str, ...] = (),
) -> Result:
    """Play, then judge. With ``broken`` the server is started with that fault, and must be convicted. codecs: of which each leg has one."""
    return await play_and_judge(around, Plan(calls, seconds, seed, codecs), broken=broken, journal=journal)


async def play_and_judge(around: Surroundings, plan: Plan, *, broken: str | None = None, journal: str | None = None) -> Result:
    """What a plan says, judged; the weight of the server meanwhile."""
    calls, everybody = plan.calls, plan.calls + plan.crowd
    recorded = int(calls * (2 + _SUPERVISORS) * _PACKETS_A_SECOND * (plan.seconds + 15) * 1.2)
    spoken = plan.codecs or (around.codec,)
    house = House.build(
        calls=everybody * 2, agents=2 * everybody, supervisors=everybody * _SUPERVISORS, codecs=spoken, ducking_db=DUCKING_DB
    )
    module = ("mediaserver",) if broken is None else ("bench.faults", broken)
    tally, score, weight, crowds_book = Tally(), Score(), Weight(), CrowdBook(plan.seed)
    async with (
        Server(house, core=around.server_core, nice=around.server_nice, module=module) as server,
        Stage(
            house,
            plan.cast,
            core=around.generator_core,
            recorded=recorded,
            payload=_largest(spoken),
            codec=around.codec,
            longest=plan.seconds + _LONGEST_BESIDE,
        ) as stage,
        open_console(house.control, TOKEN) as console,
    ):
        await stage.register(range(2 * everybody), range(everybody * _SUPERVISORS), around.progress)
        began = time.monotonic()
        judged = Run(
            stage,
            console,
            score,
            ToneBook(plan.seed, crowds_book.pairs),
            tally,
            random.Random(plan.seed),
            began,
            began + plan.seconds,
            _SUPERVISORS,
            pace=plan.pace,
            codecs=spoken,
            spare_agents=everybody,
        )
        crowd = replace(judged, book=crowds_book, pace=plan.crowds_pace)
        before = stage.rtp.snapshot()
        places = [keep_calling(judged, place) for place in range(calls)]
        places += [keep_calling(crowd, place, judged=False) for place in range(calls, everybody)]
        await _play(judged, [*places, weight.watch(server, judged.ends)], plan, around.progress)
        score.close_all(time.monotonic())
        late = late_ms(before, stage.rtp.snapshot())[1]
        await asyncio.sleep(0.3)
        log = server.log() if tally.failures else ""
    if around.generator_core is not None:
        os.sched_setaffinity(0, range(os.cpu_count() or 1))
    if journal is not None:
        Path(journal).write_text("\n".join(sorted(tally.journal)) + "\n")
    verdict = judge_all(stage, score, began, around)
    result = _result(verdict, tally, late, broken, log)
    result.figures |= weight.figures()
    return result


def _largest(codecs: tuple[str, ...]) -> int:
    """Bytes of the largest payload that may be received in them; what an encoder of varying length makes is less."""
    return max(_OPUS_PAYLOAD if codec == "opus" else FORMATS[codec].payload for codec in codecs)


async def _play(scene: Run, work: list[Coroutine[Any, Any, None]], plan: Plan, progress: Progress) -> None:
    with progress.task(f"{plan.calls + plan.crowd} calls talk", round(plan.seconds)) as advance:

        async def watch() -> None:
            while time.monotonic() < scene.ends:
                await asyncio.sleep(1)
                advance(1)

        await in_group([watch(), *work])


def judge_all(stage: Stage, score: Score, began: float, around: Surroundings) -> Verdict:
    """Every ear of a run, against its score."""
    memory = stage.rtp.memory
    judge, verdict = AudibilityJudge(score, began=began, stalls=stalls(memory), tardy=tardy(memory)), Verdict()
    unheard = set(score.voices)
    with around.progress.task("judging", len(score.voices)) as advance:
        for leg, recording in of_all(memory, {leg: voice.codec for leg, voice in score.voices.items()}):
            verdict.add(judge.judge(leg, recording))
            unheard.discard(leg)
            advance(1)
    nothing = build(memory.record_timestamp[:0], memory.record_time[:0], memory.record_payload[:0], "PCMU")
    for leg in unheard:
        verdict.add(judge.judge(leg, nothing))
    verdict.violations += too_disturbed(verdict)
    return verdict


def _result(verdict: Verdict, tally: Tally, late: float, broken: str | None, log: str) -> Result:
    violations = sorted(verdict.violations, key=lambda each: each.start)
    counted = late <= LATE_LIMIT_MS and verdict.stalled <= _STALLED_SHARE * (verdict.windows + verdict.stalled)
    counted = counted and verdict.excused <= _EXCUSED_SHARE * (verdict.heard + verdict.excused)
    figures: dict[str, object] = {
        "violations": len(violations),
        "judged": verdict.judged,
        "judged_packets": verdict.judged_packets,
        "summed_packets": verdict.summed,
        "explained_packets": verdict.explained,
        "disturbed_windows": verdict.disturbed,
        "windows": verdict.windows,
        "stalled_windows": verdict.stalled,
        "judged_levels": verdict.heard,
        "excused_levels": verdict.excused,
        "calls": tally.calls,
        "joins": tally.joins,
        "switches": dict(tally.switches),
        "moves": dict(tally.moves),
        "acknowledged_p99_ms": round(float(np.percentile(tally.acknowledged, 99)) * 1000, 1) if tally.acknowledged else None,
        "failed": len(tally.failures),
        "generator_late_p99_ms": late,
        "kinds": dict(Counter(each.kind for each in violations)),
        "first": [str(each) for each in violations[:_SHOWN]],
    }
    if broken is not None:
        figures["broken"] = broken
    found = {each.kind for each in violations}
    right = not violations if broken is None else EXPECTED[broken] <= found
    result = Result("audibility", figures, ok=counted and verdict.judged > 0 and not tally.failures and right)
    result.columns = ("what", "who", "whom", "at_s", "for_s", "level_db", "note")
    result.rows = [
        (each.kind, each.speaker, each.listener, round(each.start, 2), round(each.seconds, 2), each.level_db, each.note)
        for each in violations[:_SHOWN]
    ]
    result.notes += tally.failures[:10]
    if log:
        result.notes.append(log)
    if not counted:
        stalled = verdict.stalled / max(1, verdict.windows + verdict.stalled)
        excused = verdict.excused / max(1, verdict.heard + verdict.excused)
        lost = f"{100 * stalled:.1f} % of the windows, {100 * excused:.1f} % of the levels"
        result.notes.append(f"the generator was late (p99 {late} ms, {lost}): this run does not count")
    if broken is not None:
        result.notes.append(f"broken build {broken}: {'caught' if right else 'NOT CAUGHT'}")
    return result
