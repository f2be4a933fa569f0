"""The meters of live calls, read from shared memory a few times a second for whoever watches."""

from functools import partial
from typing import Any, Final

from control_api.ports import HouseEvent
from mediaserver.link.memory import Memory
from mediaserver.signalling.calls.live import CallEntry, Calls
from mediaserver.signalling.desk.publishing import Publisher

PARTS: Final = 16
"""Slices of a round: one with hundreds of calls would hold up commands for as long as all of them take."""


class MeterRounds:
    """Rounds through all calls, told a slice at a time."""

    def __init__(self, calls: Calls, publisher: Publisher) -> None:
        self._calls = calls
        self._publisher = publisher
        self._part = 0

    def step(self) -> None:
        """One `meters` event for each call of the next slice; nothing where nobody watches.

        What it holds is read where somebody who may see the call wants it.
        """
        self._part = (self._part + 1) % PARTS
        if not self._publisher.has_watchers:
            return
        for entry in [entry for entry in self._calls if entry.number % PARTS == self._part and not entry.is_lounge]:
            if any(leg.row >= 0 for leg in entry.legs.values()):
                view = entry.view
                body, discretion = partial(_body, entry), self._publisher.discretion(view)
                self._publisher.tell(HouseEvent("meters", view.tenant, view.call, view.agent, view.team, body, discretion=discretion))


def _body(entry: CallEntry) -> dict[str, Any]:
    memory = entry.worker.memory
    return {"legs": {str(leg.leg): _meters(memory, leg.row) for leg in entry.legs.values() if leg.row >= 0}}


def _meters(memory: Memory, row: int) -> dict[str, Any]:
    level, speaks, up, down = memory.meters(row)
    return {"level_dbov": round(level, 1), "speaks": speaks, "mos_up": round(up, 2) or None, "mos_down": round(down, 2) or None}
