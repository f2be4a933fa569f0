"""The numbered events of every identity, kept for a while: what clients read at their own speed and resume from.

A feed belongs to one identity. It numbers what that identity may see, 1, 2, 3 … without holes, and keeps the last ones in
a ring. Each client is only a position in that ring, so a slow or absent client costs nothing, and one that fell out of
the ring is given a snapshot. Nothing in a feed tells of events that its identity may not see.

What a call's agent is may change while it lives: known only after the answer, another one after a transfer. Therefore
the house remembers who each call last belonged to. An event of a call that an identity may see goes to its feed; one
that takes the call out of its sight goes there as ``call.hidden``; any other does not.

What a supervisor follows (``follow.*``) is told to him alone. What a trunk does (``trunk.*``) belongs to no call: it goes to the
identities of its tenant that have the right ``admin``, as what becomes of its policy (``policy.changed``). Where that changes who sees
who listens, or what may be asked, everybody's picture may be another: all feeds of the tenant begin anew.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from control_api.discretion import NOTHING
from control_api.encoding import Encoded, Subprotocol
from control_api.messages import iso
from control_api.meters import Meters, Reading
from control_api.permissions import Identity, Right, Subject, is_called_for_help, may_see
from control_api.ports import HouseEvent

MAX_CALLS: Final = 65_536
"""Calls whose subject is remembered; beyond it the one that was quiet longest is forgotten."""
MAX_IDLE_FEEDS: Final = 1000
"""Feeds kept although nobody reads them, so that their clients can come back."""
OF_NO_CALL: Final = ("trunk.", "policy.")
RESERVED: Final = frozenset({"type", "sequence", "kind", "call_id", "at"})


class Feed:
    """One identity's events: the last of them, and who waits for the next."""

    def __init__(self, identity: Identity, stream: str, capacity: int, meters: Meters) -> None:
        self.identity = identity
        self.stream = stream
        """Names this numbering; another feed, or the same identity's after a restart, has another name."""
        self.sequence = 0
        """Number of the last event."""
        self.meters = meters
        """Of everybody's calls."""
        self.readers: set[Callable[[], None]] = set()
        """Called after something was added."""
        self.anew = 0
        """Whoever is not beyond this event needs a fresh picture: who may see who listens, or what may be asked, changed with it."""
        self._ring: deque[Encoded] = deque(maxlen=capacity)
        self._sight: dict[str, tuple[Subject, bool]] = {}
        """What was found out about a call whose meters came."""

    def append(self, event: Encoded) -> None:
        """Number an event and keep it."""
        self.sequence += 1
        self._ring.append(event)
        self.wake()

    def begin_anew(self) -> None:
        """What was told so far is no picture to go on from."""
        self._ring.clear()
        self.sequence += 1
        self.anew = self.sequence
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

    def readings(self, viewed: Sequence[str] | None, after: int) -> list[Reading]:
        """The meters newer than ``after`` of calls that the identity may see: of those it views, None: of all."""
        identity = self.identity
        found = self.meters.within(identity.tenant, identity.ceiling) if viewed is None else self.meters.of_calls(identity.tenant, viewed)
        return [reading for reading in found if reading.number > after and self._sees(reading.subject)]

    def _sees(self, subject: Subject) -> bool:
        """`may_see`, asked once for as long as the call is the same one's: neither it nor the identity changes."""
        known = self._sight.get(subject.call)
        if known is None or known[0] is not subject:
            if len(self._sight) >= MAX_CALLS:
                self._sight.clear()
            known = self._sight[subject.call] = subject, may_see(self.identity, subject)
        return known[1]


class Feeds:
    """All feeds, and what decides which event goes into which."""

    def __init__(self, capacity: int, entropy: Callable[[], str]) -> None:
        self._capacity = capacity
        self._entropy = entropy
        self.meters = Meters()
        self._feeds: OrderedDict[Identity, Feed] = OrderedDict()
        self._subjects: OrderedDict[tuple[str, str], Subject] = OrderedDict()

    def of(self, identity: Identity) -> Feed:
        """The identity's feed, made where there is none."""
        feed = self._feeds.get(identity)
        if feed is None:
            feed = self._feeds[identity] = Feed(identity, self._entropy(), self._capacity, self.meters)
            self._drop_idle()
        self._feeds.move_to_end(identity)
        return feed

    def publish(self, event: HouseEvent, wall: float) -> None:
        """Put an event into the feed of everybody who may see it. wall: seconds since 1970."""
        if event.kind == "meters":
            self.meters.put(event)
            return
        if event.kind.startswith(OF_NO_CALL):
            detail = event.body["detail"]
            if detail.get("shows_listeners_otherwise") or detail.get("offers_otherwise"):
                for feed in self._of_tenant(event.tenant):
                    feed.begin_anew()
            self._tell_admins(event, wall)
            return
        if event.identity:
            self._tell_one(event, wall)
            return
        before, now = self._move(event)
        if event.kind == "call.ended" or (before is not None and (before.agent, before.team) != (now.agent, now.team)):
            self.meters.forget(event.tenant, event.call)
        shown: dict[frozenset[int], Encoded | None] = {}
        hidden: Encoded | None = None
        for feed in self._of_tenant(event.tenant):
            if may_see(feed.identity, now):
                legs = event.discretion.hides_from(feed.identity)
                if legs not in shown:
                    shown[legs] = _shown(event, wall, legs)
                encoded = shown[legs]
                if encoded is not None and (event.kind != "call.help" or is_called_for_help(feed.identity)):
                    feed.append(encoded)
            elif before is not None and may_see(feed.identity, before):
                hidden = hidden or _hidden(event, wall)
                feed.append(hidden)

    @property
    def has_readers(self) -> bool:
        """Whether anybody reads any feed now."""
        return any(feed.readers for feed in self._feeds.values())

    def has_reader_of(self, identity: Identity) -> bool:
        """Whether this person reads any feed now: somebody who came when his ceiling was another one has a feed of his own."""
        return any(feed.readers and feed.identity.name == identity.name for feed in self._of_tenant(identity.tenant))

    def _tell_admins(self, event: HouseEvent, wall: float) -> None:
        shown = _shown(event, wall)
        for feed in self._of_tenant(event.tenant):
            if shown is not None and Right.ADMIN in feed.identity.ceiling.rights:
                feed.append(shown)

    def _tell_one(self, event: HouseEvent, wall: float) -> None:
        """An event of one person: all feeds of his."""
        shown = _shown(event, wall)
        for feed in self._of_tenant(event.tenant):
            if shown is not None and feed.identity.name == event.identity:
                feed.append(shown)

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


def _shown(event: HouseEvent, wall: float, hidden: frozenset[int] = NOTHING) -> Encoded | None:
    """Encoded without the legs that are hidden; None where nothing is left to be told."""
    told = event.without(hidden)
    if told is None:
        return None
    body = {key: value for key, value in told.items() if key not in RESERVED}
    return Encoded.of({"type": "event", "kind": event.kind, "call_id": event.call, "at": iso(wall)} | body)


def _hidden(event: HouseEvent, wall: float) -> Encoded:
    return Encoded.of({"type": "event", "kind": "call.hidden", "call_id": event.call, "at": iso(wall)})
