"""A call as a watcher sees it: plain values, taken from the machine, turned into API models elsewhere."""

from dataclasses import dataclass
from enum import StrEnum

from mediaserver.call.inputs import LegId
from mixer.modes import Mode, Role


class CallState(StrEnum):
    """Where a call is in its life."""

    ROUTING = "routing"
    RINGING = "ringing"
    ANSWERED = "answered"
    HELD = "held"
    LOUNGE = "lounge"
    """No conversation: a supervisor waits here for the next one that he follows."""
    ENDED = "ended"


class LegState(StrEnum):
    """Where a leg is in its life."""

    RINGING = "ringing"
    EARLY = "early"
    """Ringing with media."""
    ANSWERED = "answered"
    HELD = "held"
    """It put us on hold: it takes no media. (The leg on the other side of a hold stays ``answered``.)"""
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class LegView:
    """One leg."""

    leg: LegId
    role: Role
    state: LegState
    party: str
    """The caller's number, the agent's name, the supervisor's name."""
    codec: str
    """Empty before it is agreed."""
    secured: bool = False
    """SRTP was agreed on."""
    agent: str = ""
    """The known agent at this leg, whatever his role here; empty where there is none."""
    identity: str = ""
    """The supervisor's identity."""
    supervision: LegId = 0
    """Number of the first leg of his supervision: he is the same one after he was lost and came back."""
    mode: Mode | None = None
    target: Role | None = None
    muted: bool = False
    hears: float = 1.0
    heard: float = 1.0
    inaudible: str = ""
    """Why the mode's target cannot hear the supervisor now; empty where it can."""
    has_taken_over: bool = False
    """The supervisor talks to the other party in the agent's stead."""
    is_aside: bool = False
    """The agent, whose call a supervisor has taken over: he hears nobody, and is heard by nobody."""


@dataclass(frozen=True, slots=True)
class CallView:
    """One call."""

    call: str
    """The id that the world sees."""
    tenant: str
    state: CallState
    caller: str
    called: str
    agent: str
    """The agent's name; empty before one is known."""
    team: str
    trunk: str
    metadata: dict[str, str]
    started: float
    """Monotonic clock, seconds."""
    answered: float | None
    ended: float | None
    cause: str
    """Why it ended; empty while it lives."""
    legs: tuple[LegView, ...]
    is_private: bool = False
    """The agent wants nobody to supervise it."""
    agent_left: bool = False
    """It was taken over, and its agent is gone; ``agent`` and ``team`` say as whose it is supervised all the same."""
    help: str | None = None
    """What the agent said when he asked for help, until somebody came; None: he did not."""

    def is_of(self, agent: str) -> bool:
        """Whether this is a call of that agent now, and he has not left it."""
        return self.agent == agent and not self.agent_left
