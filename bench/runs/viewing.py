"""The process of `bench.generator.viewers` as the benches use it."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any

from bench.generator.viewers import STANDING, Wanted
from bench.house import House
from bench.stage import StageFailed

_STAND_WITHIN = 150.0
_ANSWERED_WITHIN = 20.0
_LONGEST_LINE = 2**20


class Viewing:
    """Clients that stand."""

    def __init__(self, process: asyncio.subprocess.Process, count: int) -> None:
        self.count = count
        self._process = process

    async def begin(self) -> None:
        """Forget what was counted."""
        await self._say("begin")

    async def report(self) -> dict[str, Any]:
        """What they were told since the beginning, and begin anew."""
        await self._say("report")
        return dict(json.loads(await self._hear(_ANSWERED_WITHIN)))

    async def stand(self) -> None:
        """Wait until all are there. Raises `StageFailed`."""
        if (said := await self._hear(_STAND_WITHIN)) != STANDING:
            raise StageFailed(f"the clients did not connect: {said}")

    async def _say(self, word: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n".encode())
        await self._process.stdin.drain()

    async def _hear(self, within: float) -> str:
        assert self._process.stdout is not None
        async with asyncio.timeout(within):
            return (await self._process.stdout.readline()).decode().strip()


@asynccontextmanager
async def viewing(house: House, tokens: list[str], views: list[list[str]], core: int | None) -> AsyncIterator[Viewing]:
    """Clients with these tokens, each viewing its calls, until the block ends."""
    host, _, port = house.control.rpartition(":")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.generator.viewers"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_LONGEST_LINE,
    )
    try:
        viewers = Viewing(process, len(tokens))
        await viewers._say(json.dumps(asdict(Wanted(host, int(port), tokens, views, core))))
        await viewers.stand()
        yield viewers
    finally:
        process.kill()
        await process.wait()
