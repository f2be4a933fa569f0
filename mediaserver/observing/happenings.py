"""What calls tell of themselves, counted and timed: events by kind, how long callers wait, calls last, and supervisors take to be in."""

from collections.abc import Callable, Iterator
from typing import Final

from prometheus_client.core import Metric

from control_api.ports import HouseEvent
from mediaserver.call.actions import Publish
from mediaserver.call.inputs import LegId
from mediaserver.call.view import CallView
from mediaserver.observing.counters import Counters
from mediaserver.observing.histograms import LENGTHS, SECONDS, Histograms

METERS: Final = "meters"
"""Told too often to be an event."""


class Happenings:
    """Counts and times. It remembers when phones began to ring, and forgets that with the call."""

    def __init__(self, counters: Counters, clock: Callable[[], float]) -> None:
        self._counters = counters
        self._clock = clock
        self._rings: dict[str, dict[LegId, float]] = {}
        self._times = Histograms({"call_answer_seconds": SECONDS, "call_length_seconds": LENGTHS, "supervision_join_seconds": SECONDS})

    def told(self, event: HouseEvent) -> None:
        """An event went to the watchers."""
        if event.kind != METERS:
            self._counters.add("events", event.kind)

    def happened(self, view: CallView, told: Publish) -> None:
        """A call told something of itself."""
        match told.kind:
            case "call.ended":
                self._rings.pop(view.call, None)
                self._over(view)
            case "supervisor.ringing" if told.leg is not None:
                self._rings.setdefault(view.call, {})[told.leg] = self._clock()
            case "supervisor.joined" | "supervisor.left" if told.leg is not None:
                rang = self._rings.get(view.call, {}).pop(told.leg, None)
                if rang is not None and told.kind == "supervisor.joined":
                    self._times.add("supervision_join_seconds", self._clock() - rang)

    def metrics(self) -> Iterator[Metric]:
        """Every family but the counters."""
        return self._times.metrics()

    def _over(self, view: CallView) -> None:
        if view.answered is not None:
            self._times.add("call_answer_seconds", view.answered - view.started)
            self._times.add("call_length_seconds", (view.ended if view.ended is not None else self._clock()) - view.answered)
