"""pyVoIP as agent and as customer, with baresip at the other end."""

import asyncio
from pathlib import Path

import pytest

from tests.audio import Int16, judge
from tests.interop.conftest import Servers
from tests.interop.hearing import AGENT_HZ, CUSTOMER_HZ, hear
from tests.interop.houses import SECRET
from tests.interop.phones.baresip import Baresip
from tests.interop.phones.pyvoip import PyVoip
from tests.interop.server import Server


@pytest.fixture
def server(servers: Servers) -> Server:
    """The one for phones that nobody here wrote."""
    return servers(ring_timeout=8)


def by_pyvoip(heard: Int16, wanted: set[float]) -> None:
    """It keeps 8 bits of a sample, whose noise is no silence."""
    for hz in (CUSTOMER_HZ, AGENT_HZ):
        judgement = judge(heard, hz)
        assert judgement.is_heard if hz in wanted else judgement.loudest_db < -30, str(judgement)


def of_pyvoip(heard: Int16, wanted: set[float]) -> None:
    """It speaks with gaps."""
    for hz in wanted:
        assert judge(heard, hz).loudest_db > -3, str(judge(heard, hz))


async def test_pyvoip_answers_as_the_agent(server: Server, voices: dict[float, Path], tmp_path: Path) -> None:
    async with (
        PyVoip(tmp_path / "robert", "robert", voices[AGENT_HZ], registrar=server.sip, secret=SECRET) as agent,
        Baresip(tmp_path / "carl", "carl", voices[CUSTOMER_HZ], registrar=server.sip, secret=SECRET) as customer,
    ):
        await customer.registered()
        await customer.dial(f"sip:robert@{server.sip}")
        await agent.wait_for("answered")
        await customer.wait_for("CALL_ESTABLISHED")
        await asyncio.gather(hear({agent: {CUSTOMER_HZ}}, by_pyvoip), hear({customer: {AGENT_HZ}}, of_pyvoip))
        await customer.send_digit("7")
        assert await agent.wait_for("digit") == "7"
        await customer.hang_up()
        await agent.wait_for("ended")


async def test_pyvoip_calls_as_the_customer(server: Server, voices: dict[float, Path], tmp_path: Path) -> None:
    async with (
        Baresip(tmp_path / "robert", "robert", voices[AGENT_HZ], registrar=server.sip, secret=SECRET) as agent,
        PyVoip(tmp_path / "carl", "carl", voices[CUSTOMER_HZ], registrar=server.sip, secret=SECRET) as customer,
    ):
        await agent.registered()
        await customer.dial("robert")
        await agent.wait_for("CALL_INCOMING")
        await agent.accept()
        await asyncio.gather(customer.wait_for("answered"), agent.wait_for("CALL_ESTABLISHED"))
        await asyncio.gather(hear({customer: {AGENT_HZ}}, by_pyvoip), hear({agent: {CUSTOMER_HZ}}))
        await customer.hang_up()
        await agent.wait_for("CALL_CLOSED")
