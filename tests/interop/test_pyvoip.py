"""pyVoIP as agent and as customer, with baresip at the other end."""

import asyncio
from pathlib import Path

import pytest

from tests.audio import assert_hears, judge
from tests.interop.conftest import Servers
from tests.interop.hearing import AGENT_HZ, CUSTOMER_HZ
from tests.interop.houses import SECRET
from tests.interop.phones.baresip import Baresip
from tests.interop.phones.pyvoip import PyVoip
from tests.interop.server import Server


@pytest.fixture
def server(servers: Servers) -> Server:
    """The one for phones that nobody here wrote."""
    return servers(ring_timeout=8)


async def test_pyvoip_answers_as_the_agent(server: Server, voices: dict[float, Path], tmp_path: Path) -> None:
    async with (
        PyVoip(tmp_path / "robert", "robert", voices[AGENT_HZ], registrar=server.sip, secret=SECRET) as agent,
        Baresip(tmp_path / "carl", "carl", voices[CUSTOMER_HZ], registrar=server.sip, secret=SECRET) as customer,
    ):
        await customer.registered()
        await customer.dial(f"sip:robert@{server.sip}")
        await agent.wait_for("answered")
        await customer.wait_for("CALL_ESTABLISHED")
        at_agent = await agent.listen(1.3)
        at_customer = await customer.listen(1.3, settle=0)
        assert judge(at_agent, 433).is_heard, judge(at_agent, 433)
        assert judge(at_agent, 701).loudest_db < -30
        assert judge(at_customer, 701).loudest_db > -3
        await customer.send_digit("7")
        assert await agent.wait_for("digit") == "7"
        await customer.hang_up()
        await agent.wait_for("ended", within=5)


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
        at_customer = await customer.listen(1.3)
        assert judge(at_customer, 701).is_heard, judge(at_customer, 701)
        assert_hears(await agent.listen(1.3, settle=0), {433.0})
        await customer.hang_up()
        await agent.wait_for("CALL_CLOSED", within=5)
