"""JsSIP over WSS in headless Chromium: a browser registers, calls, is called, supervises, and is supervised and switched; and is heard."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from control_api.client import ControlClient
from tests.interop.hearing import AGENT_HZ, CUSTOMER_HZ, SUPERVISOR_HZ, hear, hear_as
from tests.interop.houses import SECRET, TOKEN
from tests.interop.phones.baresip import Baresip
from tests.interop.phones.jssip import JsSip, bundled
from tests.interop.phones.sipp import Sipp
from tests.interop.server import Server
from tests.interop.tools import PATIENCE
from tests.sip.transport.authority import Authority

LONG = ("-d", "60000")
"""For as long as the test goes on."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server with a certificate of its own making."""
    folder = tmp_path_factory.mktemp("server")
    with Server(folder, secured_by=Authority(folder).issue("127.0.0.1")) as running:
        yield running


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The phone's page."""
    return bundled(tmp_path_factory.mktemp("page") / "page")


@asynccontextmanager
async def browser(server: Server, folder: Path, page: Path, user: str, microphone: Path | None = None) -> AsyncIterator[JsSip]:
    """A browser's phone that is registered."""
    async with JsSip(folder / user, page, microphone) as phone:
        await phone.ask(f"phone.start('wss://{server.address}:{server.wss_port}', 'sip:{user}@{server.address}', '{SECRET}')")
        await phone.wait_for("registered")
        yield phone


def in_mode(calls: Mapping[str, Any], mode: str) -> int | None:
    """The supervising leg, once it is in this mode and joined."""
    legs = [leg for call in calls.values() for leg in call.legs if leg.mode == mode and leg.state == "answered"]
    return legs[0].leg if legs else None


def agent(server: Server, folder: Path) -> Sipp:
    """A phone at the port that the number ``first`` rings."""
    return Sipp(folder / "agent", "agent_answers", address=server.address, port=server.first, options=("-d", "100"))


async def test_a_browser_calls_is_supervised_and_switched(server: Server, page: Path, tmp_path: Path) -> None:
    async with (
        browser(server, tmp_path, page, "carl") as customer,
        agent(server, tmp_path),
        ControlClient(server.control, TOKEN) as control,
    ):
        await customer.ask(f"phone.call('sip:first@{server.address}')")
        await customer.wait_for("confirmed")
        options = ("-au", "sue", "-ap", SECRET, *LONG)
        (call,) = await control.list()
        knock = Sipp(
            tmp_path / "sue", "supervisor_stays", server.sip, service=f"call-{call.call}", keys={"supervisor": "sue"}, options=options
        )
        async with knock:
            leg = await control.until(partial(in_mode, mode="listen"), timeout=PATIENCE)
            for mode in ("whisper", "barge", "listen"):
                assert (await control.set_mode(leg, mode)).turn > 0
            await customer.ask("phone.session.terminate()")
            await customer.wait_for("ended")
            await control.until(lambda calls: not calls or None, timeout=PATIENCE)


async def test_a_browser_supervises_and_switches_by_info(server: Server, page: Path, tmp_path: Path) -> None:
    async with (
        browser(server, tmp_path, page, "sue") as supervisor,
        agent(server, tmp_path),
        Sipp(tmp_path / "customer", "customer", server.sip, service="first", address=server.trunk, options=LONG),
        ControlClient(server.control, TOKEN) as control,
    ):
        call = await control.until(
            lambda calls: next((call.call for call in calls.values() if call.state == "answered"), None), timeout=PATIENCE
        )
        await supervisor.ask(f"phone.call('sip:call-{call}@{server.address}')")
        await supervisor.wait_for("confirmed")
        await control.until(partial(in_mode, mode="listen"), timeout=PATIENCE)
        for digit, mode in (("5", "whisper"), ("6", "barge"), ("4", "listen")):
            await supervisor.ask(f"phone.press('{digit}')")
            await control.until(partial(in_mode, mode=mode), timeout=PATIENCE)


async def test_a_browser_is_called_and_answers(server: Server, page: Path, tmp_path: Path) -> None:
    async with (
        browser(server, tmp_path, page, "robert") as called,
        Sipp(tmp_path / "customer", "customer", server.sip, service="robert", address=server.trunk, options=("-d", "500")) as customer,
    ):
        assert await called.wait_for("incoming") == "customer"
        await called.ask("phone.answer()")
        await called.wait_for("confirmed")
        (await customer.finished()).check()
        assert await called.wait_for("ended") == "Terminated"


async def test_a_browser_supervises_in_three_modes_judged_by_tones(
    server: Server, page: Path, voices: dict[float, Path], tmp_path: Path
) -> None:
    async with (
        Baresip(tmp_path / "carl", "carl", voices[CUSTOMER_HZ], registrar=server.sip, secret=SECRET) as customer,
        Baresip(tmp_path / "robert", "robert", voices[AGENT_HZ], registrar=server.sip, secret=SECRET) as called,
        browser(server, tmp_path, page, "sue", voices[SUPERVISOR_HZ]) as supervisor,
    ):
        await asyncio.gather(customer.registered(), called.registered())
        await customer.dial(f"sip:robert@{server.sip}")
        await called.wait_for("CALL_INCOMING")
        await called.accept()
        await asyncio.gather(customer.wait_for("CALL_ESTABLISHED"), called.wait_for("CALL_ESTABLISHED"))
        await supervisor.ask(f"phone.call('sip:*1robert@{server.address}')")
        await supervisor.wait_for("confirmed")
        for digit, mode in (("4", "listen"), ("5", "whisper"), ("6", "barge"), ("4", "listen")):
            await supervisor.ask(f"phone.press('{digit}')")
            await hear_as(mode, customer, called, supervisor)


async def test_a_browser_that_is_called_is_the_agent_and_is_heard(
    server: Server, page: Path, voices: dict[float, Path], tmp_path: Path
) -> None:
    async with (
        Baresip(tmp_path / "carl", "carl", voices[CUSTOMER_HZ], registrar=server.sip, secret=SECRET) as customer,
        browser(server, tmp_path, page, "rita", voices[AGENT_HZ]) as called,
    ):
        await customer.registered()
        await customer.dial(f"sip:rita@{server.sip}")
        await called.wait_for("incoming")
        await called.ask("phone.answer()")
        await asyncio.gather(customer.wait_for("CALL_ESTABLISHED"), called.wait_for("confirmed"))
        await hear({customer: {AGENT_HZ}, called: {CUSTOMER_HZ}})


async def test_a_browser_with_a_wrong_password_is_not_registered(server: Server, page: Path, tmp_path: Path) -> None:
    async with JsSip(tmp_path / "eve", page) as phone:
        await phone.ask(f"phone.start('wss://{server.address}:{server.wss_port}', 'sip:sue@{server.address}', 'wrong')")
        assert await phone.wait_for("registrationFailed") != ""
