"""REFERs of legs: what they ask for becomes an input of the call that they are about.

- Blind: the target is resolved as if the agent had dialled it.
- Attended, naming another call of the same agent here: that consultation is joined to the customer's call. The REFER may come
  in either of the two; the call that goes on is the one that the agent did not begin himself, else the one that it came in.
- Attended, naming a dialog that is not ours: the target gets an INVITE with that Replaces, where its trunk may do so
  (``replaces``), or where agents may transfer to foreign URIs.
"""

from dataclasses import replace

import structlog

from mediaserver.call.inputs import Target, TransferRequested
from mediaserver.signalling.calls.legs import Leg
from mediaserver.signalling.calls.live import CallEntry
from mediaserver.signalling.calls.switchboard import Switchboard
from mediaserver.signalling.entering.identities import UserRepository
from mediaserver.signalling.house import House
from mediaserver.signalling.routing.dialling import FORBIDDEN, Dialling
from mixer.modes import Role
from sip.errors import SipError
from sip.events import ReferReceived
from sip.replaces import Replaces
from sip.uri import Uri

_log = structlog.get_logger(__name__)

DECLINED = 603


class Transfers:
    """Turns REFERs into inputs."""

    def __init__(self, house: House, switchboard: Switchboard, users: UserRepository) -> None:
        self._house = house
        self._switchboard = switchboard
        self._dialling = Dialling(house, users)

    def received(self, entry: CallEntry, leg: Leg, event: ReferReceived) -> None:
        """One REFER. Whether this leg may refer at all is the call's to say."""
        if leg.waiting is not None or leg.role is Role.SUPERVISOR:
            requested: tuple[CallEntry, TransferRequested] = entry, TransferRequested(leg.leg, event.refer, "", refusal=DECLINED)
        elif event.replaces is None:
            requested = entry, self._blind(entry, leg, event)
        else:
            requested = self._attended(entry, leg, event, event.replaces)
        into, happened = requested
        _log.info("call.refer", call=into.view.call, leg=happened.leg, targets=len(happened.targets), attended=event.replaces is not None)
        self._switchboard.feed(into, happened)

    def contacts(self, entry: CallEntry, leg: Leg, contacts: tuple[str, ...]) -> tuple[Target, ...]:
        """The contacts of a 3xx as targets; those that lead where this leg may not send us are left out."""
        found = [self._dialling.redirected(entry, leg, contact) for contact in contacts]
        if left_out := sum(not targets for targets in found):
            self._house.counters.add("contacts_refused", "forbidden", left_out)
            _log.info("call.redirection_refused", call=entry.view.call, leg=leg.leg, contacts=left_out)
        return tuple(replace(target, is_diverted=True) for targets in found for target in targets)

    def _blind(self, entry: CallEntry, leg: Leg, event: ReferReceived) -> TransferRequested:
        found = self._dialling.referred(entry, leg, event.target, _names_of_us(leg, event))
        to = _user_of(event.target)
        if isinstance(found, int):
            return TransferRequested(leg.leg, event.refer, to, refusal=found)
        # What the phone itself says in Referred-By proves nothing; who it is was proved when the call began.
        agent = _agent_at(entry, leg)
        number = self._house.router.number_of_agent(entry.view.tenant, agent) if agent else ""
        return TransferRequested(leg.leg, event.refer, to, tuple(replace(target, referred_by=number) for target in found))

    def _attended(self, entry: CallEntry, leg: Leg, event: ReferReceived, replaces: Replaces) -> tuple[CallEntry, TransferRequested]:
        session = self._house.agent.session_named(replaces)
        found = None if session is None else self._switchboard.calls.of_session(session)
        if found is None:
            return entry, self._replacing_elsewhere(entry, leg, event, replaces)
        consultation, own = found
        declined = entry, TransferRequested(leg.leg, event.refer, "", refusal=DECLINED)
        if own.role is Role.SUPERVISOR or consultation is entry or not self._is_same_agent(entry, leg, consultation, own):
            return declined
        if leg.calls_us and not own.calls_us:
            entry, leg, consultation, own = consultation, own, entry, leg
        to = next((view.party for view in consultation.view.legs if view.leg != own.leg and view.role is not Role.SUPERVISOR), "")
        return entry, TransferRequested(leg.leg, event.refer, to, consultation=own.leg)

    def _is_same_agent(self, entry: CallEntry, leg: Leg, consultation: CallEntry, own: Leg) -> bool:
        """Only his own calls may an agent join: those of the same known agent, or of the same PBX, which knows its own."""
        if entry.view.tenant != consultation.view.tenant:
            return False
        agent = _agent_at(entry, leg)
        return (agent != "" and agent == _agent_at(consultation, own)) or (leg.trunk != "" and leg.trunk == own.trunk)

    def _replacing_elsewhere(self, entry: CallEntry, leg: Leg, event: ReferReceived, replaces: Replaces) -> TransferRequested:
        """The dialog is between others: who is there decides by its Replaces."""
        request = self._blind(entry, leg, event)
        allowed = tuple(target for target in request.targets if self._may_be_asked_to_replace(target))
        if not allowed:
            refusal = request.refusal if not request.targets else FORBIDDEN
            return TransferRequested(leg.leg, event.refer, request.to, refusal=refusal)
        headers = (replaces.header, *((("Referred-By", event.referred_by),) if event.referred_by else ()))
        targets = tuple(
            Target(target.kind, target.value, target.ring_timeout, target.agent, target.team, headers=headers) for target in allowed
        )
        return TransferRequested(leg.leg, event.refer, request.to, targets)

    def _may_be_asked_to_replace(self, target: Target) -> bool:
        if target.kind == "trunk":
            trunk = self._house.router.trunk(target.value.partition("/")[0])
            return trunk is not None and trunk.replaces
        return target.kind == "uri" and self._house.settings.transfers.outside_uris


def _names_of_us(leg: Leg, event: ReferReceived) -> frozenset[str]:
    """How the phone that refers calls us: in its To; and in its own address of record, where it called us with that."""
    own = [event.request.to.uri, *([event.request.from_.uri] if leg.calls_us and not leg.trunk else [])]
    return frozenset(host for uri in own if (host := _host_of(uri)))


def _agent_at(entry: CallEntry, leg: Leg) -> str:
    return next((view.agent for view in entry.view.legs if view.leg == leg.leg), "")


def _user_of(uri: str) -> str:
    try:
        return Uri.parse(uri).user
    except SipError:
        return ""


def _host_of(uri: str) -> str:
    try:
        return Uri.parse(uri).host
    except SipError:
        return ""
