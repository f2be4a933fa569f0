"""Who may do what: identities, their ceilings, and the one check that every door meets. Deny by default.

The websocket, REST, digits, SIP INFO, the dial-in codes and browsers all come here; nothing else grants.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from control_api.standing import Standing
from mixer.modes import Mode, Role


class Right(StrEnum):
    """A right beside the mode; each is off unless granted."""

    WHISPER_CUSTOMER = "whisper_customer"
    """Whisper to the customer instead of the agent."""
    HANG_UP = "hang_up"
    """Hang up one leg."""
    END = "end"
    """End a call."""
    TAKE_OVER = "take_over"
    """Take the agent's place in a call, and give it back."""
    ORIGINATE = "originate"
    """Make the server place a call."""
    OUTSIDE_NUMBERS = "outside_numbers"
    """Have numbers rung that are neither the identity's contacts nor listed for it."""
    SEE_LISTENERS = "see_listeners"
    """See who supervises, where the tenant's policy hides it from others."""
    LINKS = "links"
    """Make listen-in links, which let whoever has one listen to a call."""
    RECORDINGS = "recordings"
    """Find and hear recordings."""
    REPORTS = "reports"
    """See who listened to whom, for how long."""
    TRACE = "trace"
    """Read the SIP messages of a call."""
    ADMIN = "admin"
    """See the server's own state, and who is signed in; end others' access."""


@dataclass(frozen=True, slots=True)
class Ceiling:
    """How far an identity may go. Empty ``agents`` and ``teams`` cover nobody; ``*`` covers everybody of the tenant."""

    agents: frozenset[str] = frozenset()
    teams: frozenset[str] = frozenset()
    mode: Mode | None = None
    """The highest mode; None: none at all."""
    rights: frozenset[Right] = frozenset()
    calls: frozenset[str] | None = None
    """These calls alone, of those that the rest covers: he came by a listen-in link; None: all of them."""

    def covers(self, agent: str, team: str) -> bool:
        """Whether a call of this agent is his to see."""
        return "*" in self.agents or "*" in self.teams or (agent != "" and agent in self.agents) or (team != "" and team in self.teams)

    def includes(self, other: "Ceiling") -> bool:
        """Whether this one permits whatever the other does."""
        return (
            ("*" in self.agents or "*" in self.teams or (other.agents <= self.agents and other.teams <= self.teams))
            and (other.mode is None or (self.mode is not None and other.mode.rank <= self.mode.rank))
            and other.rights <= self.rights
            and (self.calls is None or (other.calls is not None and other.calls <= self.calls))
        )


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
    standing: Standing = field(default_factory=Standing, compare=False)
    """Whether what he came with still holds: it is no part of who he is."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a request is about: one call, as far as permission goes."""

    tenant: str
    agent: str
    team: str
    call: str = ""
    """Its id; empty where the request is about an agent, on a call or not."""
    is_private: bool = False
    """The agent wants nobody in it."""


class Refusal(Exception):
    """A request was refused; nothing changed. Has the one error shape of the control API."""

    def __init__(self, code: str, text: str, hint: str = "") -> None:
        super().__init__(text)
        self.code = code
        """``forbidden``, ``not_found``, ``ambiguous``, ``bad_request``, ``conflict``, ``unavailable``, ``timeout``,
        ``unauthenticated``, ``too_many``, ``private``, ``internal``."""
        self.text = text
        self.hint = hint

    @property
    def shape(self) -> dict[str, str]:
        """As every error is told."""
        return {"code": self.code, "text": self.text, "hint": self.hint}


def may_see(identity: Identity, subject: Subject) -> bool:
    """Whether the call exists for this identity at all."""
    ceiling = identity.ceiling
    return (
        identity.tenant == subject.tenant
        and ceiling.covers(subject.agent, subject.team)
        and (ceiling.calls is None or subject.call in ceiling.calls)
    )


def check_standing(identity: Identity) -> None:
    """Raise `Refusal` ``unauthenticated`` where what he came with does not hold any more."""
    if identity.standing.is_withdrawn:
        raise Refusal("unauthenticated", "your access was withdrawn", "sign in again, or ask an administrator")
    if not identity.standing.holds:
        raise Refusal("unauthenticated", "your access has expired", "renew it, or sign in again")


def may_stay(identity: Identity, subject: Subject) -> bool:
    """Whether a supervisor may go on in a call that is about somebody, or something, else now."""
    return identity.standing.holds and may_see(identity, subject) and not subject.is_private


def check_visible(identity: Identity, subject: Subject) -> None:
    """Raise `Refusal` ``not_found`` for a call the identity may not see: what is hidden does not exist."""
    check_standing(identity)
    if not may_see(identity, subject):
        raise Refusal("not_found", "no such call", "list shows the calls that you may see")


def sees_whole_past(identity: Identity) -> bool:
    """Whether what was kept of every call of the tenant, and of whoever supervised it, is his to read: he may have it added up, too."""
    return Right.REPORTS in identity.ceiling.rights


def check_past(identity: Identity, subject: Subject) -> None:
    """Raise `Refusal` ``not_found`` for a call that was kept and is not the identity's to read: it is neither within his ceiling, nor has
    he the right to reports."""
    check_standing(identity)
    is_reported = identity.tenant == subject.tenant and sees_whole_past(identity)
    if not is_reported and not may_see(identity, subject):
        raise Refusal("not_found", "no such call was kept", "history shows the calls that you may see")


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
    if subject.is_private:
        raise Refusal("private", "the agent has marked this call private", "wait until he takes that back, or for another call")


def check_author(identity: Identity, author: str) -> None:
    """Raise `Refusal` ``forbidden`` unless the identity may take back what this author said of a call that it may see."""
    if identity.name != author and Right.ADMIN not in identity.ceiling.rights:
        raise Refusal("forbidden", f"it is {author}'s", "whoever set it takes it back, or somebody with the right admin")


def check_help(identity: Identity, subject: Subject, *, is_own: bool) -> bool:
    """Whether the identity may say that a call's agent needs help: the agent himself, and whoever may see the call."""
    return is_own or may_see(identity, subject)


def is_called_for_help(identity: Identity) -> bool:
    """Whether a call for help of an agent whom he may see is for him: whoever may enter the call."""
    return identity.ceiling.mode is not None


def check_right(identity: Identity, right: Right) -> None:
    """Raise `Refusal` unless the identity has this right."""
    check_standing(identity)
    if right not in identity.ceiling.rights:
        raise Refusal("forbidden", f"the right {right} is not yours", "ask an administrator for it")


def check_grant(identity: Identity, ceiling: Ceiling) -> None:
    """Raise `Refusal` unless the identity may give this ceiling to others, change it or take it: nobody goes beyond his own."""
    check_right(identity, Right.ADMIN)
    if not identity.ceiling.includes(ceiling):
        raise Refusal("forbidden", "that is beyond your own ceiling", "nobody grants or changes what he may not do himself")


# Guests, who came by a listen-in link

GUESTS_MAY: Final = frozenset(
    {
        *("list", "view", "get", "withdraw"),
        *("supervise", "reoffer", "candidate", "ice_servers", "set_mode", "mute", "volumes", "leave"),
    }
)
"""Their commands: what it takes to find the call, to listen to it, and to go."""


def guest_of(host: Identity, call: str, name: str) -> Identity:
    """Somebody who may listen to one call, as far as his host may, and do nothing else; he ends when his host's access is withdrawn."""
    ceiling = Ceiling(host.ceiling.agents, host.ceiling.teams, Mode.LISTEN, frozenset(), frozenset({call}))
    return Identity(f"{host.name}/{name}", host.tenant, ceiling, standing=Standing(f"link:{name}", parent=host.standing))


def is_guest(identity: Identity) -> bool:
    """Whether he came by a listen-in link: he hears one call, and what people say of it among themselves is not for him."""
    return identity.ceiling.calls is not None


def check_guest(identity: Identity, command: str) -> None:
    """Raise `Refusal` ``forbidden`` for a command that is none of a guest's."""
    if is_guest(identity) and command not in GUESTS_MAY:
        text = f"{command} is not for guests: by a link one may listen, nothing else"
        raise Refusal("forbidden", text, "sign in, or ask who made the link")
