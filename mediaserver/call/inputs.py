"""What can happen to a call: facts in the past tense and requests that were already permitted."""

from dataclasses import dataclass, field

from mixer.modes import Mode, Role
from sip.negotiated import NegotiatedMedia

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
    agent: str | None
    """The known agent who answered; None: nobody we know (OUTSIDE where the role would be AGENT)."""
    team: str | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """A leg that we rang refused, did not answer in SIP, or could not be placed (unknown agent: 480)."""

    leg: LegId
    status: int
    contacts: tuple[str, ...] = ()
    """Contacts of a 3xx, to be tried next, in order."""


@dataclass(frozen=True, slots=True)
class MediaAgreed:
    """Offer and answer on an answered leg came to a (new) result: its ACK answer, a re-INVITE, a hold, a resume."""

    leg: LegId
    media: NegotiatedMedia


@dataclass(frozen=True, slots=True)
class MediaStarted:
    """The first RTP packet of a leg arrived."""

    leg: LegId


@dataclass(frozen=True, slots=True)
class MediaMissing:
    """A leg that ought to send has sent no RTP for this long (told about once a second while it lasts)."""

    leg: LegId
    seconds: float


@dataclass(frozen=True, slots=True)
class LegEnded:
    """A leg is gone by its own side: BYE, CANCEL, transport."""

    leg: LegId
    cause: str
    """As in `sip.events.SessionEnded`."""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SupervisorArrived:
    """A permitted supervisor's own INVITE (he dialled in); answered at once if the call can be joined."""

    leg: LegId
    supervisor: Supervisor


@dataclass(frozen=True, slots=True)
class SupervisorCalled:
    """The API asked to ring a supervisor's phone into the call."""

    leg: LegId
    supervisor: Supervisor
    target: Target


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
class HangUpRequested:
    """A permitted request to end one leg, or with ``leg=None`` the whole call."""

    leg: LegId | None
    cause: str


@dataclass(frozen=True, slots=True)
class InfoRelayed:
    """A party sent digits by SIP INFO; the other party gets them the same way. Never raised for supervisors."""

    leg: LegId
    content_type: str
    body: bytes


Input = (
    Invited
    | Progressed
    | Accepted
    | Rejected
    | MediaAgreed
    | MediaStarted
    | MediaMissing
    | LegEnded
    | SupervisorArrived
    | SupervisorCalled
    | ModeRequested
    | MuteRequested
    | VolumesRequested
    | HangUpRequested
    | InfoRelayed
)
