"""What the parts of the signalling process share."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from config.settings import Settings
from config.trunks import TrunkSettings
from mediaserver.call.actions import Publish
from mediaserver.call.view import CallView
from mediaserver.observing.counters import Counters
from mediaserver.observing.quality_metrics import EndedLegs
from mediaserver.secrecy.pins import check_at_once
from mediaserver.signalling.addresses import Addresses
from mediaserver.signalling.browser.peers import Peers
from mediaserver.signalling.calls.legs import Leg, is_browser
from mediaserver.signalling.calls.live import CallEntry
from mediaserver.signalling.desk.publishing import Publisher
from mediaserver.signalling.desk.recording import Recorder
from mediaserver.signalling.entering.pins import CheckPin
from mediaserver.signalling.media.certificate import Certificate, make_certificate
from mediaserver.signalling.media.codecs import usable
from mediaserver.signalling.media.ports import PortPool
from mediaserver.signalling.media.workers import Media
from mediaserver.signalling.outside import OutsideRequests
from mediaserver.signalling.routing.names import is_at_trunk, names_of_us
from mediaserver.signalling.routing.resolving import Resolver
from mediaserver.signalling.routing.routes import Router
from mediaserver.signalling.timers import Timer
from mediaserver.signalling.tracer import Tracer
from mediaserver.signalling.trunks.callers import user_asserted
from mediaserver.signalling.trunks.means import Means
from mediaserver.signalling.trunks.trunks import Trunks
from mediaserver.storage.notebook import Notebook
from mixer.modes import Role
from rtp.srtp.library import is_available
from sip.description.profiles import Security, Terms
from sip.message import Request
from sip.negotiated import Codec
from sip.transport.flow import Flow
from sip.useragent import UserAgent


def nobody(flow: Flow) -> Sequence[str]:
    """The names of a peer that showed no certificate."""
    return ()


@dataclass(slots=True)
class House:
    """One of each, made at start by `mediaserver.signalling.application`."""

    settings: Settings
    agent: UserAgent
    media: Media
    ports: PortPool
    media_addresses: Addresses
    router: Router
    resolver: Resolver
    outside: OutsideRequests
    publisher: Publisher
    tracer: Tracer
    recorder: Recorder
    notebook: Notebook
    counters: Counters
    server_id: str
    """Names this server in the path header of its calls."""
    entropy: Callable[[int], bytes]
    settle: Callable[[], None]
    """Let the SIP shell send what the agent has, and hear its events."""
    advertised: Callable[[Flow], tuple[str, int]]
    """How we name ourselves on a flow."""
    certificate: Certificate = field(default_factory=make_certificate)
    """Of the DTLS handshakes of this process."""
    clock: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    check_pin: CheckPin = check_at_once
    """Compares a PIN with what is kept of it."""
    new_timer: Callable[[Callable[[], None]], Timer] = Timer
    """A timer that calls back."""
    ended_legs: EndedLegs = field(default_factory=EndedLegs)
    """How legs sounded that have ended."""
    observers: list[Callable[[CallView, Publish], None]] = field(default_factory=list)
    """Told whatever a call tells of itself, with the call as it is then."""
    on_settings: list[Callable[[Settings], None]] = field(default_factory=list)
    """Told when other settings are in force, with those before."""
    peer_names: Callable[[Flow], Sequence[str]] = nobody
    """What the certificate shows that a TLS client gave."""
    legs: Callable[[], Iterable[tuple[CallEntry, Leg]]] = tuple
    """The legs of all calls."""
    trunks: Trunks = field(init=False)
    peers: Peers = field(init=False)
    """ICE and handshakes of the legs that have them."""

    def __post_init__(self) -> None:
        means = Means(
            locator=self.resolver,
            outside=self.outside,
            publisher=self.publisher,
            counters=self.counters,
            entropy=self.entropy,
            advertised=self.advertised,
            settle=self.settle,
            clock=self.clock,
            new_timer=self.new_timer,
        )
        self.trunks = Trunks(self.settings.trunks, means)
        self.peers = Peers(self.certificate, lambda: self.settings.ice.lost_after, self.counters, self.clock, self.new_timer)

    def take(self, settings: Settings) -> None:
        """These are in force now."""
        before, self.settings = self.settings, settings
        for told in self.on_settings:
            told(before)

    def codecs(self, trunk: TrunkSettings | None = None) -> tuple[Codec, ...]:
        """Ours, by preference: by the trunk that a leg faces where that says so, else as for everybody."""
        return usable((trunk.codecs if trunk is not None else ()) or self.settings.media.codecs)

    def user_asserted(self, trunk: TrunkSettings | None, request: Request) -> str | None:
        """The user of ours for whom a trunk that is a proxy vouches; None: for nobody."""
        names = names_of_us(self.settings.sip)
        return user_asserted(trunk, request, lambda host: host in names or (trunk is not None and is_at_trunk(self.router, trunk, host)))

    def hears_stereo(self, role: Role) -> bool:
        """Whether who has this role hears in stereo, where he can."""
        return self.settings.media.stereo and role is Role.SUPERVISOR

    def terms(self, trunk: TrunkSettings | None = None, flow: Flow | None = None, role: Role | None = None) -> Terms:
        """What a leg may agree on beside codecs: by its role, the trunk that it faces where that says so, and the flow by which it is
        signalled."""
        policy = (trunk.security if trunk is not None else None) or self.settings.media.security
        if policy == "auto":
            policy = "prefer" if flow is not None and flow.is_secure else "accept"
        suites = self.settings.media.srtp_suites if is_available() else ()
        takes_noise = self.settings.media.comfort_noise
        return Terms(
            self.entropy,
            Security(policy),
            self.certificate.fingerprint,
            faces_browser=flow is not None and is_browser(flow),
            takes_comfort_noise=takes_noise,
            sends_stereo=role is not None and self.hears_stereo(role),
            suites=suites,
        )
