"""What the SIP user agent tells its owner. A session is one INVITE's life: early, confirmed, ended.

Events are facts; what to do about them is the owner's. ``session`` numbers are the user agent's and never reused.
"""

from dataclasses import dataclass
from typing import Literal

from sip.message import Request, Response
from sip.replaces import Replaces
from sip.sdp import SessionDescription
from sip.transport.flow import Flow


@dataclass(frozen=True, slots=True)
class InviteReceived:
    """A new INVITE; where nothing is said to it at once, 100 is. Answer with `challenge`, `progress`, `accept` or `reject`."""

    session: int
    request: Request
    flow: Flow
    """Where it came from and where answers go (transport, local and remote address)."""
    offer: SessionDescription | None
    """None: delayed offer, the answer comes with the ACK."""
    replaces: Replaces | None = None
    """The dialog that this call is to take the place of (RFC 3891). Ask `UserAgent.session_of`, once the caller may do so."""
    reliably: Literal["", "may", "must"] = ""
    """Whether an 18x can, or has to, go reliably; where there is no offer, such an 18x makes it, and `ProvisionalAcknowledged` answers."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The ACK to our 200 arrived."""

    session: int
    answer: SessionDescription | None
    """Where our 200 carried the offer."""


@dataclass(frozen=True, slots=True)
class ProvisionalAcknowledged:
    """The PRACK arrived to our reliable 18x that made the offer (RFC 3262 §5)."""

    session: int
    answer: SessionDescription | None


@dataclass(frozen=True, slots=True)
class Progressed:
    """A provisional answer above 100 to our INVITE."""

    session: int
    response: Response
    fork: str
    """The To tag: one for each early dialog of a forked INVITE."""
    answer: SessionDescription | None
    """The offer where our INVITE had none and the answer is reliable: then call `acknowledge` (RFC 3262 §5)."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A 2xx to our INVITE. It was acknowledged, unless it holds an offer: then call `acknowledge`."""

    session: int
    response: Response
    fork: str
    description: SessionDescription | None
    """The answer, or the offer where our INVITE had none."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A final answer of 300 or more to our INVITE, or none (408 after timer B, 503 on a transport error)."""

    session: int
    status: int
    reason: str
    response: Response | None
    contacts: tuple[str, ...]
    """Contact URIs of a 3xx, best first."""
    retry_after: float | None


@dataclass(frozen=True, slots=True)
class OfferReceived:
    """A re-INVITE, or an UPDATE or PRACK with an offer. Answer with `accept` (200) or `reject` (488)."""

    session: int
    request: Request
    offer: SessionDescription | None
    """None: our 200 makes the offer, the answer comes as `Acknowledged`."""
    fork: str = ""
    """The early dialog of our INVITE that it came in; empty: the only one."""


@dataclass(frozen=True, slots=True)
class OfferAnswered:
    """Our re-INVITE or UPDATE was accepted."""

    session: int
    answer: SessionDescription | None


@dataclass(frozen=True, slots=True)
class OfferRejected:
    """Our re-INVITE or UPDATE failed; what was agreed before still holds."""

    session: int
    status: int
    retry_in: float | None
    """After a 491: seconds to wait before trying again (RFC 3261 §14.1); after a 500 what it says itself (RFC 3311 §5.3)."""


@dataclass(frozen=True, slots=True)
class RefreshDue:
    """The session is to be kept alive by an offer: the peer takes no UPDATE. Call `reoffer` with what is agreed (RFC 4028 §7.4)."""

    session: int


@dataclass(frozen=True, slots=True)
class InfoReceived:
    """An INFO inside the dialog, already answered 200 (415 where the type is not one we know)."""

    session: int
    content_type: str
    """Lower case, without parameters."""
    body: bytes


@dataclass(frozen=True, slots=True)
class ReferReceived:
    """A REFER inside the dialog (RFC 3515). Answer with `accept_refer` and `notify_refer`, or with `reject_refer`."""

    session: int
    refer: int
    """The number by which commands name it; never reused."""
    request: Request
    target: str
    """Whom to call: a sip, sips or tel URI without headers."""
    replaces: Replaces | None
    """Attended transfer: the dialog that the new call shall replace at the target."""
    referred_by: str
    """The value for a Referred-By header of the new INVITE (RFC 3892); empty where the REFER had none."""


@dataclass(frozen=True, slots=True)
class SubscribeReceived:
    """A SUBSCRIBE that asks for a new subscription (RFC 6665). Answer with `accept_subscription`, `reject_subscription` or a challenge."""

    subscription: int
    request: Request
    flow: Flow
    package: str
    """The event package, one that we serve."""
    resource: str
    """The Request-URI: whose state it is about."""
    accept: tuple[str, ...]
    """Content types that the subscriber reads, lower case; empty where he does not say."""
    expires: int
    """Seconds, within bounds; 0: he wants the state once."""


@dataclass(frozen=True, slots=True)
class NotificationDue:
    """A subscriber is owed the state now: he was accepted, has refreshed, or is leaving. Say it by `notify`."""

    subscription: int


@dataclass(frozen=True, slots=True)
class SubscriptionEnded:
    """A subscription is over: run out, taken back, or its subscriber cannot be told any more. Told once; nothing more follows."""

    subscription: int


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """The session is over by the other side: BYE, CANCEL, no ACK, a dead transport. Told once; nothing more follows."""

    session: int
    cause: str
    """``bye``, ``cancelled``, ``no_ack``, ``no_prack`` (RFC 3262), ``unacceptable`` (an offer in a PRACK was rejected),
    ``expired`` (RFC 4028), ``timeout``, ``transport``."""
    reason: str
    """The Reason header's value, or empty."""


@dataclass(frozen=True, slots=True)
class Registered:
    """A user's contacts changed by REGISTER."""

    user: str
    contacts: tuple[str, ...]
    """All now bound, best first; empty: the user is gone."""


@dataclass(frozen=True, slots=True)
class RequestAnswered:
    """A request of ours outside of dialogs is over; told once."""

    request: int
    """What `UserAgent.request` returned."""
    status: int
    """Of the final answer; 408 where none came, 503 where nothing could be sent."""
    response: Response | None
    """None: there is none."""
    sequence: int = 0
    """The highest sequence number that was used: the next one of the same Call-ID must be above it."""


@dataclass(frozen=True, slots=True)
class SourceBanned:
    """Somebody proved wrong too often, and is kept out for a time."""

    source: str
    """Address; of IPv6 the network."""
    user: str
    """Empty: everybody there."""
    seconds: float


Event = (
    InviteReceived
    | Acknowledged
    | ProvisionalAcknowledged
    | Progressed
    | Accepted
    | Rejected
    | OfferReceived
    | OfferAnswered
    | OfferRejected
    | RefreshDue
    | InfoReceived
    | ReferReceived
    | SubscribeReceived
    | NotificationDue
    | SubscriptionEnded
    | SessionEnded
    | Registered
    | RequestAnswered
    | SourceBanned
)
