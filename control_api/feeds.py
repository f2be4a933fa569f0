"""The numbered events of every identity, kept for a while: what clients read at their own speed and resume from.

A feed belongs to one identity. It numbers what that identity may see, 1, 2, 3 … without holes, and keeps the last ones in
a ring. Each client is only a position in that ring, so a slow or absent client costs nothing, and one that fell out of
the ring is given a snapshot. Nothing in a feed tells of events that its identity may not see.

What a call's agent is may change while it lives: known only after the answer, another one after a transfer. Therefore
the house remembers who each call last belonged to. An event of a call that an identity may see goes to its feed; one
that takes the call out of its sight goes there as ``call.hidden``; any other does not.

What a supervisor follows (``follow.*``) is told to him alone. What a trunk does (``trunk.*``) belongs to no call: it goes to the
identities of its tenant that have the right ``admin``.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from typing import Any, Final

from control_api.encoding import Encoded, Subprotocol
from control_api.messages import iso
from control_api.permissions import Identity, Right, Subject, may_see
from control_api.ports import HouseEvent

MAX_CALLS: Final = 65_536
"""Calls whose subject is remembered; beyond it the one that was quiet longest is forgotten."""
MAX_IDLE_FEEDS: Final = 1000
"""Feeds kept although nobody reads them, so that their clients can come back."""
RESERVED: Final = frozenset({"type", "sequence", "kind", "call_id", "at"})


class Feed:
    """One identity's events: the last of them, and who waits for the next."""

    def __init__(self, identity: Identity, stream: str, capacity: int) -> None:
        self.identity = identity
        self.stream = stream
        """Names this numbering; another feed, or the same identity's after a restart, has another name."""
        self.sequence = 0
        """Number of the last event."""
        self.meters = Meters()
        self.readers: set[Callable[[], None]] = set()
        """Called after something was added."""
        self._ring: deque[Encoded] = deque(maxlen=capacity)

    def append(self, event: Encoded) -> None:
        """Number an event and keep it."""
        self.sequence += 1
        self._ring.append(event)
        self.wake()

    def wake(self) -> None:
        """Tell the readers that there is something."""
        for reader in self.readers:
            reader()

    def holds_after(self, sequence: int) -> bool:
        """Whether every event after this one is still here."""
        return self.sequence - len(self._ring) <= sequence <= self.sequence

    def event(self, sequence: int, subprotocol: Subprotocol) -> bytes:
        """The event with this number, as bytes; it must be held."""
        return self._ring[sequence - self.sequence - 1].numbered(sequence, subprotocol)


class Meters:
    """The latest meters of an identity's calls: newer ones replace older ones until they are made into a message."""

    def __init__(self) -> None:
        self.number = 0
        """Number of the last message made, so that a reader knows whether he has it."""
        self._pending: dict[str, dict[str, Any]] = {}
        self._message: Encoded | None = None

    def put(self, call: str, body: dict[str, Any]) -> None:
        """Take a call's meters."""
        self._pending[call] = body

    def forget(self, call: str) -> None:
        """The call ended or went out of sight."""
        self._pending.pop(call, None)

    def close(self) -> bool:
        """Make what was put into the next message; whether there was anything."""
        if not self._pending:
            return False
        self._message = Encoded.of({"type": "meters", "calls": self._pending})
        self._pending = {}
        self.number += 1
        return True

    def message(self, subprotocol: Subprotocol) -> bytes:
        """The last message made; there must be one."""
        assert self._message is not None
        return self._message.whole(subprotocol)


class Feeds:
    """All feeds, and what decides which event goes into which."""

    def __init__(self, capacity: int, entropy: Callable[[], str]) -> None:
        self._capacity = capacity
        self._entropy = entropy
        self._feeds: OrderedDict[Identity, Feed] = OrderedDict()
        self._subjects: OrderedDict[tuple[str, str], Subject] = OrderedDict()

    def of(self, identity: Identity) -> Feed:
        """The identity's feed, made where there is none."""
        feed = self._feeds.get(identity)
        if feed is None:
            feed = self._feeds[identity] = Feed(identity, self._entropy(), self._capacity)
            self._drop_idle()
        self._feeds.move_to_end(identity)
        return feed

    def publish(self, event: HouseEvent, wall: float) -> None:
        """Put an event into the feed of everybody who may see it. wall: seconds since 1970."""
        if event.kind == "meters":
            self._meter(event)
            return
        if event.kind.startswith("trunk."):
            self._tell_admins(event, wall)
            return
        if event.identity:
            self._tell_one(event, wall)
            return
        before, now = self._move(event)
        shown: Encoded | None = None
        hidden: Encoded | None = None
        for feed in self._of_tenant(event.tenant):
            if may_see(feed.identity, now):
                shown = shown or _shown(event, wall)
                feed.append(shown)
            elif before is not None and may_see(feed.identity, before):
                hidden = hidden or _hidden(event, wall)
                feed.meters.forget(event.call)
                feed.append(hidden)
            if event.kind == "call.ended":
                feed.meters.forget(event.call)

    @property
    def has_readers(self) -> bool:
        """Whether anybody reads any feed now."""
        return any(feed.readers for feed in self._feeds.values())

    def close_meters(self) -> None:
        """Let the meters that came since the last time go to whoever reads them."""
        for feed in self._feeds.values():
            if feed.meters.close():
                feed.wake()

    def _tell_admins(self, event: HouseEvent, wall: float) -> None:
        shown = _shown(event, wall)
        for feed in self._of_tenant(event.tenant):
            if Right.ADMIN in feed.identity.ceiling.rights:
                feed.append(shown)

    def _tell_one(self, event: HouseEvent, wall: float) -> None:
        """An event of one person: all feeds of his."""
        shown = _shown(event, wall)
        for feed in self._of_tenant(event.tenant):
            if feed.identity.name == event.identity:
                feed.append(shown)

    def _meter(self, event: HouseEvent) -> None:
        subject = Subject(event.tenant, event.agent, event.team, event.call)
        for feed in self._of_tenant(event.tenant):
            if feed.readers and may_see(feed.identity, subject):
                feed.meters.put(event.call, event.body)

    def _of_tenant(self, tenant: str) -> Iterator[Feed]:
        return (feed for feed in self._feeds.values() if feed.identity.tenant == tenant)

    def _move(self, event: HouseEvent) -> tuple[Subject | None, Subject]:
        """Who the call belonged to before the event, and to whom it does now."""
        key, now = (event.tenant, event.call), Subject(event.tenant, event.agent, event.team, event.call)
        before = self._subjects.pop(key, None)
        if event.kind != "call.ended":
            self._subjects[key] = now
            if len(self._subjects) > MAX_CALLS:
                self._subjects.popitem(last=False)
        return before, now

    def _drop_idle(self) -> None:
        idle = [identity for identity, feed in self._feeds.items() if not feed.readers]
        for identity in idle[: max(0, len(idle) - MAX_IDLE_FEEDS)]:
            del self._feeds[identity]


def _shown(event: HouseEvent, wall: float) -> Encoded:
    body = {key: value for key, value in event.body.items() if key not in RESERVED}
    return Encoded.of({"type": "event", "kind": event.kind, "call_id": event.call, "at": iso(wall)} | body)


def _hidden(event: HouseEvent, wall: float) -> Encoded:
    return Encoded.of({"type": "event", "kind": "call.hidden", "call_id": event.call, "at": iso(wall)})
