"""SIP users as the signalling process needs them: what is kept of their secrets, and who they are as supervisors."""

import hmac

from config.settings import Settings, UserSettings
from control_api.identities import identity_of_user
from control_api.permissions import Identity
from mediaserver.observing.counters import Counters
from sip.digest import BOTH, ha1

_MOST_LOCKS = 10_000


class Users:
    """The configured digest users."""

    def __init__(self, settings: Settings) -> None:
        self._users: dict[str, UserSettings] = {user.name: user for user in settings.users}
        self._ha1: dict[tuple[str, str], str] = {
            (user.name, algorithm): ha1(user.name, settings.sip.realm, user.secret.get_secret_value(), algorithm)
            for user in settings.users
            for algorithm in BOTH
        }
        """Made once: looking somebody up costs the same whether he exists or not."""

    def get(self, name: str) -> UserSettings | None:
        """One user."""
        return self._users.get(name)

    def ha1_of(self, name: str, algorithm: str) -> str | None:
        """For the digest check; None for who is not known."""
        return self._ha1.get((name, algorithm))

    def identity(self, name: str) -> Identity | None:
        """Who he is as a supervisor; None: he is none."""
        user = self._users.get(name)
        return None if user is None or user.ceiling is None else identity_of_user(user)


class PinLocks:
    """Wrong PINs per user: after so many in a row he is locked for a time."""

    def __init__(self, attempts: int, lock: float, counters: Counters) -> None:
        self._attempts = attempts
        self._lock = lock
        self._counters = counters
        self._wrong: dict[str, tuple[int, float]] = {}
        """Wrong tries in a row, and when the last one was."""

    def is_locked(self, user: str, now: float) -> bool:
        """Whether he is locked now."""
        count, last = self._wrong.get(user, (0, 0.0))
        return count >= self._attempts and now - last < self._lock

    def check(self, user: UserSettings, pin: str, now: float) -> bool:
        """Whether this is his PIN. A locked user's is wrong, whatever he says."""
        expected = "" if user.pin is None else user.pin.get_secret_value()
        count, last = self._wrong.get(user.name, (0, 0.0))
        if now - last >= self._lock:
            count = 0
        if count >= self._attempts:
            self._counters.add("pins", "locked")
            return False
        if hmac.compare_digest(pin.encode(), expected.encode()):
            self._wrong.pop(user.name, None)
            self._counters.add("pins", "right")
            return True
        self._counters.add("pins", "wrong")
        if user.name in self._wrong or len(self._wrong) < _MOST_LOCKS:
            self._wrong[user.name] = (count + 1, now)
        return False
