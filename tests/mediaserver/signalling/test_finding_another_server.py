"""By DNS and sockets on loopback: servers that are dead, silent or unwilling, until one answers (RFC 3263 §4.3)."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import pytest

from config.dns import DnsSettings
from mediaserver.observing.counters import Counters
from mediaserver.signalling.routing.resolving import Resolver
from sip.events import Accepted, Event, InviteReceived, Rejected
from sip.location.records import Hop
from sip.transport.flow import Flow
from sip.transport.listeners import Listener
from sip.transport.shell import SipShell
from sip.uri import Uri
from sip.useragent import Invitation, UserAgent, UserAgentSettings
from tests.mediaserver.signalling.zone import NameServer
from tests.sip.network import ANSWER, OFFER, seeded_entropy

PATIENCE = 1.5
"""Seconds for which a server is waited for; one that answers does so within a hundredth, where the machine is not busy."""


@dataclass
class Station:
    """A user agent on sockets that answers INVITEs with one status."""

    seed: int
    status: int = 200
    told: list[Event] = field(default_factory=list)
    done: asyncio.Event = field(default_factory=asyncio.Event)

    async def open(self, stack: AsyncExitStack) -> "Station":
        """Bind to loopback."""
        settings = UserAgentSettings(failover_after=PATIENCE, advertised=lambda flow: ("127.0.0.1", self.port(flow.transport)))
        self.agent = UserAgent(settings, ha1_of=lambda user, algorithm: None, entropy=seeded_entropy(self.seed))
        self.shell = SipShell(self.agent, on_event=self.heard)
        await self.shell.open([Listener("udp", "127.0.0.1", 0), Listener("tcp", "127.0.0.1", 0)])
        stack.push_async_callback(self.shell.close)
        return self

    def port(self, transport: str) -> int:
        """Where it is bound."""
        address = self.shell.address(transport)
        assert address is not None
        return address[1]

    def heard(self, event: Event, now: float) -> None:
        """Answer who calls; remember the end of our own call."""
        self.told.append(event)
        if isinstance(event, InviteReceived):
            if self.status == 200:
                self.agent.accept(event.session, ANSWER, now)
            else:
                self.agent.reject(event.session, self.status, now)
            self.shell.settle()
        elif isinstance(event, Accepted | Rejected):
            self.done.set()

    def flow_toward(self, hop: Hop) -> Flow:
        """How a hop is reached."""
        return self.shell.flow_to(hop.transport, (hop.address, hop.port), hop.name)


class World:
    """A caller, a name server, and whoever is put into its zone."""

    def __init__(self, stack: AsyncExitStack, tasks: asyncio.TaskGroup, caller: Station, zone: NameServer) -> None:
        self._stack = stack
        self.caller = caller
        self.zone = zone
        self.resolver = Resolver(
            tasks,
            DnsSettings(nameservers=(zone.address,), timeout=5),
            transports=("udp", "tcp"),
            bind=("127.0.0.1",),
            flow_toward=caller.flow_toward,
            counters=Counters(),
        )

    async def station(self, seed: int, status: int = 200) -> Station:
        """Somebody who answers."""
        return await Station(seed, status).open(self._stack)

    def nobody(self, kind: socket.SocketKind) -> int:
        """A port that is bound and says nothing (UDP), or refuses (TCP)."""
        sock = self._stack.enter_context(socket.socket(socket.AF_INET, kind))
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port

    def serve(self, name: str, *ports: int) -> None:
        """Servers of a service, by falling priority."""
        self.zone.records[name, "SRV"] = [f"{priority} 0 {port} here.example.com." for priority, port in enumerate(ports)]
        self.zone.records["here.example.com.", "A"] = ["127.0.0.1"]

    async def call(self, uri: str = "sip:bob@example.com") -> Event:
        """Call a domain; how it ended."""

        def found(flows: tuple[Flow, ...], problem: str) -> None:
            invitation = Invitation(uri, "sip:alice@127.0.0.1", uri, flows, OFFER)
            self.caller.agent.invite(invitation, time.monotonic())
            self.caller.shell.settle()

        self.caller.done.clear()
        self.resolver.locate(Uri.parse(uri), found)
        await self.caller.done.wait()
        return self.caller.told[-1]


@asynccontextmanager
async def world() -> AsyncIterator[World]:
    """All of it, for half a minute at most."""
    async with asyncio.timeout(30), AsyncExitStack() as stack:
        zone = await NameServer().open()
        stack.callback(zone.close)
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        caller = await Station(1).open(stack)
        yield World(stack, tasks, caller, zone)


@pytest.mark.parametrize("trouble", ["refused", "silent", "unavailable"])
async def test_the_next_server_is_called_where_one_is_of_no_use(trouble: str) -> None:
    async with world() as here:
        good = await here.station(2)
        if trouble == "refused":
            here.serve("_sip._tcp.example.com.", here.nobody(socket.SOCK_STREAM))
            here.serve("_sip._udp.example.com.", good.port("udp"))
        elif trouble == "silent":
            here.serve("_sip._tcp.example.com.", good.port("tcp"))
            here.serve("_sip._udp.example.com.", here.nobody(socket.SOCK_DGRAM))
            here.zone.records["example.com.", "NAPTR"] = [
                '10 10 "s" "SIP+D2U" "" _sip._udp.example.com.',
                '20 10 "s" "SIP+D2T" "" _sip._tcp.example.com.',
            ]
        else:
            bad = await here.station(3, 503)
            here.serve("_sip._tcp.example.com.", bad.port("tcp"), good.port("tcp"))
        assert isinstance(await here.call(), Accepted)
        assert len([event for event in good.told if isinstance(event, InviteReceived)]) == 1


async def test_a_server_that_failed_is_not_waited_for_by_the_next_call() -> None:
    async with world() as here:
        good = await here.station(2)
        here.serve("_sip._udp.example.com.", here.nobody(socket.SOCK_DGRAM), good.port("udp"))
        uri = "sip:bob@example.com;transport=udp"
        began = time.monotonic()
        await here.call(uri)
        assert time.monotonic() - began >= PATIENCE
        await here.call(uri)
        assert here.caller.agent.counters["failover_timeout"] == 1


async def test_where_all_servers_refuse_the_call_fails() -> None:
    async with world() as here:
        here.serve("_sip._tcp.example.com.", here.nobody(socket.SOCK_STREAM), here.nobody(socket.SOCK_STREAM))
        ended = await here.call("sip:bob@example.com;transport=tcp")
        assert isinstance(ended, Rejected)
        assert ended.status == 503


async def test_a_large_request_goes_by_udp_where_tcp_is_refused() -> None:
    async with world() as here:
        good = await here.station(2)
        uri = f"sip:{'b' * 1300}@127.0.0.1:{good.port('udp')}"
        assert isinstance(await here.call(uri), Accepted)
        counters = here.caller.agent.counters
        assert (counters["large_request_by_tcp"], counters["large_request_back_to_udp"]) == (1, 1)
