"""How long the console keeps its page's main thread busy, at a thousand calls with meters and events: `python -m tests.console.long_tasks`.

A supervisor uses the page meanwhile: he scrolls, filters, sorts, opens a call, looks at the agents. Chromium tells of every task of more
than 50 ms (Long Tasks API); what is looked for is one of more than 100 ms. The machine's other work counts as ours: take a quiet one.
"""

import argparse
import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from playwright.async_api import CDPSession, Page

from tests.console.browsing import Seen, browser, opened, sign_in
from tests.console.built import built
from tests.console.crowd import Crowd
from tests.control_api.desk import FakeDesk
from tests.control_api.serving import ANNA_TOKEN, serving

LIMIT_MS: Final = 100.0
WATCH: Final = """
window.longTasks = [];
new PerformanceObserver((seen) => longTasks.push(...seen.getEntries().map(({ duration }) => duration)))
  .observe({ type: "longtask", buffered: true });
"""
PAUSE: Final = 1.0
"""Seconds between two things that the supervisor does."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What was seen."""

    name: str
    seconds: float
    long_tasks: tuple[float, ...]
    """Of more than 50 ms, in milliseconds."""
    busy: float
    """Part of the time in which the main thread had something to do, 0 to 1."""
    heap_mib: float

    @property
    def row(self) -> str:
        """As a row of a table."""
        worst = max(self.long_tasks, default=0.0)
        over = sum(1 for task in self.long_tasks if task > LIMIT_MS)
        longest = f"{worst:.0f} ms" if worst else "under 50 ms"
        tasks = f"{len(self.long_tasks)} | {over} | {longest}"
        return f"| {self.name} | {self.seconds:.0f} | {tasks} | {self.busy:.0%} | {self.heap_mib:.0f} MiB |"


HEAD: Final = "| The page | Seconds | Tasks over 50 ms | over 100 ms | Longest | Main thread busy | Heap |\n|---|---|---|---|---|---|---|"


async def metrics(session: CDPSession) -> dict[str, float]:
    """Chromium's own sums."""
    return {one["name"]: one["value"] for one in (await session.send("Performance.getMetrics"))["metrics"]}


async def measured(name: str, page: Page, session: CDPSession, use: Callable[[], Awaitable[None]], *, keeps: bool = False) -> Measured:
    """Use the page, and look how busy that kept it. ``keeps``: what was before counts too."""
    if not keeps:
        await page.evaluate("longTasks.length = 0")
    before = await metrics(session)
    began = asyncio.get_running_loop().time()
    await use()
    seconds = asyncio.get_running_loop().time() - began
    after = await metrics(session)
    tasks: list[Any] = await page.evaluate("longTasks")
    busy = (after["TaskDuration"] - before["TaskDuration"]) / seconds
    return Measured(name, seconds, tuple(tasks), busy, after["JSHeapUsedSize"] / 2**20)


async def rest(page: Page, seconds: float) -> None:
    """Look at it."""
    await page.wait_for_timeout(seconds * 1000)


async def use_board(page: Page, seconds: float) -> None:
    """Scroll, filter and sort, again and again."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    rows = page.locator(".rows")
    steps: list[Callable[[], Awaitable[object]]] = [
        lambda: rows.evaluate("rows => rows.scrollBy(0, 4000)"),
        lambda: page.get_by_role("button", name="Talk, last minute").click(),
        lambda: page.get_by_role("searchbox").press_sequentially("an"),
        lambda: page.get_by_label("Team", exact=True).select_option("sales"),
        lambda: rows.evaluate("rows => rows.scrollTo(0, rows.scrollHeight)"),
        lambda: page.get_by_role("searchbox").fill(""),
        lambda: page.get_by_label("Team", exact=True).select_option(""),
        lambda: page.get_by_role("button", name="Silence", exact=True).click(),
        lambda: rows.evaluate("rows => rows.scrollTo(0, 0)"),
        lambda: page.get_by_role("button", name="Time").click(),
    ]
    for step in itertools.cycle(steps):
        await step()
        await rest(page, PAUSE)
        if loop.time() >= end:
            return


async def look_around(page: Page, seconds: float) -> None:
    """From the board to the agents, a call and back."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while loop.time() < end:
        await page.get_by_role("link", name="Agents").click()
        await rest(page, PAUSE)
        await page.locator(".rows").evaluate("rows => rows.scrollBy(0, 5000)")
        await rest(page, PAUSE)
        await page.get_by_role("link", name="Calls").click()
        await rest(page, PAUSE)
        await page.locator(".rows [data-call] a").first.evaluate("link => link.click()")
        await rest(page, PAUSE)
        await page.get_by_role("link", name="Calls").first.click()
        await rest(page, PAUSE)


@asynccontextmanager
async def crowded(calls: int, meters_hz: float, events_hz: float) -> AsyncIterator[Seen]:
    """A page of a desk with so many calls, before its door."""
    built()
    desk = FakeDesk()
    crowd = Crowd(desk, calls)
    async with serving(desk=desk) as served, browser() as chromium, opened(chromium, "about:blank") as seen, asyncio.TaskGroup() as group:
        talking = group.create_task(crowd.talk(meters_hz, events_hz))
        await seen.page.add_init_script(WATCH)
        await seen.page.goto(served.url)
        yield seen
        talking.cancel()


async def measure(calls: int, meters_hz: float, events_hz: float, seconds: float) -> list[Measured]:
    """Signing in, then each use of the page for so many seconds."""
    async with crowded(calls, meters_hz, events_hz) as seen:
        page = seen.page
        session = await page.context.new_cdp_session(page)
        await session.send("Performance.enable")

        async def enter() -> None:
            await sign_in(seen, ANNA_TOKEN)
            await page.get_by_text(f"{calls} calls").wait_for()

        found = [await measured("opened, signed in", page, session, enter, keeps=True)]
        found.append(await measured("looked at", page, session, lambda: rest(page, seconds)))
        for name, use in (("scrolled, filtered, sorted every second", use_board), ("agents, calls, board in turn", look_around)):
            found.append(await measured(name, page, session, partial(use, page, seconds)))
        return found


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--meters", type=float, default=2.0, help="times a second")
    parser.add_argument("--events", type=float, default=20.0, help="a second")
    parser.add_argument("--seconds", type=float, default=60.0, help="of each use")
    given = parser.parse_args()
    found = asyncio.run(measure(given.calls, given.meters, given.events, given.seconds))
    print(HEAD, *(one.row for one in found), sep="\n")


if __name__ == "__main__":
    main()
