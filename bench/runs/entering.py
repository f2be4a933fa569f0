"""entering: what two parties hear of a supervisor who comes, switches and goes while they talk: of themselves nothing may change.

On a virtual clock, a row for each codec and way. The customer holds a tone, the supervisor says nothing: in the agent's ear the tone must
go on, without a dip, a bump or a click, whatever the server changes from passing packets on to mixing and back.
"""

import asyncio
from typing import Final

import numpy as np

from bench.coding.codecs import CODECS, Codec
from bench.judge.heard import hear
from bench.judge.tones import judge_tone
from bench.options import Surroundings
from bench.progress import Progress
from bench.report import Result
from bench.simulator.phone import Phone
from bench.simulator.worker import VirtualWorker
from mediaserver.link.messages import CloseLeg, SetMode

COLUMNS: Final = ("codec", "way", "least_db", "most_db", "residual_db", "noise_db", "holes", "gap_ms", "verdict")
WAYS: Final = ("listens, barges, listens", "comes barging, goes", "comes listening, goes")
STEADY_WITHIN_DB: Final = 1.5
_PTIME_MS: Final = 20
_FREQUENCY: Final = 701.0
_AMPLITUDE: Final = 6000.0
_SECONDS: Final = 6.0
_COMES: Final = 2.5
_GOES: Final = 4.0


async def run(around: Surroundings, *, codecs: tuple[str, ...]) -> Result:
    """Every codec in every way."""
    rows = await asyncio.to_thread(_all_rows, codecs, around.progress)
    held = sum(row[-1] == "held" for row in rows)
    return Result("entering", {"calls": len(rows), "held": held}, COLUMNS, rows, ok=bool(rows) and held == len(rows))


def _all_rows(codecs: tuple[str, ...], progress: Progress) -> list[tuple[object, ...]]:
    rows = []
    with progress.task("supervisors come and go", len(codecs) * len(WAYS)) as advance:
        for codec in codecs:
            for way in WAYS:
                rows.append(play_and_judge(codec, way))
                advance(1)
    return rows


def play_and_judge(name: str, way: str) -> tuple[object, ...]:
    """One call, as `COLUMNS`."""
    codec = CODECS[name]
    customer, agent, supervisor = _cast(codec)
    worker = VirtualWorker(3, 1)
    worker.join(customer, 1, "customer")
    worker.join(agent, 1, "agent")
    if way == WAYS[0]:
        worker.join(supervisor, 1, "supervisor", mode="listen")
    worker.run(_COMES)
    match way:
        case "listens, barges, listens":
            worker.command(SetMode(supervisor.leg, "barge", "agent"))
        case "comes barging, goes":
            worker.join(supervisor, 1, "supervisor", mode="barge")
        case _:
            worker.join(supervisor, 1, "supervisor", mode="listen")
    worker.run(_GOES - _COMES)
    worker.command(SetMode(supervisor.leg, "listen", "agent") if way == WAYS[0] else CloseLeg(supervisor.leg))
    worker.run(_SECONDS - _GOES)
    return name, way, *_judge(agent, codec)


def _cast(codec: Codec) -> tuple[Phone, Phone, Phone]:
    times = np.arange(round(_SECONDS * codec.rate)) / codec.rate
    tone = np.asarray(np.rint(_AMPLITUDE * np.sin(2 * np.pi * _FREQUENCY * times)), np.int16)
    said, silence = (codec.encode(sound, _PTIME_MS) for sound in (tone, np.zeros_like(tone)))
    customer, agent, supervisor = (
        Phone(seat + 1, codec, _PTIME_MS, payloads, len(payloads), phase=0.001 + 0.003 * seat)
        for seat, payloads in enumerate((said, silence, silence))
    )
    return customer, agent, supervisor


def _judge(agent: Phone, codec: Codec) -> tuple[object, ...]:
    heard = hear(agent.got, codec, _PTIME_MS)
    tone = judge_tone(heard.between(1.0, _SECONDS - 0.6), _FREQUENCY, _AMPLITUDE, codec.rate)
    checks = {
        "unsteady": max(abs(tone.least_db), abs(tone.most_db)) < STEADY_WITHIN_DB,
        "clicks": not tone.has_clicks(codec.unheard_db),
        "holes": heard.holes == 0 and heard.jumps == 0,
    }
    verdict = ", ".join(name for name, holds in checks.items() if not holds) or "held"
    levels = (tone.least_db, tone.most_db, tone.residual_db, tone.noise_db)
    return (*(round(level, 2) for level in levels), heard.holes + heard.jumps, round(heard.longest_gap * 1000, 1), verdict)
