"""How legs sounded, as metrics: histograms of those that ended, by worker and way; no leg and no call has a label of its own."""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from prometheus_client.core import HistogramMetricFamily, Metric

from mediaserver.link.quality import LegQuality, Way

SCORES: Final = (1.5, 2.0, 2.5, 2.75, 3.0, 3.25, 3.5, 3.75, 4.0, 4.25, 4.5)
LOSSES: Final = (0.0, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
JITTERS: Final = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2)
ROUND_TRIPS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0)

_FAMILIES: Final = {
    "leg_mos": (SCORES, "Average score of legs that ended (MOS by G.107), by worker and way: up to us, down from us."),
    "leg_jitter_seconds": (JITTERS, "Jitter of legs when they ended, by worker and way."),
    "leg_loss_ratio": (LOSSES, "Part of packets lost in the last seconds of legs that ended, by worker and way."),
    "leg_round_trip_seconds": (ROUND_TRIPS, "Round trip of legs when they ended, by worker."),
}


@dataclass(slots=True)
class _Histogram:
    edges: tuple[float, ...]
    counts: list[int] = field(default_factory=list)
    total: float = 0.0

    def add(self, value: float) -> None:
        if not self.counts:
            self.counts = [0] * (len(self.edges) + 1)
        self.counts[bisect_left(self.edges, value)] += 1
        self.total += value

    def buckets(self) -> list[tuple[str, float]]:
        """Cumulative, as Prometheus wants them."""
        seen, told = 0, []
        for edge, count in zip((*map(str, self.edges), "+Inf"), self.counts, strict=True):
            seen += count
            told.append((edge, float(seen)))
        return told


class EndedLegs:
    """Histograms of the legs that ended."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, tuple[str, ...]], _Histogram] = {}

    def add(self, worker: int, quality: LegQuality) -> None:
        """Count a leg that ends."""
        for name, way in (("up", quality.up), ("down", quality.down)):
            if way.is_known:
                self._add_way((str(worker), name), way)
        if quality.round_trip:
            self._of("leg_round_trip_seconds", (str(worker),)).add(quality.round_trip)

    def _add_way(self, labels: tuple[str, ...], way: Way) -> None:
        self._of("leg_mos", labels).add(way.mos_average)
        self._of("leg_jitter_seconds", labels).add(way.jitter)
        self._of("leg_loss_ratio", labels).add(way.loss)

    def _of(self, name: str, labels: tuple[str, ...]) -> _Histogram:
        return self._found.setdefault((name, labels), _Histogram(_FAMILIES[name][0]))

    def metrics(self) -> Iterator[Metric]:
        """Every family."""
        for name, (_, text) in _FAMILIES.items():
            labels = ["worker"] if name == "leg_round_trip_seconds" else ["worker", "way"]
            family = HistogramMetricFamily(f"mediaserver_{name}", text, labels=labels)
            for (found, values), histogram in self._found.items():
                if found == name:
                    family.add_metric(list(values), histogram.buckets(), histogram.total)
            yield family
