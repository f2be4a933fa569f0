"""Refusals that come in floods: so many of one kind are written one by one, the others are summed up. Pure.

Else whoever guesses tokens would fill the disk, and a full journal lets nobody supervise.
"""

from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Final

from mediaserver.audit.entry import Fact

WINDOW: Final = 10.0
"""Seconds."""
SINGLY: Final = 20
"""Written one by one in a window."""
MOST_SOURCES: Final = 1000


@dataclass(slots=True)
class _Flood:
    began: float
    last: Fact
    count: int = 0


class Coalescing:
    """Who is refused how often. Sources beyond the bound are counted as one."""

    def __init__(self) -> None:
        self._floods: OrderedDict[tuple[str, str, str, str], _Flood] = OrderedDict()

    def takes(self, fact: Fact, now: float) -> bool:
        """Whether the fact is kept for the sum; else it is to be written by itself."""
        key = (fact.kind, fact.tenant, fact.identity, fact.address)
        if key not in self._floods and len(self._floods) >= MOST_SOURCES:
            key = (fact.kind, "", "", "")
        flood = self._floods.get(key)
        if flood is None:
            flood = self._floods[key] = _Flood(now, fact)
        flood.count += 1
        if flood.count <= SINGLY:
            return False
        flood.last = fact
        return True

    def due(self, now: float) -> list[Fact]:
        """The sums of the windows that are over."""
        sums = []
        for key, flood in list(self._floods.items()):
            if now - flood.began >= WINDOW:
                del self._floods[key]
                if flood.count > SINGLY:
                    sums.append(_sum(flood, everybody=key[1:] == ("", "", "") and flood.last.address != ""))
        return sums


def _sum(flood: _Flood, *, everybody: bool) -> Fact:
    last = replace(flood.last, tenant="", identity="", address="") if everybody else flood.last
    return replace(last, detail={**last.detail, "times": flood.count - SINGLY})
