"""What every interoperability test needs: the outside tool or a skip by its name, addresses and ports of its own."""

import itertools
import os
import shutil
import socket
import sys
from typing import Final

import pytest

ENDING_WITH_US: Final = (sys.executable, "-m", "bench.launch", "-", "0")
"""Before a server's command: it ends with this run of tests, though that be killed."""
_FIRST_PORT: Final = 10_000
_LAST_PORT: Final = 19_999
_addresses = itertools.count()
_given: set[tuple[str, int]] = set()


def path_of(command: str) -> str:
    """Where an outside tool is; skips the test by the tool's name where it is not installed."""
    found = shutil.which(command)
    if found is None:
        pytest.skip(f"{command} is not installed: make test-tools")
    return found


def own_address() -> str:
    """A loopback address that no other test of this machine uses now: two bytes by process, one by count."""
    process = os.getpid()
    return f"127.{16 + process // 250 % 200}.{1 + process % 250}.{1 + next(_addresses) % 250}"


def in_uri(address: str) -> str:
    """An address as it stands in URIs."""
    return f"[{address}]" if ":" in address else address


def free_port(address: str, first: int = _FIRST_PORT, last: int = _LAST_PORT, ports: int = 2) -> int:
    """An even port that is free for UDP and TCP at this address, and those after it, so many in all. None is given out twice.

    Test runs side by side begin far from each other, for between the look and the use somebody else may take it.
    """
    start = first + (os.getpid() * 977 + next(_addresses) * 4) % (last - first)
    for offset in range(0, last - first, 2):
        port = first + (start - first + offset) % (last - first) // 2 * 2
        wanted = range(port, port + ports)
        if all((address, each) not in _given and _is_free(address, each) for each in wanted):
            _given.update((address, each) for each in wanted)
            return port
    raise RuntimeError(f"no free port at {address} from {first} to {last}")


def _is_free(address: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(family, kind) as probe:
            try:
                probe.bind((address, port))
            except OSError:
                return False
    return True
