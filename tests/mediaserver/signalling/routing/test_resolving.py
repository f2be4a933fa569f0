"""URIs become flows, by a real name server on loopback; what leads nowhere is nothing, and never the end of the server."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvloop

from config.dns import DnsSettings
from mediaserver.observing.counters import Counters
from mediaserver.signalling.routing.resolving import HOSTS_SECONDS, MOST_SEARCHES, HostsFile, Resolver, families_of
from sip.location.records import Hop
from sip.transport.flow import Flow
from sip.uri import Uri
from tests.mediaserver.signalling.zone import NameServer

Located = tuple[tuple[Flow, ...], str]


def flow_toward(hop: Hop) -> Flow:
    """A flow from nowhere in particular."""
    return Flow(hop.transport, ("127.0.0.1", 5060 if hop.transport == "udp" else 0), (hop.address, hop.port), hop.name)


class World:
    """A name server and a resolver that asks it."""

    def __init__(self, server: NameServer, tasks: asyncio.TaskGroup, *, timeout: float = 1, clock: Callable[[], float] = lambda: 0) -> None:
        self.server = server
        self.counters = Counters()
        settings = DnsSettings(nameservers=(server.address,), timeout=timeout)
        self.resolver = Resolver(
            tasks, settings, transports=("udp", "tcp"), bind=("127.0.0.1",), flow_toward=flow_toward, counters=self.counters, clock=clock
        )

    async def locate(self, uri: str) -> Located:
        """What a search calls back with."""
        found: asyncio.Future[Located] = asyncio.get_running_loop().create_future()
        self.resolver.locate(Uri.parse(uri), lambda flows, problem: found.set_result((flows, problem)))
        return await found

    async def hops(self, uri: str) -> list[str]:
        """The same as text, such as ``udp 127.0.0.1:5060``."""
        return [f"{flow.transport} {flow.remote[0]}:{flow.remote[1]}" for flow in (await self.locate(uri))[0]]


@asynccontextmanager
async def world(server: NameServer | None = None, **wishes: float) -> AsyncIterator[World]:
    """A task group shows what would have ended the server."""
    opened = await (server or NameServer()).open()
    try:
        async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
            yield World(opened, tasks, **wishes)  # type: ignore[arg-type]
    finally:
        opened.close()


def located_at_once(uri: str, bind: str = "127.0.0.1") -> list[Located]:
    """What is known without a loop, let alone a name server."""
    found: list[Located] = []
    resolver = Resolver(
        None,  # type: ignore[arg-type]
        DnsSettings(),
        transports=("udp", "tcp", "tls"),
        bind=(bind,),
        flow_toward=flow_toward,
        counters=Counters(),
    )
    resolver.locate(Uri.parse(uri), lambda flows, problem: found.append((flows, problem)))
    return found


@pytest.mark.parametrize(
    ("uri", "flow"),
    [
        ("sip:a@192.0.2.7", Flow("udp", ("127.0.0.1", 5060), ("192.0.2.7", 5060))),
        ("sip:a@192.0.2.7:5070;transport=tcp", Flow("tcp", ("127.0.0.1", 0), ("192.0.2.7", 5070))),
        ("sips:a@192.0.2.7", Flow("tls", ("127.0.0.1", 0), ("192.0.2.7", 5061), "192.0.2.7")),
        ("sip:a@localhost", Flow("udp", ("127.0.0.1", 5060), ("127.0.0.1", 5060))),
    ],
)
def test_what_needs_no_look_up_is_known_at_once(uri: str, flow: Flow) -> None:
    assert located_at_once(uri) == [((flow,), "")]


def test_an_ipv6_address_is_reached_where_ipv6_is_bound() -> None:
    assert [flow.remote for flow in located_at_once("sip:a@[2001:db8::7]", bind="::")[0][0]] == [("2001:db8::7", 5060)]
    assert located_at_once("sip:a@[2001:db8::7]", bind="0.0.0.0") == [((), "it has no address")]


@pytest.mark.parametrize(
    ("bind", "families"),
    [
        ("0.0.0.0", ("A",)),
        ("", ("A",)),
        ("192.0.2.1", ("A",)),
        ("::", ("AAAA", "A")),
        ("2001:db8::1", ("AAAA",)),
        ("192.0.2.1 2001:db8::1", ("AAAA", "A")),
    ],
)
def test_families_are_those_that_we_are_bound_to(bind: str, families: tuple[str, ...]) -> None:
    assert families_of(*(bind.split() or [""])) == families


async def test_a_domain_is_followed_to_its_servers() -> None:
    async with world() as here:
        assert await here.hops("sip:a@example.com") == ["tcp 127.0.0.11:5070", "udp 127.0.0.12:5080", "udp 127.0.0.11:5090"]
        assert sorted(here.server.asked) == sorted(
            [
                "NAPTR example.com",
                "SRV _sip._tcp.example.com",
                "SRV _sip._udp.example.com",
                "A one.example.com",
                "A two.example.com",
            ]
        )


def test_the_servers_own_event_loop_does_as_well() -> None:
    async def hops() -> list[str]:
        async with world() as here:
            return await here.hops("sip:a@example.com;transport=tcp")

    assert uvloop.run(hops()) == ["tcp 127.0.0.11:5070"]


async def test_an_answer_is_kept_for_its_ttl() -> None:
    now = [0.0]
    async with world(clock=lambda: now[0]) as here:  # type: ignore[arg-type]
        await here.hops("sip:a@one.example.com:5060")
        now[0] = 59
        await here.hops("sip:a@one.example.com:5060")
        assert len(here.server.asked) == 1
        now[0] = 61
        await here.hops("sip:a@one.example.com:5060")
        assert len(here.server.asked) == 2


async def test_what_is_kept_is_told_at_once() -> None:
    async with world() as here:
        await here.hops("sip:a@example.com")
        found: list[Located] = []
        here.resolver.locate(Uri.parse("sip:b@example.com"), lambda flows, problem: found.append((flows, problem)))
        assert len(found) == 1


async def test_many_who_want_the_same_ask_once() -> None:
    async with world() as here:
        results = await asyncio.gather(*[here.hops("sip:a@one.example.com:5060") for _ in range(100)])
        assert results == [["udp 127.0.0.11:5060"]] * 100
        assert here.server.asked == ["A one.example.com"]


@pytest.mark.parametrize(("host", "address"), [("www.example.com", "127.0.0.11"), ("chained.example.com", "127.0.0.13")])
async def test_an_alias_is_followed_also_into_another_zone(host: str, address: str) -> None:
    server = NameServer()
    server.records["www.example.com.", "CNAME"] = ["one.example.com."]
    async with world(server) as here:
        assert await here.hops(f"sip:a@{host}:5060") == [f"udp {address}:5060"]


async def test_a_name_that_nobody_has_leads_nowhere_and_is_kept_as_such() -> None:
    async with world() as here:
        assert await here.locate("sip:a@nobody.example:5060") == ((), "it has no address")
        assert await here.locate("sip:a@nobody.example:5060") == ((), "it has no address")
        assert here.server.asked == ["A nobody.example"]
        assert here.counters.value("locations", "nowhere") == 2


async def test_a_server_in_trouble_leads_nowhere() -> None:
    async with world(NameServer(is_in_trouble=True)) as here:
        assert await here.locate("sip:a@example.com") == ((), "DNS does not answer")
        assert here.counters.value("dns_answers", "failed") > 0


async def test_a_silent_server_is_not_waited_for_without_end() -> None:
    async with world(NameServer(is_silent=True), timeout=0.5) as here:
        assert await here.locate("sip:a@one.example.com:5060") == ((), "DNS does not answer")
        assert here.server.asked == ["A one.example.com"] * 2


async def test_an_old_answer_stands_in_for_a_silent_server() -> None:
    now = [0.0]
    async with world(timeout=0.5, clock=lambda: now[0]) as here:  # type: ignore[arg-type]
        await here.hops("sip:a@one.example.com:5060")
        here.server.is_silent = True
        now[0] = 100
        assert await here.hops("sip:a@one.example.com:5060") == ["udp 127.0.0.11:5060"]


@pytest.mark.parametrize("host", ["a" * 64, f"{'a' * 64}.example", "a..b", ".", "-", "x" * 300])
async def test_a_name_that_is_none_is_nobody(host: str) -> None:
    async with world() as here:
        assert (await here.locate(f"sip:a@{host}:5060"))[0] == ()
        assert all(asked == "A -" for asked in here.server.asked)


async def test_too_many_at_once_lead_nowhere() -> None:
    async with world(NameServer(is_silent=True), timeout=0.2) as here:
        results = await asyncio.gather(*[here.locate(f"sip:a@h{number}.example:5060") for number in range(MOST_SEARCHES + 3)])
        assert [problem for _, problem in results].count("too many look-ups are under way") == 3


async def test_a_fault_of_who_asked_stays_with_him() -> None:
    def found(flows: tuple[Flow, ...], problem: str) -> None:
        raise RuntimeError(f"{flows} are of no use")

    async with world() as here:
        here.resolver.locate(Uri.parse("sip:a@one.example.com:5060"), found)


def test_the_hosts_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    hosts = HostsFile(path)
    assert hosts.read(0) == {}
    path.write_text("192.0.2.1 pbx\n")
    assert hosts.read(1) == {}
    assert hosts.read(HOSTS_SECONDS) == {"pbx": ("192.0.2.1",)}
    path.unlink()
    assert hosts.read(2 * HOSTS_SECONDS) == {}
