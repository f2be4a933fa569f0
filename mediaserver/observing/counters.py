"""Counters that anything may add to; metrics read them when they are asked for."""

from collections import Counter


class Counters:
    """Named counters with one label each. Both come from fixed words in the code, so the table stays small."""

    _MOST_LABELS = 256

    def __init__(self) -> None:
        self._values: dict[str, Counter[str]] = {}

    def add(self, counter: str, label: str = "", amount: int = 1) -> None:
        """Add to a counter; labels beyond the bound are counted as ``other``."""
        labels = self._values.get(counter)
        if labels is None:
            labels = self._values[counter] = Counter()
        if label not in labels and len(labels) >= self._MOST_LABELS:
            label = "other"
        labels[label] += amount

    def value(self, counter: str, label: str = "") -> int:
        """What a counter stands at."""
        return self._values.get(counter, Counter())[label]

    def items(self) -> list[tuple[str, str, int]]:
        """Every counter: name, label, value."""
        return [(name, label, value) for name, labels in self._values.items() for label, value in labels.items()]
