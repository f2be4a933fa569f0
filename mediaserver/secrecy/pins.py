"""Hashes of PINs: argon2id (RFC 9106), slow on purpose, so they are compared in a thread with a short queue."""

import hmac
from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import suppress
from functools import partial
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

HASHED: Final = "$argon2id$"
"""How a hash begins; anything else is the PIN itself."""
MOST_WAITING: Final = 32

_hasher: Final = PasswordHasher()


def hashed(pin: str) -> str:
    """What is kept of a PIN."""
    return _hasher.hash(pin)


def is_right(kept: str, pin: str) -> bool:
    """Whether this is the PIN; takes a quarter of a second where a hash is kept."""
    if not kept.startswith(HASHED):
        return hmac.compare_digest(kept.encode(), pin.encode())
    try:
        return _hasher.verify(kept, pin)
    except (Argon2Error, InvalidHashError):
        return False


class PinChecks:
    """Compares PINs off the event loop, one after the other; ``call_soon`` brings the result back to it, from whichever thread."""

    def __init__(self, executor: Executor, call_soon: Callable[[Callable[[], None]], object]) -> None:
        self._executor = executor
        self._call_soon = call_soon
        self._waiting = 0

    def check(self, kept: str, pin: str, told: Callable[[bool | None], None]) -> None:
        """Tell whether the PIN is right; None where too many wait. A PIN kept as it is, is compared at once."""
        if not kept.startswith(HASHED):
            return told(is_right(kept, pin))
        if self._waiting >= MOST_WAITING:
            return told(None)
        self._waiting += 1
        future = self._executor.submit(is_right, kept, pin)
        future.add_done_callback(partial(self._bring_back, told))
        return None

    def _bring_back(self, told: Callable[[bool | None], None], future: "Future[bool]") -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._call_soon(lambda: self._done(future, told))

    def _done(self, future: "Future[bool]", told: Callable[[bool | None], None]) -> None:
        self._waiting -= 1
        told(None if future.cancelled() else future.result())


def check_at_once(kept: str, pin: str, told: Callable[[bool | None], None]) -> None:
    """The same where nobody minds the wait."""
    told(is_right(kept, pin))
