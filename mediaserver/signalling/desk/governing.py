"""Identities in the database, beside those of the configuration: changed by administrators, in force at once.

Nobody grants, changes or removes what is beyond his own ceiling, and no name of the configuration is taken: legs belong to a name.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from config.ceilings import CeilingSettings
from config.findings import unknown
from config.identities import IdentitySettings, RoleSettings
from config.identity_checks import check_ceiling
from control_api.governing_models import PutIdentityCommand
from control_api.identities import ceiling_of
from control_api.permissions import Identity, Refusal, Right, check_grant, check_right
from mediaserver.secrecy.pins import hashed
from mediaserver.signalling.desk.administering import Administering, Who, identity_settings, names_of
from mediaserver.signalling.desk.changes import written

Hash = Callable[[str], Awaitable[str]]


async def hash_at_once(password: str) -> str:
    """Where nobody minds the wait."""
    return hashed(password)


class Governing:
    """`control_api.governing.Governing` over one server's database."""

    def __init__(self, administering: Administering, hashes: Hash) -> None:
        self._administering = administering
        self._hashes = hashes

    async def identities(self, identity: Identity) -> dict[str, Any]:
        """Those of his tenant."""
        check_right(identity, Right.ADMIN)
        await self._administering.known()
        configured = [one for one in self._administering.configured.identities if one.tenant == identity.tenant]
        rows = [row for who, row in self._administering.stored.identities.items() if who[0] == identity.tenant]
        return {"identities": [*(self._model(one) for one in configured), *map(self._shown, rows)]}

    async def put(self, identity: Identity, wanted: PutIdentityCommand) -> dict[str, Any]:
        """Add one, or change him."""
        check_right(identity, Right.ADMIN)
        who, administering = (identity.tenant, wanted.identity), self._administering
        async with administering.alone():
            before = self._changeable(identity, who)
            ceiling = CeilingSettings(agents=wanted.agents, teams=wanted.teams, mode=wanted.mode, rights=wanted.rights)
            self._check(identity, wanted, ceiling)
            secret = before["secret"] if before else ""
            row = {
                "tenant": identity.tenant,
                "name": wanted.identity,
                "secret": secret if wanted.password is None else await self._hashes(wanted.password),
                "role": wanted.role,
                "ceiling": ceiling.model_dump(mode="json"),
                "user": wanted.user,
                "numbers": list(wanted.numbers),
                "is_disabled": wanted.disabled,
            }
            kind = "identity.changed" if before else "identity.added"
            grants = f"role:{wanted.role}" if wanted.role else written(ceiling)
            detail = {"whose": wanted.identity, "ceiling": grants, "disabled": wanted.disabled, "password": wanted.password is not None}
            await administering.change(identity, wanted.type, kind, detail, lambda: administering.ask("put_identity", **row))
            if before and row["secret"] != secret:
                administering.forget_sessions(who)
            administering.stored.identities[who] = row
            administering.take()
        return {"identities": [self._shown(row)]}

    async def remove(self, identity: Identity, name: str) -> None:
        """Forget one."""
        check_right(identity, Right.ADMIN)
        administering = self._administering
        async with administering.alone():
            if self._changeable(identity, (identity.tenant, name)) is None:
                raise Refusal("not_found", f"nobody here is called {name}", "identities shows who there is")
            await administering.change(
                *(identity, "remove_identity", "identity.removed", {"whose": name}),
                lambda: administering.ask("remove_identity", tenant=identity.tenant, name=name),
            )
            del administering.stored.identities[identity.tenant, name]
            administering.take()

    def _changeable(self, identity: Identity, who: Who) -> dict[str, Any] | None:
        """The row as it is; None: there is none yet. Raises `Refusal`."""
        if who in names_of(self._administering.configured):
            raise Refusal("conflict", f"{who[1]} stands in the configuration", "change it there and reload, or take another name")
        if who[1] == identity.name:
            raise Refusal("conflict", "that is you", "let another administrator do it")
        row = self._administering.stored.identities.get(who)
        if row is not None:
            check_grant(identity, ceiling_of(self._ceiling(identity_settings(row))))
        return row

    def _check(self, identity: Identity, wanted: PutIdentityCommand, ceiling: CeilingSettings) -> None:
        configured = self._administering.configured
        if wanted.role:
            if ceiling != CeilingSettings():
                raise Refusal("bad_request", "role: he has either a role or a ceiling", "leave agents, teams, mode and rights out")
            role = self._roles.get(wanted.role)
            if role is None:
                raise Refusal("bad_request", f"role: {unknown('role', wanted.role, list(self._roles))}", "roles stand in the configuration")
            check_grant(identity, ceiling_of(role))
        check_grant(identity, ceiling_of(ceiling))
        for path, problem in check_ceiling(configured, (), ceiling, identity.tenant):
            raise Refusal("bad_request", f"{'.'.join(map(str, path))}: {problem}", "agents and teams are named in the configuration")
        if wanted.user and wanted.user not in [user.name for user in configured.users if user.tenant == identity.tenant]:
            raise Refusal("bad_request", f"user: no SIP user {wanted.user}", "SIP users are named in the configuration")
        if wanted.numbers:
            check_right(identity, Right.OUTSIDE_NUMBERS)

    @property
    def _roles(self) -> dict[str, RoleSettings]:
        return {role.name: role for role in self._administering.configured.roles}

    def _ceiling(self, one: IdentitySettings) -> CeilingSettings:
        """How far he may go; nowhere, where his role is gone."""
        return self._roles.get(one.role) or one.ceiling or CeilingSettings()

    def _shown(self, row: dict[str, Any]) -> dict[str, Any]:
        return self._model(identity_settings(row)) | {"configured": False, "disabled": row["is_disabled"]}

    def _model(self, one: IdentitySettings) -> dict[str, Any]:
        """As `control_api.governing_models.IdentityModel` fields."""
        ceiling = self._ceiling(one)
        return {
            "identity": one.name,
            "configured": True,
            "disabled": False,
            "has_password": bool(one.password.get_secret_value()),
            "role": one.role,
            "agents": list(ceiling.agents),
            "teams": list(ceiling.teams),
            "mode": ceiling.mode,
            "rights": list(ceiling.rights),
            "user": one.user,
            "numbers": list(one.numbers),
        }
