"""Histograms that are kept here, as Prometheus wants them."""

from bisect import bisect_left
from collections.abc import Iterator
from typing import Final

from prometheus_client.core import Metric

from mediaserver.observing.families import metric

SECONDS: Final = (0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0)
"""Edges for what somebody waits for."""
LENGTHS: Final = (5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0, 7200.0)
"""Edges for how long calls are."""


class Histogram:
    """Counts between edges."""

    def __init__(self, edges: tuple[float, ...]) -> None:
        self._edges = edges
        self._counts = [0] * (len(edges) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        """Count a value; one at an edge is below it."""
        self._counts[bisect_left(self._edges, value)] += 1
        self.total += value

    def buckets(self) -> list[tuple[str, float]]:
        """Cumulative."""
        seen, told = 0, []
        for edge, count in zip((*map(str, self._edges), "+Inf"), self._counts, strict=True):
            seen += count
            told.append((edge, float(seen)))
        return told


class Histograms:
    """Histograms by name of their family and by labels."""

    def __init__(self, edges: dict[str, tuple[float, ...]]) -> None:
        """edges: by name of the family, as in `mediaserver.observing.families`."""
        self._edges = edges
        self._found: dict[tuple[str, tuple[str, ...]], Histogram] = {}

    def add(self, name: str, value: float, labels: tuple[str, ...] = ()) -> None:
        """Count a value."""
        self._found.setdefault((name, labels), Histogram(self._edges[name])).add(value)

    def metrics(self) -> Iterator[Metric]:
        """Every family."""
        for name in self._edges:
            family = metric(name)
            for (found, labels), histogram in self._found.items():
                if found == name:
                    family.add_metric(list(labels), histogram.buckets(), histogram.total)
            yield family
