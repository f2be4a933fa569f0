"""Gains from the audibility table: how loud one leg hears another, from what both are now. What is not granted is 0."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from mixer.modes import Mode, Role, is_audible

LEFT: Final = (1.0, 0.0)
RIGHT: Final = (0.0, 1.0)
MIDDLE: Final = (0.5**0.5, 0.5**0.5)
"""How much of a speaker reaches the left and the right ear; each with the same power."""


@dataclass(slots=True)
class Seat:
    """What decides who hears a leg and whom it hears."""

    role: Role
    mode: Mode | None = None
    """A supervisor's; None before he has one."""
    target: Role | None = None
    admitted: bool = False
    muted: bool = False
    sends: bool = False
    """Whether its remote said that it sends; where not, nobody hears it."""
    hears: float = 1.0
    """A supervisor's volume in his own ear."""
    heard: float = 1.0
    """A supervisor's volume in the others' ears."""


def gain(speaker: Seat, listener: Seat) -> float:
    """Linear gain at which ``listener`` hears ``speaker``, two different legs of one call; exactly 0.0 where he may not."""
    if not (speaker.admitted and listener.admitted and speaker.sends) or speaker.muted:
        return 0.0
    if not is_audible(speaker.role, speaker.mode, speaker.target, listener.role):
        return 0.0
    heard = speaker.heard if speaker.role is Role.SUPERVISOR else 1.0
    hears = listener.hears if listener.role is Role.SUPERVISOR else 1.0
    return heard * hears


def ears(speaker: Role, present: Collection[Role]) -> tuple[float, float]:
    """Where a supervisor in stereo hears who has the role ``speaker``, ``present`` being the roles of all who are in the call.

    The agent left, the customer right, supervisors in the middle. An outside party takes the side that nobody is on, the customer's
    first, and stands in the middle where both are there.
    """
    match speaker:
        case Role.AGENT:
            return LEFT
        case Role.CUSTOMER:
            return RIGHT
        case Role.OUTSIDE if Role.CUSTOMER not in present:
            return RIGHT
        case Role.OUTSIDE if Role.AGENT not in present:
            return LEFT
    return MIDDLE
