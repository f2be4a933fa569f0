"""Watching how legs sound: who may see a call is told when one of its legs gets bad, and when it is well again.

A way of a leg is bad from when its score falls below ``quality.poor`` until it reaches ``quality.fair``: between the two
nothing is said, so that a score on the edge does not chatter.
"""

from collections.abc import Iterator
from typing import Final

import structlog
from prometheus_client.core import Metric

from config.settings import QualitySettings
from control_api.ports import HouseEvent
from mediaserver.call.inputs import LegId
from mediaserver.observing.counters import Counters
from mediaserver.observing.families import metric
from mediaserver.signalling.calls.live import CallEntry, Calls
from mediaserver.signalling.calls.records import records
from mediaserver.signalling.desk.publishing import Publisher
from mediaserver.signalling.media.workers import Media

_log = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 2.0
"""As often as workers judge."""
DROPPED: Final = "quality.dropped"
RECOVERED: Final = "quality.recovered"
_WAYS: Final = ("up", "down")


class QualityWatch:
    """Which ways of which legs are bad."""

    def __init__(self, settings: QualitySettings, calls: Calls, media: Media, publisher: Publisher, counters: Counters) -> None:
        self._settings = settings
        self._calls = calls
        self._media = media
        self._publisher = publisher
        self._counters = counters
        self._bad: set[tuple[LegId, str]] = set()

    @property
    def bad(self) -> int:
        """Ways of live legs that are bad now."""
        return len(self._bad)

    def metrics(self) -> Iterator[Metric]:
        """How many there are now."""
        yield metric("bad_ways", self.bad)

    def look(self) -> None:
        """Look at every leg; called each `LOOK_SECONDS`."""
        still: set[tuple[LegId, str]] = set()
        fair = max(self._settings.fair, self._settings.poor)
        for entry in self._calls.conversations():
            for number, leg in entry.legs.items():
                scores = self._media.mos(leg.mixed_by or entry.worker, leg.row)
                if not self._bad and scores[0] >= fair and scores[1] >= fair:
                    continue
                for way, score in zip(_WAYS, scores, strict=True):
                    if score > 0.0 and self._is_bad(entry, number, way, score):
                        still.add((number, way))
        self._bad = still

    def _is_bad(self, entry: CallEntry, leg: LegId, way: str, score: float) -> bool:
        was_bad = (leg, way) in self._bad
        is_bad = score < (self._settings.fair if was_bad else self._settings.poor)
        if is_bad != was_bad:
            self._tell(entry, leg, way, score, DROPPED if is_bad else RECOVERED)
        return is_bad

    def _tell(self, entry: CallEntry, leg: LegId, way: str, score: float, kind: str) -> None:
        view = entry.view
        self._counters.add("quality_events", f"{kind.removeprefix('quality.')}_{way}")
        _log.info(kind, call=view.call, leg=leg, way=way, mos=round(score, 2))
        detail = {"way": way, "mos": round(score, 2), "poor": self._settings.poor, "fair": self._settings.fair}

        discretion = self._publisher.discretion(view)

        def body() -> dict[str, object]:
            return {"call": self._publisher.call_model(view, records(self._media, entry)), "leg": leg, "detail": detail}

        self._publisher.tell(HouseEvent(kind, view.tenant, view.call, view.agent, view.team, body, discretion=discretion))
