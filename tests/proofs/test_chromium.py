"""A supervisor's page in headless Chromium, by the control API alone: three modes judged by tones, restarts, a worker's death, leaving."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.interop.hearing import SUPERVISOR_HZ, hear_as
from tests.interop.houses import TOKEN
from tests.interop.phones.chromium import Chromium
from tests.interop.phones.coturn import SECRET, Coturn
from tests.interop.phones.jssip import bundled
from tests.interop.test_webrtc import Desk, desk


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The supervisor's page."""
    return bundled(tmp_path_factory.mktemp("page") / "page").with_name("supervisor.html")


@asynccontextmanager
async def supervised(
    voices: dict[float, Path], page: Path, folder: Path, *, policy: str = "all", **server: Any
) -> AsyncIterator[tuple[Desk, Chromium]]:
    """A call, and a page that has joined it; by relays alone where the policy is ``relay``."""
    async with desk(voices, folder, **server) as here, Chromium(folder / "chromium", page, voices[SUPERVISOR_HZ]) as supervisor:
        url = here.server.control.replace("http", "ws") + "/v1/control"
        await supervisor.ask(f"phone.start('{url}', '{TOKEN}')")
        await supervisor.wait_for("snapshot")
        await supervisor.ask(f"phone.join({{agent: 'robert'}}, '{policy}')")
        await supervisor.wait_for("connected")
        yield here, supervisor


async def expect(here: Desk, supervisor: Chromium, mode: str) -> None:
    """Everybody must hear what the mode says, and nothing else."""
    await hear_as(mode, here.customer, here.agent, supervisor)


async def test_three_modes_in_a_page(voices: dict[float, Path], page: Path, tmp_path: Path) -> None:
    async with supervised(voices, page, tmp_path) as (here, supervisor):
        await expect(here, supervisor, "listen")
        for mode in ("whisper", "barge", "listen"):
            await supervisor.ask(f"phone.say('set_mode', {{leg: phone.leg, mode: '{mode}'}})")
            await expect(here, supervisor, mode)


async def test_audio_goes_on_where_the_browser_is_found_after_a_restart_of_ice(
    voices: dict[float, Path], page: Path, tmp_path: Path
) -> None:
    async with supervised(voices, page, tmp_path) as (here, supervisor):
        before = await supervisor.ask("phone.port()")
        await supervisor.ask("phone.restart()")
        await supervisor.until(f"phone.port().then((port) => port > 0 && port !== {before})")
        await supervisor.ask("phone.say('set_mode', {leg: phone.leg, mode: 'barge'})")
        await expect(here, supervisor, "barge")


async def test_audio_goes_on_after_the_death_of_the_worker(voices: dict[float, Path], page: Path, tmp_path: Path) -> None:
    async with supervised(voices, page, tmp_path, spares=1) as (here, supervisor):
        await supervisor.ask("phone.say('set_mode', {leg: phone.leg, mode: 'whisper'})")
        here.server.kill_worker()
        await here.server.has_heir()
        await expect(here, supervisor, "whisper")
        assert await supervisor.ask("phone.peer.connectionState") == "connected"


async def test_a_page_that_closes_its_peer_leaves_and_nobody_else_notices(voices: dict[float, Path], page: Path, tmp_path: Path) -> None:
    async with supervised(voices, page, tmp_path) as (here, supervisor):
        await supervisor.ask("phone.peer.close()")
        await supervisor.wait_for("supervisor.left", within=10)
        await hear_as("listen", here.customer, here.agent)


async def test_a_page_that_gets_out_by_turn_alone_is_reached_with_the_password_that_it_was_given(
    voices: dict[float, Path], page: Path, tmp_path: Path
) -> None:
    with Coturn(tmp_path / "coturn") as turn:
        servers = [{"urls": [turn.url], "secret": SECRET}]
        async with supervised(voices, page, tmp_path, policy="relay", ice_servers=servers) as (here, supervisor):
            await supervisor.until("phone.way().then((way) => way === 'relay')")
            await supervisor.ask("phone.say('set_mode', {leg: phone.leg, mode: 'barge'})")
            await expect(here, supervisor, "barge")
