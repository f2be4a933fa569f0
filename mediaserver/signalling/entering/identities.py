"""SIP users as the signalling process needs them, behind one interface: today the configuration's, later a database's.

Who somebody is, his digest says, and never a From header: calls, doors, ceilings and PINs all start from the user that a proof named.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from config.settings import Settings, UserSettings
from control_api.identities import carry_on, identity_of_user
from control_api.permissions import Identity
from control_api.standing import Standing
from mediaserver.secrecy.key import Key, SecrecyError
from mediaserver.secrecy.sealing import unseal
from sip.digest import ha1


@dataclass(frozen=True, slots=True)
class User:
    """A digest user."""

    name: str
    tenant: str = "default"
    pin: str = ""
    """His PIN or its argon2id hash; empty: he has none."""
    may_call: bool = False
    identity: Identity | None = None
    """Who he is as a supervisor, with his ceiling; None: he is none."""
    agent: str = ""
    """Whose phones are his, where he is an agent."""


class UserRepository(Protocol):
    """Where users are looked up. Nothing here may take long or fail: what lies elsewhere is fetched before."""

    def get(self, name: str) -> User | None:
        """One user by his digest name."""

    def ha1_of(self, name: str, algorithm: str) -> str | None:
        """What the digest check needs (`sip.digest.HashOf`). To look for nobody is the same work as to look for somebody."""


@dataclass(frozen=True, slots=True)
class Opened:
    """Users as they were written, with what was sealed opened."""

    users: dict[str, User]
    ha1: dict[tuple[str, str], str]
    """By name and algorithm."""


class ConfiguredUsers:
    """The users of the configuration."""

    def __init__(self, settings: Settings, key: Key | None = None) -> None:
        """``key`` opens what is sealed. Raises `SecrecyError`, which names the user and what to do."""
        self._key = key
        self._opened = self.read(settings)

    def read(self, settings: Settings) -> Opened:
        """The users of other settings, for `take`. Raises `SecrecyError`."""
        agents = {agent.user: agent.name for agent in settings.agents if agent.user}
        hashes = {
            (user.name, algorithm): value for user in settings.users for algorithm, value in _hashes(user, settings.sip.realm, self._key)
        }
        return Opened({user.name: _user(user, agents.get(user.name, "")) for user in settings.users}, hashes)

    def take(self, opened: Opened) -> None:
        """From now on these are the users. Who may supervise no more, or less, is out of the calls he is in."""
        before = {user.name: user.identity for user in self._opened.users.values() if user.identity is not None}
        now = carry_on(before, {user.name: user.identity for user in opened.users.values() if user.identity is not None})
        users = {name: replace(user, identity=now.get(name)) for name, user in opened.users.items()}
        self._opened = Opened(users, opened.ha1)

    def get(self, name: str) -> User | None:
        """One user."""
        return self._opened.users.get(name)

    def standings(self, tenant: str, name: str) -> Iterator[Standing]:
        """Of a supervisor by his digest."""
        user = self._opened.users.get(name)
        if user is not None and user.tenant == tenant and user.identity is not None:
            yield user.identity.standing

    def ha1_of(self, name: str, algorithm: str) -> str | None:
        """For the digest check; None for who is not known."""
        return self._opened.ha1.get((name, algorithm))


def about(name: str, realm: str, algorithm: str) -> str:
    """What a sealed HA1 is bound to."""
    return f"ha1 {algorithm} {realm} {name}"


def plain_secrets(settings: Settings) -> list[str]:
    """The users whose secret or PIN stands in the configuration as it is."""
    return [user.name for user in settings.users if user.secret is not None or (user.pin is not None and not user.has_hashed_pin)]


def _user(user: UserSettings, agent: str) -> User:
    return User(
        name=user.name,
        tenant=user.tenant,
        pin="" if user.pin is None else user.pin.get_secret_value(),
        may_call=user.may_call,
        identity=None if user.ceiling is None else identity_of_user(user),
        agent=agent,
    )


def _hashes(user: UserSettings, realm: str, key: Key | None) -> Iterator[tuple[str, str]]:
    """A user's HA1s by algorithm."""
    for algorithm, sealed in (("MD5", user.ha1_md5), ("SHA-256", user.ha1_sha256)):
        if user.secret is not None:
            yield algorithm, ha1(user.name, realm, user.secret.get_secret_value(), algorithm)
        elif sealed:
            try:
                yield algorithm, unseal(key, sealed, about(user.name, realm, algorithm))
            except SecrecyError as error:
                raise SecrecyError(f"users: {user.name}: ha1_{algorithm.lower().replace('-', '')} {error}") from None
