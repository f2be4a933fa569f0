"""Identities in the database, beside those of the configuration: read at start, changed by administrators, in force at once.

Order of a change: checked, written down in the audit log, put into the database, in force, acknowledged. What cannot be written down or put
there does not happen. Nobody grants, changes or removes what is beyond his own ceiling, and no name of the configuration is taken: legs
belong to a name.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import structlog
from pydantic import SecretStr, ValidationError

from config.ceilings import CeilingSettings
from config.identities import IdentitySettings
from config.identity_checks import check_ceiling
from config.settings import Settings
from control_api.governing_models import PutIdentityCommand
from control_api.identities import ceiling_of
from control_api.messages import first_problem
from control_api.permissions import Identity, Refusal, Right, check_grant, check_right
from control_api.signing_in.office import Office
from mediaserver.secrecy.pins import hashed
from mediaserver.signalling.desk.changes import written
from mediaserver.signalling.desk.past import Ask, answer_of
from mediaserver.signalling.house import House

TRIED_AGAIN_AFTER: Final = 10.0
"""Seconds, where the database is away at start."""
Who = tuple[str, str]
Hash = Callable[[str], Awaitable[str]]

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Stored:
    """Identities of the database, by tenant and name; their rows as the database has them."""

    rows: dict[Who, dict[str, Any]] = field(default_factory=dict)
    is_known: bool = False
    """They were read."""

    def beside(self, settings: Settings) -> Settings:
        """These settings, with whoever is in the database and not disabled."""
        found = [_settings(row) for who, row in self.rows.items() if not row["is_disabled"] and who not in names_of(settings)]
        return settings.model_copy(update={"identities": (*settings.identities, *found)}) if found else settings


async def hash_at_once(password: str) -> str:
    """Where nobody minds the wait."""
    return hashed(password)


def names_of(settings: Settings) -> set[Who]:
    """Whose name stands in a configuration."""
    named = {(one.tenant, one.name) for one in settings.identities} | {(user.tenant, user.name) for user in settings.users}
    return named | {(token.tenant, token.identity) for token in settings.tokens}


class Governing:
    """`control_api.governing.Governing` over one server's database."""

    def __init__(self, house: House, office: Office, ask: Ask, hashes: Hash, stored: Stored) -> None:
        self._house = house
        self._office = office
        self._ask = ask
        self._hashes = hashes
        self._stored = stored
        self._configured = house.settings
        self._turn = asyncio.Lock()

    def configured(self, settings: Settings) -> Settings:
        """The configuration was read anew; with whoever is in the database."""
        self._configured = settings
        return self._stored.beside(settings)

    async def load(self) -> None:
        """Read them, for as long as that takes; who is stored cannot sign in until then."""
        while not self._stored.is_known:
            try:
                await self._known()
            except Refusal as refusal:
                _log.warning("identities.not_read", problem=refusal.text)
                await asyncio.sleep(TRIED_AGAIN_AFTER)

    async def identities(self, identity: Identity) -> dict[str, Any]:
        """Those of his tenant."""
        check_right(identity, Right.ADMIN)
        await self._known()
        roles = {role.name: role for role in self._configured.roles}
        named = [
            _model(one, roles.get(one.role) or one.ceiling or CeilingSettings(), configured=True)
            for one in self._configured.identities
            if one.tenant == identity.tenant
        ]
        return {"identities": [*named, *(_shown(row) for who, row in self._stored.rows.items() if who[0] == identity.tenant)]}

    async def put(self, identity: Identity, wanted: PutIdentityCommand) -> dict[str, Any]:
        """Add one, or change him."""
        who = (identity.tenant, wanted.identity)
        async with self._turn:
            before = await self._changeable(identity, who)
            ceiling = CeilingSettings(agents=wanted.agents, teams=wanted.teams, mode=wanted.mode, rights=wanted.rights)
            self._check(identity, wanted, ceiling)
            secret = before["secret"] if before else ""
            row = {
                "tenant": identity.tenant,
                "name": wanted.identity,
                "secret": secret if wanted.password is None else await self._hashes(wanted.password),
                "ceiling": ceiling.model_dump(mode="json"),
                "user": wanted.user,
                "numbers": list(wanted.numbers),
                "is_disabled": wanted.disabled,
            }
            kind = "identity.changed" if before else "identity.added"
            detail = {"whose": wanted.identity, "ceiling": written(ceiling), "disabled": wanted.disabled}
            await self._done(identity, kind, detail | {"password": wanted.password is not None}, "put_identity", row)
            if row["secret"] != secret:
                self._stored.rows.pop(who, None)
                self._take()  # sessions by the password before end
            self._stored.rows[who] = row
            self._take()
        return {"identities": [_shown(row)]}

    async def remove(self, identity: Identity, name: str) -> None:
        """Forget one."""
        async with self._turn:
            if await self._changeable(identity, (identity.tenant, name)) is None:
                raise Refusal("not_found", f"nobody here is called {name}", "identities shows who there is")
            await self._done(identity, "identity.removed", {"whose": name}, "remove_identity", {"tenant": identity.tenant, "name": name})
            del self._stored.rows[identity.tenant, name]
            self._take()

    async def _changeable(self, identity: Identity, who: Who) -> dict[str, Any] | None:
        """The row as it is; None: there is none yet. Raises `Refusal`."""
        check_right(identity, Right.ADMIN)
        await self._known()
        if who in names_of(self._configured):
            raise Refusal("conflict", f"{who[1]} stands in the configuration", "change it there and reload, or take another name")
        if who[1] == identity.name:
            raise Refusal("conflict", "that is you", "let another administrator do it")
        row = self._stored.rows.get(who)
        if row is not None:
            check_grant(identity, ceiling_of(CeilingSettings.model_validate(row["ceiling"])))
        return row

    def _check(self, identity: Identity, wanted: PutIdentityCommand, ceiling: CeilingSettings) -> None:
        check_grant(identity, ceiling_of(ceiling))
        for path, problem in check_ceiling(self._configured, (), ceiling, identity.tenant):
            raise Refusal("bad_request", f"{'.'.join(map(str, path))}: {problem}", "agents and teams are named in the configuration")
        if wanted.user and wanted.user not in [user.name for user in self._configured.users if user.tenant == identity.tenant]:
            raise Refusal("bad_request", f"user: no SIP user {wanted.user}", "SIP users are named in the configuration")
        if wanted.numbers:
            check_right(identity, Right.OUTSIDE_NUMBERS)

    async def _done(self, identity: Identity, kind: str, detail: dict[str, Any], what: str, row: dict[str, Any]) -> None:
        """Written down before it is done, and that it was before anybody is told."""
        self._house.recorder.governs(identity, what, detail)
        await answer_of(self._ask(what, **row))
        self._house.recorder.governed(identity, kind, detail)

    async def _known(self) -> None:
        """They are read once, and in force from then on, whoever asked first."""
        if self._stored.is_known:
            return
        rows = await answer_of(self._ask("identities"))
        if self._stored.is_known:
            return  # somebody else was quicker, and may have changed them since
        self._stored.rows, self._stored.is_known = dict(self._readable(rows)), True
        self._take()

    def _readable(self, rows: Iterable[dict[str, Any]]) -> Iterator[tuple[Who, dict[str, Any]]]:
        """One of another version, or edited by hand, keeps the others from nothing; he cannot sign in."""
        for row in rows:
            try:
                _settings(row)
            except ValidationError as error:
                self._house.counters.add("faults", "identities")
                _log.error("identity.unreadable", tenant=row["tenant"], identity=row["name"], problem=first_problem(error))
            else:
                yield (row["tenant"], row["name"]), row

    def _take(self) -> None:
        self._house.settings = self._house.settings.model_copy(update={"identities": self._stored.beside(self._configured).identities})
        self._office.take(self._house.settings)
        self._house.settle()


def _settings(row: dict[str, Any]) -> IdentitySettings:
    return IdentitySettings(
        name=row["name"],
        tenant=row["tenant"],
        password=SecretStr(row["secret"]),
        ceiling=CeilingSettings.model_validate(row["ceiling"]),
        user=row["user"],
        numbers=tuple(row["numbers"]),
    )


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    one = _settings(row)
    return _model(one, one.ceiling or CeilingSettings(), configured=False) | {"disabled": row["is_disabled"]}


def _model(one: IdentitySettings, ceiling: CeilingSettings, *, configured: bool) -> dict[str, Any]:
    """As `control_api.governing_models.IdentityModel` fields."""
    return {
        "identity": one.name,
        "configured": configured,
        "disabled": False,
        "has_password": bool(one.password.get_secret_value()),
        "agents": list(ceiling.agents),
        "teams": list(ceiling.teams),
        "mode": ceiling.mode,
        "rights": list(ceiling.rights),
        "user": one.user,
        "numbers": list(one.numbers),
    }
