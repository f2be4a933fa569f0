"""Sending a leg's INVITE: where its target is, who it comes from, and what it offers."""

from collections.abc import Callable
from dataclasses import replace

import structlog

from config.trunks import TrunkSettings
from mediaserver.call import inputs
from mediaserver.call.actions import PlaceLeg
from mediaserver.call.hunting import agent_of
from mediaserver.call.inputs import LegId
from mediaserver.signalling.calls.introducing import uuid_behind
from mediaserver.signalling.calls.legs import Leg
from mediaserver.signalling.calls.live import CallEntry, Calls
from mediaserver.signalling.house import House
from mediaserver.signalling.media.ports import NoFreePort
from mediaserver.signalling.routing.auto_answer import AutoAnswering
from mediaserver.signalling.routing.destinations import NOWHERE, Destination, Destinations, NoWay, TrunkDown, Way
from mediaserver.signalling.routing.routes import PATH_HEADER
from mediaserver.signalling.trunks.callers import Caller
from mediaserver.signalling.trunks.presenting import Listener, Presentation, present, referral
from mixer.modes import Role
from sip.errors import SipError
from sip.message import Header
from sip.session.settings import Invitation
from sip.telephone import number_in
from sip.transport.flow import Flow
from sip.uri import Uri

UNAVAILABLE = 503

_log = structlog.get_logger(__name__)


class Placer:
    """Places legs. What cannot be placed is a `Rejected`, as if the far end had refused."""

    def __init__(self, house: House, calls: Calls, new_leg: Callable[..., Leg], feed: Callable[[CallEntry, inputs.Input], None]) -> None:
        self._house = house
        self._calls = calls
        self._destinations = Destinations(house)
        self._new_leg = new_leg
        self._feed = feed
        self._auto_answering = AutoAnswering(house.settings)

    def _auto_answer(self, user: str) -> tuple[Header, ...]:
        if self._auto_answering.settings is not self._house.settings:
            self._auto_answering = AutoAnswering(self._house.settings)
        return self._auto_answering.headers(user)

    def prepare(self, entry: CallEntry, leg: LegId, role: Role) -> None:
        """Lend a port to a leg that we are about to call; a `Rejected` follows where none is free."""
        try:
            self._new_leg(entry, role, leg=leg)
        except NoFreePort as error:
            _log.error("leg.no_port", call=entry.view.call, problem=str(error))
            self._house.counters.add("no_free_port")
            self._feed(entry, inputs.Rejected(leg, 503, is_ours=True))

    def is_strict(self, target: inputs.Target) -> bool:
        """Whether the target is a trunk from which RTP is taken from the signalled address only."""
        trunk = self._trunk_at(target)
        return trunk is not None and trunk.strict_media

    def _trunk_at(self, target: inputs.Target) -> TrunkSettings | None:
        return self._house.router.trunk(target.value.partition("/")[0]) if target.kind == "trunk" else None

    def place(self, entry: CallEntry, leg: Leg, action: PlaceLeg) -> None:
        """Find the target and send it the INVITE, now or when its host is known."""
        target = action.target
        leg.agent, leg.team = target.agent, target.team
        leg.trunk = target.value.partition("/")[0] if target.kind == "trunk" else ""
        leg.user = self._user_at(entry, target)
        try:
            destination = self._destinations.of(entry.view.tenant, target)
            self._take_place(leg, destination)
        except NoWay as error:
            self._not_placed(entry, leg, error.status, str(error))
        else:
            self._destinations.locate(destination, lambda ways, problem: self._located(entry, leg, action, destination, ways, problem))

    def _user_at(self, entry: CallEntry, target: inputs.Target) -> str:
        if target.kind == "user":
            return target.value
        agent = target.agent or (target.value if target.kind == "agent" else "")
        return (agent and self._house.router.user_of_agent(entry.view.tenant, agent)) or ""

    def _take_place(self, leg: Leg, destination: Destination) -> None:
        """A call's place on the trunk that it goes to. Raises `TrunkDown`."""
        line = destination.line
        if line is not None:
            leg.lease = line.lease(line.caps.outward)
            if leg.lease is None:
                raise TrunkDown(f"trunk {line.name} carries all that it may")

    def _located(self, entry: CallEntry, leg: Leg, action: PlaceLeg, destination: Destination, ways: tuple[Way, ...], problem: str) -> None:
        if leg.is_over or leg.leg not in entry.legs:
            return
        if ways:
            self._send(entry, leg, action, destination, ways)
        else:
            self._not_placed(entry, leg, NOWHERE, problem)
        self._house.settle()

    def _not_placed(self, entry: CallEntry, leg: Leg, status: int, problem: str) -> None:
        _log.warning("leg.not_placed", call=entry.view.call, leg=leg.leg, problem=problem)
        self._feed(entry, inputs.Rejected(leg.leg, status))

    def _send(self, entry: CallEntry, leg: Leg, action: PlaceLeg, destination: Destination, ways: tuple[Way, ...]) -> None:
        flow = ways[0].flow
        leg.negotiation.address = self._house.media_addresses.toward(flow.remote[0])
        trunk = self._trunk_at(action.target)
        leg.negotiation.codecs = self._house.codecs(trunk)
        leg.negotiation.terms = self._house.terms(trunk, flow, leg.role)
        leg.own_host = self._house.advertised(flow)[0]
        leg.far_host = "" if destination.place is None else destination.place.host
        other = entry.legs.get(action.like) if action.like is not None else None
        offer = leg.negotiation.make_offer(like=other.format_offered if other is not None else None)
        shown = self._presentation(entry, leg, action, destination, flow)
        answering = self._auto_answer(leg.user or destination.owner) if action.auto_answer else ()
        path = [(PATH_HEADER, entry.path)] if entry.path else []
        invitation = Invitation(
            request_uri=ways[0].uri,
            from_uri=shown.from_uri,
            from_display=shown.from_display,
            to_uri=ways[0].uri,
            flows=tuple(way.flow for way in ways),
            uris=tuple(way.uri for way in ways),
            offer=offer,
            headers=(*shown.headers, *answering, *action.target.headers, *path),
            max_forwards=entry.max_forwards,
            session_id=uuid_behind(self._house, entry, leg),
            user=destination.user,
            secret=destination.secret,
            branches=destination.branches,
            route=destination.route,
        )
        try:
            session = self._house.agent.invite(invitation, self._house.clock())
        except SipError as error:
            self._not_placed(entry, leg, UNAVAILABLE, str(error))
            return
        self._calls.bind_session(entry, leg, session)

    def _presentation(self, entry: CallEntry, leg: Leg, action: PlaceLeg, destination: Destination, flow: Flow) -> Presentation:
        """What the leg is told of the caller; a supervisor's phone only that it is about supervision."""
        host, port = self._house.advertised(flow)
        if leg.role is Role.SUPERVISOR:
            return Presentation(str(Uri("sip", "supervision", host, port)), "", ())
        who = entry.who or Caller(number=entry.view.caller)
        if action.target.is_diverted:
            who = who.diverted_by(entry.view.called)
        line = destination.line
        if line is None:
            listener = Listener(host, port, number=number_in(destination.uri))
        elif line.registering is None:
            listener = Listener(host, port, line.settings, line.numbering, destination.number)
        else:
            # A registrar knows its own domain only (RFC 3261 §8.1.1.3).
            listener = Listener(line.registering.domain, None, line.settings, line.numbering, destination.number)
        shown = present(who, listener)
        by = action.target.referred_by
        is_told = by and (agent_of(action.target) or listener.is_trusted)
        return replace(shown, headers=(*shown.headers, referral(by, listener))) if is_told else shown
