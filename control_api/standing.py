"""Whether what somebody came with still holds: his token, session, link or digest user. Shared by everything that he does by it.

Withdrawn: it ends at once, with whatever hangs on it. Expired: nothing new is granted by it, and what he has goes on.
"""

from collections.abc import Callable
from math import inf


class Standing:
    """One access, and until when it is good. Without a parent and a clock it holds for ever, unless it is withdrawn."""

    __slots__ = ("_clock", "_is_withdrawn", "_parent", "name", "until")

    def __init__(
        self, name: str = "", *, until: float = inf, clock: Callable[[], float] = lambda: 0.0, parent: "Standing | None" = None
    ) -> None:
        """``until`` on ``clock``. What the parent's withdrawal ends, its expiry does not."""
        self.name = name
        """For the audit log and for administrators: ``session:…``, ``token:…``; no secret."""
        self.until = until
        self._clock = clock
        self._parent = parent
        self._is_withdrawn = False

    @property
    def is_withdrawn(self) -> bool:
        """Whether it was taken back, or what it hangs on."""
        return self._is_withdrawn or (self._parent is not None and self._parent.is_withdrawn)

    @property
    def holds(self) -> bool:
        """Whether anything new may be granted by it."""
        return not self.is_withdrawn and (self.until == inf or self._clock() < self.until)

    def withdraw(self) -> None:
        """Take it back."""
        self._is_withdrawn = True

    def restore(self) -> None:
        """Give it again; what hung on it and was ended stays ended."""
        self._is_withdrawn = False
