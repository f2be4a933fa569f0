"""What a call knows, and the few things that every rule does with it: say an action, find, admit and close a leg."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from mediaserver.call.actions import Action, Admit, ChooseFork, CloseLeg, Count, NotifyTransfer, Publish
from mediaserver.call.inputs import LegId, Target
from mediaserver.call.legs import Leg, Part, SupervisorLeg
from mediaserver.call.limits import CallLimits
from mediaserver.call.tables import Step, call_after
from mediaserver.call.view import CallState, CallView
from sip.negotiated import NegotiatedMedia

PARTY_SEATS: Final = 2
"""Kept for the parties."""


@dataclass(slots=True)
class Hunt:
    """The targets of a call, tried in turn."""

    untried: deque[Target] = field(default_factory=deque)
    contacts: set[str] = field(default_factory=set)
    """Contacts of 3xx answers that were taken; each once, so a ring of redirections ends."""
    failure: str | None = None
    """The most telling of the failures so far, a `mediaserver.call.ending.Cause`."""
    reason: str = ""
    """The Reason that came with it, as far as the caller may be told."""
    relayed: set[int] = field(default_factory=set)
    """The 18x that the caller was told."""


@dataclass(slots=True)
class Transfer:
    """A party's place that is about to be another's."""

    number: int
    asked_by: LegId
    to: str
    way: str
    """``blind``, ``attended``, or ``returned`` to the agent who asked for it."""
    referrer: Leg | None
    """Who asked for it and is still there; None: he hung up, and it goes on without him."""
    hunt: Hunt
    successor: Leg | None = None
    """Who rings."""
    has_rung: bool = False
    """A target said 18x: whoever waits hears it ring."""
    home: Target | None = None
    """Where the referrer who left is rung again if nobody else answers."""
    is_told: bool = False
    """Who asked for it knows how it ended."""
    ends_at: float | None = None
    """It failed, nobody is left to talk to, and who waits hears the busy tone until then."""


@dataclass(slots=True)
class Invitation:
    """A third one in the conversation, or on the way there."""

    to: str
    untried: deque[Target]
    leg: Leg | None = None


@dataclass(frozen=True, slots=True)
class Absence:
    """A supervisor who was lost, and may come back."""

    supervision: LegId
    leg: LegId
    """With which he was lost."""
    until: float
    hears: float
    heard: float


@dataclass(slots=True)
class Conversation:
    """The state of one call. The rules change it and append to ``actions``."""

    call: str
    tenant: str
    trunk: str
    limits: CallLimits
    allocate_leg: Callable[[], LegId]
    state: CallState = CallState.ROUTING
    caller: str = ""
    called: str = ""
    agent: str = ""
    team: str = ""
    agent_left: bool = False
    """It was taken over, and its agent is gone: nobody's call any more, and supervised as his."""
    metadata: dict[str, str] = field(default_factory=dict)
    is_private: bool = False
    """The agent wants nobody to supervise it."""
    first: Leg | None = None
    second: Leg | None = None
    """The target that rings or was answered."""
    supervisors: dict[LegId, SupervisorLeg] = field(default_factory=dict)
    absences: dict[str, Absence] = field(default_factory=dict)
    """Who was lost lately, by identity; never more than there are seats."""
    hunt: Hunt = field(default_factory=Hunt)
    transfer: Transfer | None = None
    """The one that is under way; a second one has to wait."""
    invitation: Invitation | None = None
    """At most one guest at a time."""
    help: str | None = None
    """What the agent said when he asked for help; None: he did not, or somebody came."""
    transfers: int = 0
    """How many were accepted."""
    started: float = 0.0
    answered: float | None = None
    ended: float | None = None
    ends_at: float | None = None
    """When the longest call is reached."""
    quiet_since: float = 0.0
    """Silence before this does not count: the answer, a hold or a resume changed who ought to send."""
    alone_since: float | None = None
    """Since when the only party left has nobody who talks to it; None: somebody does, or there are two."""
    cause: str = ""
    actions: list[Action] = field(default_factory=list)

    def do(self, *actions: Action) -> None:
        """Have these carried out, in order."""
        self.actions += actions

    def take_actions(self) -> list[Action]:
        """All that is to be done, once."""
        actions, self.actions = self.actions, []
        return actions

    def count(self, counter: str, label: str) -> None:
        """Add one to a counter."""
        self.do(Count(counter, str(label)))

    def publish(self, kind: str, leg: Leg | None = None, **detail: str) -> None:
        """Tell the watchers."""
        told = {key: str(value) for key, value in detail.items()}
        who = leg.identity if isinstance(leg, SupervisorLeg) else ""
        self.do(Publish(kind, None if leg is None else leg.leg, told, who))

    @property
    def is_over(self) -> bool:
        """Whether every leg is closed for good."""
        return self.state is CallState.ENDED

    @property
    def is_answered(self) -> bool:
        """Whether the parties were connected, held or not."""
        return self.state in (CallState.ANSWERED, CallState.HELD)

    @property
    def is_joinable(self) -> bool:
        """Whether a supervisor may enter: from the first 18x on, and where he is to wait."""
        return self.state in (CallState.RINGING, CallState.ANSWERED, CallState.HELD, CallState.LOUNGE)

    @property
    def seats_left(self) -> int:
        """For supervisors or a guest; two are the parties', whether they are there or not."""
        return self.limits.seats - PARTY_SEATS - len(self.supervisors) - (self.guest is not None)

    def parties(self) -> list[Leg]:
        """The live legs of the conversation itself, the first one first."""
        return [leg for leg in (self.first, self.second) if leg is not None]

    @property
    def successor(self) -> Leg | None:
        """Who is rung to take a party's place."""
        return None if self.transfer is None else self.transfer.successor

    @property
    def guest(self) -> Leg | None:
        """Who was rung into the conversation, and is there or still rings."""
        return None if self.invitation is None else self.invitation.leg

    @property
    def taker(self) -> SupervisorLeg | None:
        """The supervisor who talks in the agent's stead."""
        return next((leg for leg in self.supervisors.values() if leg.has_taken_over), None)

    @property
    def aside(self) -> Leg | None:
        """The agent whose call was taken over, while he waits."""
        return next((party for party in self.parties() if party.is_aside), None)

    def legs(self) -> list[Leg]:
        """Every live leg."""
        parts = (self.first, self.second, self.successor, self.guest, *self.supervisors.values())
        return [leg for leg in parts if leg is not None]

    def find(self, leg: LegId) -> Leg | None:
        """A live leg by its number."""
        for found in self.legs():
            if found.leg == leg:
                return found
        return None

    def other(self, leg: Leg) -> Leg | None:
        """Whom a party talks to."""
        return self.second if leg is self.first else self.first

    def move(self, step: Step) -> bool:
        """Take a step of the call's table; False where there is none."""
        after = call_after(self.state, step)
        if after is None:
            return False
        self.state = after
        return True

    def notify(self, status: int) -> None:
        """Tell who asked for the transfer how it goes, also where he has hung up since; after a final status nothing more."""
        transfer = self.transfer
        if transfer is not None and not transfer.is_told:
            transfer.is_told = status >= 200
            self.do(NotifyTransfer(transfer.asked_by, transfer.number, status))

    def choose(self, leg: Leg, fork: str, media: NegotiatedMedia) -> None:
        """Make this early dialog's media the leg's."""
        leg.media = media
        if leg.fork != fork:
            leg.fork = fork
            self.do(ChooseFork(leg.leg, fork))

    def admit(self, leg: Leg) -> None:
        """Let a leg into the mix, if it is not in it."""
        if not leg.is_admitted:
            leg.is_admitted = True
            self.do(Admit(leg.leg, True))

    def close(self, leg: Leg) -> None:
        """Forget a leg whose SIP is over, and give its port and row back."""
        leg.move(Step.END)
        self.forget(leg)
        self.do(CloseLeg(leg.leg))

    def forget(self, leg: Leg) -> None:
        """Leave a leg's place empty; of two parties the one who stays is the first."""
        if leg.part is Part.SUPERVISOR:
            del self.supervisors[leg.leg]
        elif leg.part is Part.GUEST:
            if self.invitation is not None:
                self.invitation.leg = None
        elif leg is self.first:
            self.first, self.second = self.second, None
        elif leg is self.second:
            self.second = None
        elif self.transfer is not None:
            self.transfer.successor = None

    def view(self) -> CallView:
        """The call as a watcher sees it."""
        return CallView(
            call=self.call,
            tenant=self.tenant,
            state=self.state,
            caller=self.caller,
            called=self.called,
            agent=self.agent,
            team=self.team,
            trunk=self.trunk,
            metadata=dict(self.metadata),
            is_private=self.is_private,
            agent_left=self.agent_left,
            started=self.started,
            answered=self.answered,
            ended=self.ended,
            cause=self.cause,
            legs=tuple([leg.view() for leg in self.legs()]),
            help=self.help,
        )
