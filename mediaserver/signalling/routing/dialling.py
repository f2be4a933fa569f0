"""Whom a URI means that somebody in a call names: the target of an agent's REFER, or a contact of a 3xx.

- At a name of ours (an address, the realm, ``sip.domains``, what the phone itself calls us) the user part counts as dialled: a
  route of our users leads on, or else it names an agent. What leads out needs the right to call, as a call of the agent's own.
- At the trunk that the agent himself is on it is an extension there: his PBX may send the call on to its own.
- Anywhere else is foreign: a REFER or a 3xx leads there only where ``transfers.outside_uris`` says so.
- A 3xx may name any agent. What leads out needs the right of whose phone it is, and of a trunk's leg that a known agent is there: whom
  we call out there shall not make us call whom he likes. A trunk, or a host that a route names, may send us on to itself.
"""

from mediaserver.call.hunting import agent_of
from mediaserver.call.inputs import Target
from mediaserver.signalling.calls.legs import Leg
from mediaserver.signalling.calls.live import CallEntry
from mediaserver.signalling.entering.identities import User, UserRepository
from mediaserver.signalling.house import House
from mediaserver.signalling.routing.names import is_at_trunk, names_of_us
from sip.errors import SipError
from sip.uri import Uri

FORBIDDEN = 403
NOT_FOUND = 404
UNSUPPORTED = 416


class Dialling:
    """Resolves URIs through the router, with the rights of the leg that names them."""

    def __init__(self, house: House, users: UserRepository) -> None:
        sip = house.settings.sip
        self._house = house
        self._users = users
        self._names = names_of_us(sip)

    def referred(self, entry: CallEntry, leg: Leg, text: str, known_as: frozenset[str]) -> tuple[Target, ...] | int:
        """The targets of a REFER by this leg, or the status that refuses it; ``known_as``: how its phone calls us."""
        try:
            uri = Uri.parse(text)
        except SipError as error:
            return error.status
        tenant = entry.view.tenant
        if self._is_ours(uri, leg, known_as):
            return self._allowed(leg, self._dialled(tenant, leg, uri.user))
        if leg.trunk and self._is_at_trunk(leg.trunk, uri.host):
            target = self._house.router.trunk_target(tenant, leg.trunk, uri.user)
            return NOT_FOUND if target is None else (target,)
        if not self._house.settings.transfers.outside_uris:
            return FORBIDDEN
        return self._allowed(leg, (Target("uri", str(uri)),))

    def redirected(self, entry: CallEntry, leg: Leg, text: str) -> tuple[Target, ...]:
        """Where a contact of a 3xx by this leg leads; nowhere, if it may not send us there."""
        try:
            uri = Uri.parse(text)
        except SipError:
            return ()
        tenant = entry.view.tenant
        phone = self._registered(tenant, uri, text)
        if phone is not None:
            return (phone,)
        if self._is_ours(uri, leg, frozenset()):
            targets = self._dialled(tenant, leg, uri.user)
            return targets if self._may_lead_out(leg) or all(agent_of(target) for target in targets) else ()
        return (Target("uri", text),) if self._may_send_to(leg, uri.host) else ()

    def _may_lead_out(self, leg: Leg) -> bool:
        """Whether who answered with a 3xx may have us call anybody whom our users can call."""
        if leg.trunk:
            return bool(leg.agent)
        user = self._user_of(leg)
        return user is not None and user.may_call

    def _may_send_to(self, leg: Leg, host: str) -> bool:
        """Whether a foreign host is one that who answered with a 3xx may name."""
        if leg.trunk and self._is_at_trunk(leg.trunk, host):
            return True
        if leg.user:
            return self._house.settings.transfers.outside_uris and self._may_lead_out(leg)
        return host == leg.far_host or self._house.settings.transfers.outside_uris

    def _is_ours(self, uri: Uri, leg: Leg, known_as: frozenset[str]) -> bool:
        return uri.scheme == "tel" or uri.host in self._names or uri.host in known_as or uri.host == leg.own_host

    def _is_at_trunk(self, name: str, host: str) -> bool:
        trunk = self._house.router.trunk(name)
        return trunk is not None and is_at_trunk(self._house.router, trunk, host)

    def _dialled(self, tenant: str, leg: Leg, number: str) -> tuple[Target, ...]:
        """As if the agent had dialled it: the routes of our users, else an agent by his name, user or extension."""
        router = self._house.router
        targets = router.targets_for(tenant, number)
        if targets:
            return targets
        agent = router.agent_called(tenant, number)
        if agent is None:
            return ()
        if router.user_of_agent(tenant, agent):
            return (Target("agent", agent, agent=agent, team=router.team_of(tenant, agent)),)
        at_trunk = router.trunk_target(tenant, leg.trunk, number) if leg.trunk else None
        return () if at_trunk is None else (at_trunk,)

    def _allowed(self, leg: Leg, targets: tuple[Target, ...]) -> tuple[Target, ...] | int:
        """Agents may be reached by every agent; what leads out needs ``may_call`` of the user who refers. A trunk's own are trusted."""
        if not targets:
            return NOT_FOUND
        user = self._user_of(leg)
        if leg.trunk or (user is not None and user.may_call) or all(agent_of(target) for target in targets):
            return targets
        return FORBIDDEN

    def _user_of(self, leg: Leg) -> User | None:
        return self._users.get(leg.user) if leg.user else None

    def _registered(self, tenant: str, uri: Uri, text: str) -> Target | None:
        """The registered phone of a user of this tenant that this URI points at, with the agent whose it is."""
        user = self._users.get(uri.user) if uri.user else None
        if user is None or user.tenant != tenant:
            return None
        bindings = self._house.agent.contacts(user.name, self._house.clock())
        if not any(binding.uri == text for binding in bindings):
            return None
        team = self._house.router.team_of(tenant, user.agent) if user.agent else None
        return Target("uri", text, None, user.agent or None, team)
