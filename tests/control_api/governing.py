"""Administered identities without a database: what was put is shown."""

from typing import Any

from control_api.governing_models import PutIdentityCommand
from control_api.permissions import Identity, Right, check_right


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
