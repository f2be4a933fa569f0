"""Telling watchers what happened: a call's view as the API shows it, and the listeners who hear of it."""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from control_api.discretion import OPEN, Discretion, SeenBy
from control_api.messages import iso
from control_api.ports import HouseEvent
from mediaserver.call.actions import Publish
from mediaserver.call.inputs import LegId
from mediaserver.call.view import CallView, LegView
from mediaserver.signalling.calls.records import LegRecord, record_models
from mediaserver.signalling.calls.said import Row, flag_model
from mixer.modes import Role

FRESH: Final = 1.0
"""Seconds for which a call's model is good for others who ask: five hundred clients that come back ask for every call within seconds."""
MOST_SHOWN: Final = 5000
SHOWN_ANEW: Final = frozenset({"call.ended", "call.flag", "call.unflag"})
"""After these, although the view is the same, a model is not good any more."""


@dataclass(frozen=True, slots=True)
class _Shown:
    """A call as it was shown last."""

    view: CallView
    at: float
    model: dict[str, Any]


class Publisher:
    """Hands each event to every listener, in order."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._wall = wall
        self._listeners: dict[int, Callable[[HouseEvent], None]] = {}
        self._wants_meters: dict[int, Callable[[], bool]] = {}
        self._next = 0
        self.seen_by: Callable[[str], SeenBy] = lambda tenant: "everybody"
        """A tenant's policy on who may see who listens."""
        self.flags_of: Callable[[str], Iterable[Row]] = lambda call: ()
        """The flags of a call that stand."""
        self._shown: OrderedDict[str, _Shown] = OrderedDict()

    def subscribe(self, listener: Callable[[HouseEvent], None], wants_meters: Callable[[], bool] = lambda: True) -> Callable[[], None]:
        """Hear every event from now on; call what is returned to hear no more. ``wants_meters`` is asked before meters are read."""
        key = self._next
        self._next += 1
        self._listeners[key], self._wants_meters[key] = listener, wants_meters

        def leave() -> None:
            self._listeners.pop(key, None)
            self._wants_meters.pop(key, None)

        return leave

    @property
    def has_watchers(self) -> bool:
        """Whether anybody wants meters now."""
        return any(wants() for wants in self._wants_meters.values())

    def publish(self, view: CallView, told: Publish, records: Callable[[], Mapping[LegId, LegRecord]]) -> None:
        """Tell what a call said of itself; ``records``: how its legs sound."""
        if told.kind in SHOWN_ANEW:
            self._shown.pop(view.call, None)
        if self._listeners:
            now, wall = self._clock(), self._wall()

            def body() -> dict[str, Any]:
                return {"call": self._call_model(view, records(), now, wall), "leg": told.leg, "detail": told.detail}

            discretion = self.discretion(view, told)
            self.tell(HouseEvent(told.kind, view.tenant, view.call, view.agent, view.team, body, discretion=discretion))

    def discretion(self, view: CallView, told: Publish | None = None) -> Discretion:
        """Who may see who listens to a call; ``told``: what it says of one who may be gone by now."""
        seen_by = self.seen_by(view.tenant)
        if seen_by == "everybody":
            return OPEN
        supervisors = {leg.leg: leg.identity for leg in view.legs if leg.role is Role.SUPERVISOR}
        if told is not None and told.leg is not None and told.identity:
            supervisors[told.leg] = told.identity
        return Discretion(seen_by, supervisors)

    def tell(self, event: HouseEvent) -> None:
        """Give an event to every listener."""
        for listener in tuple(self._listeners.values()):
            listener(event)

    def live_model(self, view: CallView, records: Callable[[], Mapping[LegId, LegRecord]]) -> dict[str, Any]:
        """`call_model` of a live call. Of a view that was shown within `FRESH` seconds, how its legs sound is not looked up again."""
        now = self._clock()
        shown = self._shown.get(view.call)
        if shown is None or shown.view is not view or now - shown.at >= FRESH:
            shown = self._shown[view.call] = _Shown(view, now, self._call_model(view, records(), now, self._wall()))
            if len(self._shown) > MOST_SHOWN:
                self._shown.popitem(last=False)
        return shown.model | {"duration": _duration(view, now)}

    def call_model(self, view: CallView, records: Mapping[LegId, LegRecord]) -> dict[str, Any]:
        """A call as `control_api.messages.CallModel` has it: wall-clock times, a duration, and how its legs sound."""
        return self._call_model(view, records, self._clock(), self._wall())

    def _call_model(self, view: CallView, records: Mapping[LegId, LegRecord], now: float, wall: float) -> dict[str, Any]:
        return _call_model(view, records, now, wall) | {"flags": [flag_model(row) for row in self.flags_of(view.call)]}


def _call_model(view: CallView, records: Mapping[LegId, LegRecord], now: float, wall: float) -> dict[str, Any]:
    offset = wall - now
    return {
        "call": view.call,
        "tenant": view.tenant,
        "state": str(view.state),
        "caller": view.caller,
        "called": view.called,
        "agent": view.agent,
        "team": view.team,
        "trunk": view.trunk,
        "metadata": view.metadata,
        "private": view.is_private,
        "started": iso(view.started + offset),
        "answered": None if view.answered is None else iso(view.answered + offset),
        "ended": None if view.ended is None else iso(view.ended + offset),
        "duration": _duration(view, now),
        "cause": view.cause,
        "legs": [_leg_model(leg) for leg in view.legs],
        "help": view.help,
        "quality": record_models(records),
    }


def _duration(view: CallView, now: float) -> float:
    end = view.ended if view.ended is not None else now
    return round(end - (view.started if view.answered is None else view.answered), 3)


def _leg_model(leg: LegView) -> dict[str, Any]:
    return {
        "leg": leg.leg,
        "role": str(leg.role),
        "state": str(leg.state),
        "party": leg.party,
        "codec": leg.codec,
        "secured": leg.secured,
        "identity": leg.identity,
        "supervision": leg.supervision or None,
        "mode": None if leg.mode is None else str(leg.mode),
        "target": None if leg.target is None else str(leg.target),
        "muted": leg.muted,
        "hears": leg.hears,
        "heard": leg.heard,
        "inaudible": leg.inaudible,
        "taken_over": leg.has_taken_over,
        "aside": leg.is_aside,
    }
