"""The signalling process on a virtual wire: the real switchboard, doors and desk; phones that are user agents; a media
worker that does as it is told and remembers it. One clock for all, and it is turned by hand.
"""

import asyncio
from collections.abc import Callable
from itertools import count
from typing import Any, ClassVar, TypeVar, cast
from weakref import WeakValueDictionary

from config.settings import Settings, TraceSettings
from control_api.permissions import Identity
from control_api.ports import HouseEvent
from mediaserver.call.view import CallView
from mediaserver.link.messages import (
    Admit,
    CloseLeg,
    DigitReceived,
    MediaStarted,
    SetMode,
)
from mediaserver.observing.counters import Counters
from mediaserver.signalling.addresses import Addresses
from mediaserver.signalling.calls.switchboard import Switchboard
from mediaserver.signalling.calls.transferring import Transfers
from mediaserver.signalling.desk.banning import Bans
from mediaserver.signalling.desk.publishing import Publisher
from mediaserver.signalling.desk.recording import Recorder
from mediaserver.signalling.desk.supervising import SwitchboardDesk
from mediaserver.signalling.desk.watching import Watching, subscription_settings
from mediaserver.signalling.dispatching import Dispatcher
from mediaserver.signalling.entering.entrance import Entrance
from mediaserver.signalling.entering.identities import ConfiguredUsers
from mediaserver.signalling.entering.invitations import Invitations
from mediaserver.signalling.house import House
from mediaserver.signalling.media.ports import LentPort, PortPool, close_pair
from mediaserver.signalling.media.workers import Media
from mediaserver.signalling.outside import OutsideRequests
from mediaserver.signalling.routing.resolving import Resolver
from mediaserver.signalling.routing.routes import Router
from mediaserver.signalling.timers import Timer
from mediaserver.signalling.tracer import Tracer
from mediaserver.storage.asking import Unanswered
from mediaserver.storage.notebook import Notebook
from sip.events import Event, InviteReceived
from sip.sdp import SessionDescription
from sip.transport.flow import Address, Flow
from sip.useragent import Invitation
from tests.control_api.signing_in.offices import office_of
from tests.interop.tools import EXCHANGES_MEDIA
from tests.mediaserver.signalling.stand_ins import Book, HandTimer, RecordedMedia
from tests.sip.network import Network, Station, seeded_entropy

SERVER: Address = ("127.0.0.1", 5060)
TRUNK: Address = ("127.0.1.1", 5060)
ROBERT: Address = ("127.0.2.1", 5060)
MARIA: Address = ("127.0.2.2", 5060)
EVE: Address = ("127.0.3.1", 5060)
"""A supervisor with every right."""
LARS: Address = ("127.0.3.2", 5060)
"""A supervisor who may listen to team north only."""

SETTINGS = Settings.model_validate(
    {
        "media": {"bind": "127.0.0.1", "first_port": EXCHANGES_MEDIA[0], "last_port": EXCHANGES_MEDIA[-1], "seats": 4},
        "limits": {"ring_timeout": 20, "calls": 3},
        "trunks": [{"name": "carrier", "addresses": ["127.0.1.1"], "host": "127.0.1.1", "headers": {"X-Queue": "queue"}}],
        "agents": [
            {"name": "robert", "team": "north", "user": "robert"},
            {"name": "maria", "team": "south", "user": "maria"},
        ],
        "users": [
            {"name": "robert", "secret": "r", "may_call": True},
            {"name": "maria", "secret": "m"},
            {"name": "eve", "secret": "e", "ceiling": {"agents": ["*"], "mode": "barge", "rights": ["end", "hang_up", "originate"]}},
            {"name": "lars", "secret": "l", "pin": "4711", "ceiling": {"teams": ["north"], "mode": "listen"}},
            {"name": "nobody", "secret": "n"},
        ],
        "routes": [
            {"trunk": "carrier", "number": "100", "targets": ["agent:robert"]},
            {"trunk": "carrier", "number": "200", "targets": ["agent:maria", "agent:robert"]},
            {"trunk": "users", "number": "9(.*)", "targets": ["trunk:carrier/{1}"]},
        ],
    }
)


def description(address: Address, port: int, codecs: str = "0 8 101", direction: str = "sendrecv") -> SessionDescription:
    """A phone's offer or answer."""
    return SessionDescription.parse(
        f"v=0\r\no=- 1 1 IN IP4 {address[0]}\r\ns=-\r\nc=IN IP4 {address[0]}\r\nt=0 0\r\n"
        f"m=audio {port} RTP/AVP {codecs}\r\na=rtpmap:101 telephone-event/8000\r\na={direction}\r\n".encode()
    )


_STEP = 0.25


class Ports(PortPool):
    """Ports that are closed when the test has ended, whatever still stands: all exchanges of all tests have the same ones."""

    _lent: ClassVar[list[LentPort]] = []

    def lend(self, now: float) -> LentPort:
        """Lend one, and remember it."""
        lent = super().lend(now)
        self._lent.append(lent)
        return lent

    @classmethod
    def close(cls) -> None:
        """Close all."""
        for lent in cls._lent:
            close_pair(lent)
        cls._lent.clear()


class Exchange:
    """The server and its phones."""

    def __init__(self, settings: Settings = SETTINGS) -> None:
        self.network = Network(latency=0.005)
        self.media = RecordedMedia()
        self.counters = Counters()
        self.heard: list[HouseEvent] = []
        self.book = Book()
        self.past: dict[tuple[str, str], dict[str, Any]] = {}
        """What the database knows of calls that are over, by tenant and id."""
        self._timers: WeakValueDictionary[int, HandTimer] = WeakValueDictionary()
        """In the order in which they were made; each is its owner's."""
        self._timers_made = count()
        self.server = self.network.station(SERVER, realm="mediaserver")
        users = ConfiguredUsers(settings)
        self.server.agent = type(self.server.agent)(_agent_settings(settings), ha1_of=users.ha1_of, entropy=seeded_entropy(7))

        def wall() -> float:
            return self.network.now + 1e9

        publisher = Publisher(clock=lambda: self.network.now, wall=wall)
        house = House(
            settings=settings,
            agent=self.server.agent,
            media=cast(Media, self.media),
            ports=Ports(settings.media.bind, settings.media.first_port, settings.media.last_port, dscp=46),
            media_addresses=Addresses("127.0.0.1", "", ()),
            router=Router(settings),
            resolver=Resolver(
                cast(asyncio.TaskGroup, None),
                settings.sip.dns,
                transports=("udp", "tcp"),
                bind=("127.0.0.1",),
                flow_toward=lambda hop: Flow(hop.transport, SERVER, (hop.address, hop.port), hop.name),
                counters=self.counters,
                clock=lambda: self.network.now,
            ),
            outside=OutsideRequests(self.server.agent),
            publisher=publisher,
            tracer=Tracer(TraceSettings(enabled=False), self.counters),
            recorder=Recorder(self.book, self.book.hold, clock=lambda: self.network.now, wall=wall),
            notebook=Notebook(self.book, seeded_entropy(9), wall),
            counters=self.counters,
            server_id="test",
            entropy=seeded_entropy(8),
            settle=lambda: None,
            advertised=lambda flow: SERVER,
            clock=lambda: self.network.now,
            wall=wall,
            new_timer=self._new_timer,
        )
        self.house = house
        self.trunks = house.trunks
        self.switchboard = Switchboard(house)
        self.entrance = entrance = Entrance(house, self.switchboard)
        self.office = office_of(settings, lambda: self.network.now)
        self.office.others.append(users.standings)
        self.desk = SwitchboardDesk(house, self.switchboard, entrance, Bans(house, users), self.office, self._answer)
        self.watching = Watching(house, users)
        self.switchboard.on_changed = self.watching.call_changed
        invitations = Invitations(house, self.switchboard, users, entrance)
        transfers = Transfers(house, self.switchboard, users)
        self._dispatcher = Dispatcher(house, self.switchboard, invitations, entrance, transfers, self.watching)
        self.ports = house.ports
        self.users = users
        self.server.react = lambda event: self._dispatcher.handle(event, self.network.now)
        publisher.subscribe(self.heard.append)

    async def _answer(self, what: str, **given: Any) -> Any:
        if what != "call":
            raise Unanswered("nothing is kept here")
        return self.past.get((given["tenant"], given["call"]))

    def _new_timer(self, fires: Callable[[], None]) -> Timer:
        timer = HandTimer(fires)
        self._timers[next(self._timers_made)] = timer
        return cast(Timer, timer)

    # time

    def run(self, seconds: float = 0.2) -> None:
        """Let time pass for wire, phones and calls."""
        end = self.network.now + seconds
        while self.network.now < end:
            due = min((timer.due for timer in list(self._timers.values()) if timer.due is not None), default=end)
            # In small steps: what happens on the wire sets timers too.
            self.network.run(max(0.0, min(due, end, self.network.now + _STEP) - self.network.now))
            for timer in [timer for timer in list(self._timers.values()) if timer.due is not None and timer.due <= self.network.now]:
                timer.due = None
                timer.fires()
            self.network.settle()
        self.network.settle()

    # phones

    def phone(self, address: Address, **settings: object) -> "Phone":
        """A phone at an address."""
        return Phone(self, self.network.station(address, **settings), address)

    # what is to be seen

    @property
    def view(self) -> CallView:
        """The only call, live."""
        (entry,) = self.switchboard.calls
        return entry.view

    def leg(self, role: str) -> int:
        """The number of the only leg of a role."""
        (found,) = [leg.leg for leg in self.view.legs if leg.role == role]
        return found

    def admitted(self, leg: int) -> bool:
        """Whether the worker was last told to let a leg into the mix."""
        return [told.admitted for told in self.media.worker.of(Admit, leg)][-1:] == [True]

    def mode(self, leg: int) -> str:
        """The mode that the worker was told last."""
        return self.media.worker.of(SetMode, leg)[-1].mode

    def closed(self) -> set[int]:
        """Legs that the worker was told to close."""
        return {told.leg for told in self.media.worker.of(CloseLeg)}

    def press(self, leg: int, digits: str) -> None:
        """RFC 4733 digits from a leg's phone."""
        for digit in digits:
            self.switchboard.notice(DigitReceived(leg, digit, 100))
        self.run()

    def media_starts(self, leg: int) -> None:
        """The first packet of a leg."""
        self.switchboard.notice(MediaStarted(leg, "127.0.0.1", 4000))
        self.run()

    def identity(self, user: str) -> Identity:
        """A supervisor as the desk knows him."""
        found = self.users.get(user)
        assert found is not None
        assert found.identity is not None
        return found.identity

    def kinds(self) -> list[str]:
        """Kinds of the events told so far."""
        return [event.kind for event in self.heard]


def _agent_settings(settings: Settings) -> Any:
    from sip.useragent import UserAgentSettings

    return UserAgentSettings(realm="mediaserver", advertised=lambda flow: SERVER, subscriptions=subscription_settings(settings.watching))


E = TypeVar("E", bound=Event)


class Phone:
    """A user agent with a hand on it."""

    def __init__(self, exchange: Exchange, station: Station, address: Address) -> None:
        self.exchange = exchange
        self.station = station
        self.address = address
        self.media_port = 4000

    def register(self, user: str, secret: str, *, headers: tuple[str, ...] = (), contact: str = "") -> "Phone":
        """Register at the server; the digest is answered."""
        register_phone(self, user, secret, headers, contact)
        return self

    def dial(
        self,
        number: str,
        *,
        user: str = "",
        secret: str = "",
        headers: tuple[tuple[str, str], ...] = (),
        delayed: bool = False,
        from_uri: str = "",
        from_display: str = "",
        to_uri: str = "",
        request_uri: str = "",
        **offer: Any,
    ) -> int:
        """Call a number at the server, with an offer unless it is ``delayed``; returns the session."""
        invitation = Invitation(
            request_uri=request_uri or f"sip:{number}@127.0.0.1",
            from_uri=from_uri or f"sip:{user or '4930123'}@{self.address[0]}",
            from_display=from_display,
            to_uri=to_uri or f"sip:{number}@127.0.0.1",
            flows=(self.station.flow_to(SERVER),),
            offer=None if delayed else description(self.address, self.media_port, **offer),
            user=user,
            secret=secret,
            headers=headers,
        )
        session = self.station.agent.invite(invitation, self.exchange.network.now)
        self.exchange.run()
        return session

    @property
    def ringing(self) -> InviteReceived:
        """The newest INVITE that it got."""
        return self.told(InviteReceived)[-1]

    def answers(self, **answer: Any) -> int:
        """Accept the newest INVITE; returns the session."""
        session = self.ringing.session
        self.station.agent.accept(session, description(self.address, self.media_port, **answer), self.exchange.network.now)
        self.exchange.run()
        return session

    def rings(self) -> None:
        """Say 180 to the newest INVITE."""
        self.station.agent.progress(self.ringing.session, 180, self.exchange.network.now)
        self.exchange.run()

    def refuses(self, status: int) -> None:
        """Refuse the newest INVITE."""
        self.station.agent.reject(self.ringing.session, status, self.exchange.network.now)
        self.exchange.run()

    def hangs_up(self, session: int) -> None:
        """End a session."""
        self.station.agent.end(session, self.exchange.network.now)
        self.exchange.run()

    def told(self, kind: type[E]) -> list[E]:
        """Events of one kind that it was told."""
        return self.station.told_of(kind)


def register_phone(phone: Phone, user: str, secret: str, headers: tuple[str, ...] = (), contact: str = "") -> None:
    """Send REGISTER by hand, since user agents do not register outward yet."""
    from sip.digest import authorize
    from sip.message import Response, parse

    network = phone.exchange.network

    def request(number: int, authorization: str | None) -> bytes:
        host, port = phone.address
        lines = [
            "REGISTER sip:127.0.0.1 SIP/2.0",
            f"Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bKreg{user}{host}{number};rport",
            f"From: <sip:{user}@127.0.0.1>;tag=r{user}",
            f"To: <sip:{user}@127.0.0.1>",
            f"Call-ID: reg-{user}-{host}",
            f"CSeq: {number} REGISTER",
            f"Contact: {contact or f'<sip:{user}@{host}:{port}>'};expires=3000",
            "Max-Forwards: 70",
            *headers,
            *([f"Authorization: {authorization}"] if authorization else []),
            "Content-Length: 0",
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    seen = len(network.carried)
    network.inject(request(1, None), phone.address, SERVER)
    challenge = network.carried[seen].message
    assert isinstance(challenge, Response)
    assert challenge.status == 401
    challenges = list(challenge.values("WWW-Authenticate"))
    answer = authorize(challenges, method="REGISTER", uri="sip:127.0.0.1", user=user, secret=secret, body=b"", cnonce="c", nonce_count=1)
    seen = len(network.carried)
    network.inject(request(2, answer), phone.address, SERVER)
    reply = network.carried[seen].message
    assert isinstance(reply, Response)
    assert reply.status == 200
    assert parse(reply.serialize())


__all__ = ["EVE", "LARS", "MARIA", "ROBERT", "SERVER", "SETTINGS", "TRUNK", "Exchange", "Phone", "description"]
