"""What administrators keep in the database beside the configuration, as this server has it: identities, and what tenants have otherwise
in their policies.

It is read at start and, where other servers may share the database, every few seconds: what is done at one server is in force at all of
them within `LOOK` seconds. While the database is away, what was read last goes on; policies do so over a start too, for agents who are to
be told of supervision are told then as well.

Order of a change here: checked, written down in the audit log, put into the database, in force, acknowledged. What cannot be written
down or put there does not happen.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

import structlog
from pydantic import SecretStr, ValidationError

from config.ceilings import CeilingSettings
from config.identities import IdentitySettings
from config.policies import PolicySettings, policy_of, with_rules
from config.settings import Settings
from control_api.messages import first_problem
from control_api.permissions import Identity, Refusal
from control_api.signing_in.office import Office
from mediaserver.signalling.desk.past import Ask, answer_of
from mediaserver.signalling.house import House

LOOK: Final = 10.0
"""Seconds from one look into the database to the next, and from one try to read it to the next."""
Who = tuple[str, str]
"""Tenant and name."""

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Stored:
    """What the database has."""

    identities: dict[Who, dict[str, Any]] = field(default_factory=dict)
    """Rows, by tenant and name."""
    policies: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The rules that tenants have otherwise than the configuration."""
    revision: int | None = None
    """As it is at this one at least; None: it is not known whether that is so."""

    def beside(self, settings: Settings) -> Settings:
        """These settings, with whoever is in the database and not disabled, and with its rules."""
        found = tuple(self._found(settings))
        policies = tuple(policy for policy in settings.policies if policy.tenant not in self.policies)
        policies += tuple(governed(settings, tenant, rules) for tenant, rules in self.policies.items())
        return settings.model_copy(update={"identities": (*settings.identities, *found), "policies": policies})

    def _found(self, settings: Settings) -> Iterator[IdentitySettings]:
        taken, roles = names_of(settings), {role.name for role in settings.roles}
        for who, row in self.identities.items():
            if row["is_disabled"] or who in taken:
                continue
            if row["role"] and row["role"] not in roles:
                _log.warning("identity.no_such_role", tenant=who[0], identity=who[1], role=row["role"])
                continue
            yield identity_settings(row)


def names_of(settings: Settings) -> set[Who]:
    """Whose name stands in a configuration."""
    named = {(one.tenant, one.name) for one in settings.identities} | {(user.tenant, user.name) for user in settings.users}
    return named | {(token.tenant, token.identity) for token in settings.tokens}


def identity_settings(row: Mapping[str, Any]) -> IdentitySettings:
    """A row as it would stand in the configuration."""
    return IdentitySettings(
        name=row["name"],
        tenant=row["tenant"],
        password=SecretStr(row["secret"]),
        role=row["role"],
        ceiling=None if row["role"] else CeilingSettings.model_validate(row["ceiling"]),
        user=row["user"],
        numbers=tuple(row["numbers"]),
    )


def governed(settings: Settings, tenant: str, rules: Mapping[str, Any]) -> PolicySettings:
    """A tenant's policy with rules of the database; those that go with nothing (any more) are left out, and named in the log."""
    policy = policy_of(settings.policies, tenant).model_copy(update={"tenant": tenant})
    try:
        return with_rules(policy, rules)
    except ValidationError:
        for name, value in rules.items():
            try:
                policy = with_rules(policy, {name: value})
            except ValidationError as error:
                _log.warning("policy.rule_left_out", tenant=tenant, rule=name, problem=first_problem(error))
        return policy


class Administering:
    """Holds it, and changes it."""

    def __init__(self, house: House, office: Office, ask: Ask) -> None:
        """``ask``: the database."""
        self._house = house
        self._office = office
        self.ask = ask
        self.stored = Stored()
        self.configured = house.settings
        """The settings without what is in the database."""
        self._turn = asyncio.Lock()

    def beside(self, settings: Settings) -> Settings:
        """The configuration was read anew, and is taken; with what is in the database."""
        self.configured = settings
        return self.stored.beside(settings)

    async def keep(self, *, is_shared: bool) -> None:
        """Read it, for as long as that takes; where others may change it, again and again."""
        is_away = was_read = False
        while True:
            try:
                await self.look()
                is_away, was_read = False, True
                if not is_shared:
                    return
            except Refusal as refusal:
                if not is_away:
                    _log.warning("governing.not_read", problem=refusal.text)
                    await self._recall(is_start=not was_read)
                is_away = True
            await asyncio.sleep(LOOK)

    async def look(self) -> None:
        """Read what others have changed. Raises `Refusal`."""
        async with self._turn:
            await self._read()

    async def known(self) -> None:
        """Read it where that is still to be done. Raises `Refusal`."""
        if self.stored.revision is None:
            async with self.alone():
                pass

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Nobody else changes or reads it meanwhile, and it is known. Raises `Refusal`."""
        async with self._turn:
            if self.stored.revision is None:
                await self._read()
            yield

    async def change(self, identity: Identity, command: str, kind: str, detail: dict[str, Any], keep: Callable[[], Awaitable[Any]]) -> None:
        """Written down before it is done, and that it was before anybody is told. ``keep``: puts it into the database."""
        self._house.recorder.governs(identity, command, detail)
        revision, self.stored.revision = self.stored.revision, None  # what fails now may have been done all the same
        await answer_of(keep())
        self.stored.revision = revision
        self._house.recorder.governed(identity, kind, detail)

    def take(self) -> None:
        """What is stored is in force."""
        before, now = self._house.settings, self.stored.beside(self.configured)
        self._house.take(before.model_copy(update={"identities": now.identities, "policies": now.policies}))
        if before.identities != now.identities:
            self._office.take(self._house.settings)
        self._house.settle()

    def forget_sessions(self, *names: Who) -> None:
        """Whoever of these is signed in is so no more: he has another password."""
        rows = {who: self.stored.identities.pop(who) for who in names}
        if rows:
            self.take()
            self.stored.identities.update(rows)

    async def _recall(self, *, is_start: bool) -> None:
        """At a start without the database, policies are as they were when it was last read here."""
        with suppress(Refusal):
            async with self._turn:
                if is_start and self.stored.revision is None:
                    self.stored.policies = await answer_of(self.ask("policies_read_last"))
                    self.take()

    async def _read(self) -> None:
        found = await answer_of(self.ask("governing", known=self.stored.revision))
        if found is None:
            return
        rows = dict(self._readable(found["identities"]))
        before = self.stored.identities
        self.forget_sessions(*(who for who, row in rows.items() if who in before and before[who]["secret"] != row["secret"]))
        self.stored = Stored(rows, found["policies"], found["revision"])
        self.take()

    def _readable(self, rows: Iterable[dict[str, Any]]) -> Iterator[tuple[Who, dict[str, Any]]]:
        """One of another version, or edited by hand, keeps the others from nothing; he cannot sign in."""
        for row in rows:
            try:
                identity_settings(row)
            except ValidationError as error:
                self._house.counters.add("faults", "identities")
                _log.error("identity.unreadable", tenant=row["tenant"], identity=row["name"], problem=first_problem(error))
            else:
                yield (row["tenant"], row["name"]), row
