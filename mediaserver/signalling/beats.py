"""What is done again and again, or for as long as the server lives: beats and tasks that outlive their own faults."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from mediaserver.observing.counters import Counters

AGAIN_AFTER: Final = 5.0
"""Seconds after which a task that failed is begun anew."""

_log = structlog.get_logger(__name__)


async def beat(name: str, seconds: float, do: Callable[[], None], counters: Counters) -> None:
    """Do it every so many seconds until cancelled; a fault is logged and counted, since it must not end the calls of others."""
    while True:
        await asyncio.sleep(seconds)
        try:
            do()
        except Exception:
            counters.add("faults", name)
            _log.exception("beat.failed", beat=name)


async def lasting(name: str, run: Callable[[], Awaitable[None]], counters: Counters, pause: float = AGAIN_AFTER) -> None:
    """Run it until it is done or cancelled; a fault is logged and counted, and it is begun anew."""
    while True:
        try:
            return await run()
        except Exception:
            counters.add("faults", name)
            _log.exception("task.failed", task=name)
        await asyncio.sleep(pause)
