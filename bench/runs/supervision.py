"""supervision: an agent who is followed over many calls, calls taken over and given back, talks handed over, transfers during a whisper.

Every ear is judged as in ``audibility``. By ear are measured, too, how soon the follower hears a call, and for how long nobody was heard
where one voice takes another's place.
"""

import asyncio
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bench.console import CommandFailed, open_console
from bench.generator.companding import RATE
from bench.generator.phones.asking import CallFailed
from bench.generator.rtp import LATE_LIMIT_MS, late_ms
from bench.house import TOKEN, House
from bench.judge.audibility import Verdict
from bench.judge.levels import ToneBank, decibels
from bench.judge.recording import Recording, of_leg
from bench.judge.score import AMPLITUDE, Score, ToneBook, Voice
from bench.options import Surroundings
from bench.report import Result
from bench.runs.audibility import judge_all
from bench.runs.scene import DUCKING_DB, Run, Tally
from bench.runs.stepping import COMFORT, Noted, Swap, follow, step_in
from bench.server import Server
from bench.stage import Cast, Stage, in_group

JOINED_WITHIN: Final = 300.0
"""Milliseconds, as the next one."""
LONGEST_GAP: Final = 100.0
_PEOPLE: Final = 4
_GLANCE, _STEP = RATE * 3 // 100, RATE // 100
_AUDIBLE_DB: Final = -9.0
"""In a window that is half one voice and half the next, each is 6 dB down."""
_A_CALL: Final = 8.0
"""Seconds that a call takes at most, all in all."""

Row = tuple[str, int, float, float]


async def run(around: Surroundings, *, calls: int, rounds: int, seed: int, journal: str | None = None) -> Result:
    """Follow an agent over so many calls, and do so many rounds of everything else meanwhile."""
    house = House.build(calls=8, agents=_PEOPLE, supervisors=_PEOPLE, ducking_db=DUCKING_DB)
    cast, seconds = Cast(calls + 4 * rounds + 2, calls + 8 * rounds + 2, 6 * rounds + 3), _A_CALL * max(calls, 4 * rounds)
    tally, score, noted = Tally(), Score(), Noted()
    score.add(COMFORT)
    async with (
        Server(house, core=around.server_core, nice=around.server_nice) as server,
        Stage(house, cast, core=around.generator_core, recorded=int(7 * 50 * seconds), longest=seconds + 600, codec=around.codec) as stage,
        open_console(house.control, TOKEN) as console,
    ):
        await stage.register(range(_PEOPLE), range(_PEOPLE), around.progress)
        began, lots = time.monotonic(), random.Random(seed)
        played = Run(stage, console, score, ToneBook(seed), tally, lots, began, began + seconds, codecs=(around.codec,), spare_agents=2)
        before = stage.rtp.snapshot()
        with around.progress.task(f"{calls} calls followed, {rounds} rounds of stepping in", calls + rounds) as advance:
            try:
                await in_group([follow(played, noted, calls, advance), step_in(played, noted, rounds, advance)])
            except (CallFailed, CommandFailed, TimeoutError) as error:
                tally.failures.append(f"{type(error).__name__} {error}")
        score.close_all(time.monotonic())
        late = late_ms(before, stage.rtp.snapshot())[1]
        await asyncio.sleep(0.3)
        log = [server.log()] if tally.failures else []
    if journal is not None:
        Path(journal).write_text("\n".join(sorted(tally.journal)) + "\n")
    result = _result(judge_all(stage, score, began, around), tally, list(_measured(stage, score, noted)), late)
    result.notes += log
    return result


def _measured(stage: Stage, score: Score, noted: Noted) -> Iterator[Row]:
    """What was asked, how often, and the median and the longest of what was measured, in milliseconds."""
    if not noted.joins:
        return
    told = np.array([joined.told for joined in noted.joins]) * 1000
    yield "join, as told", len(told), float(np.median(told)), float(told.max())
    heard = np.array([_heard_after(stage, score, joined.listener, joined.speaker, joined.speaks, joined.end) for joined in noted.joins])
    yield "join, by ear", len(heard), float(np.median(heard)), float(heard.max())
    for kind in dict.fromkeys(swap.kind for swap in noted.swaps):
        gaps = np.array([_gap(stage, score, swap) for swap in noted.swaps if swap.kind == kind])
        yield f"gap, {kind}", len(gaps), float(np.median(gaps)), float(gaps.max())


def _gap(stage: Stage, score: Score, swap: Swap) -> float:
    recording = _recorded(stage, score, swap.listener, swap.start - 0.2, swap.end)
    return longest_gap(recording, score.voices[swap.before], score.voices[swap.after])


def _recorded(stage: Stage, score: Score, leg: int, since: float, until: float) -> Recording:
    return of_leg(stage.rtp.memory, leg, score.voices[leg].codec, since=since, until=until)


def _heard_after(stage: Stage, score: Score, listener: int, speaker: int, since: float, until: float) -> float:
    """Milliseconds until a voice was heard; as long as the recording lasts where it never was."""
    recording = _recorded(stage, score, listener, since, until)
    starts = np.arange(0, len(recording.samples) - _GLANCE + 1, _STEP, dtype=np.int64)
    heard = np.flatnonzero(_is_heard(recording, starts, score.voices[speaker]))
    moment = recording.times(starts[heard[:1]])[0] if len(heard) else until
    return max(0.0, float(moment - since) * 1000)


def longest_gap(recording: Recording, *voices: Voice) -> float:
    """Milliseconds for which none of these voices was heard."""
    starts = np.arange(0, len(recording.samples) - _GLANCE + 1, _STEP, dtype=np.int64)
    if len(starts) == 0:
        return float("inf")
    heard = np.any([_is_heard(recording, starts, voice) for voice in voices], axis=0)
    edges = np.flatnonzero(np.concatenate([[True], heard, [True]]))
    return float((np.diff(edges).max() - 1) * _STEP * 1000 / RATE)


def _is_heard(recording: Recording, starts: NDArray[np.int64], voice: Voice) -> NDArray[np.bool_]:
    levels = ToneBank(np.array(voice.frequencies), _GLANCE).amplitudes(recording.samples, starts)
    return np.asarray(decibels(levels / AMPLITUDE).max(axis=1) >= _AUDIBLE_DB)


def _result(verdict: Verdict, tally: Tally, rows: list[Row], late: float) -> Result:
    limits = {"join": JOINED_WITHIN, "gap,": LONGEST_GAP}
    are_short = all(row[3] <= limits[row[0][:4]] for row in rows)
    figures: dict[str, object] = {
        "violations": len(verdict.violations),
        "judged": verdict.judged,
        "judged_packets": verdict.judged_packets,
        "calls": tally.calls,
        "joins": tally.joins,
        "moves": dict(tally.moves),
        "failed": len(tally.failures),
        "generator_late_p99_ms": late,
        "stalled_windows": verdict.stalled,
        "first": [str(each) for each in sorted(verdict.violations, key=lambda each: each.start)[:30]],
    }
    is_right = are_short and verdict.judged > 0 and not verdict.violations and not tally.failures
    result = Result("supervision", figures, ok=is_right and late <= LATE_LIMIT_MS)
    result.columns = ("what", "times", "median_ms", "longest_ms")
    result.rows = [(what, times, round(median, 1), round(longest, 1)) for what, times, median, longest in rows]
    result.notes += [*tally.failures[:10], *(str(each) for each in verdict.violations[:10])]
    return result
