"""Gains from the audibility table: how loud one leg hears another, from what both are now. What is not granted is 0."""

from dataclasses import dataclass

from mixer.modes import Mode, Role, is_audible


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
