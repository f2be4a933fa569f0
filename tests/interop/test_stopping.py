"""A server that is told to end lets its calls finish, and takes no new ones meanwhile; the next one knows whom it let sign in."""

import asyncio
import signal
from pathlib import Path

import httpx
import pytest

from tests.interop.houses import TOKEN
from tests.interop.server import Server
from tests.interop.test_sipp import acknowledged, agent, as_written, customer, run, talking
from tests.interop.tools import PATIENCE, own_address

ADMIN = {"Authorization": f"Bearer {TOKEN}"}
PASSWORD = "long enough"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    """One that is stopped in the test; calls may go on for longer than anybody here waits."""
    monkeypatch.setenv("MEDIASERVER_LIMITS__DRAIN", "600")
    return Server(tmp_path, address=own_address(), storage=tmp_path / "kept")


async def not_ready(server: Server) -> None:
    """Wait until it says that no calls are taken."""
    async with asyncio.timeout(PATIENCE):
        while (await asyncio.to_thread(server.readiness)) != 503:
            await asyncio.sleep(0.02)


async def let_in(server: Server) -> int:
    """The administrator lets somebody sign in."""
    vera = {"password": PASSWORD, "agents": ["*"], "mode": "listen"}
    async with httpx.AsyncClient(base_url=server.control, trust_env=False, headers=ADMIN, timeout=PATIENCE) as http:
        return (await http.put("/v1/identities/vera", json=vera)).status_code


async def signed_in(server: Server) -> tuple[int, str]:
    """He signs in, once the server has read who may; the status, and who he is then."""
    async with httpx.AsyncClient(base_url=server.control, trust_env=False, timeout=PATIENCE) as http:
        await http.get("/v1/identities", headers=ADMIN)
        answer = await http.post("/v1/sign-in", json={"tenant": "default", "name": "vera", "password": PASSWORD})
        return answer.status_code, answer.json().get("identity", "")


async def test_after_sigterm_a_call_goes_on_and_another_is_refused_and_who_was_let_in_signs_in_after_the_next_start(
    server: Server, tmp_path: Path
) -> None:
    with server:
        letting = asyncio.create_task(let_in(server))
        async with talking(server, agent(server, tmp_path, "agent_answers"), customer(server, tmp_path, "customer_is_hung_up")):
            server.ask_to_end(signal.SIGTERM)
            await not_ready(server)
            await run(customer(server, tmp_path, "customer_is_refused", keys={"status": "503"}))
            assert await letting == 200
        assert await asyncio.to_thread(server.ended) == 0
    with server:
        assert await signed_in(server) == (200, "vera")


async def test_a_second_sigterm_ends_calls_at_once(server: Server, tmp_path: Path) -> None:
    with server:
        async with agent(server, tmp_path, "agent_answers") as called, customer(server, tmp_path, "customer_is_hung_up") as calling:
            await acknowledged(called)
            server.ask_to_end(signal.SIGTERM)
            await not_ready(server)
            server.ask_to_end(signal.SIGTERM)
            await as_written(called, calling)
        assert await asyncio.to_thread(server.ended) == 0
