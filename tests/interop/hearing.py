"""What phones hear of each other, awaited: a busy machine takes the time of a phone that speaks, and stretches what a browser plays."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from tests.audio import Int16, assert_hears

CUSTOMER_HZ: Final = 433.0
AGENT_HZ: Final = 701.0
SUPERVISOR_HZ: Final = 1103.0
OTHER_HZ: Final = 1501.0
"""Of a fourth one."""

_SECONDS: Final = 1.1
"""Of each stretch that is judged."""
_STRETCHES: Final = 16
"""In one of so many, one after the other, an ear must hear what is expected."""


class Ear(Protocol):
    """A phone or a page that keeps what it hears."""

    async def listen(self, seconds: float) -> Int16:
        """What is heard from a little later on, this long, at 8 kHz."""


Verdict = Callable[[Int16, set[float]], None]
"""Fails unless exactly these tones are heard in a stretch."""


async def hear(expected: Mapping[Ear, set[float]], verdict: Verdict = assert_hears) -> None:
    """Each ear must come to hear its tones without a gap, and no other one."""
    await asyncio.gather(*(_hears(ear, tones_hz, verdict) for ear, tones_hz in expected.items()))


async def hear_as(mode: str, customer: Ear, agent: Ear, supervisor: Ear | None = None) -> None:
    """Everybody must hear what a supervisor's mode says; without a supervisor's ear, only the parties are asked."""
    at_customer = {AGENT_HZ, SUPERVISOR_HZ} if mode == "barge" else {AGENT_HZ}
    at_agent = {CUSTOMER_HZ} if mode == "listen" else {CUSTOMER_HZ, SUPERVISOR_HZ}
    watching = {} if supervisor is None else {supervisor: {CUSTOMER_HZ, AGENT_HZ}}
    await hear({customer: at_customer, agent: at_agent} | watching)


async def _hears(ear: Ear, heard_hz: set[float], verdict: Verdict) -> None:
    for _ in range(_STRETCHES - 1):
        with contextlib.suppress(AssertionError):
            verdict(await ear.listen(_SECONDS), heard_hz)
            return
    verdict(await ear.listen(_SECONDS), heard_hz)
