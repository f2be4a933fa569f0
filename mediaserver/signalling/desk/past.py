"""The desk's view of what was kept: calls that are over, who supervised them, how long who listened."""

from collections.abc import Awaitable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from config.policies import policy_of
from control_api.discretion import Discretion
from control_api.past_models import HistoryCommand, ListeningCommand
from control_api.permissions import Identity, Refusal, Right, Subject, check_past, check_right, sees_whole_past
from mediaserver.audit.report import moment
from mediaserver.signalling.calls.said import flag_model, note_model, said_of
from mediaserver.signalling.house import House
from mediaserver.storage.asking import Unanswerable, Unanswered

HINT: Final = "calls are not touched by that, and nothing is lost; `mediaserver doctor` looks at the database"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND: Final = 1e6
Row = Mapping[str, Any]


class Ask(Protocol):
    """`mediaserver.storage.asking.Asking.ask`."""

    def __call__(self, what: str, **given: Any) -> Awaitable[Any]:
        """The answer; raises `Unanswered`, `Unanswerable`."""


async def nobody_knows(what: str, **given: Any) -> Any:
    """In a house that keeps nothing."""
    raise Unanswered("nothing is kept here")


async def answer_of(asked: Awaitable[Any]) -> Any:
    """What the database says. Raises `Refusal`."""
    try:
        return await asked
    except Unanswered as error:
        raise Refusal("unavailable", f"the database cannot be asked now: {error}", HINT) from None
    except Unanswerable as error:
        raise Refusal("bad_request", str(error), "the documentation says what can be asked") from None


class Past:
    """`control_api.past.Past` over what one server keeps."""

    def __init__(self, house: House, ask: Ask) -> None:
        self._house = house
        self._ask = ask

    async def calls(self, identity: Identity, wanted: HistoryCommand) -> dict[str, Any]:
        """Ended calls, page by page."""
        given = {"tenant": identity.tenant, "agent": wanted.agent, "team": wanted.team, "party": wanted.party, "is_over": True}
        times = {"since": microseconds(wanted.since), "until": microseconds(wanted.until), "before": _place(wanted.cursor)}
        rows = await self._asked("calls", **given, **times, **_within(identity), most=wanted.limit + 1)
        shown = rows[: wanted.limit]
        cursor = f"{shown[-1]['started_at']}.{shown[-1]['id']}" if len(rows) > wanted.limit else None
        return {"calls": [_call(row) for row in shown], "next": cursor}

    async def call(self, identity: Identity, call: str) -> dict[str, Any]:
        """One call, with those who supervised it."""
        row = await self._asked("call", tenant=identity.tenant, call=call)
        check_past(identity, Subject(identity.tenant, row["agent"], row["team"], call) if row else Subject("", "", ""))
        hidden = self._hidden(identity, row["supervisions"])
        shown = [_supervision(one) for place, one in enumerate(row["supervisions"]) if place not in hidden]
        said = said_of(row["notes"], row["flags"])
        words = {"notes": list(map(note_model, said.notes)), "flags": list(map(flag_model, said.flags.values()))}
        return {"call": _call(row), "supervisions": shown} | words

    async def listening(self, identity: Identity, wanted: ListeningCommand) -> dict[str, Any]:
        """The listen-time report of the tenant."""
        check_right(identity, Right.REPORTS)
        since, until = microseconds(wanted.since), microseconds(wanted.until)
        told: dict[str, Any] = await self._asked(
            "listening", tenant=identity.tenant, since=since, until=until, by=list(dict.fromkeys(wanted.by.split(",")))
        )
        return told

    def _hidden(self, identity: Identity, supervisions: list[Row]) -> frozenset[int]:
        """Places of those whom he may not see: as in the live call, unless he may have reports."""
        if sees_whole_past(identity):
            return frozenset()
        seen_by = policy_of(self._house.settings.policies, identity.tenant).listeners_seen_by
        return Discretion(seen_by, {place: one["identity"] for place, one in enumerate(supervisions)}).hides_from(identity)

    async def _asked(self, what: str, **given: Any) -> Any:
        return await answer_of(self._ask(what, **given))


def microseconds(at: datetime | None) -> int | None:
    """Since 1970."""
    return None if at is None else (at - _EPOCH) // (moment(1) - _EPOCH)


def _within(identity: Identity) -> dict[str, list[str] | None]:
    """The calls that `permissions.check_past` lets him have, as far as a database can be told."""
    ceiling = identity.ceiling
    if sees_whole_past(identity):
        return {"agents": None, "teams": None, "calls": None}
    sees_all = "*" in ceiling.agents or "*" in ceiling.teams
    calls = None if ceiling.calls is None else sorted(ceiling.calls)
    return {"agents": None if sees_all else sorted(ceiling.agents), "teams": None if sees_all else sorted(ceiling.teams), "calls": calls}


def _place(cursor: str | None) -> tuple[int, str] | None:
    """Where a page ends. Raises `Refusal`."""
    if cursor is None:
        return None
    at, _, call = cursor.partition(".")
    if not (at.isascii() and at.isdecimal() and len(at) < 18 and call):
        raise Refusal("bad_request", "cursor: none of ours", "take the `next` of the page before, as it is")
    return int(at), call


def _call(row: Row) -> dict[str, Any]:
    """A row as `control_api.past_models.PastCallModel` fields."""
    began = row["answered_at"] or row["started_at"]
    return {
        "call": row["id"],
        **{name: row[name] for name in ("caller", "called", "agent", "team", "trunk", "metadata", "cause")},
        "started": _iso(row["started_at"]),
        "answered": _iso(row["answered_at"]),
        "ended": _iso(row["ended_at"]),
        "duration": 0.0 if row["ended_at"] is None else max(0, row["ended_at"] - began) / _SECOND,
    }


def _supervision(row: Row) -> dict[str, Any]:
    return {
        "supervision": row["id"],
        **{name: row[name] for name in ("identity", "way", "address", "permission", "cause")},
        "joined": _iso(row["joined_at"]),
        "left": _iso(row["left_at"]),
        "timeline": [
            {name: stretch[name] for name in ("mode", "target", "agent", "team")}
            | {"since": _iso(stretch["since"]), "until": _iso(stretch["until"])}
            for stretch in row["stretches"]
        ],
    }


def _iso(at: int | None) -> str | None:
    return None if at is None else moment(at).isoformat(timespec="milliseconds").replace("+00:00", "Z")
