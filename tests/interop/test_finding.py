"""Where calls go, with SIPp at the far ends: several phones of one agent, and servers that DNS names of which some are of no use."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from tests.interop.houses import SECRET
from tests.interop.phones.sipp import Sipp
from tests.interop.server import Server
from tests.interop.tools import own_address
from tests.mediaserver.signalling.zone import NameServer

TALK = ("-d", "300")
FAR = """\
[sip]
failover_after = 2
[sip.dns]
nameservers = ["{nameserver}"]
[[trunks]]
name = "pbx"
addresses = ["{trunk}"]
[[routes]]
number = "far"
targets = ["sip:service@example.com"]
"""


async def run(*phones: Sipp) -> None:
    """Start the phones in turn, the caller last; every one must find its call as written."""
    async with AsyncExitStack() as stack:
        for started in phones:
            await stack.enter_async_context(started)
        for statistics in await asyncio.gather(*(started.finished() for started in phones)):
            statistics.check(1)


def customer(server: Server, folder: Path, number: str) -> Sipp:
    """A customer behind the trunk."""
    return Sipp(folder / "customer", "customer", server.sip, service=number, address=server.trunk, options=TALK)


def phone(server: Server, folder: Path, scenario: str, port: int, **keys: str) -> Sipp:
    """Somebody who is called."""
    return Sipp(folder / f"{scenario}-{port}", scenario, address=server.address, port=port, options=TALK, keys=keys)


async def test_an_agents_phones_all_ring_and_the_first_to_answer_has_the_call(tmp_path: Path) -> None:
    with Server(tmp_path / "server") as server:
        for port in (server.first, server.second):
            options = ("-au", "robert", "-ap", SECRET)
            await run(Sipp(tmp_path / f"comes-{port}", "phone_comes_too", server.sip, service="robert", port=port, options=options))
        ringing = phone(server, tmp_path, "agent_never_answers", server.second)
        await run(ringing, phone(server, tmp_path, "agent_answers", server.first), customer(server, tmp_path, "robert"))
        assert 'Reason: SIP;cause=200;text="Call completed elsewhere"' in ringing.messages()


@asynccontextmanager
async def far(folder: Path) -> AsyncIterator[Server]:
    """A server whose number ``far`` is at example.com: at its port `first`, and if not, at `second`."""
    zone = await NameServer().open()
    trunk = own_address()
    try:
        with Server(folder / "server", configuration=FAR.format(nameserver=zone.address, trunk=trunk)) as server:
            server.trunk = trunk
            here = "here.example.com."
            zone.records[here, "A"] = [server.address]
            zone.records["example.com.", "NAPTR"] = ['10 10 "s" "SIP+D2U" "" _sip._udp.example.com.']
            zone.records["_sip._udp.example.com.", "SRV"] = [f"0 0 {server.first} {here}", f"1 0 {server.second} {here}"]
            yield server
    finally:
        zone.close()


async def test_the_next_server_of_a_domain_is_called_where_one_is_overloaded(tmp_path: Path) -> None:
    async with far(tmp_path) as server:
        await run(
            phone(server, tmp_path, "agent_refuses", server.first, status="503", reason="Service Unavailable"),
            phone(server, tmp_path, "agent_answers", server.second),
            customer(server, tmp_path, "far"),
        )
        assert 'kind="failover_503"' in server.metrics()


async def test_the_next_server_of_a_domain_is_called_where_one_is_silent(tmp_path: Path) -> None:
    async with far(tmp_path) as server:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
            silent.bind((server.address, server.first))
            await run(phone(server, tmp_path, "agent_answers", server.second), customer(server, tmp_path, "far"))
        assert 'kind="failover_timeout"' in server.metrics()


async def test_the_next_server_of_a_domain_is_called_where_one_is_dead(tmp_path: Path) -> None:
    async with far(tmp_path) as server:
        await run(phone(server, tmp_path, "agent_answers", server.second), customer(server, tmp_path, "far"))
        assert 'kind="failover_' in server.metrics()
