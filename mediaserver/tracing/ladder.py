"""A call's trace as a ladder: the far ends side by side, the server between them, an arrow a message."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sip.transport.flow import Address

SERVER: Final = "mediaserver"
_NARROWEST: Final = 22
_TIME: Final = 13


@dataclass(frozen=True, slots=True)
class Rung:
    """One message."""

    clock: str
    """``12:00:01.123``."""
    is_sent: bool
    remote: Address
    party: str
    """The far end's part in the call: ``customer``, ``agent``, ``supervisor``."""
    summary: str


def summary_of(data: bytes) -> str:
    """``INVITE sip:100@example.org (SDP)``, ``200 OK (INVITE)``."""
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode("utf-8", "replace").split("\r\n")
    method = next((line.split(":", 1)[1].split()[-1] for line in lines[1:] if line[:5].lower() == "cseq:" and len(line.split()) > 1), "")
    first = lines[0]
    text = f"{first[8:]} ({method})" if first.upper().startswith("SIP/2.0 ") else first.removesuffix(" SIP/2.0")
    kind = next((line.split(":", 1)[1].strip() for line in lines[1:] if line[:13].lower() == "content-type:"), "")
    if not body:
        return text
    return text + (" (SDP)" if "sdp" in kind.lower() else f" [{kind.split(';')[0]}]")


def ladder(rungs: Sequence[Rung], width: int = 120) -> list[str]:
    """The lines of a ladder, as wide as may be. The first far end stands on the left of the server, all others on its right."""
    ends = _ends(rungs)
    columns = len(ends) + 1
    cell = max(_NARROWEST, (width - _TIME) // columns)
    lines = [" " * _TIME + "".join(name.center(cell) for name in _names(ends)), " " * _TIME + "│".center(cell) * columns]
    places = {end: index if index == 0 else index + 1 for index, end in enumerate(ends)}
    server = min(1, columns - 1)
    for rung in rungs:
        lines.append(rung.clock.ljust(_TIME) + _arrow(rung, places[rung.remote, rung.party], server, columns, cell))
    return [line.rstrip() for line in lines]


def _ends(rungs: Sequence[Rung]) -> list[tuple[Address, str]]:
    return list(dict.fromkeys((rung.remote, rung.party) for rung in rungs))


def _names(ends: Sequence[tuple[Address, str]]) -> list[str]:
    names = [f"{party or 'far end'} {host}:{port}" for (host, port), party in ends]
    return [*names[:1], SERVER, *names[1:]]


def _arrow(rung: Rung, end: int, server: int, columns: int, cell: int) -> str:
    """One line: bars of whom it passes, and the arrow with its text between its two ends."""
    line = list("│".center(cell) * columns)
    left, right = sorted((end, server))
    middle = cell // 2 - (1 - cell % 2)
    start, stop = left * cell + middle + 1, right * cell + middle
    space = max(0, stop - start - 2)
    text = rung.summary if len(rung.summary) <= space - 2 else rung.summary[: max(0, space - 3)] + "…"
    points_right = rung.is_sent is (server < end)
    shaft = f" {text} ".center(space, "─")
    line[start:stop] = (f"─{shaft}►" if points_right else f"◄{shaft}─")[: stop - start]
    return "".join(line)
