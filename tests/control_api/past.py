"""A past without a database: what was asked is noted, and answered with one call that anna listened to."""

from typing import Any

from control_api.past_models import HistoryCommand, ListeningCommand
from control_api.permissions import Identity, Refusal, Right, Subject, check_past, check_right

KEPT: dict[str, Any] = {
    "call": "c0",
    "caller": "+4930123",
    "called": "100",
    "agent": "robert",
    "team": "support",
    "trunk": "pbx",
    "metadata": {},
    "started": "2030-01-31T12:00:00.000Z",
    "answered": None,
    "ended": "2030-01-31T12:01:00.000Z",
    "duration": 60.0,
    "cause": "bye",
}
HEARD = {"sessions": 1, "seconds": 30.0, "listen": 30.0, "whisper": 0.0, "barge": 0.0}


class FakePast:
    """Implements `control_api.past.Past`."""

    def __init__(self) -> None:
        self.asked: list[HistoryCommand | ListeningCommand] = []
        self.next: str | None = None
        """The cursor of the second page, where there is one."""
        self.fault: Refusal | None = None

    async def calls(self, identity: Identity, wanted: HistoryCommand) -> dict[str, Any]:
        if self.fault is not None:
            raise self.fault
        self.asked.append(wanted)
        return {"calls": [KEPT], "next": None if wanted.cursor else self.next}

    async def call(self, identity: Identity, call: str) -> dict[str, Any]:
        check_past(identity, Subject("default" if call == "c0" else "", "robert", "support", call))
        stretch = {"mode": "listen", "target": "agent", "agent": "robert", "team": "support", "since": KEPT["started"], "until": None}
        told = {"supervision": "a/1", "identity": "anna", "way": "api", "address": "", "permission": "everybody", "cause": ""}
        return {"call": KEPT, "supervisions": [told | {"joined": KEPT["started"], "left": None, "timeline": [stretch]}]}

    async def listening(self, identity: Identity, wanted: ListeningCommand) -> dict[str, Any]:
        check_right(identity, Right.REPORTS)
        if wanted.by == "month":
            raise Refusal("unavailable", "the database cannot be asked now: it does not answer", "calls are not touched by that")
        self.asked.append(wanted)
        return {"since": None, "until": "2030-01-31T12:00:00+00:00", "rows": [{"supervisor": "anna"} | HEARD], "total": HEARD}
