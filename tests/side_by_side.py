"""How tests run side by side: in chains.

A chain is run by one process, one test after the other. Files in one chain share the servers that they start, and wait (for phones that
speak, for SIP's timers) while other chains wait too. Every other file is a chain of its own, begun when one of the long ones has ended.
What only computes has a queue of its own (`tests.processes`): it fills what the others leave of the cores, and does not take them from
phones whose sound is judged.
"""

from pathlib import Path
from typing import Final

_PHONES: Final = ("secured", "kamailio", "transfers", "transports")
_DESKS: Final = ("webrtc", "following")
_BARESIPS: Final = ("baresip", "pyvoip", "codecs_by_baresip", "phones")
_SERVERS: Final = ("attackers", "finding", "trunks", "codecs", "ways", "built_in", "stopping", "trace")
_REAL_WORKERS: Final = ("process", "orphans", "sorting", "report_sockets", "ipv6", "secured_door")
CHAINS: Final = (
    tuple(f"interop/test_{name}.py" for name in _PHONES),
    tuple(f"interop/test_{name}.py" for name in _DESKS),
    ("interop/",),
    tuple(f"interop/test_{name}.py" for name in _SERVERS),
    tuple(f"interop/test_{name}.py" for name in _BARESIPS),
    ("mediaserver/audit/", "mediaserver/storage/"),
    ("mediaserver/signalling/test_starting.py", "mediaserver/signalling/media/", "mediaserver/cli/test_serving.py"),
    ("sip/transport/", "sip/test_torture_sockets.py", *(f"mediaserver/worker/test_{name}.py" for name in _REAL_WORKERS)),
)
"""Files and rooms below this folder, the longest chain first."""
COMPUTING: Final = ("house/", "mediaserver/worker/", "bench/audio/", "bench/coding/", "mediaserver/call/", "sip/", "rtp/", "mixer/")
"""Rooms whose files wait for nothing, being on a virtual clock; and what builds and installs, which waits for nobody who speaks."""

_PLACES: Final = {name: number for number, chain in enumerate(CHAINS) for name in chain} | {
    room: number for number, room in enumerate(COMPUTING, len(CHAINS) + 1)
}
_HERE: Final = Path(__file__).parent.name


def place_of(nodeid: str) -> int:
    """The number of a test's chain; for a file on its own one above all of them, and above that where it only computes."""
    path = _file(nodeid).removeprefix(f"{_HERE}/")
    named = [name for name in _PLACES if path.startswith(name)]
    return _PLACES[max(named, key=len)] if named else len(CHAINS)


def chain_of(nodeid: str) -> str:
    """The name of a test's chain."""
    place = place_of(nodeid)
    return f"chain {place}" if place < len(CHAINS) else _file(nodeid)


def computes(nodeid: str) -> bool:
    """Whether a test is in a file that only computes."""
    return place_of(nodeid) > len(CHAINS)


def _file(nodeid: str) -> str:
    return nodeid.partition("::")[0]
