"""A supervisor who may listen tries to be heard, by every way there is: all is refused, all is in the audit log, and nobody hears him."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from control_api.client import ControlClient
from control_api.permissions import Refusal
from mediaserver.audit.entry import Entry
from mediaserver.audit.reading import Log
from mediaserver.storage.database import Database
from mediaserver.storage.folder import Places
from tests.interop.houses import LISTENER_TOKEN, SECRET, STRANGER_TOKEN, TOKEN
from tests.interop.phones.sipp import Sipp
from tests.interop.server import Server
from tests.interop.test_baresip import Desk, talking
from tests.interop.tools import PATIENCE, own_address

pytestmark = pytest.mark.timeout(240)
LOUD: Final = ("whisper", "barge")


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server keeps its audit log."""
    return tmp_path_factory.mktemp("storage")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, storage: Path) -> Iterator[Server]:
    """One that keeps what happens."""
    with Server(tmp_path_factory.mktemp("server"), address=own_address(), storage=storage) as running:
        yield running


@dataclass
class Attempt:
    """The listener in the call, and what he tries with."""

    server: Server
    desk: Desk
    folder: Path
    call: str
    leg: int

    async def by_websocket(self) -> None:
        """Both modes, for the leg that he has and for another one."""
        async with ControlClient(self.server.control, LISTENER_TOKEN) as client:
            for mode in LOUD:
                await refused("forbidden", partial(client.set_mode, self.leg, mode))
                await refused("forbidden", partial(client.supervise, call=self.call, mode=mode))
            await refused("forbidden", lambda: client.set_mode(self.leg, "whisper", "customer"))
            await refused("forbidden", lambda: client.message(agent="robert", text="do as I say"))

    async def by_rest(self) -> None:
        """The same as requests, and ending the call."""
        for mode in LOUD:
            assert await self.rest("PUT", f"/v1/supervisors/{self.leg}/mode", {"mode": mode}) == 403
            assert await self.rest("POST", f"/v1/calls/{self.call}/supervisors", {"mode": mode}) == 403
        assert await self.rest("DELETE", f"/v1/calls/{self.call}") == 403

    async def by_digit(self) -> None:
        """The digits of both modes."""
        for digit in ("5", "6"):
            await self.desk.supervisor.send_digit(digit)

    async def by_info(self) -> None:
        """Another phone of his listens, and asks for both modes by SIP INFO."""
        options = ("-au", "lee", "-ap", SECRET)
        scenario = "supervisor_switches_by_info"
        phone = Sipp(self.folder / scenario, scenario, self.server.sip, service="*1robert", keys={"supervisor": "lee"}, options=options)
        async with phone:
            (await phone.finished()).check()

    async def by_dialling(self) -> None:
        """The codes of both modes."""
        for code in ("*2", "*3"):
            await self.desk.supervisor.dial(f"sip:{code}robert@{self.server.sip}")
            assert "403" in (await self.desk.supervisor.wait_for("CALL_CLOSED"))["param"]

    async def by_a_used_token(self) -> None:
        """A guest's link admits to listening, once; and his token is good for nothing when he has signed out."""
        link = await self.rest("POST", f"/v1/calls/{self.call}/links", {}, token=TOKEN, wants_body=True)
        guest = await self.rest("POST", "/v1/sign-in/link", {"token": link["token"]}, token="", wants_body=True)
        assert await self.rest("PUT", f"/v1/supervisors/{self.leg}/mode", {"mode": "barge"}, token=guest["access"]) in (403, 404)
        assert await self.rest("POST", "/v1/sign-in/link", {"token": link["token"]}, token="") == 401
        assert await self.rest("POST", "/v1/sign-out", {}, token=guest["access"]) == 200
        assert await self.rest("POST", f"/v1/calls/{self.call}/supervisors", {"mode": "barge"}, token=guest["access"]) == 401
        await refused("unauthenticated", ControlClient(self.server.control, guest["access"], reconnects=False).__aenter__)

    async def by_another_tenants(self) -> None:
        """One who may do everything, elsewhere."""
        async with ControlClient(self.server.control, STRANGER_TOKEN) as client:
            assert dict(client.calls) == {}
            for mode in ("listen", *LOUD):
                await refused("not_found", partial(client.set_mode, self.leg, mode))
                await refused("not_found", partial(client.supervise, call=self.call, mode=mode))
                await refused("not_found", partial(client.supervise, agent="robert", mode=mode))
            await refused("not_found", lambda: client.end(self.call))

    async def rest(self, method: str, path: str, body: Any = None, *, token: str = LISTENER_TOKEN, wants_body: bool = False) -> Any:
        """The status of the answer, or what it says."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as http:
            answer = await http.request(method, self.server.control + path, json=body, headers=headers)
        return answer.json() if wants_body else answer.status_code


async def refused(code: str, attempt: Callable[[], Awaitable[Any]]) -> None:
    """It must be refused with this code."""
    with pytest.raises(Refusal) as found:
        await attempt()
    assert found.value.code == code


@pytest.fixture
async def attempt(server: Server, voices: dict[float, Path], tmp_path: Path) -> AsyncIterator[Attempt]:
    """The listener is in the call, by his phone."""
    async with talking(server, voices, tmp_path, "lee") as desk:
        await desk.supervisor.dial(f"sip:*1robert@{server.sip}")
        await desk.supervisor.wait_for("CALL_ESTABLISHED")
        async with ControlClient(server.control, LISTENER_TOKEN) as client:
            (call,) = client.calls.values()
            (leg,) = (leg.leg for leg in call.legs if leg.identity == "lee")
        yield Attempt(server, desk, tmp_path, call.call, leg)


async def test_a_listener_is_not_heard_whatever_he_tries(attempt: Attempt, storage: Path) -> None:
    await attempt.desk.expect("listen")
    for way in (
        attempt.by_websocket,
        attempt.by_rest,
        attempt.by_digit,
        attempt.by_info,
        attempt.by_dialling,
        attempt.by_a_used_token,
        attempt.by_another_tenants,
    ):
        await way()
        await attempt.desk.expect("listen")
    refusals = await refusals_in(storage, attempt)
    asked = {(entry.identity, entry.way, entry.facts.get("command", ""), entry.facts.get("mode", "")) for entry in refusals}
    assert {("lee", way, command, mode) for way, command in (("api", "set_mode"), ("api", "supervise")) for mode in LOUD} <= asked
    for door in ("digit", "info", "dial_in"):
        assert {mode for identity, by, _, mode in asked if (identity, by) == ("lee", door)} == set(LOUD), door
    assert {identity for identity, *_ in asked} >= {"lee", "tess"}
    assert [entry.way for entry in refusals if entry.kind == "access.denied"]


async def refusals_in(storage: Path, attempt: Attempt) -> list[Entry]:
    """What the audit log has of refusals, when all of it is there."""
    places = Places(storage)
    async with asyncio.timeout(PATIENCE):
        while "mediaserver_storage_behind_bytes 0.0" not in attempt.server.metrics():
            await asyncio.sleep(0.1)
    database = Database(f"sqlite+aiosqlite:///{places.database}")
    try:
        return [found.entry async for found in Log(places.journal, database).entries() if found.entry.kind.endswith(("refused", "denied"))]
    finally:
        await database.close()
