"""A server that is told to end lets its calls finish, and takes no new ones meanwhile."""

import asyncio
import signal
from pathlib import Path

import pytest

from tests.interop.server import Server
from tests.interop.test_sipp import agent, customer, run
from tests.interop.tools import own_address


@pytest.fixture
def server(tmp_path: Path) -> Server:
    """One that is stopped in the test."""
    return Server(tmp_path, address=own_address())


async def up(server: Server) -> None:
    """Wait until a call was answered."""
    async with asyncio.timeout(5):
        while 'mediaserver_calls{state="answered"' not in await asyncio.to_thread(server.metrics):
            await asyncio.sleep(0.05)


async def not_ready(server: Server) -> None:
    """Wait until it says that no calls are taken."""
    async with asyncio.timeout(5):
        while (await asyncio.to_thread(server.readiness)) != 503:
            await asyncio.sleep(0.02)


async def test_after_sigterm_a_call_goes_on_and_another_is_refused(server: Server, tmp_path: Path) -> None:
    with server:
        talking = asyncio.create_task(run(agent(server, tmp_path, "agent_answers"), customer(server, tmp_path, options=("-d", "2500"))))
        await up(server)
        server.ask_to_end(signal.SIGTERM)
        await not_ready(server)
        await run(customer(server, tmp_path, "customer_is_refused", keys={"status": "503"}))
        await talking
        assert await asyncio.to_thread(server.ended) == 0


async def test_a_second_sigterm_ends_calls_at_once(server: Server, tmp_path: Path) -> None:
    with server:
        talking = asyncio.create_task(run(agent(server, tmp_path, "agent_answers"), customer(server, tmp_path, "customer_is_hung_up")))
        await up(server)
        server.ask_to_end(signal.SIGTERM)
        await not_ready(server)
        server.ask_to_end(signal.SIGTERM)
        await talking
        assert await asyncio.to_thread(server.ended) == 0
