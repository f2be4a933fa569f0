"""Trunks with SIPp at the other end: a registrar that challenges, targets that are there or not, and the recipe for a PBX."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path

from bench.house import write_toml
from control_api.client import ControlClient
from control_api.messages import CallModel, EventMessage
from mixer.modes import Role
from tests.interop.houses import SECRET, TOKEN, token
from tests.interop.phones.sipp import Sipp
from tests.interop.server import Server
from tests.interop.test_sipp import answered, run
from tests.interop.tools import PATIENCE, free_port, own_address

RECIPE = Path(__file__).parents[2] / "deploy" / "pbx-trunk" / "mediaserver.toml"
TALK = ("-d", "100")
ADMIN = "\n" + write_toml({"tokens": [token("boss", TOKEN, ceiling={"agents": ["*"], "mode": "listen", "rights": ["admin"]})]})


async def until(holds: Callable[[], bool], within: float = PATIENCE) -> None:
    """Wait for something that the server is to do by itself."""
    async with asyncio.timeout(within):
        while not holds():
            await asyncio.sleep(0.05)


# our registration


def registering(port: int) -> str:
    """A trunk that registers at a port of this machine."""
    return (
        f"""
[[trunks]]
name = "carrier"
host = "127.0.0.1:{port}"
user = "4930555"
secret = "{SECRET}"
[trunks.registration]
domain = "carrier.example"
expires = 60
"""
        + ADMIN
    )


async def test_the_server_registers_renews_and_takes_its_registration_back(tmp_path: Path) -> None:
    port = free_port("127.0.0.1")
    registrar = Sipp(tmp_path / "registrar", "registrar_challenges", port=port, keys={"secret": SECRET, "granted": "3"}, within=20)
    async with registrar:
        with Server(tmp_path / "server", configuration=registering(port)) as server:
            registered = 'mediaserver_trunk_registered{trunk="carrier"} 1.0'
            await until(lambda: registered in server.metrics())
            await until(lambda: registrar.messages().count("SIP/2.0 200 OK") == 2)
            assert registered in server.metrics()
        (await registrar.finished()).check()
    assert "REGISTER sip:carrier.example SIP/2.0" in registrar.messages()
    assert "Expires: 120" in registrar.messages()


# several targets


def two_targets(first: int, second: int) -> str:
    """A trunk with two targets on this machine, the first one preferred."""
    return (
        f"""
[[trunks]]
name = "carrier"
[[trunks.targets]]
host = "127.0.0.1"
port = {first}
[[trunks.targets]]
host = "127.0.0.1"
port = {second}
priority = 1
[trunks.keepalive]
interval = 1
timeout = 1
down_after = 1
"""
        + ADMIN
    )


def asked(folder: Path, port: int) -> Sipp:
    """A target that says 404 to each question, until it leaves."""
    return Sipp(folder, "trunk_is_there", port=port, calls=1000, within=60)


def state(port: int, value: int) -> str:
    """A line of the metrics."""
    return f'mediaserver_trunk_up{{target="127.0.0.1:{port}",trunk="carrier"}} {value}.0'


async def test_a_target_that_is_not_there_any_more_is_down_and_one_that_says_404_is_up(tmp_path: Path) -> None:
    first, second = free_port("127.0.0.1"), free_port("127.0.0.1")
    with Server(tmp_path / "server", configuration=two_targets(first, second)) as server:
        async with ControlClient(server.control, TOKEN) as client, asked(tmp_path / "second", second) as there:
            async with aclosing(client.events()) as events, asyncio.timeout(PATIENCE):
                async with asked(tmp_path / "first", first) as leaving:
                    await until(lambda: "SIP/2.0 404" in leaving.messages())
                    await anext(events)  # a snapshot: what comes after it is told
                    await until(lambda: state(first, 1) in server.metrics())
                async for update in events:  # the other one may be told down too: where the machine is busy, its answer may come late
                    if isinstance(update, EventMessage) and update.kind == "trunk.down" and update.detail["target"] == f"127.0.0.1:{first}":
                        break
            await until(lambda: there.messages().count("SIP/2.0 404") >= 3)
            await until(lambda: {state(first, 0), state(second, 1)} <= set(server.metrics().splitlines()))


# the recipe


class Recipe:
    """The server as the recipe has it, with this machine's address in place of the PBX's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pbx, self.port = own_address(), free_port(own_address())
        text = RECIPE.read_text().replace("192.0.2.10:5060", f"{self.pbx}:{self.port}").replace("192.0.2.10", self.pbx)
        self.server = Server(folder / "server", configuration=text.replace("interval = 15", "interval = 0") + ADMIN)

    def calls(self, number: str, caller: str, privacy: str = "X-None: 1") -> Sipp:
        """The PBX sends a call to the server."""
        keys = {"caller": caller, "privacy": privacy}
        return Sipp(self.folder / "calls", "pbx_calls", self.server.sip, service=number, address=self.pbx, keys=keys, options=TALK)

    def is_called(self) -> Sipp:
        """The PBX gets it back."""
        return Sipp(self.folder / "called", "agent_answers", address=self.pbx, port=self.port, options=("-d", "200"))


async def through(recipe: Recipe, calling: Sipp, called: Sipp) -> tuple[CallModel, str]:
    """The call, answered, and the INVITE that the PBX got back."""
    with recipe.server as server:
        async with ControlClient(server.control, TOKEN) as client:
            telling = asyncio.create_task(answered(client))
            await run(called, calling)
            call = await telling
    messages = called.messages()
    invite = messages[messages.index("INVITE sip:") :]
    return call, invite[: invite.index("v=0")]


async def test_a_call_for_an_extension_goes_through_the_server_and_back_to_the_pbx(tmp_path: Path) -> None:
    recipe = Recipe(tmp_path)
    call, invite = await through(recipe, recipe.calls("91001", "0301234"), recipe.is_called())
    assert [(leg.role, leg.party) for leg in call.legs] == [(Role.CUSTOMER, "0301234"), (Role.AGENT, "nora")]
    assert (call.agent, call.team, call.trunk, call.metadata) == ("nora", "support", "pbx", {"queue": "support"})
    assert invite.startswith(f"INVITE sip:1001@{recipe.pbx}:{recipe.port} SIP/2.0")
    assert 'P-Asserted-Identity: "Carla Meyer" <sip:0301234@127.0.0.1>' in invite
    assert "Diversion: <sip:2000@127.0.0.1>;reason=no-answer;counter=1;privacy=off" in invite
    assert "X-Account: 4711" in invite
    assert "internal" not in invite


async def test_an_agents_own_call_through_the_pbx_is_his(tmp_path: Path) -> None:
    recipe = Recipe(tmp_path)
    call, invite = await through(recipe, recipe.calls("0309876", "1002"), recipe.is_called())
    assert [(leg.role, leg.party) for leg in call.legs] == [(Role.AGENT, "paul"), (Role.CUSTOMER, "pbx/80309876")]
    assert invite.startswith(f"INVITE sip:80309876@{recipe.pbx}:{recipe.port} SIP/2.0")


async def test_an_anonymous_caller_stays_anonymous_to_the_house_and_known_to_the_pbx(tmp_path: Path) -> None:
    recipe = Recipe(tmp_path)
    call, invite = await through(recipe, recipe.calls("91001", "0301234", "Privacy: id"), recipe.is_called())
    assert call.caller == "anonymous"
    assert "0301234" not in call.model_dump_json()
    assert 'From: "Anonymous" <sip:anonymous@anonymous.invalid>' in invite
    assert 'P-Asserted-Identity: "Carla Meyer" <sip:0301234@127.0.0.1>\nPrivacy: id' in invite
