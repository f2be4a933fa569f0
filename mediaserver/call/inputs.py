"""What can happen to a call: facts in the past tense and requests that were already permitted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mixer.modes import Mode, Role
from sip.negotiated import NegotiatedMedia

if TYPE_CHECKING:
    from mediaserver.call.legs import Leg

LegId = int
"""Unique over the life of the process; never reused."""


@dataclass(frozen=True, slots=True)
class Target:
    """One thing to ring: a registered agent, a URI, or a number on another trunk."""

    kind: str
    """``agent``, ``uri`` or ``trunk``."""
    value: str
    """The agent's name, the URI, or ``trunk/number``."""
    ring_timeout: float | None = None
    """Seconds; None: the call's own."""
    agent: str | None = None
    """The known agent behind it; None with kind ``agent``: ``value`` is his name. Decides the leg's role before it rings."""
    team: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    """Said in its INVITE: Referred-By, Replaces (RFC 3892, 3891)."""
    is_diverted: bool = False
    """Whom the call was for sent it here (3xx)."""
    referred_by: str = ""
    """Number of the agent who transferred the call here; empty: nobody did."""
    user: str = ""
    """The SIP user whose registered phone the URI is, where that is known."""


@dataclass(frozen=True, slots=True)
class Supervisor:
    """Who supervises and how he enters; permission was checked before."""

    identity: str
    name: str
    mode: Mode
    target: Role = Role.AGENT
    hears: float = 1.0
    heard: float = 1.0


@dataclass(frozen=True, slots=True)
class Invited:
    """The first leg's INVITE matched a route. Starts the hunt over the targets."""

    leg: LegId
    caller: str
    called: str
    targets: tuple[Target, ...]
    metadata: dict[str, str] = field(default_factory=dict)
    """``queue``, ``campaign`` and any mapped header."""
    role: Role = Role.CUSTOMER
    """The first leg's role; the targets take the other one (an agent who calls out is AGENT, his target CUSTOMER)."""
    agent: str | None = None
    """The agent's name where the first leg is the agent."""
    team: str | None = None
    """His team."""


@dataclass(frozen=True, slots=True)
class MetadataLearned:
    """Somebody knows more about the call: what is not known of it yet is shown with it from now on."""

    metadata: dict[str, str]


@dataclass(frozen=True, slots=True)
class Originated:
    """A permitted request to make a call: ring an agent, and once he answers hunt over the targets for him."""

    leg: LegId
    """The agent's leg, rung first."""
    target: Target
    """Where he is rung."""
    caller: str
    called: str
    targets: tuple[Target, ...]
    metadata: dict[str, str] = field(default_factory=dict)
    auto_answer: bool = False
    """Ring him with the auto-answer headers."""


@dataclass(frozen=True, slots=True)
class Progressed:
    """A leg that we rang said 18x."""

    leg: LegId
    status: int
    fork: str
    """The early dialog; several for a forked INVITE."""
    media: NegotiatedMedia | None
    """The fork's answer, where the 18x had one."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A leg that we rang said 200."""

    leg: LegId
    fork: str
    media: NegotiatedMedia
    agent: str | None = None
    """The known agent who answered, where the target did not say it. The leg's role was settled when it was opened."""
    team: str | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """A leg that we rang refused, did not answer in SIP, or could not be placed (unknown agent: 480)."""

    leg: LegId
    status: int
    contacts: tuple[Target, ...] = ()
    """Contacts of a 3xx, to be tried next, in order; with the known agent behind each."""
    is_ours: bool = False
    """We ourselves had no port, row or seat for it. Fits a leg that called in too, before its `AcceptLeg` was carried out."""
    reason: str = ""
    """The refusal's Reason header (RFC 3326)."""


@dataclass(frozen=True, slots=True)
class MediaAgreed:
    """Offer and answer came to a (new) result: our 183 or 200 to who called in, an answer in an ACK, a re-INVITE of either side."""

    leg: LegId
    media: NegotiatedMedia


@dataclass(frozen=True, slots=True)
class MediaStarted:
    """The first RTP packet of a leg arrived, or RTP is back after `MediaMissing` was told."""

    leg: LegId


@dataclass(frozen=True, slots=True)
class MediaMissing:
    """A leg whose remote says that it sends has sent no RTP for this long (told from 0.5 s on, about once a second while it lasts)."""

    leg: LegId
    seconds: float


@dataclass(frozen=True, slots=True)
class ReofferFailed:
    """Our re-INVITE (`ReofferLeg`) failed, or could not be sent now; what was agreed before still holds."""

    leg: LegId
    retry_in: float | None
    """Seconds to wait before another try (491, RFC 3261 §14.1); None: it was refused for good."""


@dataclass(frozen=True, slots=True)
class LegEnded:
    """A leg is gone by its own side: BYE, CANCEL, transport."""

    leg: LegId
    cause: str
    """As in `sip.events.SessionEnded`."""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SupervisorArrived:
    """A permitted supervisor's own INVITE (he dialled in), or his browser's offer; answered at once if the call can be joined."""

    leg: LegId
    supervisor: Supervisor
    request: int | None = None
    """Told back by `RefuseRequest` if it cannot."""


@dataclass(frozen=True, slots=True)
class SupervisorCalled:
    """The API asked to ring a supervisor's phone into the call."""

    leg: LegId
    supervisor: Supervisor
    target: Target
    request: int | None = None
    """Told back by `RefuseRequest` if the call cannot be joined; else the leg's first action is `OpenLeg`."""


@dataclass(frozen=True, slots=True)
class ModeRequested:
    """A permitted change of mode; ``request`` is told back by the `SetMode` action's acknowledgement."""

    leg: LegId
    mode: Mode
    target: Role
    request: int


@dataclass(frozen=True, slots=True)
class MuteRequested:
    """Mute or unmute a supervisor."""

    leg: LegId
    muted: bool
    request: int


@dataclass(frozen=True, slots=True)
class VolumesRequested:
    """Change a supervisor's volumes; None leaves one as it is."""

    leg: LegId
    hears: float | None
    heard: float | None
    request: int


@dataclass(frozen=True, slots=True)
class LoungeOpened:
    """This is no conversation but a place to wait for one: the first input of a call that a supervisor who follows is to be rung into."""


@dataclass(frozen=True, slots=True)
class MoveRequested:
    """A supervisor who follows goes to another call: from his lounge to a conversation, or back."""

    leg: LegId
    into: str


@dataclass(frozen=True, slots=True)
class TalkHandedOver:
    """A permitted request that another supervisor speak in this one's stead, in his mode."""

    leg: LegId
    to: LegId
    request: int


@dataclass(frozen=True, slots=True)
class TakeOverRequested:
    """A permitted request of a supervisor to talk to the other party in the agent's stead."""

    leg: LegId
    request: int
    drops_agent: bool = False
    """The agent's leg is ended, also where the call was taken over before."""


@dataclass(frozen=True, slots=True)
class GiveBackRequested:
    """A permitted request to let the agent talk again."""

    leg: LegId
    request: int


@dataclass(frozen=True, slots=True)
class GuestInvited:
    """A permitted request to ring a third one into the conversation."""

    leg: LegId
    """The guest's."""
    targets: tuple[Target, ...]
    """Tried in turn."""
    to: str
    """Whom the watchers are told."""
    request: int


@dataclass(frozen=True, slots=True)
class HelpRequested:
    """The call's agent asks for help; or, with ``text=None``, needs none any more."""

    text: str | None
    by: str
    """Who said so: the agent's name, or the identity's."""


@dataclass(frozen=True, slots=True)
class HangUpRequested:
    """A permitted request to end one leg, or with ``leg=None`` the whole call."""

    leg: LegId | None
    cause: str


@dataclass(frozen=True, slots=True)
class PrivacyMarked:
    """The agent marks his call private, or takes that back; his tenant's policy permits it."""

    leg: LegId
    is_private: bool


@dataclass(frozen=True, slots=True)
class ListenersNamed:
    """Whether supervisors are told of each other by name: the tenant's policy says so from now on."""

    are_named: bool


@dataclass(frozen=True, slots=True)
class InfoRelayed:
    """A party sent digits by SIP INFO; the other party gets them the same way. Never raised for supervisors."""

    leg: LegId
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class TransferRequested:
    """A leg asked by REFER that the other party be connected to somebody else (RFC 3515)."""

    leg: LegId
    transfer: int
    """Told back by every action about this REFER."""
    to: str
    """Whom the watchers are told."""
    targets: tuple[Target, ...] = ()
    """Tried in turn; empty: ``refusal`` says why, or the consultation is meant."""
    refusal: int = 404
    """Code for a REFER that has no target and no consultation."""
    consultation: LegId | None = None
    """The referring agent's leg in another call, which the Replaces named: its far leg is to take his place here."""


@dataclass(frozen=True, slots=True)
class MergeRequested:
    """An agent ends his consultation by joining its far leg to another call of his; this call is over with it."""

    leg: LegId
    """The agent's leg here."""
    into: str
    """The call that goes on."""
    transfer: int


@dataclass(frozen=True, slots=True)
class MergeRefused:
    """The consultation cannot be joined: it is over, or it has nobody to hand over."""

    transfer: int
    status: int


@dataclass(frozen=True, slots=True)
class LegHandedOver:
    """A leg of a consultation comes into this call: the far party first, its supervisors after it."""

    leg: LegId
    moved: Leg
    """What the other call knew of it; it is this call's from now on."""
    is_covered: bool = True
    """Whether a supervisor's ceiling covers this call, as it is now."""


@dataclass(frozen=True, slots=True)
class ReplacementArrived:
    """A permitted INVITE with Replaces (RFC 3891): a new leg in the place of one of this call's."""

    leg: LegId
    replaces: LegId
    party: str
    agent: str | None = None
    """The known agent who called, where he is one."""
    team: str | None = None
    is_early_only: bool = False
    """It is meant for a leg that still rings."""
    by_right: bool = False
    """By somebody whose ceiling and rights permit it; the others are trunks, and agents who go to another phone of theirs."""


Input = (
    Invited
    | Originated
    | Progressed
    | Accepted
    | Rejected
    | MediaAgreed
    | MediaStarted
    | MediaMissing
    | ReofferFailed
    | LegEnded
    | SupervisorArrived
    | SupervisorCalled
    | ModeRequested
    | MuteRequested
    | VolumesRequested
    | LoungeOpened
    | MoveRequested
    | TalkHandedOver
    | TakeOverRequested
    | GiveBackRequested
    | GuestInvited
    | HelpRequested
    | HangUpRequested
    | PrivacyMarked
    | ListenersNamed
    | InfoRelayed
    | TransferRequested
    | MergeRequested
    | MergeRefused
    | LegHandedOver
    | ReplacementArrived
    | MetadataLearned
)
