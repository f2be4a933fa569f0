"""Prometheus text read as histograms, and the difference of two readings."""

import re

_TOTAL = re.compile(r"^(\w+)_total(?:\{[^}]*\})? (\S+)", re.MULTILINE)
_BUCKET = re.compile(r'^(\w+)_bucket\{(?:[^}]*,)?le="([^"]+)"[^}]*\} (\S+)', re.MULTILINE)

TURN_LATE = "mediaserver_turn_late_seconds"
TURNS = "mediaserver_worker_turns"


def total(text: str, name: str) -> float:
    """A counter, summed over all label sets; 0 where the text has none."""
    return sum(float(value) for metric, value in _TOTAL.findall(text) if metric == name)


def buckets(text: str, name: str) -> dict[float, float]:
    """Upper edge to cumulative count, summed over all label sets of a histogram; empty where the text has none."""
    found: dict[float, float] = {}
    for metric, edge, count in _BUCKET.findall(text):
        if metric == name:
            found[float(edge)] = found.get(float(edge), 0.0) + float(count)
    return found


def p99(before: dict[float, float], after: dict[float, float]) -> float | None:
    """The 99th percentile between two readings, within a bucket by straight line; None where nothing was counted."""
    edges = sorted(after)
    counts = [after[edge] - before.get(edge, 0.0) for edge in edges]
    if not counts or counts[-1] <= 0:
        return None
    wanted, low, below = 0.99 * counts[-1], 0.0, 0.0
    for edge, count in zip(edges, counts, strict=True):
        if count >= wanted:
            return low if edge == float("inf") else low + (edge - low) * (wanted - below) / (count - below)
        low, below = edge, count
    return low
