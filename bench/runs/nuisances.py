"""Clients of the control API that do what they should not: each goes on until it is cancelled."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Final

from bench.generator.upgrading import upgrade

GIANT: Final = 10_000_000
"""Octets of a message that nobody needs."""
_PIECE: Final = 65_536
_ENOUGH: Final = 2000
"""Octets that a passer-by reads: the greeting, and what comes with it."""


async def stop_reading(control: str, token: str, count: int) -> None:
    """So many clients connect and read nothing."""
    async with AsyncExitStack() as stack:
        for _ in range(count):
            await stack.enter_async_context(_client(control, token))
        await asyncio.Event().wait()


async def send_giants(control: str, token: str, count: int) -> None:
    """So many clients send messages that are far too long, one after the other; each costs its connection."""
    async with asyncio.TaskGroup() as group:
        for _ in range(count):
            group.create_task(_send_giants(control, token))


async def _send_giants(control: str, token: str) -> None:
    piece = bytes(_PIECE)
    while True:
        with suppress(ConnectionError):
            async with _client(control, token) as (reader, writer):
                writer.write(bytes((0x81, 0xFF)) + GIANT.to_bytes(8) + bytes(4))
                for _ in range(GIANT // _PIECE):
                    writer.write(piece)
                    await writer.drain()
                await reader.read()
        await asyncio.sleep(0.1)


async def come_and_go(control: str, token: str, rate: float) -> None:
    """Clients come at this rate, half of them with a wrong token, and leave when they were greeted or refused."""
    async with asyncio.TaskGroup() as group:
        while True:
            group.create_task(_come_and_go(control, random.choice((token, "wrong"))))
            await asyncio.sleep(1 / rate)


async def _come_and_go(control: str, token: str) -> None:
    with suppress(ConnectionError, TimeoutError):
        async with asyncio.timeout(10), _client(control, token) as (reader, _):
            await reader.read(_ENOUGH)


@asynccontextmanager
async def _client(control: str, token: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection that has asked to be a websocket."""
    host, _, port = control.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(upgrade(control, token))
    try:
        yield reader, writer
    finally:
        writer.transport.abort()
