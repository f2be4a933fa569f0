"""After a crash: who was left in a call that is no more is told so, some at a time."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from mediaserver.observing.counters import Counters
from sip.parting import LastingDialog
from sip.useragent import UserAgent

_log = structlog.get_logger(__name__)

REASON: Final = 'SIP;cause=503;text="restarted"'
A_BEAT: Final = 100
"""BYEs sent together …"""
BEAT: Final = 0.05
"""… each so many seconds: phones, proxies and our own sockets need not take thousands at once."""


async def part_with(
    left: Sequence[LastingDialog], agent: UserAgent, settle: Callable[[], None], counters: Counters, clock: Callable[[], float]
) -> None:
    """Say BYE in every dialog that the process before us left behind."""
    if left:
        _log.warning("server.dialogs_left_behind", dialogs=len(left))
    for start in range(0, len(left), A_BEAT):
        for dialog in left[start : start + A_BEAT]:
            counters.add("dialogs_left_behind", "ended" if agent.part(dialog, REASON, clock()) else "unreachable")
        settle()
        await asyncio.sleep(BEAT)
