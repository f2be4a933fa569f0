"""What the control API needs of what the house keeps. Every method checks permission itself.

None waits for the database longer than some seconds.
"""

from typing import Any, Protocol

from control_api.past_models import HistoryCommand, ListeningCommand
from control_api.permissions import Identity


class Past(Protocol):
    """Each raises `Refusal`; ``unavailable`` where the database is away or too slow."""

    async def calls(self, identity: Identity, wanted: HistoryCommand) -> dict[str, Any]:
        """Ended calls that the identity may see, as `control_api.past_models.HistoryResult` fields."""

    async def call(self, identity: Identity, call: str) -> dict[str, Any]:
        """One call that was kept, as `control_api.past_models.PastCallResult` fields."""

    async def listening(self, identity: Identity, wanted: ListeningCommand) -> dict[str, Any]:
        """How long who listened to whom, as `control_api.past_models.ListeningResult` fields (right `reports`)."""
