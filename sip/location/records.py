"""What is asked of DNS, what it answers, and what comes of it: hops. (RFC 1035, 3596, 2782, 3403)"""

from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["NAPTR", "SRV", "A", "AAAA"]


@dataclass(frozen=True, slots=True)
class Question:
    """One look-up."""

    name: str
    """Lower case, without the root's dot."""
    kind: Kind


@dataclass(frozen=True, slots=True)
class Naptr:
    """A way to a service (RFC 3403 §4.1). What it says by a regular expression is not followed."""

    order: int
    preference: int
    flags: str
    service: str
    replacement: str


@dataclass(frozen=True, slots=True)
class Srv:
    """A server of a service (RFC 2782)."""

    priority: int
    weight: int
    port: int
    target: str
    """Empty for the root: there is decidedly no such service."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for a question."""

    records: tuple[Naptr | Srv | str, ...] = ()
    """Of the question's kind only; addresses as text."""
    ttl: float = 0.0
    """Seconds that it may be kept."""
    alias: str = ""
    """The name to ask for instead, where the answer ended with one (CNAME)."""
    has_failed: bool = False
    """No answer in time, or a server in trouble: it is not known whether there is something."""


NOTHING: Final = Answer()


@dataclass(frozen=True, slots=True)
class Hop:
    """Where a request can be sent."""

    transport: str
    """One of `sip.transport.flow.OPENED_BY_US`."""
    address: str
    """An IP address, IPv6 without brackets."""
    port: int
    name: str = ""
    """The host that a TLS peer's certificate must show: the one that was asked for, not what DNS made of it (RFC 5922 §4)."""


def as_name(text: str) -> str:
    """A name as questions have it."""
    return text.rstrip(".").lower()
