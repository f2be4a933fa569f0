"""baresip as customer, agent and supervisor: who hears whom in each mode, reached by digits and by the websocket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from control_api.client import ControlClient
from control_api.messages import EventMessage
from tests.audio import assert_hears
from tests.interop.conftest import Servers
from tests.interop.hearing import AGENT_HZ, CUSTOMER_HZ, SUPERVISOR_HZ, hear, hear_as
from tests.interop.houses import SECRET, TOKEN
from tests.interop.phones.baresip import Baresip
from tests.interop.phones.sipp import Sipp
from tests.interop.server import Server
from tests.interop.tools import PATIENCE


@pytest.fixture
def server(servers: Servers) -> Server:
    """The one for phones that nobody here wrote."""
    return servers(ring_timeout=8)


DEATHS = 4
"""In one of so many nobody may hear anything; where the machine is busy, a phone that speaks may make a gap by itself."""


@dataclass
class Desk:
    """The three phones; customer and agent are talking."""

    server: Server
    customer: Baresip
    agent: Baresip
    supervisor: Baresip

    async def expect(self, mode: str) -> None:
        """Everybody must hear what the mode says, and nothing else."""
        await hear_as(mode, self.customer, self.agent, self.supervisor)


async def modes_told(control: ControlClient, count: int) -> list[str]:
    """The modes that a supervisor has as he joins and then, one after the other."""
    modes: list[str] = []
    async with asyncio.timeout(2 * PATIENCE), aclosing(control.events()) as events:
        async for update in events:
            if isinstance(update, EventMessage) and update.kind in ("supervisor.joined", "supervisor.mode") and update.call is not None:
                modes += [str(leg.mode) for leg in update.call.legs if leg.leg == update.leg]
                if len(modes) == count:
                    return modes
    raise AssertionError("events never end")


@asynccontextmanager
async def talking(server: Server, voices: dict[float, Path], folder: Path, supervisor: str = "sue") -> AsyncIterator[Desk]:
    """A customer talks to the agent; the supervisor's phone is registered and idle."""

    def phone(user: str, hz: float, **settings: Any) -> Baresip:
        return Baresip(folder / user, user, voices[hz], registrar=server.sip, secret=SECRET, **settings)

    async with (
        phone("carl", CUSTOMER_HZ) as customer,
        phone("robert", AGENT_HZ) as agent,
        phone(supervisor, SUPERVISOR_HZ, answers_by_itself=True) as watcher,
    ):
        await asyncio.gather(*(registering.registered() for registering in (customer, agent, watcher)))
        await customer.dial(f"sip:robert@{server.sip}")
        await agent.wait_for("CALL_INCOMING")
        await customer.wait_for("CALL_RINGING")
        await agent.accept()
        await asyncio.gather(customer.wait_for("CALL_ESTABLISHED"), agent.wait_for("CALL_ESTABLISHED"))
        yield Desk(server, customer, agent, watcher)


async def test_customer_and_agent_hear_each_other_and_hang_up(server: Server, voices: dict[float, Path], tmp_path: Path) -> None:
    async with talking(server, voices, tmp_path) as desk:
        await hear_as("listen", desk.customer, desk.agent)
        await desk.agent.hang_up()
        await desk.customer.wait_for("CALL_CLOSED")


async def test_both_ends_tell_each_other_by_rtcp_how_it_arrives(server: Server, voices: dict[float, Path], tmp_path: Path) -> None:
    def is_good(leg: Any) -> bool:
        told = leg.up and leg.down and leg.round_trip_ms
        return bool(told and min(leg.up.mos, leg.down.mos) > 4.0 and leg.down.lost == 0 and 0.0 < leg.round_trip_ms < 50.0)

    async with talking(server, voices, tmp_path), ControlClient(server.control, TOKEN) as control:
        legs: list[Any] = []
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):  # a phone that lacks time makes a report late, and the next one well
                while len(legs) != 2 or not all(map(is_good, legs)):
                    await asyncio.sleep(0.5)
                    legs = [leg for call in await control.list() for leg in call.quality.values()]
        assert [is_good(leg) for leg in legs] == [True, True], legs


@pytest.mark.parametrize(("code", "mode"), [("*1", "listen"), ("*2", "whisper"), ("*3", "barge")])
async def test_a_supervisor_dials_into_a_mode(server: Server, voices: dict[float, Path], tmp_path: Path, code: str, mode: str) -> None:
    async with talking(server, voices, tmp_path) as desk:
        await desk.supervisor.dial(f"sip:{code}robert@{server.sip}")
        await desk.supervisor.wait_for("CALL_ESTABLISHED")
        await desk.expect(mode)


async def test_a_supervisor_switches_by_digits(server: Server, voices: dict[float, Path], tmp_path: Path) -> None:
    async with talking(server, voices, tmp_path) as desk:
        await desk.supervisor.dial(f"sip:*1robert@{server.sip}")
        await desk.supervisor.wait_for("CALL_ESTABLISHED")
        await desk.expect("listen")
        for digit, mode in (("5", "whisper"), ("6", "barge"), ("4", "listen")):
            await desk.supervisor.send_digit(digit)
            await desk.expect(mode)


async def test_the_api_rings_a_supervisor_and_switches_him(server: Server, voices: dict[float, Path], tmp_path: Path) -> None:
    async with talking(server, voices, tmp_path) as desk, ControlClient(server.control, TOKEN) as control:
        supervision = await control.supervise(agent="robert", mode="listen")
        await desk.supervisor.wait_for("CALL_ESTABLISHED")
        await control.joined(supervision.leg, timeout=PATIENCE)
        await desk.expect("listen")
        for mode in ("whisper", "barge", "listen"):
            applied = await control.set_mode(supervision.leg, mode)
            assert applied.turn > 0
            await desk.expect(mode)
        await control.leave(supervision.leg)
        await desk.supervisor.wait_for("CALL_CLOSED")
        await hear_as("listen", desk.customer, desk.agent)


async def test_a_supervisor_switches_by_info(server: Server, voices: dict[float, Path], tmp_path: Path) -> None:
    def sipp(scenario: str) -> Sipp:
        options = ("-au", "sue", "-ap", SECRET)
        return Sipp(tmp_path / scenario, scenario, server.sip, service="*1robert", keys={"supervisor": "sue"}, options=options)

    async with talking(server, voices, tmp_path) as desk, ControlClient(server.control, TOKEN) as control:
        telling = asyncio.create_task(modes_told(control, 4))
        async with sipp("supervisor_switches_by_info") as phone:
            (await phone.finished()).check()
        assert await telling == ["listen", "whisper", "barge", "listen"]
        async with sipp("supervisor_sends_unknown_info") as phone:
            (await phone.finished()).check()
        await hear_as("listen", desk.customer, desk.agent)


async def test_a_supervisor_cannot_go_beyond_his_ceiling_by_digits(server: Server, voices: dict[float, Path], tmp_path: Path) -> None:
    async with talking(server, voices, tmp_path, "lee") as desk:
        await desk.supervisor.dial(f"sip:*1robert@{server.sip}")
        await desk.supervisor.wait_for("CALL_ESTABLISHED")
        for digit in ("5", "6"):
            await desk.supervisor.send_digit(digit)
            await desk.expect("listen")


async def test_a_supervisor_cannot_go_beyond_his_ceiling_by_dialling(server: Server, voices: dict[float, Path], tmp_path: Path) -> None:
    async with talking(server, voices, tmp_path, "lee") as desk:
        await desk.supervisor.dial(f"sip:*3robert@{server.sip}")
        assert "403" in (await desk.supervisor.wait_for("CALL_CLOSED"))["param"]


async def dies_unheard(desk: Desk, end: str) -> None:
    """The supervisor's phone is gone amid what the others hear without a gap."""
    await desk.supervisor.dial(f"sip:*1robert@{desk.server.sip}")
    await desk.supervisor.wait_for("CALL_ESTABLISHED")
    await desk.expect("listen")
    judged = asyncio.gather(desk.customer.listen(3.0, settle=0), desk.agent.listen(3.0, settle=0))
    await asyncio.sleep(0.5)
    desk.supervisor.kill() if end == "kill" else desk.supervisor.freeze()
    at_customer, at_agent = await judged
    assert_hears(at_customer, {AGENT_HZ})
    assert_hears(at_agent, {CUSTOMER_HZ})


@pytest.mark.parametrize("end", ["kill", "freeze"])
async def test_the_death_of_a_supervisors_phone_is_not_heard(server: Server, voices: dict[float, Path], tmp_path: Path, end: str) -> None:
    async with talking(server, voices, tmp_path) as desk, AsyncExitStack() as stack:
        for number in range(DEATHS - 1):
            with suppress(AssertionError):
                return await dies_unheard(desk, end)
            phone = Baresip(tmp_path / f"sue-{number}", "sue", voices[SUPERVISOR_HZ], registrar=server.sip, secret=SECRET)
            desk = replace(desk, supervisor=await stack.enter_async_context(phone))
            await desk.supervisor.registered()
        await dies_unheard(desk, end)


async def test_a_call_over_tcp(server: Server, voices: dict[float, Path], tmp_path: Path) -> None:
    async with (
        Baresip(tmp_path / "carl", "carl", voices[CUSTOMER_HZ], registrar=server.sip, secret=SECRET, transport="tcp") as customer,
        Baresip(tmp_path / "robert", "robert", voices[AGENT_HZ], registrar=server.sip, secret=SECRET, transport="tcp") as agent,
    ):
        await asyncio.gather(customer.registered(), agent.registered())
        await customer.dial(f"sip:robert@{server.sip};transport=tcp")
        await agent.wait_for("CALL_INCOMING")
        await agent.accept()
        await asyncio.gather(customer.wait_for("CALL_ESTABLISHED"), agent.wait_for("CALL_ESTABLISHED"))
        await hear({customer: {AGENT_HZ}})
        await customer.hang_up()
        await agent.wait_for("CALL_CLOSED")


async def test_codecs_that_differ_are_transcoded(server: Server, voices: dict[float, Path], tmp_path: Path) -> None:
    async with (
        Baresip(tmp_path / "carl", "carl", voices[CUSTOMER_HZ], registrar=server.sip, secret=SECRET, codecs=("PCMU",)) as customer,
        Baresip(tmp_path / "robert", "robert", voices[AGENT_HZ], registrar=server.sip, secret=SECRET, codecs=("PCMA",)) as agent,
    ):
        await asyncio.gather(customer.registered(), agent.registered())
        await customer.dial(f"sip:robert@{server.sip}")
        await agent.wait_for("CALL_INCOMING")
        await agent.accept()
        await asyncio.gather(customer.wait_for("CALL_ESTABLISHED"), agent.wait_for("CALL_ESTABLISHED"))
        await hear_as("listen", customer, agent)
