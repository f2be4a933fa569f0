"""Kamailio in front, as ``docs/integrations/kamailio.md`` has it: it registers the phones, and gives the calls to two mediaservers."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.interop.hearing import AGENT_HZ, CUSTOMER_HZ, OTHER_HZ, SUPERVISOR_HZ, hear, hear_as
from tests.interop.houses import SECRET
from tests.interop.phones.baresip import Baresip
from tests.interop.phones.kamailio import RECIPE, Kamailio
from tests.interop.phones.linphone import Linphone
from tests.interop.phones.sipp import Sipp
from tests.interop.server import Server
from tests.interop.tools import PATIENCE, own_address

EDGE = "127.0.0.1"


@dataclass
class Site:
    """What the recipe draws."""

    kamailio: Kamailio
    servers: tuple[Server, Server]
    carrier: str
    """Where the carrier's calls come from."""


def configuration(kamailio: str) -> str:
    """The recipe's mediaserver.toml with our addresses and passwords."""
    text = (RECIPE / "mediaserver.toml").read_text()
    return text.replace("192.0.2.5:5060", kamailio).replace("192.0.2.5", EDGE).replace("change-me-too", SECRET)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Kamailio, not yet started, and two servers that are."""
    addresses = own_address(), own_address()
    carrier = own_address()
    kamailio = Kamailio(
        tmp_path / "kamailio", carriers=(f"{carrier}:5060",), users=dict.fromkeys(("robert", "maria", "anna"), SECRET), address=EDGE
    )
    first, second = (
        Server(tmp_path / f"server-{number}", address=address, configuration=configuration(kamailio.sip))
        for number, address in enumerate(addresses)
    )
    kamailio.send_calls_to([first.sip, second.sip])
    with first, second:
        yield Site(kamailio, (first, second), carrier)


@asynccontextmanager
async def phone(site: Site, folder: Path, user: str, voice: Path) -> AsyncIterator[Baresip]:
    """A phone that registers at Kamailio."""
    async with Baresip(folder / user, user, voice, registrar=site.kamailio.sip, secret=SECRET) as made:
        await made.registered()
        yield made


async def carries_nothing(server: Server) -> None:
    """Wait until its last call is over on both sides."""
    async with asyncio.timeout(PATIENCE):
        while not re.search(r"^mediaserver_media_ports_lent 0", await asyncio.to_thread(server.metrics), re.MULTILINE):
            await asyncio.sleep(0.02)


async def test_phones_register_call_are_supervised_and_hang_up(site: Site, voices: dict[float, Path], tmp_path: Path) -> None:
    async with (
        site.kamailio,
        phone(site, tmp_path, "robert", voices[AGENT_HZ]) as agent,
        phone(site, tmp_path, "anna", voices[SUPERVISOR_HZ]) as supervisor,
        Baresip(tmp_path / "customer", "customer", voices[CUSTOMER_HZ], address=site.carrier) as customer,
    ):
        await customer.dial(f"sip:100@{site.kamailio.sip}")
        await agent.wait_for("CALL_INCOMING")
        await agent.accept()
        await customer.wait_for("CALL_ESTABLISHED")
        await supervisor.dial(f"sip:*2robert@{site.kamailio.sip}")
        await supervisor.wait_for("CALL_ESTABLISHED")
        await hear_as("whisper", customer, agent, supervisor)
        await agent.hang_up()
        await customer.wait_for("CALL_CLOSED")
        await supervisor.wait_for("CALL_CLOSED")


async def test_an_agent_transfers_a_call_amid_a_whisper(site: Site, voices: dict[float, Path], tmp_path: Path) -> None:
    async with (
        site.kamailio,
        Linphone(tmp_path / "robert", "robert", registrar=site.kamailio.sip, secret=SECRET, transport="udp") as agent,
        phone(site, tmp_path, "maria", voices[OTHER_HZ]) as other,
        phone(site, tmp_path, "anna", voices[SUPERVISOR_HZ]) as supervisor,
        Baresip(tmp_path / "customer", "customer", voices[CUSTOMER_HZ], address=site.carrier) as customer,
    ):
        await agent.register()
        await customer.dial(f"sip:100@{site.kamailio.sip}")
        await agent.is_in("IncomingReceived")
        await agent.accept()
        await customer.wait_for("CALL_ESTABLISHED")
        await supervisor.dial(f"sip:*2robert@{site.kamailio.sip}")
        await supervisor.wait_for("CALL_ESTABLISHED")
        await agent.transfer(f"sip:maria@{site.kamailio.sip}")
        await other.wait_for("CALL_INCOMING")
        await other.accept()
        await other.wait_for("CALL_ESTABLISHED")
        await agent.is_idle()
        await hear({customer: {OTHER_HZ}, other: {CUSTOMER_HZ}, supervisor: {CUSTOMER_HZ, OTHER_HZ}})
        await other.hang_up()
        await customer.wait_for("CALL_CLOSED")


async def test_with_one_server_killed_the_next_calls_go_to_the_other(site: Site, tmp_path: Path) -> None:
    async with site.kamailio, Sipp(tmp_path / "robert", "agent_answers", address=EDGE, calls=4, options=("-d", "100")) as agent:
        keys = {"user": "robert", "contact": f"robert@{agent.address}:{agent.port}"}
        credentials = ("-au", "robert", "-ap", SECRET)
        async with Sipp(tmp_path / "registers", "phone_registers_elsewhere", site.kamailio.sip, keys=keys, options=credentials) as register:
            (await register.finished()).check()
        for killed in (None, site.servers[0]):
            if killed is not None:
                await carries_nothing(killed)
                killed.kill()
            for number in (1, 2):
                folder = tmp_path / f"customer-{killed is None}-{number}"
                async with Sipp(
                    folder, "customer", site.kamailio.sip, service="100", address=site.carrier, options=("-d", "100")
                ) as customer:
                    (await customer.finished()).check()
        (await agent.finished()).check(4)
