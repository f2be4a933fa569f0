"""Which connections are let in: so many a listener, so many a source address, so many that have not shaken hands. Sans-IO."""

from collections import Counter
from collections.abc import Hashable


class Admission:
    """Counts those who are in. Whoever got no reason from `enter` must `leave` once."""

    def __init__(self, *, listener: int, source: int, handshakes: int) -> None:
        """The bounds: of one listener, of one source address, and of all that shake hands."""
        self._most_of_listener = listener
        self._most_of_source = source
        self._most_handshakes = handshakes
        self._listeners: Counter[Hashable] = Counter()
        self._sources: Counter[str] = Counter()
        self._shaking = 0

    def enter(self, listener: Hashable, source: str, *, shakes: bool) -> str:
        """Let one in; else why not: ``connection_limit``, ``source_limit`` or ``handshake_limit``."""
        if self._listeners[listener] >= self._most_of_listener:
            return "connection_limit"
        if self._sources[source] >= self._most_of_source:
            return "source_limit"
        if shakes and self._shaking >= self._most_handshakes:
            return "handshake_limit"
        self._listeners[listener] += 1
        self._sources[source] += 1
        self._shaking += shakes
        return ""

    def shaken(self) -> None:
        """One of them has come through its handshake."""
        self._shaking -= 1

    def leave(self, listener: Hashable, source: str, *, shakes: bool) -> None:
        """One is gone; ``shakes`` where it never came through."""
        self._listeners[listener] -= 1
        self._sources[source] -= 1
        if not self._sources[source]:
            del self._sources[source]
        self._shaking -= shakes

    def crowded(self) -> list[tuple[Hashable, int]]:
        """The listeners of whose places less than a tenth is free, and how many of each would have to go."""
        wanted = self._most_of_listener - self._most_of_listener // 10
        return [(listener, count - wanted) for listener, count in self._listeners.items() if count > wanted]

    def __len__(self) -> int:
        return self._listeners.total()
