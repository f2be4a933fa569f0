"""REFER with SIPp: an agent's phone transfers and is told what became of it; whoever may not is declined (RFC 3515)."""

from pathlib import Path

import pytest

from tests.interop.phones.sipp import Sipp
from tests.interop.server import Server
from tests.interop.test_sipp import agent, as_written, customer, hang_up, phone, run, talking


async def robert(server: Server, folder: Path, scenario: str, **keys: str) -> Sipp:
    """Robert's phone, registered, and then waiting for a call at the same port."""
    comes = phone(server, folder, "phone_comes", "robert", "robert")
    await run(comes)
    return agent(server, folder, scenario, port=comes.port, keys={"refer_to": "nora", "server": server.sip, **keys})


@pytest.mark.parametrize("scenario", ["agent_refers", "agent_refers_without_notify"])
async def test_an_agent_transfers_to_another(server: Server, tmp_path: Path, scenario: str) -> None:
    refers = await robert(server, tmp_path, scenario)
    called = agent(server, tmp_path, "agent_answers")
    async with refers, called, customer(server, tmp_path, "customer_is_hung_up", "robert") as calling:
        await as_written(refers)
        await hang_up(server)
        await as_written(called, calling)


async def test_a_target_that_refuses_is_told_and_the_call_goes_on(server: Server, tmp_path: Path) -> None:
    refers = await robert(server, tmp_path, "agent_refers_in_vain", refused="486")
    busy = agent(server, tmp_path, "agent_refuses", keys={"status": "486", "reason": "Busy Here"})
    await run(refers, busy, customer(server, tmp_path, "customer_is_hung_up", number="robert"))


async def test_what_cannot_be_served_is_refused_and_the_call_goes_on(server: Server, tmp_path: Path) -> None:
    await run(await robert(server, tmp_path, "agent_refers_badly"), customer(server, tmp_path, "customer_is_hung_up", number="robert"))


async def test_a_customer_may_not_transfer(server: Server, tmp_path: Path) -> None:
    await run(agent(server, tmp_path, "agent_answers"), customer(server, tmp_path, "customer_refers", number="nora"))


async def test_a_supervisor_may_not_transfer(server: Server, tmp_path: Path) -> None:
    called, calling = agent(server, tmp_path, "agent_answers"), customer(server, tmp_path, "customer_is_hung_up", "nora")
    async with talking(server, called, calling):
        await run(phone(server, tmp_path, "supervisor_refers", "sue", "*1nora"))
