"""audibility: calls that come and go, supervisors who switch at random, and a judge who listens to every ear."""

import asyncio
import os
import random
import time
from collections import Counter
from pathlib import Path

import numpy as np

from bench.console import open_console
from bench.faults.names import EXPECTED
from bench.generator.formats import FORMATS
from bench.generator.rtp import LATE_LIMIT_MS, late_ms, stalls
from bench.house import TOKEN, House
from bench.judge.audibility import AudibilityJudge, Verdict, too_disturbed
from bench.judge.recording import build, of_all
from bench.judge.score import Score, ToneBook
from bench.options import Surroundings
from bench.progress import Progress
from bench.report import Result
from bench.runs.scene import Run, Tally, keep_calling
from bench.server import Server
from bench.stage import Cast, Stage, in_group

_SUPERVISORS = 2
_SHORTEST_SCENE = 4.0
_OPUS_PAYLOAD = 400
_AGENTS_A_SCENE = 5
"""Legs that agents may take up in one scene, each transfer another one or two."""
_SHOWN = 30
_STALLED_SHARE = 0.1
"""Share of windows that stalls of the generator may take away; beyond it a run does not count."""
_PACKETS_A_SECOND = 50


async def run(
    around: Surroundings, *, calls: int, seconds: float, seed: int, broken: str | None, journal: str | None, codecs: tuple[str, ...] = ()
) -> Result:
    """Play, then judge. With ``broken`` the server is started with that fault, and must be convicted. codecs: of which each leg has one."""
    scenes = int(seconds / _SHORTEST_SCENE) + 2
    cast = Cast(calls * scenes, calls * scenes * _AGENTS_A_SCENE, calls * scenes * 2 * _SUPERVISORS)
    recorded = int(calls * (2 + _SUPERVISORS) * _PACKETS_A_SECOND * (seconds + 15) * 1.2)
    spoken = codecs or (around.codec,)
    house = House.build(calls=calls * 2, agents=2 * calls, supervisors=calls * _SUPERVISORS, codecs=spoken)
    module = ("mediaserver",) if broken is None else ("bench.faults", broken)
    tally, score = Tally(), Score()
    async with (
        Server(house, core=around.server_core, nice=around.server_nice, module=module) as server,
        Stage(house, cast, core=around.generator_core, recorded=recorded, payload=_largest(spoken), codec=around.codec) as stage,
        open_console(house.control, TOKEN) as console,
    ):
        await stage.register(range(2 * calls), range(calls * _SUPERVISORS), around.progress)
        began = time.monotonic()
        scene = Run(
            stage,
            console,
            score,
            ToneBook(seed),
            tally,
            random.Random(seed),
            began,
            began + seconds,
            _SUPERVISORS,
            codecs=spoken,
            spare_agents=calls,
        )
        before = stage.rtp.snapshot()
        await _play(scene, calls, seconds, around.progress)
        score.close_all(time.monotonic())
        late = late_ms(before, stage.rtp.snapshot())[1]
        await asyncio.sleep(0.3)
        log = server.log() if tally.failures else ""
    if around.generator_core is not None:
        os.sched_setaffinity(0, range(os.cpu_count() or 1))
    if journal is not None:
        Path(journal).write_text("\n".join(sorted(tally.journal)) + "\n")
    verdict = _judge(stage, score, began, around)
    return _result(verdict, tally, late, broken, log)


def _largest(codecs: tuple[str, ...]) -> int:
    """Bytes of the largest payload that may be received in them; what an encoder of varying length makes is less."""
    return max(_OPUS_PAYLOAD if codec == "opus" else FORMATS[codec].payload for codec in codecs)


async def _play(scene: Run, calls: int, seconds: float, progress: Progress) -> None:
    with progress.task(f"{calls} calls talk", round(seconds)) as advance:

        async def watch() -> None:
            while time.monotonic() < scene.ends:
                await asyncio.sleep(1)
                advance(1)

        await in_group([watch(), *(keep_calling(scene, place) for place in range(calls))])


def _judge(stage: Stage, score: Score, began: float, around: Surroundings) -> Verdict:
    judge, verdict = AudibilityJudge(score, began=began, stalls=stalls(stage.rtp.memory)), Verdict()
    unheard = set(score.voices)
    with around.progress.task("judging", len(score.voices)) as advance:
        for leg, recording in of_all(stage.rtp.memory, {leg: voice.codec for leg, voice in score.voices.items()}):
            verdict.add(judge.judge(leg, recording))
            unheard.discard(leg)
            advance(1)
    memory = stage.rtp.memory
    nothing = build(memory.record_timestamp[:0], memory.record_time[:0], memory.record_payload[:0], "PCMU")
    for leg in unheard:
        verdict.add(judge.judge(leg, nothing))
    verdict.violations += too_disturbed(verdict)
    return verdict


def _result(verdict: Verdict, tally: Tally, late: float, broken: str | None, log: str) -> Result:
    violations = sorted(verdict.violations, key=lambda each: each.start)
    counted = late <= LATE_LIMIT_MS and verdict.stalled <= _STALLED_SHARE * (verdict.windows + verdict.stalled)
    figures: dict[str, object] = {
        "violations": len(violations),
        "judged": verdict.judged,
        "judged_packets": verdict.judged_packets,
        "disturbed_windows": verdict.disturbed,
        "windows": verdict.windows,
        "stalled_windows": verdict.stalled,
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
        share = verdict.stalled / max(1, verdict.windows + verdict.stalled)
        result.notes.append(f"the generator was late (p99 {late} ms, {100 * share:.1f} % of the windows): this run does not count")
    if broken is not None:
        result.notes.append(f"broken build {broken}: {'caught' if right else 'NOT CAUGHT'}")
    return result
