"""Whom a URI means that somebody in a call names: the target of an agent's REFER, or a contact of a 3xx.

- At a name of ours (an address, the realm, ``sip.domains``, what the phone itself calls us) the user part counts as dialled: a
  route of our users leads on, or else it names an agent. What leads out needs the right to call, as a call of the agent's own.
- At the trunk that the agent himself is on it is an extension there: his PBX may send the call on to its own.
- Anywhere else is foreign: a REFER leads there only where ``transfers.outside_uris`` says so.
"""

from mediaserver.call.hunting import agent_of
from mediaserver.call.inputs import Target
from mediaserver.signalling.calls import CallEntry
from mediaserver.signalling.house import House
from mediaserver.signalling.identities import User, UserRepository
from mediaserver.signalling.legs import Leg
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
        self._names = {name.lower() for name in (*sip.addresses, sip.advertised, sip.realm, *sip.domains) if name}

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
        """Where a contact of a 3xx leads; the known agent behind a name of ours, or behind a phone that is registered, is kept."""
        try:
            uri = Uri.parse(text)
        except SipError:
            return (Target("uri", text),)
        tenant = entry.view.tenant
        agent = self._registered(tenant, uri, text)
        if agent is None and self._is_ours(uri, leg, frozenset()):
            return self._dialled(tenant, leg, uri.user)
        return (Target("uri", text, None, agent, self._house.router.team_of(tenant, agent) if agent else None),)

    def _is_ours(self, uri: Uri, leg: Leg, known_as: frozenset[str]) -> bool:
        return uri.scheme == "tel" or uri.host in self._names or uri.host in known_as or uri.host == leg.own_host

    def _is_at_trunk(self, name: str, host: str) -> bool:
        trunk = self._house.router.trunk(name)
        if trunk is None:
            return False
        hosts = {_host_of(f"sip:{trunk.host}"), *(target.host.lower() for target in trunk.targets)}
        return host in hosts or self._house.router.find_trunk(host) is trunk

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

    def _registered(self, tenant: str, uri: Uri, text: str) -> str | None:
        """The agent at whose registered contact this URI points."""
        bindings = self._house.agent.contacts(uri.user, self._house.clock()) if uri.user else []
        is_bound = any(binding.uri == text for binding in bindings)
        return self._house.router.agent_called(tenant, uri.user) if is_bound else None


def _host_of(uri: str) -> str:
    try:
        return Uri.parse(uri).host
    except SipError:
        return ""
