"""A tenant's policy, read and changed by its administrators: what stands in the database goes before the configuration."""

from typing import Any, Final

from pydantic import ValidationError

from config.policies import RULES, PolicySettings, policy_of, with_rules
from control_api.governing_models import ResetPolicyCommand, SetPolicyCommand
from control_api.messages import first_problem
from control_api.permissions import Identity, Refusal, Right, check_right
from mediaserver.signalling.desk.administering import Administering
from mediaserver.signalling.desk.changes import policy_change
from mediaserver.signalling.house import House

_SEEN_BY_MORE: Final = ("permitted", "supervisors", "everybody")


class Policies:
    """`control_api.governing.Policies` over one server's database."""

    def __init__(self, house: House, administering: Administering) -> None:
        self._house = house
        self._administering = administering

    async def policy(self, identity: Identity) -> dict[str, Any]:
        """That of his tenant."""
        check_right(identity, Right.ADMIN)
        await self._administering.known()
        return self._shown(identity.tenant)

    async def change(self, identity: Identity, wanted: SetPolicyCommand) -> dict[str, Any]:
        """Have some rules otherwise."""
        check_right(identity, Right.ADMIN)
        rules = {name: value for name in RULES if (value := getattr(wanted, name)) is not None}
        if not rules:
            raise Refusal("bad_request", "no rule is named", f"name one of {', '.join(RULES)}")
        async with self._administering.alone():
            return await self._changed(identity, wanted.type, self._rules(identity) | rules)

    async def reset(self, identity: Identity, wanted: ResetPolicyCommand) -> dict[str, Any]:
        """Have a rule, or all, as the configuration has it."""
        check_right(identity, Right.ADMIN)
        async with self._administering.alone():
            rules = self._rules(identity)
            kept = {name: value for name, value in rules.items() if wanted.rule is not None and name != wanted.rule}
            return await self._changed(identity, wanted.type, kept)

    def _rules(self, identity: Identity) -> dict[str, Any]:
        return dict(self._administering.stored.policies.get(identity.tenant, {}))

    async def _changed(self, identity: Identity, command: str, rules: dict[str, Any]) -> dict[str, Any]:
        tenant, administering = identity.tenant, self._administering
        before = self._in_force(tenant)
        try:
            after = with_rules(self._configured(tenant), rules)
        except ValidationError as error:
            raise Refusal("bad_request", first_problem(error), "policy shows the rules as they are") from None
        if _SEEN_BY_MORE.index(after.listeners_seen_by) > _SEEN_BY_MORE.index(before.listeners_seen_by):
            check_right(identity, Right.SEE_LISTENERS)
        detail = policy_change(before, after)
        await administering.change(
            *(identity, command, "policy.changed", detail), lambda: administering.ask("put_policy", tenant=tenant, rules=rules)
        )
        administering.stored.policies.pop(tenant, None)
        if rules:
            administering.stored.policies[tenant] = rules
        administering.take()
        return self._shown(tenant)

    def _in_force(self, tenant: str) -> PolicySettings:
        return policy_of(self._house.settings.policies, tenant)

    def _configured(self, tenant: str) -> PolicySettings:
        return policy_of(self._administering.configured.policies, tenant)

    def _shown(self, tenant: str) -> dict[str, Any]:
        """As `control_api.governing_models.PolicyResult` fields."""
        kept = self._administering.stored.policies.get(tenant, {})
        return {
            "policy": self._in_force(tenant).model_dump(exclude={"tenant"}),
            "configured": self._configured(tenant).model_dump(exclude={"tenant"}),
            "changed": [name for name in RULES if name in kept],
        }
