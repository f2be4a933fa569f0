"""PINs at the doors: so many wrong ones in a row, and the user is locked out for a time."""

from collections import OrderedDict
from collections.abc import Callable

from mediaserver.observing.counters import Counters
from mediaserver.signalling.entering.identities import User

CheckPin = Callable[[str, str, Callable[[bool | None], None]], None]
"""What is kept, what was pressed, and who is told: right, wrong, or None where it could not be looked at."""
_MOST_LOCKS = 10_000


class PinLocks:
    """Wrong PINs per user. A try counts as wrong until it proved right, so that tries side by side get no more than their number."""

    def __init__(self, attempts: int, lock: float, counters: Counters, check: CheckPin) -> None:
        self._attempts = attempts
        self._lock = lock
        self._counters = counters
        self._check = check
        self._wrong: OrderedDict[str, tuple[int, float]] = OrderedDict()
        """Wrong tries in a row, and when the last one was."""

    def is_locked(self, user: str, now: float) -> bool:
        """Whether he is locked now."""
        count, last = self._wrong.get(user, (0, 0.0))
        return count >= self._attempts and now - last < self._lock

    def check(self, user: User, pin: str, now: float, told: Callable[[bool], None]) -> None:
        """Tell, at once or soon, whether this is his PIN. A locked user's is wrong, whatever he says."""
        before = self._wrong.get(user.name, (0, 0.0))
        count = 0 if now - before[1] >= self._lock else before[0]
        if count >= self._attempts:
            self._counters.add("pins", "locked")
            return told(False)
        self._wrong[user.name] = (count + 1, now)
        self._wrong.move_to_end(user.name)
        if len(self._wrong) > _MOST_LOCKS:
            self._wrong.popitem(last=False)

        def judged(is_right: bool | None) -> None:
            self._counters.add("pins", {True: "right", False: "wrong", None: "busy"}[is_right])
            if is_right:
                self._wrong.pop(user.name, None)
            elif is_right is None:
                self._wrong[user.name] = before
            told(bool(is_right))

        return self._check(user.pin, pin, judged)
