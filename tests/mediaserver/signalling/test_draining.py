"""A server that is to end lets its calls finish first, as long as it was given time."""

import asyncio

import pytest

from mediaserver.signalling.draining import Drain


@pytest.fixture
def left() -> list[str]:
    """The calls that are left."""
    return ["first", "second"]


async def test_it_waits_for_the_last_call(left: list[str]) -> None:
    drain = Drain()
    drain.ask(60.0)
    waiting = asyncio.create_task(drain.finished(lambda: not left))
    left.pop()
    done, _ = await asyncio.wait({waiting}, timeout=0.3)
    assert not done
    left.pop()
    async with asyncio.timeout(30):
        await waiting


async def test_time_is_up_for_who_goes_on(left: list[str]) -> None:
    now = 100.0

    def clock() -> float:
        nonlocal now
        now += 10.0
        return now

    drain = Drain(clock)
    drain.ask(60.0)
    async with asyncio.timeout(30):
        await drain.finished(lambda: not left)
    assert now > 160.0


@pytest.mark.parametrize("patience", [[60.0, 60.0], [60.0, 0.0], [0.0]], ids=["asked twice", "asked once more in a hurry", "in a hurry"])
async def test_who_asks_again_or_in_a_hurry_waits_for_nobody(patience: list[float], left: list[str]) -> None:
    drain = Drain(lambda: 0.0)
    for seconds in patience:
        drain.ask(seconds)
    async with asyncio.timeout(30):
        await drain.asked()
        await drain.finished(lambda: not left)
    assert left


async def test_nothing_ends_before_it_is_asked() -> None:
    drain = Drain()
    assert not drain.is_asked
    drain.ask(1.0)
    assert drain.is_asked
