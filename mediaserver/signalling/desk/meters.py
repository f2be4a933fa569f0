"""The meters of live calls, read from shared memory a few times a second for whoever watches."""

from functools import partial
from typing import Any

from control_api.ports import HouseEvent
from mediaserver.link.memory import Memory
from mediaserver.signalling.calls.live import CallEntry, Calls
from mediaserver.signalling.desk.publishing import Publisher


def tell_meters(calls: Calls, publisher: Publisher) -> None:
    """One `meters` event a call; nothing where nobody watches. What it holds is read where somebody who may see the call wants it."""
    if not publisher.has_watchers:
        return
    for entry in calls:
        if any(leg.row >= 0 for leg in entry.legs.values()):
            view = entry.view
            publisher.tell(HouseEvent("meters", view.tenant, view.call, view.agent, view.team, partial(_body, entry)))


def _body(entry: CallEntry) -> dict[str, Any]:
    memory = entry.worker.memory
    return {"legs": {str(leg.leg): _meters(memory, leg.row) for leg in entry.legs.values() if leg.row >= 0}}


def _meters(memory: Memory, row: int) -> dict[str, Any]:
    level, speaks, up, down = memory.meters(row)
    return {"level_dbov": round(level, 1), "speaks": speaks, "mos_up": round(up, 2) or None, "mos_down": round(down, 2) or None}
