"""A beat goes on, whatever happens in it."""

import asyncio

from mediaserver.observing.counters import Counters
from mediaserver.signalling.beats import beat


async def test_a_fault_is_counted_and_the_next_beat_comes() -> None:
    counters, done = Counters(), asyncio.Event()

    def do() -> None:
        if counters.value("faults", "watch") < 2:
            raise KeyError("a fault")
        done.set()

    task = asyncio.create_task(beat("watch", 0.0, do, counters))
    async with asyncio.timeout(5):
        await done.wait()
    task.cancel()
    assert counters.value("faults", "watch") == 2
