"""An INVITE that came in: who it is from, and whether it is a call for a route or a supervisor at a door.

- A trunk is known by the Contact that we registered there (nobody can guess it), by its certificate, by its source address, or where
  we are registered with it by the registrar's; then it needs no digest, unless its settings name a user that it has to be.
- Everybody else is a digest user, and is challenged; he may be a trunk that logs in.
- Star codes and call URIs are doors: a trunk does not open them, a user does.
- A phone that is registered from the very flow it calls by is a user, also where its address is a trunk's.
"""

import re
from dataclasses import dataclass

import structlog

from config.trunks import TrunkSettings
from control_api.acting import Acting, acting
from control_api.permissions import Identity, Refusal
from mediaserver.call import inputs
from mediaserver.call.actions import CloseLeg
from mediaserver.signalling.calls.legs import Leg
from mediaserver.signalling.calls.live import CallEntry
from mediaserver.signalling.calls.replacing import Replacements
from mediaserver.signalling.calls.switchboard import NoWorker, Overloaded, Switchboard
from mediaserver.signalling.entering.doors import Knock, read_knock
from mediaserver.signalling.entering.entrance import AMBIGUOUS, Entrance
from mediaserver.signalling.entering.identities import User, UserRepository
from mediaserver.signalling.house import House
from mediaserver.signalling.media.ports import NoFreePort
from mediaserver.signalling.routing.routes import PATH_HEADER, RoutedCall, passed
from mediaserver.signalling.trunks.caps import Lease
from mediaserver.signalling.trunks.line import Line
from mixer.modes import Role
from sip.errors import SipError
from sip.events import InviteReceived
from sip.headers import parse_address
from sip.message import Request
from sip.telephone import number_in
from sip.uri import Uri

_log = structlog.get_logger(__name__)

BUSY = 486
_RETRY_SECONDS = 5
_MAX_FORWARDS = 70


@dataclass(frozen=True, slots=True)
class TrunkCaller:
    """A trunk that calls."""

    line: Line
    called: str | None = None
    """The number, where the Request-URI is the Contact that we registered; None: it is in there."""


class Invitations:
    """Takes INVITEs in and makes calls and supervisors of them."""

    def __init__(self, house: House, switchboard: Switchboard, users: UserRepository, entrance: Entrance) -> None:
        self._house = house
        self._switchboard = switchboard
        self._users = users
        self._entrance = entrance
        self._replacements = Replacements(house, switchboard)

    def received(self, event: InviteReceived) -> None:
        """One new INVITE."""
        called = _user_of(event.request.uri)
        if called is None:
            self._refuse(event, 416, "uri")
            return
        caller = self._caller_at(event)
        is_registered = caller is not None and caller.called is not None
        knock = None if event.replaces or is_registered else read_knock(called, self._house.settings.doors)
        if caller is not None and caller.line.settings.auth_user is None and knock is None:
            self._route_or_replace(event, caller, None)
            return
        vouched = self._vouched_for(event, caller)
        if vouched is not None and knock is not None:
            self._knock(event, vouched, knock)
            return
        known = self._house.agent.authenticate(event.request, event.flow, self._house.clock())
        user = self._users.get(known.user) if known.user is not None else None
        if user is None:
            self._house.agent.challenge(event.session, self._house.clock(), stale=known.stale, after=known.after)
        elif (line := self._house.trunks.of_user(user.name)) is not None:
            self._route_or_replace(event, TrunkCaller(line, caller.called if caller is not None and caller.line is line else None), None)
        elif knock is not None:
            self._knock(event, user, knock)
        elif user.may_call or event.replaces is not None:
            self._route_or_replace(event, None, user)
        else:
            self._refuse(event, 403, "may_not_call", user=user.name)

    def _caller_at(self, event: InviteReceived) -> TrunkCaller | None:
        """The trunk that an INVITE comes from by its Request-URI, certificate or address; what it has still to prove is its settings'."""
        trunks, request = self._house.trunks, event.request
        registered = trunks.registered_as(request.uri)
        if registered is not None:
            return TrunkCaller(registered, _called_behind(request))
        line = trunks.of_certificate(self._house.peer_names(event.flow))
        if line is None and not self._is_phone(event):
            trunk = self._house.router.find_trunk(event.flow.remote[0])
            line = trunks.get(trunk.name) if trunk is not None else trunks.of_registrar(event.flow.remote[0], request)
        return None if line is None else TrunkCaller(line)

    def _vouched_for(self, event: InviteReceived, caller: TrunkCaller | None) -> User | None:
        """The user whom a proxy has asked for his password already."""
        name = self._house.user_asserted(None if caller is None else caller.line.settings, event.request)
        return None if name is None else self._users.get(name)

    def _is_phone(self, event: InviteReceived) -> bool:
        """Whether the caller registered from the very flow that he calls by."""
        caller = _user_of(event.request.from_.uri)
        bindings = self._house.agent.contacts(caller, self._house.clock()) if caller is not None else []
        return any(binding.flow == event.flow for binding in bindings)

    def _refuse(self, event: InviteReceived, status: int, why: str, *, retry: bool = False, **facts: str) -> None:
        self._house.counters.add("invites_refused", why)
        _log.info("invite.refused", why=why, status=status, source=event.flow.remote[0], sip_call_id=event.request.call_id, **facts)
        headers = [("Retry-After", str(_RETRY_SECONDS))] if retry else []
        self._house.agent.reject(event.session, status, self._house.clock(), headers=headers)

    # calls

    def _route_or_replace(self, event: InviteReceived, caller: TrunkCaller | None, user: User | None) -> None:
        if event.replaces is None:
            self._route(event, caller, user)
            return
        trunk = None if caller is None else caller.line.settings
        found = self._replacements.find(event.replaces, trunk, user, event.flow.remote[0])
        if isinstance(found, int):
            self._refuse(event, found, "replaces")
            return
        entry, old = found
        leg = self._admit_offer(entry, event, old.role)
        if leg is not None:
            self._know(leg, trunk, user)
            self._replacements.arrive(entry, old, leg, event, user)

    def _know(self, leg: Leg, trunk: TrunkSettings | None, user: User | None) -> None:
        """Remember whose leg it is."""
        leg.is_strict = trunk is not None and trunk.strict_media
        leg.trunk = "" if trunk is None else trunk.name
        leg.user = "" if user is None else user.name

    def _route(self, event: InviteReceived, caller: TrunkCaller | None, user: User | None) -> None:
        trunk = None if caller is None else caller.line.settings
        try:
            routed = self._house.router.route(trunk, user, event.request, None if caller is None else caller.called)
        except SipError as error:
            self._refuse(event, error.status, "caller", problem=str(error))
            return
        if routed is None or not routed.targets:
            self._refuse(event, 404, "no_route", called=_loggable(_user_of(event.request.uri) or ""))
        elif self._switchboard.is_draining:
            self._refuse(event, 503, "draining", retry=True)
        elif len(self._switchboard.calls) >= self._house.settings.limits.calls:
            self._refuse(event, 503, "too_many_calls", retry=True)
        elif caller is None:
            self._begin(event, routed, None, user, None)
        elif (lease := caller.line.lease(caller.line.caps.inward)) is None:
            self._refuse(event, 503, "trunk_cap", retry=True, trunk=routed.trunk)
        elif not self._begin(event, routed, trunk, None, lease):
            lease.release()

    def _begin(
        self, event: InviteReceived, routed: RoutedCall, trunk: TrunkSettings | None, user: User | None, lease: Lease | None
    ) -> bool:
        """Make a call of it; False where it was refused."""
        path = passed(event.request.header(PATH_HEADER), self._house.server_id, routed.called)
        if path is None:
            self._refuse(event, 482, "loop", called=routed.called)
            return False
        try:
            agent = routed.agent or routed.targets[0].agent
            entry = self._switchboard.new_call(routed.tenant, routed.trunk, ring_timeout=routed.ring_timeout, agent=agent)
        except NoWorker as error:
            self._refuse(event, 503, "overloaded" if isinstance(error, Overloaded) else "no_worker", retry=True)
            return False
        entry.who = routed.who
        entry.path = path
        entry.max_forwards = max(0, (event.request.max_forwards or _MAX_FORWARDS) - 1)
        role = Role.AGENT if routed.agent else Role.CUSTOMER
        leg = self._admit_offer(entry, event, role, trunk)
        if leg is None:
            self._switchboard.forget(entry)
            return False
        leg.lease = lease
        self._know(leg, trunk, user)
        _log.info("call.started", call=entry.view.call, caller=routed.caller, called=routed.called, trunk=routed.trunk)
        self._switchboard.feed(
            entry,
            inputs.Invited(
                leg=leg.leg,
                caller=routed.caller,
                called=routed.called,
                targets=routed.targets,
                metadata=routed.metadata,
                role=role,
                agent=routed.agent,
                team=routed.team,
            ),
        )
        return True

    def _admit_offer(self, entry: CallEntry, event: InviteReceived, role: Role, trunk: TrunkSettings | None = None) -> Leg | None:
        """A leg for who called in, with his offer taken; None: he was refused."""
        try:
            leg = self._switchboard.new_leg(entry, role, event.flow.remote[0], session=event.session)
        except NoFreePort as error:
            _log.error("leg.no_port", call=entry.view.call, problem=str(error))
            self._refuse(event, 503, "no_free_port", retry=True)
            return None
        leg.negotiation.codecs = self._house.codecs(trunk)
        leg.negotiation.terms = self._house.terms(trunk, event.flow, role)
        leg.own_host = self._house.advertised(event.flow)[0]
        if event.offer is not None:
            try:
                leg.remote_offer = leg.negotiation.receive_offer(event.offer)
            except SipError as error:
                self._refuse(event, error.status, "offer_unusable", problem=str(error))
                self._switchboard.perform(entry, CloseLeg(leg.leg))
                return None
            leg.has_offer = True
        else:
            leg.takes_early_offer = event.reliably
        return leg

    # supervisors

    def _knock(self, event: InviteReceived, user: User, knock: Knock) -> None:
        identity = user.identity
        if identity is None:
            self._refuse(event, 403, "no_ceiling", user=user.name)
            return
        who = Acting(identity, "dial_in", event.flow.remote[0])
        with acting(who):
            self._let_in(event, user, identity, knock, who)

    def _let_in(self, event: InviteReceived, user: User, identity: Identity, knock: Knock, who: Acting) -> None:
        found = self._entrance.find(identity, knock)
        if isinstance(found, int):
            self._keep_out(event, found, "door", identity, knock)
            return
        if self._entrance.is_locked(user):
            self._keep_out(event, 403, "pin_locked", identity, knock)
            return
        if len(found) > 1 and self._house.settings.doors.ambiguous == "status":
            self._keep_out(event, AMBIGUOUS, "ambiguous", identity, knock)
            return
        if self._switchboard.is_full(found[0]):
            self._keep_out(event, BUSY, "full", identity, knock)
            return
        leg = self._admit_offer(found[0], event, Role.SUPERVISOR)
        if leg is None:
            return
        leg.identity = identity
        self._house.recorder.came(leg.leg, who)
        leg.mode_digits = self._house.settings.doors.digits
        if len(found) > 1:
            self._entrance.announce(found[0], leg)
        else:
            self._entrance.enter(found[0], leg, user, identity, knock)

    def _keep_out(self, event: InviteReceived, status: int, why: str, identity: Identity, knock: Knock) -> None:
        about = {"call": knock.call, "agent": _loggable(knock.agent), "mode": str(knock.mode), "status": status}
        self._house.recorder.refused_here(identity, "supervise", Refusal("forbidden", why), about)
        self._refuse(event, status, why, user=identity.name, mode=knock.mode)


def _loggable(called: str) -> str:
    """A number for the log: what follows a star inside of it is perhaps a PIN behind a mistyped code."""
    return re.sub(r"(?<=.)\*.+", "*…", called)[:64]


def _called_behind(request: Request) -> str:
    """The number that a registrar sent on to our Contact (RFC 7315 §4.2, else To)."""
    for value in request.values("P-Called-Party-ID")[:1]:
        try:
            return number_in(parse_address(value).uri)
        except SipError:
            break
    return number_in(request.to.uri)


def _user_of(uri: str) -> str | None:
    """A URI's user; None for a URI that we do not serve."""
    try:
        return Uri.parse(uri).user
    except SipError:
        return None
