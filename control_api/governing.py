"""What the control API needs to have identities and policies administered. Every method checks permission itself."""

from typing import Any, Protocol

from control_api.governing_models import PutIdentityCommand, ResetPolicyCommand, SetPolicyCommand
from control_api.permissions import Identity


class Governing(Protocol):
    """Each raises `Refusal`; none has an effect when it does."""

    async def identities(self, identity: Identity) -> dict[str, Any]:
        """Those of his tenant, as `control_api.governing_models.IdentitiesResult` fields (right `admin`)."""

    async def put(self, identity: Identity, wanted: PutIdentityCommand) -> dict[str, Any]:
        """Add or change one of his tenant, within his own ceiling (right `admin`)."""

    async def remove(self, identity: Identity, name: str) -> None:
        """Forget one of his tenant (right `admin`)."""


class Policies(Protocol):
    """As `Governing`; each gives `control_api.governing_models.PolicyResult` fields (right `admin`)."""

    async def policy(self, identity: Identity) -> dict[str, Any]:
        """That of his tenant."""

    async def change(self, identity: Identity, wanted: SetPolicyCommand) -> dict[str, Any]:
        """Have some of its rules otherwise."""

    async def reset(self, identity: Identity, wanted: ResetPolicyCommand) -> dict[str, Any]:
        """Have one of its rules, or all, as it is configured."""
