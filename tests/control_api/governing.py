"""Administered identities and a policy without a database: what was put is shown."""

from typing import Any

from config.policies import RULES, PolicySettings, with_rules
from control_api.governing_models import PutIdentityCommand, ResetPolicyCommand, SetPolicyCommand
from control_api.permissions import Identity, Refusal, Right, check_right


class FakeGoverning:
    """Implements `control_api.governing.Governing`."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Any]] = {}
        self.passwords: dict[str, str] = {}

    async def identities(self, identity: Identity) -> dict[str, Any]:
        check_right(identity, Right.ADMIN)
        return {"identities": list(self.rows.values())}

    async def put(self, identity: Identity, wanted: PutIdentityCommand) -> dict[str, Any]:
        check_right(identity, Right.ADMIN)
        shown = wanted.model_dump(mode="json", exclude={"id", "key", "type", "traceparent", "password"})
        self.rows[wanted.identity] = shown | {"configured": False, "has_password": wanted.password is not None}
        if wanted.password is not None:
            self.passwords[wanted.identity] = wanted.password
        return {"identities": [self.rows[wanted.identity]]}

    async def remove(self, identity: Identity, name: str) -> None:
        check_right(identity, Right.ADMIN)
        self.rows.pop(name, None)


class FakePolicies:
    """Implements `control_api.governing.Policies`."""

    def __init__(self) -> None:
        self.rules: dict[str, Any] = {}

    async def policy(self, identity: Identity) -> dict[str, Any]:
        check_right(identity, Right.ADMIN)
        configured = PolicySettings()
        policies = [policy.model_dump(exclude={"tenant"}) for policy in (with_rules(configured, self.rules), configured)]
        return {"policy": policies[0], "configured": policies[1], "changed": list(self.rules)}

    async def change(self, identity: Identity, wanted: SetPolicyCommand) -> dict[str, Any]:
        check_right(identity, Right.ADMIN)
        rules = self.rules | {name: value for name in RULES if (value := getattr(wanted, name)) is not None}
        try:
            with_rules(PolicySettings(), rules)
        except ValueError as error:
            raise Refusal("bad_request", "the codes end alike", "choose others") from error
        self.rules = rules
        return await self.policy(identity)

    async def reset(self, identity: Identity, wanted: ResetPolicyCommand) -> dict[str, Any]:
        check_right(identity, Right.ADMIN)
        self.rules = {name: value for name, value in self.rules.items() if wanted.rule is not None and name != wanted.rule}
        return await self.policy(identity)
