"""The meters of live calls, read from shared memory a few times a second for whoever watches."""

from functools import partial
from typing import Any

from control_api.ports import HouseEvent
from mediaserver.link.memory import Memory
from mediaserver.signalling.calls.live import CallEntry, Calls
from mediaserver.signalling.desk.publishing import Publisher


def tell_meters(calls: Calls, publisher: Publisher) -> None:
    """One `meters` event a call; nothing where nobody listens."""
    if not publisher.has_listeners:
        return
    for entry in calls:
        legs = _levels(entry)
        if legs:
            view = entry.view
            publisher.tell(HouseEvent("meters", view.tenant, view.call, view.agent, view.team, partial(dict, legs=legs)))


def _levels(entry: CallEntry) -> dict[str, Any]:
    memory = entry.worker.memory
    return {str(leg.leg): _meters(memory, leg.row) for leg in entry.legs.values() if leg.row >= 0}


def _meters(memory: Memory, row: int) -> dict[str, Any]:
    up, down = memory.mos(row)
    return {
        "level_dbov": round(memory.level_dbov(row), 1),
        "speaks": memory.speaks(row),
        "mos_up": round(up, 2) or None,
        "mos_down": round(down, 2) or None,
    }
