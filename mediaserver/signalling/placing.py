"""Sending a leg's INVITE: where its target is, who it comes from, and what it offers."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import structlog

from config.trunks import TrunkSettings
from mediaserver.call import inputs
from mediaserver.call.actions import PlaceLeg
from mediaserver.call.inputs import LegId
from mediaserver.signalling.calls import CallEntry, Calls
from mediaserver.signalling.contacts import branches_of
from mediaserver.signalling.house import House
from mediaserver.signalling.introducing import uuid_behind
from mediaserver.signalling.legs import Leg, is_browser
from mediaserver.signalling.ports import NoFreePort
from mediaserver.signalling.routing import PATH_HEADER
from mixer.modes import Role
from sip.errors import SipError
from sip.registrar import Binding
from sip.session.settings import Branch, Invitation
from sip.transport.flow import Flow
from sip.uri import Uri

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Destination:
    """Where an INVITE goes, before its flows are known."""

    uri: str
    """The Request-URI."""
    place: Uri
    """What leads there (RFC 3263), where no flow does."""
    flow: Flow | None = None
    """A registered phone's."""
    branches: tuple[Branch, ...] = ()
    """Several of them, rung at once or by falling q."""
    route: tuple[str, ...] = ()
    """Proxies before it, the nearest first."""
    user: str = ""
    secret: str = field(default="", repr=False)


class Placer:
    """Places legs. What cannot be placed is a `Rejected`, as if the far end had refused."""

    def __init__(self, house: House, calls: Calls, new_leg: Callable[..., Leg], feed: Callable[[CallEntry, inputs.Input], None]) -> None:
        self._house = house
        self._calls = calls
        self._new_leg = new_leg
        self._feed = feed

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
        leg.agent, leg.team = action.target.agent, action.target.team
        leg.trunk = action.target.value.partition("/")[0] if action.target.kind == "trunk" else ""
        leg.user = self._user_at(entry, action.target)
        destination = self._destination(entry, action.target)
        if destination is None:
            _log.warning(
                "leg.not_placed", call=entry.view.call, leg=leg.leg, problem=f"no way to {action.target.kind} {action.target.value}"
            )
            self._feed(entry, inputs.Rejected(leg.leg, 480))
        elif destination.flow is not None:
            self._send(entry, leg, action, destination, (destination.flow,))
        else:
            self._house.resolver.locate(
                destination.place, lambda flows, problem: self._located(entry, leg, action, destination, flows, problem)
            )

    def _destination(self, entry: CallEntry, target: inputs.Target) -> Destination | None:
        match target.kind:
            case "agent":
                return self._of_user(self._house.router.user_of_agent(entry.view.tenant, target.value))
            case "user":
                return self._of_user(target.value)
            case "trunk":
                name, _, number = target.value.partition("/")
                return self._of_trunk(name, number)
            case _:
                return self._of_uri(target.value)

    def _user_at(self, entry: CallEntry, target: inputs.Target) -> str:
        if target.kind == "user":
            return target.value
        agent = target.agent or (target.value if target.kind == "agent" else "")
        return (agent and self._house.router.user_of_agent(entry.view.tenant, agent)) or ""

    def _of_user(self, user: str | None) -> Destination | None:
        """His phones: of those with the highest q the one that registered last, and the others with it."""
        bindings = self._house.agent.contacts(user, self._house.clock()) if user else []
        if not bindings:
            return None
        branches = branches_of(bindings, self._house.media_addresses.toward)
        left_out = len(bindings) - sum(len(branch.flows) for branch in branches)
        if left_out:
            self._house.counters.add("contacts_left_out", amount=left_out)
        return replace(_of_binding(bindings[0]), branches=branches)

    def _of_trunk(self, name: str, number: str) -> Destination | None:
        trunk = self._house.router.trunk(name)
        if trunk is None or not trunk.host:
            return None
        try:
            gateway = Uri.parse(f"sip:{trunk.host};transport={trunk.transport}")
        except SipError:
            return None
        uri = f"sip:{number}@{trunk.host}" + (";transport=tcp" if trunk.transport == "tcp" else "")
        return Destination(uri, gateway, user=trunk.user, secret=trunk.secret.get_secret_value())

    def _of_uri(self, text: str) -> Destination | None:
        try:
            uri = Uri.parse(text)
        except SipError:
            return None
        for binding in self._house.agent.contacts(uri.user, self._house.clock()):
            if binding.uri == text:
                return _of_binding(binding)
        return Destination(text, uri)

    def _located(
        self, entry: CallEntry, leg: Leg, action: PlaceLeg, destination: Destination, flows: tuple[Flow, ...], problem: str
    ) -> None:
        if leg.is_over or leg.leg not in entry.legs:
            return
        if flows:
            self._send(entry, leg, action, destination, flows)
        else:
            _log.warning("leg.not_placed", call=entry.view.call, leg=leg.leg, problem=f"{destination.place.host}: {problem}")
            self._feed(entry, inputs.Rejected(leg.leg, 480))
        self._house.settle()

    def _send(self, entry: CallEntry, leg: Leg, action: PlaceLeg, destination: Destination, flows: tuple[Flow, ...]) -> None:
        flow = flows[0]
        leg.negotiation.address = self._house.media_addresses.toward(flow.remote[0])
        leg.negotiation.terms = self._house.terms(self._trunk_at(action.target), faces_browser=is_browser(flow))
        leg.own_host = self._house.advertised(flow)[0]
        other = entry.legs.get(action.like) if action.like is not None else None
        offer = leg.negotiation.make_offer(like=other.format_offered if other is not None else None)
        invitation = Invitation(
            request_uri=destination.uri,
            from_uri=self._from_uri(entry, leg, flow),
            from_display="",
            to_uri=destination.uri,
            flows=flows,
            route=destination.route,
            offer=offer,
            headers=(*_auto_answer(action), *action.target.headers, *([(PATH_HEADER, entry.path)] if entry.path else [])),
            max_forwards=entry.max_forwards,
            session_id=uuid_behind(self._house, entry, leg),
            user=destination.user,
            secret=destination.secret,
            branches=destination.branches,
        )
        try:
            session = self._house.agent.invite(invitation, self._house.clock())
        except SipError as error:
            _log.warning("leg.not_placed", call=entry.view.call, leg=leg.leg, problem=str(error))
            self._feed(entry, inputs.Rejected(leg.leg, 503))
            return
        self._calls.bind_session(entry, leg, session)

    def _from_uri(self, entry: CallEntry, leg: Leg, flow: Flow) -> str:
        """The caller at our own address; what agents and trunks see as caller id."""
        host, port = self._house.advertised(flow)
        user = "supervision" if leg.role is Role.SUPERVISOR else entry.view.caller or "anonymous"
        return str(Uri("sip", user, host, port))


def _of_binding(binding: Binding) -> Destination:
    """A registered phone, over the flow it registered by or the proxies that lead to it."""
    return Destination(binding.uri, Uri.parse(binding.uri), binding.flow, route=binding.path)


def _auto_answer(action: PlaceLeg) -> tuple[tuple[str, str], ...]:
    """What makes phones answer by themselves: RFC 5373, and what the vendors had before it."""
    if not action.auto_answer:
        return ()
    return (
        ("Answer-Mode", "Auto"),
        ("Call-Info", "<sip:localhost>;answer-after=0"),
        ("Alert-Info", "<http://localhost>;info=alert-autoanswer;delay=0"),
    )
