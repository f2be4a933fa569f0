"""pairs: any codec and packet time with any other on one call: pitch, level and steadiness of tones in every ear, on a virtual clock.

Each row is a call: a customer in one codec, an agent in another, a supervisor who whispers in a third (the table goes round). Everybody
holds a tone, one after the other, and all ears are judged for each: heard as it was said, or not at all.
"""

import asyncio
import os
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bench.coding.codecs import CODECS, Codec
from bench.judge.heard import hear
from bench.judge.tones import ToneHeard, judge_tone
from bench.options import Surroundings
from bench.progress import Progress
from bench.report import Result
from bench.simulator.phone import Phone
from bench.simulator.worker import CommandRefused, VirtualWorker

Int16 = NDArray[np.int16]

COLUMNS: Final = ("customer", "agent", "supervisor", "pitch", "level_db", "steady_db", "clicks", "leak_db", "verdict")
PTIMES: Final = ((20, 20), (10, 60), (60, 20), (30, 40))
"""Of customer and agent."""
PITCH_WITHIN: Final = 0.001
LEVEL_WITHIN_DB: Final = 1.0
STEADY_WITHIN_DB: Final = 1.5
LEAK_DB: Final = -40.0
_SEATS: Final = ("customer", "agent", "supervisor")
_PITCH: Final = (701.0, 1103.0, 1501.0)
_HEARD: Final = {(1, 0): 1.0, (0, 1): 1.0, (2, 0): 1.0, (2, 1): 1.0, (1, 2): 1.0}
"""(listener, speaker): in a whisper the agent hears the supervisor, the customer does not."""
_AMPLITUDE: Final = 6000.0
_LASTS: Final = 1.6
_REST: Final = 0.8
"""Seconds between two tones: longer than ducking outlasts a whisper."""
_EDGE: Final = 0.35
_FIRST: Final = 0.6
_TAIL: Final = 0.5


@dataclass(frozen=True, slots=True)
class Pair:
    """One row: codec and packet time of each seat."""

    codecs: tuple[str, str, str]
    ptimes: tuple[int, int, int]

    @property
    def names(self) -> tuple[str, str, str]:
        """For the table."""
        first, second, third = (f"{codec} {ptime}" for codec, ptime in zip(self.codecs, self.ptimes, strict=True))
        return first, second, third


async def run(around: Surroundings, *, codecs: tuple[str, ...]) -> Result:
    """Every codec with every other, in several pairings of packet times."""
    parts = [_pairs_of(codec, codecs) for codec in codecs]
    rows = await asyncio.to_thread(_all_rows, parts, around.progress)
    held = sum(row[-1] == "held" for row in rows)
    worst = max((abs(row[3]) for row in rows if isinstance(row[3], float)), default=1.0)
    figures: dict[str, object] = {"calls": len(rows), "held": held, "worst_pitch_error": worst}
    return Result("pairs", figures, COLUMNS, rows, ok=bool(rows) and held == len(rows))


def _pairs_of(customer: str, codecs: tuple[str, ...]) -> list[Pair]:
    pairs = []
    for number, agent in enumerate(codecs):
        for turn, (first, second) in enumerate(PTIMES):
            supervisor = codecs[(number + turn) % len(codecs)]
            people = (customer, agent, supervisor)
            ptimes = tuple(min(ptime, CODECS[codec].largest_ms) for ptime, codec in zip((first, second, 20), people, strict=True))
            pairs.append(Pair(people, (ptimes[0], ptimes[1], ptimes[2])))
    return pairs


def _all_rows(parts: list[list[Pair]], progress: Progress) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    with progress.task("tones are held", sum(map(len, parts))) as advance:
        cores = max(1, min(len(parts), len(os.sched_getaffinity(0))))
        with ProcessPoolExecutor(cores, mp_context=get_context("spawn")) as pool:
            futures: list[Future[list[tuple[object, ...]]]] = [pool.submit(play_and_judge, pairs) for pairs in parts]
            for future in futures:
                found = future.result()
                rows += found
                advance(len(found))
    return rows


def play_and_judge(pairs: list[Pair]) -> list[tuple[object, ...]]:
    """Calls in one worker, as `COLUMNS`."""
    worker, casts, refused = VirtualWorker(3 * len(pairs), len(pairs)), [], {}
    for number, pair in enumerate(pairs):
        phones = [_phone(pair, seat, number) for seat in range(3)]
        casts.append(phones)
        try:
            for seat, phone in enumerate(phones):
                worker.join(phone, number + 1, _SEATS[seat], mode="whisper" if seat == 2 else "")
        except CommandRefused as refusal:
            refused[number] = str(refusal)
    worker.run(_tone_at(3) + _TAIL)
    return [
        (*pair.names, None, None, None, None, None, f"not spoken ({refused[number]})") if number in refused else _judge(pair, phones)
        for number, (pair, phones) in enumerate(zip(pairs, casts, strict=True))
    ]


def _tone_at(seat: int) -> float:
    return _FIRST + seat * (_LASTS + _REST)


def _phone(pair: Pair, seat: int, number: int) -> Phone:
    codec, ptime = CODECS[pair.codecs[seat]], pair.ptimes[seat]
    track = np.zeros(round((_tone_at(3) + _TAIL) * codec.rate), np.int16)
    times = np.arange(round(_LASTS * codec.rate)) / codec.rate
    first = round(_tone_at(seat) * codec.rate)
    track[first : first + len(times)] = np.rint(_AMPLITUDE * np.sin(2 * np.pi * _PITCH[seat] * times))
    payloads = codec.encode(track, ptime)
    phase = float(np.random.default_rng([number, seat]).uniform(0.0, ptime / 1000.0))
    return Phone(3 * number + seat + 1, codec, ptime, payloads, len(payloads), phase=phase)


def _judge(pair: Pair, phones: list[Phone]) -> tuple[object, ...]:
    heard: list[ToneHeard] = []
    leaks, holes = [-99.0], 0
    for listener, ear in enumerate(phones):
        if len(ear.got) < 2:
            return (*pair.names, None, None, None, None, None, f"the {_SEATS[listener]} got nothing")
        codec = ear.codec
        stream = hear(ear.got, codec, ear.ptime_ms)
        holes += stream.holes
        for speaker in (seat for seat in range(3) if seat != listener):
            start = phones[speaker].phase + _tone_at(speaker) + _EDGE
            tone = stream.between(start, start + _LASTS - _EDGE)
            if (listener, speaker) in _HEARD:
                heard.append(judge_tone(tone[: round((_LASTS - 2 * _EDGE + 0.2) * codec.rate)], _PITCH[speaker], _AMPLITUDE, codec.rate))
            else:
                leaks.append(_level_db(tone, codec, _PITCH[speaker]))
    pitch = max((tone.pitch_error for tone in heard), key=abs)
    level = max((tone.level_db for tone in heard), key=abs)
    steady = max(max(abs(tone.least_db), abs(tone.most_db)) for tone in heard)
    unheard = max(phone.codec.unheard_db for phone in phones)
    clicks = sum(tone.has_clicks(unheard) for tone in heard)
    checks = {
        "pitch": abs(pitch) < PITCH_WITHIN,
        "level": abs(level) < LEVEL_WITHIN_DB,
        "unsteady": steady < STEADY_WITHIN_DB,
        "clicks": clicks == 0,
        "leak": max(leaks) < LEAK_DB,
        "holes": holes == 0,
    }
    verdict = ", ".join(name for name, holds in checks.items() if not holds) or "held"
    return (*pair.names, round(pitch, 6), round(level, 2), round(steady, 2), clicks, round(max(leaks), 1), verdict)


def _level_db(samples: Int16, codec: Codec, frequency: float) -> float:
    """How loud a frequency is in a stretch, relative to a tone as it is said."""
    shape = np.blackman(len(samples))
    found = np.abs((samples * shape * np.exp(-2j * np.pi * frequency / codec.rate * np.arange(len(samples)))).sum()) * 2 / shape.sum()
    return float(20 * np.log10(max(found / _AMPLITUDE, 1e-5)))
