"""A network without a network: user agents joined by a virtual wire and a virtual clock, with latency and seeded loss."""

import heapq
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TypeVar

from sip.digest import ha1
from sip.events import Event, InviteReceived
from sip.message import Request, Response, parse
from sip.sdp import SessionDescription
from sip.transport.flow import Address, Flow
from sip.useragent import Invitation, UserAgent, UserAgentSettings

OFFER = SessionDescription.parse(
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
    b"m=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\n"
)
ANSWER = SessionDescription.parse(
    b"v=0\r\no=- 2 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\n"
    b"m=audio 5000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"
)

SECRETS = {"alice": "wonderland", "bob": "builder"}


def ha1_of(user: str, algorithm: str) -> str | None:
    """What a user agent is told of these secrets."""
    return ha1(user, UserAgentSettings().realm, SECRETS[user], algorithm) if user in SECRETS else None


ALICE: Address = ("192.0.2.1", 5060)
BOB: Address = ("192.0.2.2", 5060)


T = TypeVar("T")


def seeded_entropy(seed: int) -> Callable[[int], bytes]:
    """Bytes that are the same in each run."""
    return random.Random(seed).randbytes


@dataclass
class Station:
    """A user agent with its address and what it told."""

    agent: UserAgent
    address: Address
    transport: str
    told: list[Event] = field(default_factory=list)
    react: Callable[[Event], None] = lambda event: None

    def flow_to(self, remote: Address) -> Flow:
        """This station's flow to an address."""
        return Flow(self.transport, self.address, remote)

    def told_of(self, kind: type[T]) -> list[T]:
        """Events of one kind."""
        return [event for event in self.told if isinstance(event, kind)]


@dataclass(frozen=True)
class Carried:
    """One message that was put on the wire."""

    at: float
    sender: Address
    receiver: Address
    message: Request | Response
    lost: bool
    transport: str = "udp"

    @property
    def what(self) -> str:
        """Method, or status with method."""
        message = self.message
        return message.method if isinstance(message, Request) else f"{message.status} {message.cseq.method}"


class Network:
    """The wire. ``loses`` is asked about each message: (carried so far, message) -> lost."""

    def __init__(self, *, latency: float = 0.01, transport: str = "udp", seed: int = 1) -> None:
        self.now = 1000.0
        self.latency = latency
        self.transport = transport
        self.carried: list[Carried] = []
        self.loses: Callable[[Carried], bool] = lambda carried: False
        self._seed = seed
        self._stations: dict[Address, Station] = {}
        self._under_way: list[tuple[float, int, bytes, Flow]] = []

    def station(self, address: Address, **settings: object) -> Station:
        """Add a user agent."""
        agent = UserAgent(
            UserAgentSettings(**settings),  # type: ignore[arg-type]
            ha1_of=ha1_of,
            entropy=seeded_entropy(self._seed * 1000 + len(self._stations)),
        )
        station = Station(agent, address, self.transport)
        self._stations[address] = station
        return station

    def inject(self, data: bytes, sender: Address, receiver: Address) -> None:
        """Hand bytes to a station at once, as if they came from an address."""
        self._stations[receiver].agent.receive(data, Flow(self.transport, receiver, sender), self.now)
        self.settle()

    def run(self, seconds: float) -> None:
        """Let time pass."""
        end = self.now + seconds
        self.settle()
        while True:
            times = [timer for station in self._stations.values() if (timer := station.agent.next_timer()) is not None]
            times += [self._under_way[0][0]] if self._under_way else []
            if not times or min(times) > end:
                break
            self.now = max(self.now, min(times))
            self._deliver()
            for station in self._stations.values():
                if (timer := station.agent.next_timer()) is not None and timer <= self.now:
                    station.agent.handle_timer(self.now)
            self.settle()
        self.now = end

    def settle(self) -> None:
        """Carry what was sent, and tell what happened, until nothing is left to do now."""
        busy = True
        while busy:
            busy = False
            for station in self._stations.values():
                for data, flow in station.agent.outgoing():
                    self._carry(data, flow, station)
                for event in station.agent.events():
                    busy = True
                    station.told.append(event)
                    station.react(event)

    def ladder(self, start: int = 0) -> list[str]:
        """What was carried, in order: ``INVITE >``, ``< 200 INVITE`` as the first station sees it."""
        first = next(iter(self._stations))
        return [f"{item.what} >" if item.sender == first else f"< {item.what}" for item in self.carried[start:]]

    def _carry(self, data: bytes, flow: Flow, station: Station) -> None:
        carried = Carried(self.now, station.address, flow.remote, parse(data), lost=False, transport=flow.transport)
        lost = self.loses(carried)
        self.carried.append(replace(carried, lost=lost))
        if not lost:
            entry = (self.now + self.latency, len(self.carried), data, Flow(flow.transport, flow.remote, station.address))
            heapq.heappush(self._under_way, entry)

    def _deliver(self) -> None:
        while self._under_way and self._under_way[0][0] <= self.now:
            _, _, data, flow = heapq.heappop(self._under_way)
            if flow.local in self._stations:
                self._stations[flow.local].agent.receive(data, flow, self.now)


class Call:
    """Alice calls Bob; Bob does as he is told."""

    def __init__(
        self,
        network: Network | None = None,
        *,
        offer: SessionDescription | None = OFFER,
        user: str = "",
        alices: Mapping[str, object] = MappingProxyType({}),
        bobs: Mapping[str, object] = MappingProxyType({}),
    ) -> None:
        """``alices`` and ``bobs`` are settings of their user agents."""
        self.network = network or Network()
        self.alice = self.network.station(ALICE, **alices)
        self.bob = self.network.station(BOB, **bobs)
        self.session = self.alice.agent.invite(
            Invitation(
                request_uri="sip:bob@192.0.2.2",
                from_uri="sip:alice@192.0.2.1",
                to_uri="sip:bob@192.0.2.2",
                flows=(self.alice.flow_to(BOB),),
                offer=offer,
                user=user,
                secret=SECRETS.get(user, ""),
            ),
            self.network.now,
        )

    def run(self, seconds: float = 0.1) -> None:
        """Let time pass."""
        self.network.run(seconds)

    @property
    def bobs_session(self) -> int:
        """The newest session that Bob was told of."""
        return self.bob.told_of(InviteReceived)[-1].session

    def confirm(self) -> "Call":
        """Ring, answer, acknowledge."""
        self.run()
        self.bob.agent.progress(self.bobs_session, 180, self.network.now)
        self.run()
        self.bob.agent.accept(self.bobs_session, ANSWER, self.network.now)
        self.run()
        return self
