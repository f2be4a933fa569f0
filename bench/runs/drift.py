"""drift: an hour with a party whose clock is fast or slow, on a virtual clock: no gap, no glitch, and a delay that stays what it was.

Each row is a call: a customer whose clock is off, an agent, a supervisor who listens. The customer says a dialogue again and again,
or holds a tone, in which there is no pause to hide anything in.
"""

import asyncio
import os
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bench.coding.codecs import CODECS, Codec
from bench.generator.signals import AUDIO, read_wav
from bench.judge.drifting import Said, glitches, judge_speech
from bench.judge.heard import Heard, hear
from bench.options import Surroundings
from bench.progress import Progress
from bench.report import Result
from bench.simulator.losing import UniformLoss
from bench.simulator.path import Path
from bench.simulator.phone import Phone
from bench.simulator.worker import CommandRefused, VirtualWorker

Int16 = NDArray[np.int16]

COLUMNS: Final = ("codec", "signal", "ppm", "delay_ms", "from_ms", "to_ms", "gaps", "glitches", "pesq", "own_pesq", "verdict")
WITHIN_MS: Final = 40.0
"""How far the delay may wander from its median in speech."""
HIGHEST_MS: Final = 120.0
WITHIN_PESQ: Final = 0.3
_FREQUENCY: Final = 701.0
_AMPLITUDE: Final = 6000.0
_PTIME_MS: Final = 20
_SETTLE: Final = 2.0
_TONE_LOOP: Final = 20


@dataclass(frozen=True, slots=True)
class Case:
    """One row."""

    codec: str
    signal: str
    """``speech`` or ``tone``."""
    ppm: float
    loss: float
    """Percent."""
    seconds: float


@dataclass(slots=True)
class _Buffered:
    """How much of the customer lies ready for the supervisor, second by second: the delay of a tone, which no ear can tell."""

    worker: VirtualWorker
    customer: int
    supervisor: int
    seconds: list[float] = field(default_factory=list)

    def look(self, by: float) -> None:
        """Note it for this second."""
        mix, playout = self.worker.state.mix, self.worker.state.playout
        sources = mix.source[self.supervisor, : int(mix.count[self.supervisor])].tolist()
        if self.customer in sources:
            behind = int(playout.end[self.customer]) - int(mix.read[self.supervisor, sources.index(self.customer)])
            self.seconds.append(behind * 0.01)


async def run(
    around: Surroundings, *, codecs: tuple[str, ...], ppms: tuple[float, ...], signals: tuple[str, ...], minutes: float, loss: float
) -> Result:
    """A row for each codec, clock and signal, each in a worker of its own."""
    cases = [Case(codec, signal, ppm, loss, minutes * 60.0) for codec in codecs for signal in signals for ppm in ppms]
    rows = await asyncio.to_thread(_all_rows, cases, around.progress)
    held = sum(row[-1] == "held" for row in rows)
    figures: dict[str, object] = {"minutes": minutes, "loss": loss, "cases": len(rows), "held": held}
    return Result("drift", figures, COLUMNS, rows, ok=bool(rows) and held == len(rows))


def _all_rows(cases: list[Case], progress: Progress) -> list[tuple[object, ...]]:
    rows = []
    with progress.task("hours pass", len(cases)) as advance:
        cores = max(1, min(len(cases), len(os.sched_getaffinity(0))))
        with ProcessPoolExecutor(cores, mp_context=get_context("spawn")) as pool:
            futures: list[Future[tuple[object, ...]]] = [pool.submit(play_and_judge, case) for case in cases]
            for future in futures:
                rows.append(future.result())
                advance(1)
    return rows


def play_and_judge(case: Case) -> tuple[object, ...]:
    """One call, as `COLUMNS`."""
    codec = CODECS[case.codec]
    loop = _loop(case.signal, codec)
    customer, agent, supervisor = _cast(case, codec, loop)
    worker = VirtualWorker(3, 1)
    try:
        rows = [worker.join(phone, 1, role) for phone, role in ((customer, "customer"), (agent, "agent"))]
        buffered = _Buffered(worker, rows[0], worker.join(supervisor, 1, "supervisor", mode="listen"))
    except CommandRefused as refusal:
        return (case.codec, case.signal, case.ppm, *(None,) * 7, f"not spoken ({refusal})")
    worker.run(case.seconds, buffered.look)
    heard = hear(supervisor.got, codec, _PTIME_MS)
    judged = _judge_tone if case.signal == "tone" else partial(_judge_speech, loop)
    return (case.codec, case.signal, case.ppm, *judged(case, codec, heard, buffered))


def _loop(signal: str, codec: Codec) -> Int16:
    if signal == "tone":
        times = np.arange(_TONE_LOOP * codec.rate) / codec.rate
        return np.asarray(np.rint(_AMPLITUDE * np.sin(2 * np.pi * _FREQUENCY * times)), np.int16)
    samples = read_wav(AUDIO / f"agent{'' if codec.rate == 8_000 else '_16k'}.wav", codec.rate)
    return samples[: len(samples) // codec.samples(_PTIME_MS) * codec.samples(_PTIME_MS)]


def _cast(case: Case, codec: Codec, loop: Int16) -> tuple[Phone, Phone, Phone]:
    # Encoded twice in a row and the second round taken, so that a coder with a memory has no seam where the loop begins anew.
    rounds = codec.encode(np.concatenate([loop, loop]), _PTIME_MS)
    said, silence = rounds[len(rounds) // 2 :], codec.encode(np.zeros(codec.samples(_PTIME_MS) * 3, np.int16), _PTIME_MS)[-1:]
    count = round(case.seconds * 1000 / _PTIME_MS * (1.0 + case.ppm * 1e-6))
    path = Path(loss=UniformLoss(case.loss / 100.0) if case.loss else None)
    customer = Phone(1, codec, _PTIME_MS, said, count, path, drift_ppm=case.ppm, phase=0.001)
    return customer, *(Phone(leg, codec, _PTIME_MS, silence, count, phase=0.004 * leg) for leg in (2, 3))  # type: ignore[return-value]


def _judge_tone(case: Case, codec: Codec, heard: Heard, buffered: _Buffered) -> tuple[object, ...]:
    delay = np.array(buffered.seconds[round(_SETTLE) :]) * 1000.0
    steady = heard.samples[round(_SETTLE * codec.rate) : round((case.seconds - _SETTLE) * codec.rate)]
    found = len(glitches(steady, _FREQUENCY, codec.rate))
    wrong = [*_wrong_stream(heard), *(["glitches"] if found else []), *(["delay"] if delay.max() > HIGHEST_MS else [])]
    return (*_delays(delay), None, found, None, None, ", ".join(wrong) or "held")


def _judge_speech(loop: Int16, case: Case, codec: Codec, heard: Heard, buffered: _Buffered) -> tuple[object, ...]:
    said = Said(loop, codec.rate, 0.001, case.ppm)
    kept = judge_speech(said, heard, case.seconds, lambda words: codec.decode(codec.encode(words, _PTIME_MS), _PTIME_MS))
    score, own = kept.worst
    delay = kept.delay * 1000.0
    wrong = _wrong_stream(heard)
    wrong += ["gaps"] if kept.gaps else []
    wrong += ["delay"] if delay.max() > HIGHEST_MS or np.abs(delay - np.median(delay)).max() > WITHIN_MS else []
    wrong += ["pesq"] if not case.loss and score < own - WITHIN_PESQ else []
    return (*_delays(delay), kept.gaps, None, round(score, 2), round(own, 2), ", ".join(wrong) or "held")


def _wrong_stream(heard: Heard) -> list[str]:
    return ["holes"] if heard.holes or heard.jumps or heard.longest_gap > 2.5 * _PTIME_MS / 1000.0 else []


def _delays(delay: NDArray[np.float64]) -> tuple[float, float, float]:
    return round(float(np.median(delay)), 1), round(float(delay.min()), 1), round(float(delay.max()), 1)
