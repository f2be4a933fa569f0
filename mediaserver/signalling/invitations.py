"""An INVITE that came in: who it is from, and whether it is a call for a route or a supervisor at a door.

- A trunk is known by its source address and needs no digest.
- Everybody else is a digest user, and is challenged.
- Star codes and call URIs are doors: a trunk's address does not open them, a digest does.
- A phone that is registered from the very flow it calls by is a user, also where its address is a trunk's.
"""

import re

import structlog

from config.trunks import TrunkSettings
from mediaserver.call import inputs
from mediaserver.call.actions import CloseLeg
from mediaserver.signalling.calls import CallEntry
from mediaserver.signalling.doors import Knock, read_knock
from mediaserver.signalling.entrance import AMBIGUOUS, Entrance
from mediaserver.signalling.house import House
from mediaserver.signalling.identities import User, UserRepository
from mediaserver.signalling.legs import Leg, is_browser
from mediaserver.signalling.ports import NoFreePort
from mediaserver.signalling.replacing import Replacements
from mediaserver.signalling.routing import PATH_HEADER, RoutedCall, passed
from mediaserver.signalling.switchboard import NoWorker, Switchboard
from mixer.modes import Role
from sip.errors import SipError
from sip.events import InviteReceived
from sip.uri import Uri

_log = structlog.get_logger(__name__)

BUSY = 486
_RETRY_SECONDS = 5
_MAX_FORWARDS = 70


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
        knock = None if event.replaces else read_knock(called, self._house.settings.doors)
        trunk = None if knock else self._trunk_of(event)
        if trunk is not None:
            self._route_or_replace(event, trunk, None)
            return
        known = self._house.agent.authenticate(event.request, event.flow, self._house.clock())
        user = self._users.get(known.user) if known.user is not None else None
        if user is None:
            self._house.agent.challenge(event.session, self._house.clock(), stale=known.stale, after=known.after)
        elif knock is not None:
            self._knock(event, user, knock)
        elif user.may_call or event.replaces is not None:
            self._route_or_replace(event, None, user)
        else:
            self._refuse(event, 403, "may_not_call", user=user.name)

    def _trunk_of(self, event: InviteReceived) -> TrunkSettings | None:
        trunk = self._house.router.find_trunk(event.flow.remote[0])
        if trunk is None:
            return None
        caller = _user_of(event.request.from_.uri)
        bindings = self._house.agent.contacts(caller, self._house.clock()) if caller is not None else []
        is_user = any(binding.flow == event.flow for binding in bindings)
        return None if is_user else trunk

    def _refuse(self, event: InviteReceived, status: int, why: str, *, retry: bool = False, **facts: str) -> None:
        self._house.counters.add("invites_refused", why)
        _log.info("invite.refused", why=why, status=status, source=event.flow.remote[0], **facts)
        headers = [("Retry-After", str(_RETRY_SECONDS))] if retry else []
        self._house.agent.reject(event.session, status, self._house.clock(), headers=headers)

    # calls

    def _route_or_replace(self, event: InviteReceived, trunk: TrunkSettings | None, user: User | None) -> None:
        if event.replaces is None:
            self._route(event, trunk, user)
            return
        found = self._replacements.find(event.replaces, trunk, user)
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

    def _route(self, event: InviteReceived, trunk: TrunkSettings | None, user: User | None) -> None:
        routed = self._house.router.route(trunk, user, event.request)
        if routed is None or not routed.targets:
            self._refuse(event, 404, "no_route", called=_loggable(_user_of(event.request.uri) or ""))
        elif self._switchboard.is_draining:
            self._refuse(event, 503, "draining", retry=True)
        elif len(self._switchboard.calls) >= self._house.settings.limits.calls:
            self._refuse(event, 503, "too_many_calls", retry=True)
        else:
            self._begin(event, routed, trunk, user)

    def _begin(self, event: InviteReceived, routed: RoutedCall, trunk: TrunkSettings | None, user: User | None) -> None:
        path = passed(event.request.header(PATH_HEADER), self._house.server_id, routed.called)
        if path is None:
            self._refuse(event, 482, "loop", called=routed.called)
            return
        try:
            agent = routed.agent or routed.targets[0].agent
            entry = self._switchboard.new_call(routed.tenant, routed.trunk, ring_timeout=routed.ring_timeout, agent=agent)
        except NoWorker:
            self._refuse(event, 503, "no_worker", retry=True)
            return
        entry.path = path
        entry.max_forwards = max(0, (event.request.max_forwards or _MAX_FORWARDS) - 1)
        role = Role.AGENT if routed.agent else Role.CUSTOMER
        leg = self._admit_offer(entry, event, role, trunk)
        if leg is None:
            self._switchboard.forget(entry)
            return
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

    def _admit_offer(self, entry: CallEntry, event: InviteReceived, role: Role, trunk: TrunkSettings | None = None) -> Leg | None:
        """A leg for who called in, with his offer taken; None: he was refused."""
        try:
            leg = self._switchboard.new_leg(entry, role, event.flow.remote[0], session=event.session)
        except NoFreePort as error:
            _log.error("leg.no_port", call=entry.view.call, problem=str(error))
            self._refuse(event, 503, "no_free_port", retry=True)
            return None
        leg.negotiation.terms = self._house.terms(trunk, faces_browser=is_browser(event.flow))
        leg.own_host = self._house.advertised(event.flow)[0]
        if event.offer is not None:
            try:
                leg.remote_offer = leg.negotiation.receive_offer(event.offer)
            except SipError as error:
                self._refuse(event, error.status, "offer_unusable", problem=str(error))
                self._switchboard.perform(entry, CloseLeg(leg.leg))
                return None
            leg.has_offer = True
        return leg

    # supervisors

    def _knock(self, event: InviteReceived, user: User, knock: Knock) -> None:
        identity = user.identity
        if identity is None:
            self._refuse(event, 403, "no_ceiling", user=user.name)
            return
        found = self._entrance.find(identity, knock)
        if isinstance(found, int):
            self._refuse(event, found, "door", user=user.name, mode=knock.mode)
            return
        if self._entrance.is_locked(user):
            self._refuse(event, 403, "pin_locked", user=user.name)
            return
        if len(found) > 1 and self._house.settings.doors.ambiguous == "status":
            self._refuse(event, AMBIGUOUS, "ambiguous", user=user.name)
            return
        if self._switchboard.is_full(found[0]):
            self._refuse(event, BUSY, "full", user=user.name)
            return
        leg = self._admit_offer(found[0], event, Role.SUPERVISOR)
        if leg is None:
            return
        leg.identity = identity
        leg.mode_digits = self._house.settings.doors.digits
        if len(found) > 1:
            self._entrance.announce(found[0], leg)
        else:
            self._entrance.enter(found[0], leg, user, identity, knock)


def _loggable(called: str) -> str:
    """A number for the log: what follows a star inside of it is perhaps a PIN behind a mistyped code."""
    return re.sub(r"(?<=.)\*.+", "*…", called)[:64]


def _user_of(uri: str) -> str | None:
    """A URI's user; None for a URI that we do not serve."""
    try:
        return Uri.parse(uri).user
    except SipError:
        return None
