"""A browser as its peer connection behaves: signs checks, nominates, shakes hands. Its STUN is aioice's, so that two hands wrote it."""

from dataclasses import dataclass, field

from aioice import stun

from mediaserver.signalling.browser.dtls import DtlsContext, Handshake
from mediaserver.signalling.browser.peer import Peer
from mediaserver.signalling.media.certificate import Certificate, make_certificate
from rtp.latch import Address
from sip.negotiated import OPUS, Direction, Dtls, Fingerprint, Ice, IceCredentials, NegotiatedMedia, Setup

HOME: Address = ("198.51.100.7", 50_000)
OURS = IceCredentials("ours", "p" * 22)
THEIRS = IceCredentials("them", "q" * 22)


def check(
    *, nominates: bool = False, user: str = "ours:them", password: str = OURS.password, priority: int = 1000, role: str = "ICE-CONTROLLING"
) -> bytes:
    """A Binding request as a full agent sends it."""
    message = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    message.attributes["USERNAME"] = user
    message.attributes["PRIORITY"] = priority
    message.attributes[role] = 1
    if nominates:
        message.attributes["USE-CANDIDATE"] = None
    message.add_message_integrity(password.encode())
    return bytes(message)


def signed(answer: bytes) -> stun.Message:
    """An answer of ours, which must be signed with our password."""
    message = stun.parse_message(answer)
    assert message.check_message_integrity(OURS.password.encode())
    return message


def media(
    dtls: Dtls | Fingerprint,
    *,
    ice: Ice | None = Ice(OURS, THEIRS, ()),  # noqa: B008
    setup: Setup = Setup.ACTIVE,
    address: Address = ("0.0.0.0", 9),
) -> NegotiatedMedia:
    """What was agreed with a browser; ``setup`` is our part."""
    security = Dtls((dtls,), setup) if isinstance(dtls, Fingerprint) else dtls
    return NegotiatedMedia(address[0], address[1], OPUS, 111, 111, 20, None, None, Direction.SENDRECV, True, security=security, ice=ice)


@dataclass
class Page:
    """One browser facing one `Peer`, on a clock that the test turns."""

    ours: Certificate = field(default_factory=make_certificate)
    theirs: Certificate = field(default_factory=make_certificate)
    now: float = 100.0
    lost_after: float = 30.0
    setup: Setup = Setup.ACTIVE
    """Our part in the handshake."""

    def __post_init__(self) -> None:
        self.shared = DtlsContext(self.ours)
        self.peer = Peer(media(self.theirs.fingerprint, setup=self.setup), self.shared, self.lost_after, self.now)
        self.handshake = self.new_handshake()
        self.answers: list[tuple[stun.Message, Address]] = []

    def new_handshake(self) -> Handshake:
        """The browser's side of an association."""
        theirs = Setup.PASSIVE if self.setup is Setup.ACTIVE else Setup.ACTIVE
        return Handshake(DtlsContext(self.theirs), Dtls((self.ours.fingerprint,), theirs))

    def checks(self, source: Address = HOME, *, nominates: bool = True, **said: str) -> None:
        """Send a check."""
        self.peer.receive(check(nominates=nominates, **said), source, self.now)  # type: ignore[arg-type]
        self.carry()

    def shakes(self, source: Address = HOME) -> None:
        """Carry flights both ways until both sides have said all."""
        self.handshake.begin()
        while flights := self.handshake.flights():
            for flight in flights:
                self.peer.receive(flight, source, self.now)
            self.carry()

    def carry(self) -> None:
        """Give the browser what was sent to it."""
        sent, self.peer.datagrams = self.peer.datagrams, []
        for data, address in sent:
            if data[0] < 4:
                self.answers.append((signed(data), address))
            else:
                self.handshake.receive(data)

    def joins(self) -> None:
        """The usual course."""
        self.checks()
        self.shakes()

    def passes(self, seconds: float) -> None:
        """Time passes, and timers fire."""
        until = self.now + seconds
        while (due := self.peer.next_timer()) is not None and due <= until:
            self.now = max(self.now, due)
            self.peer.handle_timer(self.now)
        self.now = until

    def news(self) -> list[object]:
        """What was told since it was asked last."""
        told, self.peer.news = self.peer.news, []
        return list(told)
