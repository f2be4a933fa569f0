"""Who may do what: identities, their ceilings, and the one check that every door meets. Deny by default.

The websocket, digits, SIP INFO and the dial-in codes all come here; nothing else grants.
"""

from dataclasses import dataclass
from enum import StrEnum

from mixer.modes import Mode, Role


class Right(StrEnum):
    """A right beside the mode; each is off unless granted."""

    WHISPER_CUSTOMER = "whisper_customer"
    """Whisper to the customer instead of the agent."""
    HANG_UP = "hang_up"
    """Hang up one leg."""
    END = "end"
    """End a call."""
    ORIGINATE = "originate"
    """Make the server place a call."""
    OUTSIDE_NUMBERS = "outside_numbers"
    """Have numbers rung that are neither the identity's contacts nor listed for it."""
    TRACE = "trace"
    """Read the SIP messages of a call."""
    ADMIN = "admin"
    """See the server's own state."""


@dataclass(frozen=True, slots=True)
class Ceiling:
    """How far an identity may go. Empty ``agents`` and ``teams`` cover nobody; ``*`` covers everybody of the tenant."""

    agents: frozenset[str] = frozenset()
    teams: frozenset[str] = frozenset()
    mode: Mode | None = None
    """The highest mode; None: none at all."""
    rights: frozenset[Right] = frozenset()

    def covers(self, agent: str, team: str) -> bool:
        """Whether a call of this agent is his to see."""
        return "*" in self.agents or "*" in self.teams or (agent != "" and agent in self.agents) or (team != "" and team in self.teams)


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody who was authenticated: by token, or by SIP digest."""

    name: str
    tenant: str
    ceiling: Ceiling
    user: str | None = None
    """The SIP user whose contacts are this identity's own phones."""
    numbers: frozenset[str] = frozenset()
    """Other phones (URIs) that the server may ring for him."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a request is about: one call, as far as permission goes."""

    tenant: str
    agent: str
    team: str


class Refusal(Exception):
    """A request was refused; nothing changed. Has the one error shape of the control API."""

    def __init__(self, code: str, text: str, hint: str = "") -> None:
        super().__init__(text)
        self.code = code
        """``forbidden``, ``not_found``, ``ambiguous``, ``bad_request``, ``conflict``, ``unavailable``, ``timeout``,
        ``unauthenticated``, ``too_many``."""
        self.text = text
        self.hint = hint


def may_see(identity: Identity, subject: Subject) -> bool:
    """Whether the call exists for this identity at all."""
    return identity.tenant == subject.tenant and identity.ceiling.covers(subject.agent, subject.team)


def check_visible(identity: Identity, subject: Subject) -> None:
    """Raise `Refusal` ``not_found`` for a call the identity may not see: what is hidden does not exist."""
    if not may_see(identity, subject):
        raise Refusal("not_found", "no such call", "list shows the calls that you may see")


def check_mode(identity: Identity, subject: Subject, mode: Mode, target: Role) -> None:
    """Raise `Refusal` unless the identity may supervise this call in this mode toward this target."""
    check_visible(identity, subject)
    highest = identity.ceiling.mode
    if highest is None or mode.rank > highest.rank:
        allowed = "no mode" if highest is None else f"at most {highest}"
        raise Refusal("forbidden", f"{mode} is beyond your ceiling ({allowed})", "ask an administrator for a higher mode")
    if mode is Mode.WHISPER and target is not Role.AGENT:
        if target is not Role.CUSTOMER:
            raise Refusal("bad_request", f"a whisper is for the agent or the customer, not {target}")
        check_right(identity, Right.WHISPER_CUSTOMER)


def check_right(identity: Identity, right: Right) -> None:
    """Raise `Refusal` unless the identity has this right."""
    if right not in identity.ceiling.rights:
        raise Refusal("forbidden", f"the right {right} is not yours", "ask an administrator for it")
