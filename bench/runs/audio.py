"""audio: what a supervisor hears of a party behind a bad network, against a decoder that knows everything; on a virtual clock.

Each cell of the table is a call of its own in one worker: a customer behind the path, an agent on a clean one, a supervisor who
listens. First the customer speaks, then the agent holds a tone, then the customer does. Nothing here takes real time, and
the same seed gives the same table.
"""

import asyncio
import os
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from typing import Final

from bench.coding.codecs import CODECS
from bench.judge.cell import COLUMNS, Row, judge
from bench.options import Surroundings
from bench.progress import Progress
from bench.report import Result
from bench.simulator.script import Cell, cast, script_of
from bench.simulator.worker import CommandRefused, VirtualWorker

PTIMES: Final = (10, 20, 30, 60)
LOSSES: Final = (0, 5, 15)
JITTERS: Final = (0, 60)
_TAIL: Final = 0.3
"""Seconds for what is under way when the phones end."""


async def run(
    around: Surroundings,
    *,
    codecs: tuple[str, ...] = tuple(CODECS),
    ptimes: tuple[int, ...] = PTIMES,
    losses: tuple[float, ...] = LOSSES,
    jitters: tuple[float, ...] = JITTERS,
    seconds: float = 20.0,
    seed: int = 1,
) -> Result:
    """The table, each codec and packet time in a worker of its own."""
    parts = [
        [Cell(CODECS[codec], ptime, loss, jitter, seed) for loss in losses for jitter in jitters]
        for codec in codecs
        for ptime in ptimes
        if ptime <= CODECS[codec].largest_ms
    ]
    rows = await asyncio.to_thread(_all_rows, parts, seconds, around.progress)
    return _result(rows, seconds, seed)


def _all_rows(parts: list[list[Cell]], seconds: float, progress: Progress) -> list[Row]:
    rows: list[Row] = []
    with progress.task("calls are heard", sum(map(len, parts))) as advance:
        cores = max(1, min(len(parts), len(os.sched_getaffinity(0))))
        with ProcessPoolExecutor(cores, mp_context=get_context("spawn")) as pool:
            futures: list[Future[list[Row]]] = [pool.submit(play_and_judge, cells, seconds) for cells in parts]
            for future in futures:
                found = future.result()
                rows += found
                advance(len(found))
    return rows


def play_and_judge(cells: list[Cell], seconds: float) -> list[Row]:
    """Cells of one codec and packet time, in one worker."""
    codec = cells[0].codec
    script = script_of(codec.rate, seconds)
    casts = [cast(cell, script, number) for number, cell in enumerate(cells)]
    worker = VirtualWorker(3 * len(cells), len(cells))
    try:
        for number, (customer, agent, supervisor) in enumerate(casts):
            worker.join(customer, number + 1, "customer")
            worker.join(agent, number + 1, "agent")
            worker.join(supervisor, number + 1, "supervisor", mode="listen")
    except CommandRefused as refusal:
        return [Row(cell, wrong=(f"not spoken ({refusal})",)) for cell in cells]
    worker.run(len(script.customer) / script.rate + _TAIL)
    return [judge(cell, script, *people) for cell, people in zip(cells, casts, strict=True)]


def _result(rows: list[Row], seconds: float, seed: int) -> Result:
    wrong = [row for row in rows if row.wrong]
    figures: dict[str, object] = {
        "cells": len(rows),
        "held": len(rows) - len(wrong),
        "below_reference_worst": round(max((row.reference - row.pesq for row in rows), default=0.0), 2),
        "seconds_of_speech": seconds,
        "seed": seed,
    }
    return Result("audio", figures, COLUMNS, [row.columns() for row in rows], ok=bool(rows) and not wrong)
