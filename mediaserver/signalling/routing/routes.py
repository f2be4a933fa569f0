"""From an INVITE to a routed call: which trunk it came from, which route matches, which targets it names. Pure.

- A trunk is the one with the longest network that holds the source address.
- The first route wins whose trunk, number and header match as a whole.
- What a caller dialled is filled into targets as one word: it can name a number, never a host or a URI parameter.
- A tenant's calls reach the tenant's agents and trunks; those of others do not exist for them.
- Doors (star codes, call URIs) are no numbers: no route ever sees them.
- Numbers are matched as the trunk's own rules leave them (`mediaserver.signalling.trunks.numbers`).

The settings were checked by `config.checks`; a target that cannot be filled in now is left out.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final
from urllib.parse import quote

from config.settings import AgentSettings, RouteSettings, Settings
from config.trunks import TrunkSettings
from mediaserver.call.inputs import Target
from mediaserver.signalling.entering.doors import read_knock
from mediaserver.signalling.entering.identities import User
from mediaserver.signalling.trunks.callers import LONGEST_NUMBER, Caller, agent_numbers, caller_of_trunk, caller_of_user, clean
from mediaserver.signalling.trunks.numbers import Numbering
from sip.errors import SipError
from sip.message import Request
from sip.telephone import number_in
from sip.uri import Uri

USERS: Final = "users"
"""The trunk name of our own users' calls."""
LONGEST_METADATA: Final = 256
"""Characters kept of a mapped header."""
MOST_PASSES: Final = 10
"""How often one call may come through before it counts as a loop, however it was dialled."""
PATH_HEADER: Final = "X-Mediaserver-Path"
"""Carries the marks of `passed` from one pass of a call to the next."""

_TELLING: Final = frozenset(
    {"from", "f", "contact", "m", "p-asserted-identity", "p-preferred-identity", "remote-party-id", "diversion", "history-info"}
)
"""Headers that would tell who an anonymous caller is: no metadata is made of them for him."""

_FILLER: Final = re.compile(r"\{(\w*)\}")
_NUMBER_SAFE: Final = "+*!'()&=$,"
"""Beside letters, digits and ``_.-~`` these stay as they are in a user part (RFC 3261 §25.1); ``#`` becomes ``%23``."""
_MARK_LENGTH: Final = 16


@dataclass(frozen=True, slots=True)
class RoutedCall:
    """What a call will be, before it is one."""

    tenant: str
    trunk: str
    """Where it came from: a trunk's name, or ``users``."""
    caller: str
    called: str
    targets: tuple[Target, ...]
    """Tried in turn; empty where the route matched and nobody it names exists."""
    who: Caller
    """What is known of the caller, for the next leg."""
    metadata: dict[str, str] = field(default_factory=dict)
    """``queue``, ``campaign`` and the trunk's mapped headers."""
    agent: str | None = None
    """The caller, where he is an agent who calls out."""
    team: str | None = None
    ring_timeout: float | None = None
    """Seconds; None: the server's own."""


@dataclass(frozen=True, slots=True)
class _Route:
    settings: RouteSettings
    number: re.Pattern[str]
    header: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class _Origin:
    """Where an INVITE came from."""

    tenant: str
    trunk: str
    shown: str
    who: Caller
    agent: AgentSettings | None
    headers: dict[str, str]
    """Those that become metadata."""


class Router:
    """Settings made quick to ask: expressions compiled, networks sorted, agents by name and by user."""

    def __init__(self, settings: Settings) -> None:
        self._doors = settings.doors
        self._routes = [_Route(route, re.compile(route.number), re.compile(route.header_matches)) for route in settings.routes]
        self._trunks = {trunk.name: trunk for trunk in settings.trunks}
        self._numberings = {trunk.name: Numbering(trunk) for trunk in settings.trunks}
        networks = [(ip_network(address, strict=False), trunk) for trunk in settings.trunks for address in trunk.addresses]
        self._networks = sorted(networks, key=lambda network: network[0].prefixlen, reverse=True)
        self._agents = {(agent.tenant, agent.name): agent for agent in settings.agents}
        self._agents_by_number = {
            (agent.tenant, number): agent for agent in settings.agents for number in (agent.extension, agent.user) if number
        }
        """By SIP user, and by extension."""
        self._agents_by_extension = {(agent.tenant, agent.extension): agent for agent in settings.agents if agent.extension}

    # who is who

    def find_trunk(self, source: str) -> TrunkSettings | None:
        """The trunk whose address this is; None: nobody's. An IPv4 address inside an IPv6 one is taken as IPv4."""
        address = _address(source)
        return next((trunk for network, trunk in self._networks if address is not None and _holds(network, address)), None)

    def trunk(self, name: str) -> TrunkSettings | None:
        """A trunk by its name."""
        return self._trunks.get(name)

    def agent_called(self, tenant: str, name: str) -> str | None:
        """The tenant's agent by his name or his SIP user; None: there is none."""
        agent = self._agents.get((tenant, name)) or self._agents_by_number.get((tenant, name))
        return None if agent is None else agent.name

    def user_of_agent(self, tenant: str, name: str) -> str | None:
        """The SIP user of the tenant's agent."""
        agent = self._agents.get((tenant, name))
        return None if agent is None else agent.user

    def number_of_agent(self, tenant: str, name: str) -> str:
        """By which the tenant's agent is called: his extension, else his SIP user, else his name."""
        agent = self._agents.get((tenant, name))
        return name if agent is None else agent.extension or agent.user or name

    def team_of(self, tenant: str, name: str) -> str:
        """The team of the tenant's agent; empty where there is none."""
        agent = self._agents.get((tenant, name))
        return "" if agent is None else agent.team

    # where to

    def route(self, trunk: TrunkSettings | None, user: User | None, request: Request, called: str | None = None) -> RoutedCall | None:
        """Where a trunk's INVITE goes, or (without a trunk) that of a user of ours. None: no route, or it is for a door.

        ``called`` is the number where the Request-URI does not hold it. Raises `SipError` for a caller's wishes that cannot be served.
        """
        called = number_in(request.uri) if called is None else called
        if trunk is not None:
            origin = self._of_trunk(trunk, request)
            called = self._numberings[trunk.name].inward("called", called)
        elif user is not None:
            origin = self._of_user(user, request)
        else:
            return None
        found = self._match(origin.trunk, called, request)
        if found is None:
            return None
        route, match = found
        return RoutedCall(
            tenant=origin.tenant,
            trunk=origin.trunk,
            caller=origin.shown,
            called=called,
            targets=tuple(self._targets(route, match, origin.tenant)),
            who=origin.who,
            metadata=_metadata(route, origin, request),
            agent=None if origin.agent is None else origin.agent.name,
            team=None if origin.agent is None else origin.agent.team,
            ring_timeout=route.ring_timeout,
        )

    def _of_trunk(self, trunk: TrunkSettings, request: Request) -> _Origin:
        numbering = self._numberings[trunk.name]
        who = caller_of_trunk(trunk, numbering, request)
        numbers = agent_numbers(trunk, numbering, request)
        agent = next((found for number in numbers if (found := self._agents_by_extension.get((trunk.tenant, number)))), None)
        return _Origin(trunk.tenant, trunk.name, who.shown, who, agent, trunk.headers)

    def _of_user(self, user: User, request: Request) -> _Origin:
        """Of a user of ours the name that his digest proved counts, whatever his From says."""
        agent = self._agents_by_number.get((user.tenant, user.name))
        number = agent.extension if agent is not None and agent.extension else user.name
        return _Origin(user.tenant, USERS, user.name, caller_of_user(number, request), agent, {})

    def targets_for(self, tenant: str, number: str) -> tuple[Target, ...]:
        """What a user of this tenant would reach under a number; routes that ask for a header do not match."""
        found = self._match(USERS, number, None)
        return () if found is None else tuple(self._targets(*found, tenant))

    def _match(self, trunk: str, called: str, request: Request | None) -> tuple[RouteSettings, re.Match[str]] | None:
        if not called or len(called) > LONGEST_NUMBER or self._is_door(called):
            return None
        for route in self._routes:
            if route.settings.trunk not in ("*", trunk) or not _header_matches(route, request):
                continue
            match = route.number.fullmatch(called)
            if match is not None:
                return route.settings, match
        return None

    def _is_door(self, called: str) -> bool:
        codes = (self._doors.listen, self._doors.whisper, self._doors.barge)
        return read_knock(called, self._doors) is not None or any(code and called.startswith(code) for code in codes)

    def _targets(self, route: RouteSettings, match: re.Match[str], tenant: str) -> Iterator[Target]:
        for template in route.targets:
            target = self._target(template, match, tenant, route.ring_timeout)
            if target is not None:
                yield target

    def _target(self, template: str, match: re.Match[str], tenant: str, ring_timeout: float | None) -> Target | None:
        """One target with the number filled in; None where there is no such agent, trunk or number for this tenant."""
        kind, _, rest = template.partition(":")
        if kind == "agent":
            agent = self.agent_called(tenant, _filled(rest, match, safe=None))
            return None if agent is None else Target("agent", agent, ring_timeout, agent, self.team_of(tenant, agent))
        if kind == "trunk":
            return self._trunk_target(_filled(rest, match, safe=_NUMBER_SAFE), tenant, ring_timeout)
        uri = _filled(template, match, safe=_NUMBER_SAFE)
        known = self._agents_by_number.get((tenant, number_in(uri)))
        return Target("uri", uri, ring_timeout, *_name_and_team(known)) if _is_uri(uri) else None

    def trunk_target(self, tenant: str, trunk: str, number: str) -> Target | None:
        """A number at a trunk of the tenant's, dialled as it is; None where there is no such trunk or number."""
        return self._trunk_target(f"{trunk}/{quote(number, safe=_NUMBER_SAFE)}", tenant, None) if number else None

    def _trunk_target(self, value: str, tenant: str, ring_timeout: float | None) -> Target | None:
        name, _, number = value.partition("/")
        trunk = self._trunks.get(name)
        if trunk is None or trunk.tenant != tenant or not trunk.is_reachable or not number:
            return None
        return Target("trunk", value, ring_timeout, *_name_and_team(self._agents_by_number.get((tenant, number))))


def passed(path: str | None, server: str, called: str) -> str | None:
    """The path header for a call's next leg, or None where the call was here before under the same number: a loop (482).

    ``path`` is the header as it came in, ``server`` this server's own id. Marks are digests, so that no number is told.
    """
    marks = [] if path is None else [mark.strip() for mark in path[: MOST_PASSES * (_MARK_LENGTH + 2)].split(",")]
    mark = sha256(f"{server}\n{called}".encode()).hexdigest()[:_MARK_LENGTH]
    if mark in marks or len(marks) >= MOST_PASSES:
        return None
    return ", ".join([*marks, mark])


@lru_cache(maxsize=4096)
def _address(source: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(source.partition("%")[0])
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def _holds(network: IPv4Network | IPv6Network, address: IPv4Address | IPv6Address) -> bool:
    return network.version == address.version and address in network


def _user_of(uri: str) -> str:
    try:
        return Uri.parse(uri).user
    except SipError:
        return ""


def _is_uri(uri: str) -> bool:
    try:
        return bool(Uri.parse(uri).host)
    except SipError:
        return False


def _header_matches(route: _Route, request: Request | None) -> bool:
    if not route.settings.header:
        return True
    value = None if request is None else request.header(route.settings.header)
    return value is not None and len(value) <= LONGEST_METADATA and route.header.fullmatch(value.strip()) is not None


def _metadata(route: RouteSettings, origin: _Origin, request: Request) -> dict[str, str]:
    """The trunk's mapped headers, under which the route's own queue and campaign stand where it has them."""
    shown = {header: key for header, key in origin.headers.items() if not (origin.who.is_private and header.lower() in _TELLING)}
    mapped = {key: clean(value, LONGEST_METADATA) for header, key in shown.items() if (value := request.header(header)) is not None}
    own = {"queue": route.queue, "campaign": route.campaign}
    return mapped | {key: value for key, value in own.items() if value}


def _filled(template: str, match: re.Match[str], *, safe: str | None) -> str:
    """The template with ``{number}``, ``{1}`` and ``{name}`` replaced; escaped for a URI's user part where ``safe`` is given."""

    def value(filler: re.Match[str]) -> str:
        text = _group(match, filler[1])
        return text if safe is None else quote(text, safe=safe)

    return _FILLER.sub(value, template)


def _group(match: re.Match[str], name: str) -> str:
    """A group by number or name; ``number`` is the whole match unless the expression names a group so."""
    if name.isdigit():
        return (match[int(name)] or "") if int(name) <= match.re.groups else ""
    if name in match.re.groupindex:
        return match[name] or ""
    return match[0] if name == "number" else ""


def _name_and_team(agent: AgentSettings | None) -> tuple[str | None, str | None]:
    return (None, None) if agent is None else (agent.name, agent.team)
