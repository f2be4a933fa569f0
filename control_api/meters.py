"""The meters of all live calls: the latest of each, encoded once for everybody, and put together into each client's message.

Calls are measured evenly over a period, and clients are told evenly over it as well, each in a slot of its own: five hundred
messages at one moment would hold up the events of all. What a client is told is what became newer since it was told last.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from control_api.discretion import MARKS, OPEN, Discretion, meters_without
from control_api.encoding import Subprotocol, encode
from control_api.permissions import Ceiling, Identity, Subject
from control_api.ports import HouseEvent

SLOTS: Final = 16
"""Groups of clients, told one after the other."""
MAX_CALLS: Final = 65_536
"""Calls whose meters are kept; beyond it the one that came first is forgotten."""
EVERYBODY: Final = "*"

Place = tuple[str, str, str]
"""Tenant, ``agent`` or ``team`` or `EVERYBODY`, and a name: what a ceiling names."""


class Reading:
    """The latest meters of one call. They are read, and encoded, when the first client is told of them."""

    __slots__ = ("_body", "_discretion", "_encoded", "_tell", "number", "subject")

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        """The same object for as long as the call belongs to the same agent."""
        self.number = 0
        """Rises from reading to reading, over all calls."""
        self._discretion = OPEN
        self._tell: Callable[[], dict[str, Any]] = dict
        self._body: dict[str, Any] | None = None
        self._encoded: dict[Subprotocol, bytes] = {}

    def renew(self, number: int, tell: Callable[[], dict[str, Any]], discretion: Discretion = OPEN) -> None:
        """There is something newer."""
        self.number, self._tell, self._discretion, self._body = number, tell, discretion, None
        self._encoded.clear()

    def entry(self, subprotocol: Subprotocol, identity: Identity | None) -> bytes:
        """The call's id and its meters, as they stand within a message for somebody; encoded once for all who see the same."""
        hidden = self._discretion.hides_from(identity) - MARKS
        if hidden:
            return self._encode(meters_without(self._read(), hidden), subprotocol)
        found = self._encoded.get(subprotocol)
        if found is None:
            found = self._encoded[subprotocol] = self._encode(self._read(), subprotocol)
        return found

    def _read(self) -> dict[str, Any]:
        if self._body is None:
            self._body = self._tell()
        return self._body

    def _encode(self, body: dict[str, Any], subprotocol: Subprotocol) -> bytes:
        whole = encode({self.subject.call: body}, subprotocol)
        return whole[1:-1] if subprotocol is Subprotocol.JSON else whole[1:]


class Meters:
    """Every call's `Reading`, found by call or by what a ceiling names; and the clients, each in its slot."""

    def __init__(self) -> None:
        self.number = 0
        """Of the newest reading."""
        self._readings: OrderedDict[tuple[str, str], Reading] = OrderedDict()
        self._at: dict[Place, dict[str, Reading]] = {}
        self._slots: list[set[Callable[[], None]]] = [set() for _ in range(SLOTS)]
        self._slot = 0

    def put(self, event: HouseEvent) -> None:
        """Take a call's meters."""
        key = (event.tenant, event.call)
        reading = self._readings.get(key)
        if reading is None or (reading.subject.agent, reading.subject.team) != (event.agent, event.team):
            self.forget(*key)
            reading = self._readings[key] = Reading(Subject(event.tenant, event.agent, event.team, event.call))
            for place in _places(reading.subject):
                self._at.setdefault(place, {})[event.call] = reading
            if len(self._readings) > MAX_CALLS:
                self.forget(*next(iter(self._readings)))
        self.number += 1
        reading.renew(self.number, event.tell, event.discretion)

    def forget(self, tenant: str, call: str) -> None:
        """The call ended, or belongs to somebody else."""
        reading = self._readings.pop((tenant, call), None)
        if reading is None:
            return
        for place in _places(reading.subject):
            there = self._at[place]
            del there[call]
            if not there:
                del self._at[place]

    def of_calls(self, tenant: str, calls: Iterable[str]) -> Iterator[Reading]:
        """The readings of these calls, as far as there are any."""
        for call in calls:
            reading = self._readings.get((tenant, call))
            if reading is not None:
                yield reading

    def within(self, tenant: str, ceiling: Ceiling) -> Iterable[Reading]:
        """The readings that the ceiling may cover: nothing that it covers is missing."""
        if EVERYBODY in ceiling.agents or EVERYBODY in ceiling.teams:
            return self._at.get((tenant, EVERYBODY, ""), {}).values()
        places = [(tenant, "team", team) for team in ceiling.teams] + [(tenant, "agent", agent) for agent in ceiling.agents]
        found: dict[str, Reading] = {}
        for place in places:
            found |= self._at.get(place, {})
        return found.values()

    def join(self, tell: Callable[[], None]) -> Callable[[], None]:
        """Have a client told once a period, in the emptiest slot; returns what ends it."""
        slot = min(self._slots, key=len)
        slot.add(tell)
        return lambda: slot.discard(tell)

    def beat(self) -> None:
        """Tell the clients of the next slot."""
        self._slot = (self._slot + 1) % SLOTS
        for tell in self._slots[self._slot]:
            tell()


def meters_message(readings: Sequence[Reading], subprotocol: Subprotocol, identity: Identity | None = None) -> bytes:
    """The meters of these calls as one message, of legs that the identity may see (None: nobody's, who sees no hidden one)."""
    entries = [reading.entry(subprotocol, identity) for reading in readings]
    if subprotocol is Subprotocol.JSON:
        return b'{"type":"meters","calls":{' + b",".join(entries) + b"}}"
    head = encode({"type": "meters", "calls": {}}, subprotocol)[:-1]  # without the empty map at its end
    return head + _map_header(len(entries)) + b"".join(entries)


def _map_header(entries: int) -> bytes:
    """As MessagePack has it: fixmap, map 16, map 32."""
    if entries < 16:
        return bytes((0x80 | entries,))
    return b"\xde" + entries.to_bytes(2) if entries < 65_536 else b"\xdf" + entries.to_bytes(4)


def _places(subject: Subject) -> Iterator[Place]:
    yield subject.tenant, EVERYBODY, ""
    if subject.agent:
        yield subject.tenant, "agent", subject.agent
    if subject.team:
        yield subject.tenant, "team", subject.team
