"""The registrar (RFC 3261 §10.3): which contacts a user can be reached at, until when, and over which flow.

Who the user is was settled before (digest). A REGISTER takes effect as a whole or not at all:

- ``Contact: *`` with ``Expires: 0`` removes every contact, a contact with 0 removes that one, none asks what is bound.
- An expiry under the minimum is refused with 423 and Min-Expires; above the maximum it is shortened.
- A contact changes only by a newer request: another Call-ID, or the same with a higher CSeq.
- A user who has too many contacts loses the ones not renewed for longest: a phone that came back under a new port gets in.
- A phone with outbound (RFC 5626) has a binding for each of its flows: the same reg-id replaces, whatever the contact says.
- What is sent to a contact goes by the flow of its REGISTER, whatever host the contact names, and with the Path (RFC 3327) as its route.
  Behind a trusted proxy the first Path value is believed, and the binding outlives the connection.
"""

import heapq
import ipaddress
from dataclasses import dataclass
from typing import Final

from sip.contact import OutOfOrder, RegisterError, TooBrief, TooManyContacts, Wish, Wishes, is_same, seconds_in, supports_path
from sip.errors import SipError
from sip.headers import quoted
from sip.message import Request
from sip.transport.flow import DEFAULT_PORTS, Address, Flow
from sip.uri import Uri

FLOW_TIMER: Final = 120
"""Seconds within which a phone with outbound is to send a keep-alive (RFC 5626 §5.4): half of what NATs usually keep."""

_OPENED: Final = ("tcp", "tls")
"""Transports whose connections we open."""
_SLACK: Final = 64


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
    path: tuple[str, ...] = ()
    """Route values of what is sent to it, the nearest first (RFC 3327)."""
    goes_by_route: bool = False
    """A trusted proxy leads to it: ``flow`` is the way to the proxy, and outlives the connection the REGISTER came by."""
    instance: str = ""
    reg_id: int = 0
    """Of a phone with outbound: which phone, and which of its flows (RFC 5626); 0: without."""


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

    def register(
        self, user: str, request: Request, flow: Flow, now: float, *, own: tuple[Address, ...] = (), is_trusted: bool = False
    ) -> Outcome:
        """Carry out an authenticated user's REGISTER. Never raises for what a phone can send.

        ``own`` are the addresses that lead to us; ``is_trusted``: it came from a proxy that we believe where its phones are.
        """
        before = self._bindings.get(user, ())
        try:
            wishes = Wishes.of(request)
            after = self._registered(_live(before, now), request, wishes, _way(wishes, flow, is_trusted), now, own)
        except TooBrief as error:
            return Outcome(error.status, (("Min-Expires", str(int(self._minimum))),), problem=str(error))
        except SipError as error:
            return Outcome(error.status, problem=str(error))
        self._keep(user, after)
        headers = [("Contact", _written(binding, now)) for binding in _best_first(after)]
        if supports_path(request):
            headers += [("Path", value) for value in wishes.path]
        if wishes.is_outbound and any(binding.reg_id for binding in after):
            headers += [("Require", "outbound"), ("Flow-Timer", str(FLOW_TIMER))]
        return Outcome(200, tuple(headers), changed={b.uri for b in before} != {b.uri for b in after})

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
        if flow not in self._flows:
            return []
        losers = [user for user, bindings in self._bindings.items() if any(_hangs_on(binding, flow) for binding in bindings)]
        for user in losers:
            self._store(user, tuple(binding for binding in self._bindings[user] if not _hangs_on(binding, flow)))
        return losers

    def is_bound(self, flow: Flow) -> bool:
        """Whether somebody is registered from this very flow."""
        return flow in self._flows

    def next_timer(self) -> float | None:
        """When `expire` is next worth a call; None while nothing is bound."""
        while self._due and not self._is_current(*self._due[0]):
            heapq.heappop(self._due)
        return self._due[0][0] if self._due else None

    def _registered(
        self, before: tuple[Binding, ...], request: Request, wishes: Wishes, way: tuple[Flow, bool], now: float, own: tuple[Address, ...]
    ) -> tuple[Binding, ...]:
        """The bindings after a request. Raises `RegisterError` or `ParseError`."""
        if "*" in wishes.values:
            if len(wishes.values) > 1 or seconds_in(wishes.expires) != 0:
                raise RegisterError("Contact: * stands alone and with Expires: 0")
            for binding in before:
                _check_order(binding, request)
            return ()
        if len(wishes.values) > self._max_contacts:
            raise TooManyContacts(f"{len(wishes.values)} contacts; a user may have {self._max_contacts}")
        after = list(before)
        for wish in [wishes.wish(value, self._minimum, self._maximum, own) for value in wishes.values]:
            for binding in [known for known in after if _is_meant(wish, known)]:
                if binding in before:
                    _check_order(binding, request)
                after.remove(binding)
            if wish.seconds > 0:
                after.append(_binding(wish, request, wishes.path, way, now))
        return self._trimmed(after)

    def _trimmed(self, bindings: list[Binding]) -> tuple[Binding, ...]:
        """At most as many bindings as a user may have; those not renewed for longest go."""
        excess = max(0, len(bindings) - self._max_contacts)
        self.evicted += excess
        return tuple(bindings[excess:])

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


def _binding(wish: Wish, request: Request, path: tuple[str, ...], way: tuple[Flow, bool], now: float) -> Binding:
    flow, goes_by_route = way
    return Binding(
        uri=wish.text,
        flow=flow,
        expires_at=now + wish.seconds,
        q=wish.q,
        call_id=request.call_id,
        cseq=request.cseq.number,
        path=path,
        goes_by_route=goes_by_route,
        instance=wish.instance,
        reg_id=wish.reg_id,
    )


def _way(wishes: Wishes, flow: Flow, is_trusted: bool) -> tuple[Flow, bool]:
    """How requests leave: by the flow of the REGISTER, or to where a trusted proxy says that it is; and whether that is a route."""
    hop = wishes.first_hop
    if hop is None or not is_trusted:
        return flow, False
    try:
        ipaddress.ip_address(hop.host)
    except ValueError:
        return flow, True  # a name: the proxy is where it asked from
    transport = "tls" if hop.scheme == "sips" else (hop.parameter("transport") or "udp").lower()
    if transport not in _OPENED and transport != flow.transport:
        return flow, True
    remote = hop.host, hop.port or DEFAULT_PORTS[transport]
    if transport == flow.transport and remote == flow.remote:
        return flow, True
    local = (flow.local[0], 0) if transport in _OPENED else flow.local
    return Flow(transport, local, remote, hop.host if transport == "tls" else ""), True


def _hangs_on(binding: Binding, flow: Flow) -> bool:
    """Whether a binding is lost with this connection."""
    return binding.flow == flow and not binding.goes_by_route


def _is_meant(wish: Wish, binding: Binding) -> bool:
    """Whether a wish is about this binding: the same flow of the same phone, or without outbound the same contact."""
    if wish.reg_id or binding.reg_id:
        return (wish.instance, wish.reg_id) == (binding.instance, binding.reg_id)
    return is_same(wish.uri, Uri.parse(binding.uri))


def _live(bindings: tuple[Binding, ...], now: float) -> tuple[Binding, ...]:
    return tuple(binding for binding in bindings if binding.expires_at > now)


def _best_first(bindings: tuple[Binding, ...]) -> list[Binding]:
    ranked = sorted(bindings, key=lambda binding: binding.q)
    ranked.reverse()
    return ranked


def _written(binding: Binding, now: float) -> str:
    """A Contact value with the seconds left, rounded up so that a phone never comes too late by rounding alone."""
    left = max(1, -int((now - binding.expires_at) // 1))
    preference = "" if binding.q == 1 else f";q={binding.q:.3g}"
    outbound = f";reg-id={binding.reg_id};+sip.instance={quoted(binding.instance)}" if binding.reg_id else ""
    return f"<{binding.uri}>;expires={left}{preference}{outbound}"
