"""How legs sounded, as metrics: histograms of those that ended, by worker and way; no leg and no call has a label of its own."""

from collections.abc import Iterator
from typing import Final

from prometheus_client.core import Metric

from mediaserver.link.quality import LegQuality, Way
from mediaserver.observing.histograms import Histograms

SCORES: Final = (1.5, 2.0, 2.5, 2.75, 3.0, 3.25, 3.5, 3.75, 4.0, 4.25, 4.5)
LOSSES: Final = (0.0, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
JITTERS: Final = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2)
ROUND_TRIPS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0)


class EndedLegs:
    """Histograms of the legs that ended."""

    def __init__(self) -> None:
        self._found = Histograms(
            {"leg_mos": SCORES, "leg_jitter_seconds": JITTERS, "leg_loss_ratio": LOSSES, "leg_round_trip_seconds": ROUND_TRIPS}
        )

    def add(self, worker: int, quality: LegQuality) -> None:
        """Count a leg that ends."""
        for name, way in (("up", quality.up), ("down", quality.down)):
            if way.is_known:
                self._add_way((str(worker), name), way)
        if quality.round_trip:
            self._found.add("leg_round_trip_seconds", quality.round_trip, (str(worker),))

    def _add_way(self, labels: tuple[str, ...], way: Way) -> None:
        self._found.add("leg_mos", way.mos_average, labels)
        self._found.add("leg_jitter_seconds", way.jitter, labels)
        self._found.add("leg_loss_ratio", way.loss, labels)

    def metrics(self) -> Iterator[Metric]:
        """Every family."""
        return self._found.metrics()
