"""A beat goes on, whatever happens in it; so does a task."""

import asyncio

from mediaserver.observing.counters import Counters
from mediaserver.signalling.beats import beat, lasting


async def test_a_fault_is_counted_and_the_next_beat_comes() -> None:
    counters, done = Counters(), asyncio.Event()

    def do() -> None:
        if counters.value("faults", "watch") < 2:
            raise KeyError("a fault")
        done.set()

    task = asyncio.create_task(beat("watch", 0.0, do, counters))
    async with asyncio.timeout(30):
        await done.wait()
    task.cancel()
    assert counters.value("faults", "watch") == 2


async def test_a_task_that_fails_is_counted_and_begun_anew_until_it_is_done() -> None:
    counters = Counters()

    async def fails() -> None:
        raise KeyError("a fault")

    async def run() -> None:
        if counters.value("faults", "webhooks") < 2:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(fails())

    async with asyncio.timeout(30):
        await lasting("webhooks", run, counters, pause=0.0)
    assert counters.value("faults", "webhooks") == 2
