"""What a user agent is told at its start, and what it is told about a call to be placed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from sip.digest import BOTH
from sip.guard import GuardSettings
from sip.message import Header
from sip.sdp import SessionDescription
from sip.subscription.settings import SubscriptionSettings
from sip.transport.flow import Address, Flow

ReliableProvisional = Literal["auto", "required", "never"]
SessionTimers = Literal["originate", "accept", "refuse"]


def local_address(flow: Flow) -> Address:
    """The flow's own local address, which is what a server without NAT advertises."""
    return flow.local


@dataclass(frozen=True, slots=True)
class UserAgentSettings:
    """Settings of a `sip.useragent.UserAgent`; times in seconds."""

    realm: str = "mediaserver"
    user_agent: str = "mediaserver"
    t1: float = 0.5
    max_transactions: int = 20_000
    """Not yet answered; many more that are answered may wait for retransmissions."""
    max_dialogs: int = 10_000
    """Sessions at once; an INVITE beyond gets 503."""
    nonce_lifetime: float = 300
    digest_algorithms: tuple[str, ...] = BOTH
    """Offered in this order; no other is accepted."""
    guard: GuardSettings = field(default_factory=GuardSettings)
    digest_qop: tuple[str, ...] = ("auth",)
    """The same for the quality of protection: ``auth`` and ``auth-int``."""
    registration_min: float = 30
    registration_max: float = 3600
    max_contacts: int = 10
    """Of one user."""
    failover_after: float = 4
    """Seconds without any answer after which a request goes to its next hop, where it has one."""
    hop_penalty: float = 30
    """So long a hop that failed is tried last."""
    ring_next_after: float = 15
    """So long the phones of one q ring alone, where there are some of a lower one."""
    udp_limit: int = 1300
    """Octets; a larger request goes by TCP where it can (RFC 3261 §18.1.1). 0: none does."""
    refer_lifetime: float = 180
    """So long is somebody who referred told what becomes of it."""
    subscriptions: SubscriptionSettings = field(default_factory=SubscriptionSettings)
    reliable_provisional: ReliableProvisional = "auto"
    """18x sent reliably (RFC 3262): ``auto`` where the caller demands it, or can do it and the 18x holds a description; ``required``
    wherever he can, and demanded of those whom we call; ``never``: the extension is not known."""
    session_timers: SessionTimers = "originate"
    """RFC 4028: asked for by us, honoured where the other side asks, or unknown."""
    session_expires: int = 1800
    """The session interval that we ask for."""
    min_se: int = 90
    """The shortest one that we take; RFC 4028 §4 forbids less than 90."""
    session_id: bool = True
    """Whether messages inside sessions carry a Session-ID (RFC 7989)."""
    advertised: Callable[[Flow], Address] = local_address
    """Host and port that a Via and a Contact on this flow name."""

    @property
    def without(self) -> frozenset[str]:
        """Option tags that these settings turn off."""
        reliably = {"100rel"} if self.reliable_provisional == "never" else set()
        timed = {"timer"} if self.session_timers == "refuse" else set()
        return frozenset(reliably | timed)


@dataclass(frozen=True, slots=True)
class Branch:
    """One of several places that a call is placed to."""

    request_uri: str
    flows: tuple[Flow, ...]
    """Tried in turn."""
    route: tuple[str, ...] = ()
    """Route values, nearest first."""
    q: float = 1.0
    """Those of the highest are rung first, equal ones at once."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """A call to be placed."""

    request_uri: str
    from_uri: str
    to_uri: str
    flows: tuple[Flow, ...]
    """How it leaves: the first one, and by which others where that fails."""
    offer: SessionDescription | None = None
    """None: delayed offer."""
    from_display: str = ""
    headers: tuple[Header, ...] = ()
    user: str = ""
    """Digest user, where a challenge is to be answered."""
    secret: str = ""
    route: tuple[str, ...] = ()
    """Route values, nearest first, for instance ``<sip:proxy;lr>``."""
    max_forwards: int = 70
    session_id: str = ""
    """UUID of the one for whom we call (RFC 7989); empty: one of our own."""
    branches: tuple[Branch, ...] = ()
    """Where there are several: in place of ``request_uri``, ``flows`` and ``route``."""
    uris: tuple[str, ...] = ()
    """The Request-URI on each of the flows; empty: the same on all."""


@dataclass(frozen=True, slots=True)
class Authentication:
    """Who sent a request."""

    user: str | None
    """None: nobody we know; challenge him."""
    stale: bool
    """The nonce cannot serve any more: challenge with ``stale=True``."""
    after: float = 0.0
    """Seconds that the challenge is to wait, since others before it were met with wrong secrets."""
