"""A token bucket: so many at once, and so many a second after that."""


class Bucket:
    """Full at first. The rate is given with each `take`, so that thousands of buckets keep only what differs."""

    __slots__ = ("_at", "_left", "size")

    def __init__(self, size: float) -> None:
        self.size = size
        self._left = size
        self._at: float | None = None
        """When it was last drawn from; None: never."""

    def take(self, rate: float, now: float, reserve: float = 0.0) -> bool:
        """Take one out, if more than ``reserve`` would stay; it fills at ``rate`` a second."""
        if self._at is not None and now > self._at:
            self._left = min(self.size, self._left + (now - self._at) * rate)
        self._at = now if self._at is None else max(now, self._at)
        if self._left - 1 < reserve:
            return False
        self._left -= 1
        return True
