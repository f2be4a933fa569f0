"""REFER through the server between SIPp and SIPp: every side's messages go as its scenario is written, lost ones too."""

from pathlib import Path
from typing import Any

import pytest

from tests.interop.conftest import Servers
from tests.interop.server import Server
from tests.interop.test_sipp import agent, as_written, customer, hang_up, run


def to_mona(server: Server) -> str:
    """Where the agent at the second port is transferred to."""
    return f"sip:mona@{server.sip}"


@pytest.mark.parametrize("scenario", ["agent_transfers", "agent_transfers_and_waits"])
async def test_a_transfer_that_is_answered(server: Server, tmp_path: Path, scenario: str) -> None:
    keys = {"refer_to": to_mona(server), "outcome": "200"}
    called = agent(server, tmp_path, "agent_answers", port=server.second)
    transfers = agent(server, tmp_path, scenario, keys=keys)
    async with transfers, called, customer(server, tmp_path, "customer_is_hung_up", "nora") as calling:
        await as_written(transfers)
        await hang_up(server)
        await as_written(called, calling)


@pytest.mark.parametrize(("says", "told"), [("486", "486"), ("603", "603"), ("503", "480")])
async def test_a_transfer_that_is_refused(server: Server, tmp_path: Path, says: str, told: str) -> None:
    await run(
        agent(server, tmp_path, "agent_transfers", keys={"refer_to": to_mona(server), "outcome": told}),
        agent(server, tmp_path, "agent_refuses", port=server.second, keys={"status": says, "reason": "No"}),
        customer(server, tmp_path, "customer_is_hung_up", number="nora"),
    )


@pytest.mark.parametrize(
    ("to", "status"), [("sip:nowhere-at-all@{sip}", "404"), ("sip:mona@192.0.2.1", "403"), ("sip:*1nora@{sip}", "404")]
)
async def test_a_transfer_that_leads_nowhere(server: Server, tmp_path: Path, to: str, status: str) -> None:
    await run(
        agent(server, tmp_path, "agent_is_refused_a_transfer", keys={"refer_to": to.format(sip=server.sip), "status": status}),
        customer(server, tmp_path, "customer_is_hung_up", number="nora"),
    )


async def test_a_customer_who_asks_for_a_transfer_is_declined(server: Server, tmp_path: Path) -> None:
    await run(
        agent(server, tmp_path, "agent_answers"),
        customer(server, tmp_path, "customer_is_declined_a_transfer", number="nora", keys={"refer_to": to_mona(server)}),
    )


async def test_transfers_survive_lost_messages(servers: Servers, tmp_path: Path) -> None:
    quick = servers(t1=0.1, ring_timeout=3)
    keys = {"refer_to": to_mona(quick), "outcome": "200"}
    often: dict[str, Any] = {"calls": 4, "repeats_ms": 100, "within": 60}
    transferring = agent(quick, tmp_path, "agent_transfers", keys=keys, **often)
    answering = agent(quick, tmp_path, "agent_answers_at_once", port=quick.second, options=("-lost", "10"), **often)
    calling = customer(quick, tmp_path, "customer_is_hung_up", "nora", rate=4, options=("-lost", "10"), **often)
    async with transferring, answering, calling:
        await as_written(transferring, calls=4)
        await hang_up(quick)
        await as_written(answering, calling, calls=4)
