"""What the control API needs to have identities administered. Every method checks permission itself."""

from typing import Any, Protocol

from control_api.governing_models import PutIdentityCommand
from control_api.permissions import Identity


class Governing(Protocol):
    """Each raises `Refusal`; none has an effect when it does."""

    async def identities(self, identity: Identity) -> dict[str, Any]:
        """Those of his tenant, as `control_api.governing_models.IdentitiesResult` fields (right `admin`)."""

    async def put(self, identity: Identity, wanted: PutIdentityCommand) -> dict[str, Any]:
        """Add or change one of his tenant, within his own ceiling (right `admin`)."""

    async def remove(self, identity: Identity, name: str) -> None:
        """Forget one of his tenant (right `admin`)."""
