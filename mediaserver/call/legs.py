"""A leg as the call remembers it: who it is, what was agreed with it, and what it was told last."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from mediaserver.call.inputs import LegId
from mediaserver.call.tables import Offer, Step, Turn, leg_after, offer_after
from mediaserver.call.view import LegState, LegView
from mixer.modes import Mode, Role
from sip.negotiated import Direction, NegotiatedMedia

_NOWHERE: Final = frozenset({"0.0.0.0", "::"})
"""Where a remote of RFC 2543 wants its media while it holds (RFC 3264 §8.4)."""


class Part(StrEnum):
    """How a leg came into the call."""

    CALLER = "caller"
    """It called in: the first leg, or one that replaced another."""
    ORIGIN = "origin"
    """The first leg; we rang it to make a call for it."""
    TARGET = "target"
    """We ring it, or rang it, for the first leg."""
    SUCCESSOR = "successor"
    """We ring it so that it takes a party's place; once it has, it is a target like any other."""
    GUEST = "guest"
    """A third one, whom a supervisor had rung into the conversation."""
    SUPERVISOR = "supervisor"


@dataclass(slots=True, kw_only=True)
class Leg:
    """One endpoint's side of the call."""

    leg: LegId
    part: Part
    role: Role
    party: str
    agent: str = ""
    team: str = ""
    state: LegState = LegState.RINGING
    media: NegotiatedMedia | None = None
    fork: str | None = None
    """The early dialog whose media is the leg's."""
    is_only_held: bool = False
    """It takes no media because it answered a hold of ours with ``inactive``."""
    is_admitted: bool = False
    is_silent: bool = False
    """It says that it sends, and nothing comes."""
    quiet_since: float = 0.0
    """Silence before this does not count: it was answered, or it said only then that it sends."""
    sound: str | None = None
    """What the server plays to it."""
    ring_until: float | None = None
    offer: Offer = Offer.SETTLED
    asked: Direction = Direction.SENDRECV
    """What we said last, as we see it, in the offer that is open or settled."""
    retry_at: float | None = None
    glares: int = 0
    """491s in a row."""
    is_aside: bool = False
    """The agent, while a supervisor talks in his stead: out of the mix, and whatever his phone holds concerns nobody."""

    @property
    def is_ringing(self) -> bool:
        """Whether it was not answered yet."""
        return self.state in (LegState.RINGING, LegState.EARLY)

    @property
    def is_answered(self) -> bool:
        """Whether it was answered, held or not."""
        return self.state in (LegState.ANSWERED, LegState.HELD)

    @property
    def hears(self) -> bool:
        """Whether the remote takes media; believed until it says otherwise."""
        media = self.media
        return media is None or (media.direction.receives and (media.ice is not None or media.address not in _NOWHERE))

    @property
    def holds(self) -> bool:
        """Whether the remote put us on hold, by its own offer or in answer to one that asked for media both ways."""
        return not self.hears and not self.is_only_held

    @property
    def sends(self) -> bool:
        """Whether the remote says that it sends media; believed until it says otherwise."""
        return self.media is None or self.media.direction.sends

    def agree(self, media: NegotiatedMedia, now: float) -> None:
        """Take the result of an offer and its answer."""
        if not self.sends:
            self.quiet_since = now
        self.is_only_held = self.offer is Offer.OPEN and not self.asked.receives and not self.holds
        self.media = media
        self.is_silent = False

    def move(self, step: Step) -> bool:
        """Take a step of the leg's table; False where there is none."""
        after = leg_after(self.state, step)
        if after is None:
            return False
        self.state = after
        return True

    def turn(self, turn: Turn) -> bool:
        """Take a step of the offer's table; False where there is none."""
        after = offer_after(self.offer, turn)
        if after is None:
            return False
        self.offer = after
        if after is not Offer.WAITING:
            self.retry_at = None
        return True

    def view(self) -> LegView:
        """The leg as a watcher sees it."""
        return LegView(
            leg=self.leg,
            role=self.role,
            state=self.state,
            party=self.party,
            codec=self.codec,
            secured=self.is_secured,
            agent=self.agent,
            is_aside=self.is_aside,
        )

    @property
    def codec(self) -> str:
        """The codec's name; empty before it is agreed."""
        return "" if self.media is None else self.media.codec.name

    @property
    def is_secured(self) -> bool:
        """Whether SRTP was agreed on."""
        return self.media is not None and self.media.security is not None


@dataclass(slots=True, kw_only=True)
class SupervisorLeg(Leg):
    """A supervisor's side of the call."""

    identity: str
    called_in: bool
    mode: Mode
    target: Role
    volume_hears: float
    volume_heard: float
    is_muted: bool = False
    inaudible: str = ""
    home: str = ""
    """The lounge to which he goes back when he leaves a call that he follows; empty: he hangs up."""
    has_taken_over: bool = False
    supervision: LegId
    """Number of the first leg of this supervision: another one where he was lost and came back."""
    resumes: LegId = 0
    """The leg with which he was lost, until he is in the call again."""
    has_sent: bool = False
    """A packet of it came."""

    def view(self) -> LegView:
        """The leg as a watcher sees it."""
        return LegView(
            leg=self.leg,
            role=self.role,
            state=self.state,
            party=self.party,
            codec=self.codec,
            secured=self.is_secured,
            identity=self.identity,
            supervision=self.supervision,
            mode=self.mode,
            target=self.target,
            muted=self.is_muted,
            hears=self.volume_hears,
            heard=self.volume_heard,
            inaudible=self.inaudible,
            has_taken_over=self.has_taken_over,
        )
