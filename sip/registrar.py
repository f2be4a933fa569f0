"""The registrar (RFC 3261 §10.3): which contacts a user can be reached at, until when, and over which flow.

Who the user is was settled before (digest). A REGISTER takes effect as a whole or not at all:

- ``Contact: *`` with ``Expires: 0`` removes every contact, a contact with 0 removes that one, none asks what is bound.
- An expiry under the minimum is refused with 423 and Min-Expires; above the maximum it is shortened.
- A contact changes only by a newer request: another Call-ID, or the same with a higher CSeq.
- A user who has too many contacts loses the ones not renewed for longest: a phone that came back under a new port gets in.
"""

import heapq
from dataclasses import dataclass, replace
from typing import Final

from sip.errors import ParseError, SipError
from sip.headers import parse_address
from sip.message import Request
from sip.transport.flow import Flow
from sip.uri import Uri

DEFAULT_EXPIRES: Final = 3600.0
"""Where the request does not say, or says what is not a number (RFC 3261 §10.3 item 7, §20.19)."""

_MUST_MATCH: Final = ("transport", "user", "ttl", "method", "maddr")
"""URI parameters that tell two contacts apart even where only one has them (RFC 3261 §19.1.4)."""
_LONGEST_NUMBER: Final = 10
_SLACK: Final = 64


class RegisterError(SipError):
    """A REGISTER that cannot be carried out; nothing changed."""

    status = 400


class TooBrief(RegisterError):
    """An expiry under the minimum; the answer names the minimum."""

    status = 423


class OutOfOrder(RegisterError):
    """Older than what is bound: a late or repeated request (RFC 3261 §10.3 item 7)."""

    status = 500


class TooManyContacts(RegisterError):
    """More contacts in one request than a user may have."""

    status = 403


@dataclass(frozen=True, slots=True)
class Binding:
    """A contact of a user."""

    uri: str
    """As the phone spelt it: the Request-URI of what is sent to it."""
    flow: Flow
    """Where the REGISTER came from, and the way back to a phone behind NAT."""
    expires_at: float
    """On the monotonic clock."""
    q: float
    """The phone's preference, 0.0 to 1.0."""
    call_id: str
    cseq: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer to a REGISTER."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    """Contact headers with the seconds left, or Min-Expires."""
    changed: bool = False
    """Whether the user's set of contacts is another one than before."""
    problem: str = ""
    """Why it was refused, for logs."""


@dataclass(frozen=True, slots=True)
class _Wish:
    """One contact of a request, read."""

    text: str
    uri: Uri
    seconds: float
    q: float


class Registrar:
    """All bindings. Times are seconds of one monotonic clock."""

    def __init__(self, minimum: float, maximum: float, max_contacts: int) -> None:
        """``minimum`` and ``maximum`` bound an expiry in seconds; ``max_contacts`` bounds a user's bindings."""
        self._minimum = minimum
        self._maximum = maximum
        self._max_contacts = max_contacts
        self._bindings: dict[str, tuple[Binding, ...]] = {}
        """By user, the binding renewed last at the end; no user without a binding."""
        self._due: list[tuple[float, str]] = []
        """A heap of (expiry, user); entries of bindings that were refreshed or removed are passed over."""
        self._flows: dict[Flow, int] = {}
        """How many bindings came over a flow."""
        self.evicted = 0
        """Bindings that made room for newer ones of the same user."""

    def register(self, user: str, request: Request, flow: Flow, now: float) -> Outcome:
        """Carry out an authenticated user's REGISTER. Never raises for what a phone can send."""
        before = self._bindings.get(user, ())
        try:
            after = self._registered(_live(before, now), request, flow, now)
        except TooBrief as error:
            return Outcome(error.status, (("Min-Expires", str(int(self._minimum))),), problem=str(error))
        except SipError as error:
            return Outcome(error.status, problem=str(error))
        self._keep(user, after)
        headers = tuple(("Contact", _written(binding, now)) for binding in _best_first(after))
        return Outcome(200, headers, changed={b.uri for b in before} != {b.uri for b in after})

    def contacts(self, user: str, now: float) -> list[Binding]:
        """A user's live bindings, best first: by q, then the one that was registered last."""
        return _best_first(_live(self._bindings.get(user, ()), now))

    def expire(self, now: float) -> list[str]:
        """Remove what has run out; the users who lost a contact."""
        losers: dict[str, None] = {}
        while self._due and self._due[0][0] <= now:
            _, user = heapq.heappop(self._due)
            bindings = self._bindings.get(user, ())
            live = _live(bindings, now)
            if len(live) < len(bindings):
                losers[user] = None
                self._store(user, live)
        return list(losers)

    def lose_flow(self, flow: Flow) -> list[str]:
        """Remove what was bound over a connection that is gone (RFC 5626 §5.3): nothing would reach it. The users who lost a contact."""
        losers = [user for user, bindings in self._bindings.items() if any(binding.flow == flow for binding in bindings)]
        for user in losers:
            self._store(user, tuple(binding for binding in self._bindings[user] if binding.flow != flow))
        return losers

    def is_bound(self, flow: Flow) -> bool:
        """Whether somebody is registered from this very flow."""
        return flow in self._flows

    def next_timer(self) -> float | None:
        """When `expire` is next worth a call; None while nothing is bound."""
        while self._due and not self._is_current(*self._due[0]):
            heapq.heappop(self._due)
        return self._due[0][0] if self._due else None

    def _registered(self, before: tuple[Binding, ...], request: Request, flow: Flow, now: float) -> tuple[Binding, ...]:
        """The bindings after a request. Raises `RegisterError` or `ParseError`."""
        values, expires = request.items("Contact"), request.header("Expires")
        if "*" in values:
            if len(values) > 1 or _seconds(expires) != 0:
                raise RegisterError("Contact: * stands alone and with Expires: 0")
            for binding in before:
                _check_order(binding, request)
            return ()
        if len(values) > self._max_contacts:
            raise TooManyContacts(f"{len(values)} contacts; a user may have {self._max_contacts}")
        after = list(before)
        for wish in [self._wish(value, expires) for value in values]:
            same = [binding for binding in after if _is_same(wish.uri, Uri.parse(binding.uri))]
            for binding in same:
                if binding in before:
                    _check_order(binding, request)
                after.remove(binding)
            if wish.seconds > 0:
                after.append(Binding(wish.text, flow, now + wish.seconds, wish.q, request.call_id, request.cseq.number))
        return self._trimmed(after)

    def _trimmed(self, bindings: list[Binding]) -> tuple[Binding, ...]:
        """At most as many bindings as a user may have; those not renewed for longest go."""
        excess = max(0, len(bindings) - self._max_contacts)
        self.evicted += excess
        return tuple(bindings[excess:])

    def _wish(self, value: str, header: str | None) -> _Wish:
        """Read one Contact value. Raises `TooBrief`, or `ParseError` where nothing could be sent to it."""
        contact = parse_address(value)
        uri = Uri.parse(contact.uri)
        if uri.scheme not in ("sip", "sips"):
            raise ParseError(f"a contact must be a sip or sips URI, not {uri.scheme}")
        own = contact.parameters.get("expires")
        seconds = _seconds(own if own is not None else header)
        if 0 < seconds < self._minimum:
            raise TooBrief(f"{seconds:.0f} s are under the minimum of {self._minimum:.0f} s")
        return _Wish(contact.uri, uri, min(seconds, self._maximum), _preference(contact.parameters.get("q")))

    def _keep(self, user: str, bindings: tuple[Binding, ...]) -> None:
        """Store a user's bindings and when they run out."""
        self._store(user, bindings)
        for binding in bindings:
            heapq.heappush(self._due, (binding.expires_at, user))
        if len(self._due) > _SLACK + 2 * sum(map(len, self._bindings.values())):
            self._due = [(binding.expires_at, owner) for owner, kept in self._bindings.items() for binding in kept]
            heapq.heapify(self._due)

    def _store(self, user: str, bindings: tuple[Binding, ...]) -> None:
        for binding in bindings:
            self._flows[binding.flow] = self._flows.get(binding.flow, 0) + 1
        for binding in self._bindings.get(user, ()):
            self._flows[binding.flow] -= 1
            if self._flows[binding.flow] == 0:
                del self._flows[binding.flow]
        if bindings:
            self._bindings[user] = bindings
        else:
            self._bindings.pop(user, None)

    def _is_current(self, expires_at: float, user: str) -> bool:
        return any(binding.expires_at == expires_at for binding in self._bindings.get(user, ()))


def _check_order(binding: Binding, request: Request) -> None:
    """Raise `OutOfOrder` where the binding is as new as the request or newer."""
    if binding.call_id == request.call_id and request.cseq.number <= binding.cseq:
        raise OutOfOrder(f"CSeq {request.cseq.number} is not above {binding.cseq}")


def _is_same(one: Uri, other: Uri) -> bool:
    """Whether two contacts are one: equal but for parameters that only one of them has (RFC 3261 §19.1.4)."""
    if replace(one, parameters=(), headers="") != replace(other, parameters=(), headers=""):
        return False
    ours, theirs = dict(one.parameters), dict(other.parameters)
    for name in ours.keys() | theirs.keys():
        both = name in ours and name in theirs
        if (both or name in _MUST_MATCH) and (ours.get(name) or "").lower() != (theirs.get(name) or "").lower():
            return False
    return True


def _live(bindings: tuple[Binding, ...], now: float) -> tuple[Binding, ...]:
    return tuple(binding for binding in bindings if binding.expires_at > now)


def _best_first(bindings: tuple[Binding, ...]) -> list[Binding]:
    ranked = sorted(bindings, key=lambda binding: binding.q)
    ranked.reverse()
    return ranked


def _written(binding: Binding, now: float) -> str:
    """A Contact value with the seconds left, rounded up so that a phone never comes too late by rounding alone."""
    left = max(1, -int((now - binding.expires_at) // 1))
    return f"<{binding.uri}>;expires={left}" + ("" if binding.q == 1 else f";q={binding.q:.3g}")


def _seconds(text: str | None) -> float:
    """An expiry in seconds."""
    plain = (text or "").strip()
    if plain.isascii() and plain.isdigit() and len(plain) <= _LONGEST_NUMBER:
        return float(plain)
    return DEFAULT_EXPIRES


def _preference(text: str | None) -> float:
    """A q value; 1.0 where it is none."""
    try:
        value = float(text or "")
    except ValueError:
        return 1.0
    return value if 0 <= value <= 1 else 1.0
