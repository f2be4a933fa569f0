"""Listen-in links: whoever has one may listen to one call, once, soon. Pure.

Links that were used or have expired are remembered for a while: who brings one guesses nothing.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from control_api.permissions import Identity, Refusal, guest_of
from control_api.tokens import hash_of

PREFIX: Final = "msl_"
MOST_KEPT: Final = 10_000
REMEMBERED: Final = 3600.0
"""Seconds."""
PLACE: Final = "/listen#"
"""Behind the hash, so that no proxy and no log on the way sees it."""


@dataclass(frozen=True, slots=True)
class Link:
    """A link that was not used yet."""

    identity: Identity
    """Who comes by it: a guest of whoever made it."""
    call: str
    until: float


class Links:
    """The links that are good, by the hash of their token. Times are seconds of one clock."""

    def __init__(self, entropy: Callable[[], str], clock: Callable[[], float]) -> None:
        self._entropy = entropy
        self._clock = clock
        self._links: OrderedDict[str, Link] = OrderedDict()
        self._past: OrderedDict[str, float] = OrderedDict()
        """Links that are good no more, and until when they are remembered."""

    def __len__(self) -> int:
        return len(self._links)

    def make(self, host: Identity, call: str, seconds: float) -> str:
        """The token of a new link. Beyond so many the eldest is forgotten."""
        token = PREFIX + self._entropy()
        guest = guest_of(host, call, f"link-{self._entropy()[:8]}")
        self._links[hash_of(token)] = Link(guest, call, self._clock() + seconds)
        if len(self._links) > MOST_KEPT:
            self._links.popitem(last=False)
        return token

    def use(self, token: str) -> Link:
        """Who comes by it; it is used up, whatever comes of it. Raises `Refusal`."""
        hashed = hash_of(token)
        link = self._links.pop(hashed, None)
        if link is not None:
            self._is_over(hashed)
        if link is None or self._clock() >= link.until or link.identity.standing.is_withdrawn:
            raise Refusal("unauthenticated", "the link was used, has expired or was withdrawn", "ask for another one")
        return link

    def was_one(self, token: str) -> bool:
        """Whether this was a link not long ago."""
        return self._clock() < self._past.get(hash_of(token), 0.0)

    def sweep(self) -> None:
        """Forget links that are good no more."""
        now = self._clock()
        for hashed in [hashed for hashed, until in self._past.items() if now >= until]:
            del self._past[hashed]
        for hashed, link in list(self._links.items()):
            if now >= link.until or link.identity.standing.is_withdrawn:
                del self._links[hashed]
                self._is_over(hashed)

    def _is_over(self, hashed: str) -> None:
        self._past[hashed] = self._clock() + REMEMBERED
        if len(self._past) > MOST_KEPT:
            self._past.popitem(last=False)
