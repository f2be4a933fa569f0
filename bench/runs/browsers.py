"""browsers: what supervisors in browsers cost the server, how soon each hears the call, and that all they send and get can be read.

Pages come by the control API, each into a call of its own that talks: all listening, then all whispering. Each cost is what the server
takes more than with the calls alone, a page.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final

import numpy as np

from bench.coding.codecs import CODECS
from bench.console import Console, open_console
from bench.generator.page import Page, make_identity, open_page
from bench.generator.signals import Signal, Tones
from bench.house import AGENTS, CUSTOMERS, TOKEN, House
from bench.options import Surroundings
from bench.report import Result
from bench.server import Server, command_of, cpu_seconds
from bench.stage import Cast, Stage

COLUMNS: Final = ("pages", "stereo", "mode", "worker_percent_a_page", "signalling_percent_a_page", "percent_a_page")
MOST_PERCENT: Final = 2.0
"""Of a core, that a page may take."""
LATEST: Final = 1.0
"""Seconds from the command to the first audio."""
_AUDIBLE: Final = 500
_SETTLE: Final = 2.0


@dataclass(slots=True)
class _Joined:
    """A page in its call."""

    page: Page
    leg: int
    asked: float

    def first_audio(self) -> float | None:
        """Seconds until the first packet in which something can be heard; None where there is none among the first."""
        opus = CODECS["opus"]
        payloads = [payload for _, payload in self.page.came]
        samples = np.abs(opus.decode(payloads, 20).astype(np.int32)).reshape(len(payloads), -1).max(axis=1) if payloads else np.zeros(0)
        heard = np.flatnonzero(samples > _AUDIBLE)
        return self.page.came[int(heard[0])][0] - self.asked if len(heard) else None


async def run(around: Surroundings, *, pages: int, seconds: float, stereo: bool) -> Result:
    """Set up, measure the calls alone, with pages that listen, with pages that whisper."""
    house = House.build(calls=pages, supervisors=pages, codecs=("PCMU", "PCMA", "opus"))
    rows: list[tuple[object, ...]] = []
    async with (
        Server(house, core=around.server_core, nice=around.server_nice) as server,
        Stage(house, Cast(pages, pages, 0), core=around.generator_core) as stage,
        open_console(house.control, TOKEN) as console,
        AsyncExitStack() as open_pages,
    ):
        await stage.register(range(pages), range(0), around.progress)
        for number in range(pages):
            await stage.call(number, stage.take(CUSTOMERS, _tone(437)), stage.take(AGENTS, _tone(701)))
        alone = await _cost(server, seconds)
        joined = await _join(console, house, pages, stereo, open_pages)
        for mode in ("listen", "whisper"):
            for one in joined if mode != "listen" else ():
                await console.command("set_mode", leg=one.leg, mode=mode)
            rows.append((pages, stereo, mode, *_percent(alone, await _cost(server, seconds), pages)))
    return _result(joined, rows)


def _tone(frequency: int) -> Signal:
    return Tones((frequency,), 6000.0)


async def _join(console: Console, house: House, pages: int, stereo: bool, open_pages: AsyncExitStack) -> list[_Joined]:
    identity, said, joined = make_identity(), _voice(), []
    tasks = await open_pages.enter_async_context(asyncio.TaskGroup())
    for number in range(pages):
        page = await open_page(identity)
        open_pages.callback(page.close)
        reply = await console.command("supervise", agent=house.agent(number).user, offer=page.offer(stereo=stereo))
        page.take(reply.result["answer"])
        open_pages.callback(tasks.create_task(page.speak(said)).cancel)
        joined.append(_Joined(page, int(reply.result["leg"]), reply.sent))
    return joined


def _voice() -> Sequence[bytes]:
    """A second of noise with the spectrum of a voice, in Opus."""
    chance, opus = np.random.default_rng(1), CODECS["opus"]
    noise = np.convolve(chance.standard_normal(opus.rate), np.hanning(opus.rate // 2000), "same")
    return opus.encode(np.asarray(np.rint(3000 * noise / noise.std()), np.int16), 20)


async def _cost(server: Server, seconds: float) -> tuple[float, float]:
    """Seconds of the processor a second: signalling, and all media workers."""
    await asyncio.sleep(_SETTLE)
    before = await _spent(server)
    await asyncio.sleep(seconds)
    after = await _spent(server)
    return (after[0] - before[0]) / seconds, (after[1] - before[1]) / seconds


async def _spent(server: Server) -> tuple[float, float]:
    spent = {pid: cpu_seconds(pid) for pid in server.processes()}
    workers = {pid for pid in spent if b"mediaserver.worker" in command_of(pid)}
    return sum(spent[pid] for pid in spent.keys() - workers), sum(spent[pid] for pid in workers)


def _percent(alone: tuple[float, float], now: tuple[float, float], pages: int) -> tuple[float, float, float]:
    signalling, worker = ((after - before) * 100 / pages for before, after in zip(alone, now, strict=True))
    return round(worker, 2), round(signalling, 2), round(worker + signalling, 2)


def _result(joined: list[_Joined], rows: list[tuple[object, ...]]) -> Result:
    firsts = [one.first_audio() for one in joined]
    heard = sorted(first for first in firsts if first is not None)
    unread = sum(one.page.unread for one in joined)
    dearest = max(float(str(row[-1])) for row in rows)
    figures: dict[str, object] = {
        "pages": len(joined),
        "first_audio_p50_ms": round(heard[len(heard) // 2] * 1000, 1) if heard else None,
        "first_audio_max_ms": round(heard[-1] * 1000, 1) if heard else None,
        "unheard": len(firsts) - len(heard),
        "unread": unread,
        "packets": sum(one.page.packets for one in joined),
        "percent_a_page": dearest,
    }
    ok = len(heard) == len(firsts) > 0 and heard[-1] <= LATEST and not unread and dearest <= MOST_PERCENT
    return Result("browsers", figures, COLUMNS, rows, ok=ok)
