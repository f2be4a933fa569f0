"""Journeys to an issuer and back: what ties the browser that comes back to the one that left. Pure.

- A journey is a sealed text in a cookie: to which issuer, until when, and a random seed. Nothing of it is kept here meanwhile, so
  beginning one costs no memory, however many are begun.
- ``state``, ``nonce`` and the PKCE verifier (RFC 7636 §4.1) are made from the text with the key of this process; the verifier never
  leaves the server before the code is there.
- Who comes back needs both, the cookie and its state; a journey ends once.
"""

from base64 import urlsafe_b64encode
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from hmac import compare_digest, digest
from typing import Final

from control_api.permissions import Refusal

LASTS: Final = 600.0
"""Seconds in which one must be back."""
LONGEST: Final = 512
MOST_ENDED: Final = 100_000
"""Journeys that are remembered as ended until they would have expired; while there is no room nobody comes in by one."""
AGAIN: Final = "begin again at the console's door"


@dataclass(frozen=True, slots=True)
class Journey:
    """One way to an issuer and back."""

    issuer: str
    """The name in the configuration."""
    cookie: str = field(repr=False)
    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)

    @property
    def challenge(self) -> str:
        """What the issuer is told of the verifier (RFC 7636 §4.2, S256)."""
        return _text(sha256(self.verifier.encode()).digest())


class Journeys:
    """Begins and ends them. Times are seconds of one monotonic clock."""

    def __init__(self, entropy: Callable[[], str], clock: Callable[[], float]) -> None:
        """``entropy`` makes a text of at least 256 bits that nobody can guess."""
        self._entropy = entropy
        self._clock = clock
        self._key = sha256(entropy().encode()).digest()
        self._ended: OrderedDict[str, float] = OrderedDict()
        """States that were used, and until when they could have been; the eldest first."""

    def begin(self, issuer: str) -> Journey:
        """Somebody leaves for an issuer."""
        said = f"{issuer}~{self._clock() + LASTS:.0f}~{self._entropy()}"
        return self._journey(issuer, f"{said}~{self._seal('cookie', said)}")

    def end(self, cookie: str, state: str) -> Journey:
        """Somebody is back; from now on the journey is used up. Raises `Refusal`."""
        said, _, seal = cookie.rpartition("~")
        if len(cookie) > LONGEST or not compare_digest(seal.encode(), self._seal("cookie", said).encode()):
            raise Refusal("unauthenticated", "this signing in was not begun in this browser", AGAIN)
        issuer, until, _ = said.split("~", 2)
        journey = self._journey(issuer, cookie)
        if not compare_digest(state.encode(), journey.state.encode()):
            raise Refusal("unauthenticated", "this signing in was not begun in this window", AGAIN)
        if self._clock() >= float(until):
            raise Refusal("unauthenticated", "this signing in took too long", AGAIN)
        self._use_up(state, float(until))
        return journey

    def _use_up(self, state: str, until: float) -> None:
        now = self._clock()
        while self._ended and next(iter(self._ended.values())) <= now:
            self._ended.popitem(last=False)
        if state in self._ended:
            raise Refusal("unauthenticated", "this signing in was ended before", AGAIN)
        if len(self._ended) >= MOST_ENDED:
            raise Refusal("too_many", "too many came back from an issuer lately", "try again in a few minutes")
        self._ended[state] = until

    def _journey(self, issuer: str, cookie: str) -> Journey:
        return Journey(issuer, cookie, *(self._seal(what, cookie) for what in ("state", "nonce", "verifier")))

    def _seal(self, what: str, said: str) -> str:
        return _text(digest(self._key, f"{what} {said}".encode(), "sha256"))


def _text(octets: bytes) -> str:
    return urlsafe_b64encode(octets).decode().rstrip("=")
