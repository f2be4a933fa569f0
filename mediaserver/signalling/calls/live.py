"""The calls that are live, and those that ended in the last minute, with the ways to find one."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from control_api.permissions import Subject
from mediaserver.call.inputs import LegId
from mediaserver.call.machine import Call
from mediaserver.call.view import CallState, CallView
from mediaserver.signalling.calls.legs import Leg
from mediaserver.signalling.calls.records import LegRecord
from mediaserver.signalling.calls.said import Said
from mediaserver.signalling.media.worker import Worker
from mediaserver.signalling.timers import Timer
from mediaserver.signalling.trunks.callers import Caller

_KEPT_AFTER_END = 1000
_REMEMBERED_SECONDS = 60.0


@dataclass(slots=True)
class CallEntry:
    """A live call: its machine and what the shell keeps beside it."""

    number: int
    """What the workers call it."""
    machine: Call
    worker: Worker
    """Where its legs are mixed."""
    view: CallView
    """As it was after the last input."""
    timer: Timer
    who: Caller | None = None
    """The caller as the next legs are told of him; None: nobody called in."""
    path: str = ""
    """Marks of this pass for the next server (`mediaserver.signalling.routing.routes.passed`)."""
    is_lounge: bool = False
    """No conversation: a supervisor who follows waits in it. Nobody sees it, and it is no call that counts."""
    max_forwards: int = 70
    """What is left of it for the next leg."""
    legs: dict[LegId, Leg] = field(default_factory=dict)
    records: dict[LegId, LegRecord] = field(default_factory=dict)
    """How its legs sounded that have ended."""
    said: Said = field(default_factory=Said)

    @property
    def subject(self) -> Subject:
        """What a permission check is about."""
        return Subject(self.view.tenant, self.view.agent, self.view.team, self.view.call, self.view.is_private)


class Calls:
    """Every call by id, leg and session."""

    def __init__(self) -> None:
        self._by_id: dict[str, CallEntry] = {}
        self._lounges = 0
        self._by_leg: dict[LegId, tuple[CallEntry, Leg]] = {}
        self._by_session: dict[int, tuple[CallEntry, Leg]] = {}
        self._ended: OrderedDict[str, tuple[float, CallView, dict[LegId, LegRecord], Said]] = OrderedDict()
        self.on_tied: Callable[[CallEntry, Leg, int], None] = lambda entry, leg, session: None
        """Told each session that becomes a leg of a call."""

    def __len__(self) -> int:
        return len(self._by_id) - self._lounges

    def __iter__(self) -> Iterator[CallEntry]:
        return iter(self._by_id.values())

    def add(self, entry: CallEntry) -> None:
        """A call begins."""
        self._by_id[entry.view.call] = entry
        self._lounges += entry.is_lounge

    def add_leg(self, entry: CallEntry, leg: Leg) -> None:
        """A leg joins a call; its session, where it has one, finds it too."""
        entry.legs[leg.leg] = leg
        self._by_leg[leg.leg] = (entry, leg)
        if leg.session is not None:
            self._by_session[leg.session] = (entry, leg)
            self.on_tied(entry, leg, leg.session)

    def bind_session(self, entry: CallEntry, leg: Leg, session: int) -> None:
        """The leg's INVITE was sent as this session."""
        leg.session = session
        self._by_session[session] = (entry, leg)
        self.on_tied(entry, leg, session)

    def move_leg(self, entry: CallEntry, into: CallEntry, leg: Leg) -> None:
        """A leg goes to another call, with its session."""
        del entry.legs[leg.leg]
        self.add_leg(into, leg)

    def remove_leg(self, entry: CallEntry, leg: Leg) -> None:
        """A leg is closed."""
        entry.legs.pop(leg.leg, None)
        if leg.lease is not None:
            leg.lease.release()
        self._by_leg.pop(leg.leg, None)
        if leg.session is not None:
            self._by_session.pop(leg.session, None)

    def remove(self, entry: CallEntry, now: float) -> None:
        """A call is over; its last view is remembered for a minute."""
        if self._by_id.pop(entry.view.call, None) is not None and entry.is_lounge:
            self._lounges -= 1
        if entry.is_lounge:
            return
        self._ended[entry.view.call] = (now, entry.view, entry.records, entry.said)
        while self._ended:
            ended, *_ = next(iter(self._ended.values()))
            if len(self._ended) <= _KEPT_AFTER_END and now - ended < _REMEMBERED_SECONDS:
                break
            self._ended.popitem(last=False)

    def get(self, call: str) -> CallEntry | None:
        """A live call, or a lounge, by its id."""
        return self._by_id.get(call)

    def conversations(self) -> Iterator[CallEntry]:
        """Every live call that is no lounge."""
        return (entry for entry in self._by_id.values() if not entry.is_lounge)

    def ended(self, call: str) -> CallView | None:
        """A call that ended lately."""
        found = self._ended.get(call)
        return None if found is None else found[1]

    def ended_records(self, call: str) -> dict[LegId, LegRecord]:
        """How its legs sounded."""
        found = self._ended.get(call)
        return {} if found is None else found[2]

    def said(self, call: str) -> Said | None:
        """What was said about a call that lives, or ended lately."""
        entry, ended = self._by_id.get(call), self._ended.get(call)
        return entry.said if entry is not None else None if ended is None else ended[3]

    def legs(self) -> Iterable[tuple[CallEntry, Leg]]:
        """Every leg, with its call."""
        return self._by_leg.values()

    def of_leg(self, leg: LegId) -> tuple[CallEntry, Leg] | None:
        """The call and the leg of this number."""
        return self._by_leg.get(leg)

    def of_session(self, session: int) -> tuple[CallEntry, Leg] | None:
        """The call and the leg of this SIP session."""
        return self._by_session.get(session)

    def of_agent(self, tenant: str, agent: str) -> list[CallEntry]:
        """The live calls of an agent that can be joined (answered or ringing)."""
        joinable = (CallState.RINGING, CallState.ANSWERED, CallState.HELD)
        return [
            entry
            for entry in self._by_id.values()
            if entry.view.tenant == tenant and entry.view.is_of(agent) and entry.view.state in joinable
        ]
