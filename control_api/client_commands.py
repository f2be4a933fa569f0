"""What the Python client can ask of the past and of who may do what, in types. `control_api.client.ControlClient` has these methods too."""

from abc import ABC, abstractmethod
from datetime import datetime
from typing import Any

from config.policies import RuleName
from control_api.governing_models import IdentitiesResult, PolicyResult
from control_api.past_models import HistoryResult, ListeningResult, PastCallResult

Moment = datetime | str
"""A time; as text ISO 8601."""


class PastCommands(ABC):
    """Calls that are over, how long who listened, who may sign in, and what agents are told."""

    @abstractmethod
    async def ask(self, kind: str, **fields: Any) -> dict[str, Any]:
        """The result of any command, by its type; what the methods say in types."""

    async def history(
        self,
        *,
        agent: str | None = None,
        team: str | None = None,
        party: str | None = None,
        since: Moment | None = None,
        until: Moment | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> HistoryResult:
        """Ended calls, the newest first; ``cursor`` is the ``next`` of the page before."""
        wanted = {"agent": agent, "team": team, "party": party, "cursor": cursor, "limit": limit}
        return HistoryResult.model_validate(await self.ask("history", **wanted, since=_iso(since), until=_iso(until)))

    async def identities(self) -> IdentitiesResult:
        """Who may sign in with a password (right ``admin``)."""
        return IdentitiesResult.model_validate(await self.ask("identities"))

    async def put_identity(self, identity: str, **fields: Any) -> IdentitiesResult:
        """Add or change somebody; ``fields`` as `control_api.governing_models.PutIdentityCommand` has them (right ``admin``)."""
        return IdentitiesResult.model_validate(await self.ask("put_identity", identity=identity, **fields))

    async def remove_identity(self, identity: str) -> None:
        """Forget somebody (right ``admin``)."""
        await self.ask("remove_identity", identity=identity)

    async def policy(self) -> PolicyResult:
        """What agents of the tenant are told of supervision, and may say about it (right ``admin``)."""
        return PolicyResult.model_validate(await self.ask("policy"))

    async def set_policy(self, **rules: Any) -> PolicyResult:
        """Have these rules otherwise, as `control_api.governing_models.SetPolicyCommand` has them; the others stay (right ``admin``)."""
        return PolicyResult.model_validate(await self.ask("set_policy", **rules))

    async def reset_policy(self, rule: RuleName | None = None) -> PolicyResult:
        """Have this rule, or all, as it is configured (right ``admin``)."""
        return PolicyResult.model_validate(await self.ask("reset_policy", rule=rule))

    async def past_call(self, call: str) -> PastCallResult:
        """One call that was kept, with those who supervised it."""
        return PastCallResult.model_validate(await self.ask("past_call", call=call))

    async def listening(self, *, since: Moment | None = None, until: Moment | None = None, by: str = "supervisor,agent") -> ListeningResult:
        """How long who listened to whom (right ``reports``)."""
        return ListeningResult.model_validate(await self.ask("listening", since=_iso(since), until=_iso(until), by=by))


def _iso(at: Moment | None) -> str | None:
    return at.isoformat() if isinstance(at, datetime) else at
