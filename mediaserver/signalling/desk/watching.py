"""Lamp keys and consoles: who may see an agent's calls by SUBSCRIBE (RFC 4235), and what of them.

- A watcher is a digest user within his ceiling, or a trunk that may subscribe. Who is neither is challenged.
- An agent whom he may not see and an agent who does not exist get the same answer.
- Shown is that the agent's own phone rings or talks, and of the other party as much as the settings say. Who supervises is never
  shown: a supervisor's coming, going and speaking changes no document, and so sends none.
- Every document holds all of the agent's calls, for a subscriber who is slow skips some.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import structlog

from config.settings import WatchingSettings
from control_api.permissions import Identity, Subject, may_see
from mediaserver.call.view import CallState, CallView, LegState, LegView
from mediaserver.signalling.calls.live import CallEntry
from mediaserver.signalling.entering.identities import UserRepository
from mediaserver.signalling.house import House
from mixer.modes import Role
from sip.dialog_info import ANONYMOUS, CONTENT_TYPE, PACKAGE, DialogInfo, DialogState, write
from sip.errors import SipError
from sip.events import SubscribeReceived
from sip.subscription.settings import EventPackage, SubscriptionSettings
from sip.uri import Uri

_log = structlog.get_logger(__name__)

MOST_DIALOGS: Final = 8
"""Shown of one agent, so that a document fits a datagram."""
COMING_BACK: Final = "probation;retry-after=10"
"""Why subscriptions end when the server does (RFC 6665 §4.1.3)."""
_RINGING: Final = (LegState.RINGING, LegState.EARLY)
_STARS: Final = "***"

Agent = tuple[str, str]
"""Tenant and name."""


@dataclass(frozen=True, slots=True)
class Watcher:
    """Who subscribes."""

    name: str
    tenant: str
    identity: Identity | None
    """None: a trunk, which may see its whole tenant."""

    def may_see(self, agent: str, team: str) -> bool:
        """Whether this agent exists for him."""
        return self.identity is None or may_see(self.identity, Subject(self.tenant, agent, team))


@dataclass(frozen=True, slots=True)
class Engagement:
    """An agent's part in one call, as far as any watcher may know."""

    id: str
    state: DialogState
    is_initiator: bool
    number: str
    """Of the other party."""


@dataclass(slots=True)
class Watch:
    """One subscription."""

    subscription: int
    watcher: str
    agent: Agent
    entity: Uri
    """The agent as the watcher calls him."""
    version: int = 0
    told: tuple[str, ...] = ()
    """Ids of the dialogs in the newest document."""


class Watching:
    """All who watch, and what there is to be seen."""

    def __init__(self, house: House, users: UserRepository) -> None:
        self._house = house
        self._users = users
        self._settings = house.settings.watching
        self._watches: dict[int, Watch] = {}
        self._of_agent: dict[Agent, dict[int, Watch]] = {}
        self._engagements: dict[str, dict[Agent, tuple[Engagement, ...]]] = {}
        """Of each live call."""
        self._calls: dict[Agent, dict[str, None]] = {}
        """Of each agent, in the order in which they began."""

    def __len__(self) -> int:
        return len(self._watches)

    @property
    def engaged(self) -> int:
        """Agents in calls, counted once for each call."""
        return sum(map(len, self._calls.values()))

    # subscriptions

    def asked(self, event: SubscribeReceived) -> None:
        """Somebody wants to watch."""
        now = self._house.clock()
        watcher = self._vouched_for(event) or self._trunk(event)
        if watcher is None:
            known = self._house.agent.authenticate(event.request, event.flow, now)
            if known.user is None:
                self._house.agent.challenge_subscription(event.subscription, now, stale=known.stale, after=known.after)
                return
            user = self._users.get(known.user)
            if user is None or user.identity is None:
                self._refuse(event, 403, "no_ceiling", known.user)
                return
            watcher = Watcher(known.user, user.tenant, user.identity)
        if sum(watch.watcher == watcher.name for watch in self._watches.values()) >= self._settings.per_user:
            self._refuse(event, 403, "too_many", watcher.name)
            return
        self._begin(event, watcher)

    def due(self, subscription: int) -> None:
        """A watcher is owed the state."""
        watch = self._watches.get(subscription)
        if watch is not None:
            self._tell(watch)

    def ended(self, subscription: int) -> None:
        """A subscription is over."""
        watch = self._watches.pop(subscription, None)
        if watch is not None:
            others = self._of_agent[watch.agent]
            del others[subscription]
            if not others:
                del self._of_agent[watch.agent]

    def close(self) -> None:
        """The server stops: watchers may come back."""
        for subscription in list(self._watches):
            self._house.agent.end_subscription(subscription, COMING_BACK, self._house.clock())
            self.ended(subscription)

    def _vouched_for(self, event: SubscribeReceived) -> Watcher | None:
        """The user whom a proxy has asked for his password already."""
        name = self._house.user_asserted(self._house.router.find_trunk(event.flow.remote[0]), event.request)
        user = self._users.get(name) if name is not None else None
        return None if user is None or user.identity is None else Watcher(user.name, user.tenant, user.identity)

    def _trunk(self, event: SubscribeReceived) -> Watcher | None:
        trunk = self._house.router.find_trunk(event.flow.remote[0])
        if trunk is None or not trunk.subscribe or trunk.auth_user is not None:
            return None
        return Watcher(f"trunk {trunk.name}", trunk.tenant, None)

    def _begin(self, event: SubscribeReceived, watcher: Watcher) -> None:
        router, now = self._house.router, self._house.clock()
        entity = _uri(event.resource)
        name = router.agent_called(watcher.tenant, entity.user) if entity is not None else None
        if entity is None or name is None or not watcher.may_see(name, router.team_of(watcher.tenant, name)):
            self._refuse(event, 404, "not_found", watcher.name)
            return
        agent = (watcher.tenant, name)
        watch = Watch(event.subscription, watcher.name, agent, entity)
        self._watches[watch.subscription] = self._of_agent.setdefault(agent, {})[watch.subscription] = watch
        _log.info("watching.began", watcher=watcher.name, agent=name, source=event.flow.remote[0])
        self._house.agent.accept_subscription(event.subscription, event.expires, now)

    def _refuse(self, event: SubscribeReceived, status: int, why: str, watcher: str) -> None:
        self._house.counters.add("watchers_refused", why)
        _log.info("watching.refused", why=why, status=status, watcher=watcher, source=event.flow.remote[0])
        self._house.agent.reject_subscription(event.subscription, status, self._house.clock())

    # what there is to be seen

    def call_changed(self, entry: CallEntry) -> None:
        """A call is not what it was; those who watch its agents are told, if they can see a difference."""
        call = entry.view.call
        before = self._engagements.get(call, {})
        after = _engagements(entry)
        if after == before:
            return
        if after:
            self._engagements[call] = after
        else:
            del self._engagements[call]
        for agent in before | after:
            if after.get(agent) == before.get(agent):
                continue
            self._note(agent, call, is_in=agent in after)
            for watch in list(self._of_agent.get(agent, {}).values()):
                self._tell(watch)

    def _note(self, agent: Agent, call: str, *, is_in: bool) -> None:
        calls = self._calls.setdefault(agent, {})
        if is_in:
            calls[call] = None
        else:
            calls.pop(call, None)
            if not calls:
                del self._calls[agent]

    def _tell(self, watch: Watch) -> None:
        """The agent's calls, those that the watcher heard of and that are over, and where there is none at all: that he is free."""
        calls = self._calls.get(watch.agent, {})
        live = [self._info(engagement, watch) for call in calls for engagement in self._engagements[call][watch.agent]]
        live = live[-MOST_DIALOGS:]
        ids = tuple(info.id for info in live)
        over = [DialogInfo(name, DialogState.TERMINATED) for name in watch.told if name not in ids]
        # there are phones to which a document without a dialog says nothing
        free = [] if live or over else [DialogInfo(watch.agent[1], DialogState.TERMINATED)]
        document = write(str(watch.entity), watch.version, [*live, *over, *free])
        watch.version += 1
        watch.told = ids
        self._house.agent.notify(watch.subscription, CONTENT_TYPE, document, self._house.clock())

    def _info(self, engagement: Engagement, watch: Watch) -> DialogInfo:
        return DialogInfo(engagement.id, engagement.state, engagement.is_initiator, self._shown(engagement.number, watch))

    def _shown(self, number: str, watch: Watch) -> str:
        """The other party, as far as the settings allow, at the address by which the watcher reaches the agent."""
        match self._settings.numbers:
            case "all" if number:
                return str(Uri("sip", number, watch.entity.host, watch.entity.port))
            case "last_two" if number:
                return str(Uri("sip", _STARS + number[-2:], watch.entity.host, watch.entity.port))
            case _:
                return ANONYMOUS


def subscription_settings(settings: WatchingSettings) -> SubscriptionSettings:
    """What the user agent is told at its start."""
    packages = (EventPackage(PACKAGE, CONTENT_TYPE),) if settings.enabled else ()
    return SubscriptionSettings(packages, settings.subscriptions, settings.shortest, settings.longest, settings.interval)


def _uri(text: str) -> Uri | None:
    """The watched one without parameters; None for a tel URI, or nonsense."""
    try:
        uri = Uri.parse(text)
    except SipError:
        return None
    return Uri(uri.scheme, uri.user, uri.host, uri.port) if uri.host else None


def _engagements(entry: CallEntry) -> dict[Agent, tuple[Engagement, ...]]:
    """Who of the agents is in a call, and how."""
    found: dict[Agent, tuple[Engagement, ...]] = {}
    if entry.view.state is not CallState.ENDED:
        for agent, engagement in _parts(entry):
            found[agent] = (*found.get(agent, ()), engagement)
    return found


def _parts(entry: CallEntry) -> Iterator[tuple[Agent, Engagement]]:
    view = entry.view
    for shown in view.legs:
        leg = entry.legs.get(shown.leg)
        if shown.role is Role.SUPERVISOR or shown.state is LegState.ENDED or leg is None:
            continue
        if shown.agent:
            state = DialogState.EARLY if shown.state in _RINGING else DialogState.CONFIRMED
            yield (view.tenant, shown.agent), Engagement(f"{view.call}-{shown.leg}", state, leg.calls_us, _other(view, shown))


def _other(view: CallView, own: LegView) -> str:
    """Whom the agent talks to."""
    for leg in view.legs:
        if leg.leg != own.leg and leg.role is not Role.SUPERVISOR and leg.state is not LegState.ENDED:
            return leg.party
    return ""
