"""Sessions: who signed in, his access token, and what renews it. Pure: the time and randomness come in.

- An access token is good for minutes, a session for hours. Renewing gives a new access token and a new renewal token; the access token
  before it is good for a moment longer, for what is on its way.
- A renewal token is good once. Comes it again within a moment, it was two tabs of one browser: only an access token is given. Later,
  somebody has copied it: the session is withdrawn.
- Of every token the hash alone is kept. Everything ends with the session, and the session with what it hangs on.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from hmac import compare_digest
from typing import Final

from config.identities import SigningInSettings
from control_api.permissions import Identity, Refusal
from control_api.standing import Standing
from control_api.tokens import ACCESS, hash_of

MOMENT: Final = 10.0
"""Seconds."""
MOST_USED: Final = 500
"""Renewal tokens of a session that are remembered after their use."""


@dataclass(frozen=True, slots=True)
class Granted:
    """What somebody who signed in gets."""

    session: str
    identity: Identity
    access: str = field(repr=False)
    expires_in: float
    renewal: str = field(repr=False)
    """Empty where the one that he has stays good, or there is none."""
    csrf: str = field(repr=False)
    """To be sent beside a cookie."""
    ended: "tuple[Session, ...]" = ()
    """Sessions of the same identity that this one took the room of."""


@dataclass(slots=True)
class Session:
    """One signing in."""

    id: str
    identity: Identity
    way: str
    """``password``, ``issuer`` or ``link``."""
    address: str
    began: float
    ends: float
    csrf: str = field(repr=False)
    access: list[tuple[str, float]] = field(default_factory=list, repr=False)
    """Hashes of the access tokens that are good, and until when; the newest last."""
    renewal: str = field(default="", repr=False)
    used: deque[str] = field(default_factory=deque, repr=False)
    """Renewal tokens that were used, the newest last: who brings one back gives himself away."""
    used_at: float = 0.0


class Sessions:
    """Every session, by its tokens. Times are seconds of one clock, the same that standings ask."""

    def __init__(self, settings: SigningInSettings, entropy: Callable[[], str], clock: Callable[[], float]) -> None:
        """``entropy`` makes a text of at least 256 bits that nobody can guess."""
        self._settings = settings
        self._entropy = entropy
        self._clock = clock
        self._sessions: dict[str, Session] = {}
        self._by_access: dict[str, Session] = {}
        self._by_renewal: dict[str, Session] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    def __iter__(self) -> Iterator[Session]:
        return iter(tuple(self._sessions.values()))

    def open(self, identity: Identity, way: str, address: str, *, lasts: float | None = None, is_renewable: bool = True) -> Granted:
        """Begin a session. What the identity came by becomes what it hangs on. Raises `Refusal` where there are too many; of one identity
        the eldest ends instead."""
        self.sweep()
        ended = self._make_room(identity)
        now = self._clock()
        name = self._entropy()[:12]
        ends = now + (self._settings.session if lasts is None else min(lasts, self._settings.session))
        standing = Standing(f"session:{name}", until=now, clock=self._clock, parent=identity.standing)
        session = Session(name, replace(identity, standing=standing), way, address, now, ends, self._entropy())
        self._sessions[name] = session
        return replace(self._grant(session, is_renewable=is_renewable), ended=ended)

    def find(self, access: str) -> Identity | None:
        """Whose access token this is; None where it is nobody's, has expired or was withdrawn."""
        hashed = hash_of(access)
        session = self._by_access.get(hashed)
        if session is None or not session.identity.standing.holds:
            return None
        until = next((until for known, until in session.access if compare_digest(known, hashed)), 0.0)
        return session.identity if self._clock() < until else None

    def session_of(self, renewal: str) -> Session | None:
        """The session that a renewal token is, or was, of."""
        return self._by_renewal.get(hash_of(renewal))

    def renew(self, renewal: str) -> Granted:
        """A new access token. Raises `Refusal`; a renewal token that was used before ends the session."""
        hashed = hash_of(renewal)
        session = self._by_renewal.get(hashed)
        now = self._clock()
        if session is None or session.identity.standing.is_withdrawn or now >= session.ends:
            raise Refusal("unauthenticated", "the session is over", "sign in again")
        if hashed == session.renewal:
            return self._grant(session)
        if hashed != session.used[-1] or now - session.used_at > MOMENT:
            self.withdraw(session.id)
            raise Refusal("unauthenticated", "this renewal was used before; the session is withdrawn", "sign in again")
        return self._grant(session, is_renewable=False)

    def withdraw(self, session: str) -> Session | None:
        """End a session, and whatever hangs on it; None where there is none."""
        found = self._sessions.get(session)
        if found is not None:
            found.identity.standing.withdraw()
            self._forget(found)
        return found

    def sweep(self) -> None:
        """Forget sessions that are over."""
        now = self._clock()
        for session in self:
            if now >= session.ends or session.identity.standing.is_withdrawn:
                self._forget(session)

    def _grant(self, session: Session, *, is_renewable: bool = True) -> Granted:
        now = self._clock()
        access, until = ACCESS + self._entropy(), min(now + self._settings.access, session.ends)
        for known, good_until in session.access:
            if good_until <= now:
                self._by_access.pop(known, None)
        session.access = [(known, min(good, now + MOMENT)) for known, good in session.access if good > now]
        session.access.append((hash_of(access), until))
        self._by_access[session.access[-1][0]] = session
        session.identity.standing.until = until
        renewal = self._new_renewal(session, now) if is_renewable else ""
        return Granted(session.id, session.identity, access, until - now, renewal, session.csrf)

    def _new_renewal(self, session: Session, now: float) -> str:
        renewal = self._entropy()
        if session.renewal:
            session.used.append(session.renewal)
            session.used_at = now
        if len(session.used) > MOST_USED:
            self._by_renewal.pop(session.used.popleft(), None)
        session.renewal = hash_of(renewal)
        self._by_renewal[session.renewal] = session
        return renewal

    def _make_room(self, identity: Identity) -> tuple[Session, ...]:
        own = [session for session in self if (session.identity.name, session.identity.tenant) == (identity.name, identity.tenant)]
        eldest = tuple(own[: max(0, len(own) - self._settings.sessions_each + 1)])
        for one in eldest:
            self.withdraw(one.id)
        if len(self._sessions) >= self._settings.sessions:
            raise Refusal("too_many", "as many sessions as there may be are open", "try again later, or raise signing_in.sessions")
        return eldest

    def _forget(self, session: Session) -> None:
        del self._sessions[session.id]
        for known, _ in session.access:
            self._by_access.pop(known, None)
        for renewal in (session.renewal, *session.used):
            self._by_renewal.pop(renewal, None)
