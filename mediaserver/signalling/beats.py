"""What is done again and again: a beat that outlives its own faults."""

import asyncio
from collections.abc import Callable

import structlog

from mediaserver.observing.counters import Counters

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
