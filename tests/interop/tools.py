"""What every interoperability test needs: the outside tool or a skip by its name, addresses and ports of its own.

Ports lie where the system gives none to who asks for any (32,768 to 60,999): what is chosen here is often used some time later.
"""

import fcntl
import functools
import itertools
import os
import shutil
import socket
import sys
import tempfile
import zlib
from pathlib import Path
from typing import Final

import pytest

ENDING_WITH_US: Final = (sys.executable, "-m", "bench.launch", "-", "0")
"""Before a server's command: it ends with this run of tests, though that be killed."""
LISTENING: Final = range(10_000, 20_000)
"""For SIP, and whatever else is asked."""
PHONES_MEDIA: Final = range(20_000, 28_000)
SERVERS_MEDIA: Final = range(28_000, 32_768)
EXCHANGES_MEDIA: Final = range(61_000, 63_000)
"""Shared by those that pass over what is taken: exchanges without a network, and tests of just that. Above are the benches' servers."""
PATIENCE: Final = 30.0
"""Seconds for what comes within one where the machine has nothing else to do."""
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


def free_port(address: str, among: range = LISTENING, ports: int = 2) -> int:
    """An even port that is free for UDP and TCP at this address, and those after it, so many in all (an even number).

    None is given out twice while whoever has it runs, in no process of tests on this machine, unless it was given back.
    """
    blocks = among[::ports][: len(among) // ports]
    start = os.getpid() * 977 + next(_addresses)
    for number in range(len(blocks)):
        port = blocks[(start + number) % len(blocks)]
        wanted = {(address, each) for each in range(port, port + ports)}
        if _given.isdisjoint(wanted) and _is_ours(address, port, ports) and all(_is_free(*each) for each in wanted):
            _given.update(wanted)
            return port
    raise RuntimeError(f"no free port at {address} from {among.start} to {among.stop - 1}")


def give_back(address: str, port: int, ports: int) -> None:
    """Nobody uses these any more."""
    _given.difference_update((address, each) for each in range(port, port + ports))
    fcntl.lockf(_register(), fcntl.LOCK_UN, ports, _place(address, port))


def _is_ours(address: str, port: int, ports: int) -> bool:
    """Whether no other process of tests has these; from now on they are this one's, until it ends."""
    try:
        fcntl.lockf(_register(), fcntl.LOCK_EX | fcntl.LOCK_NB, ports, _place(address, port))
    except OSError:
        return False
    return True


@functools.cache
def _register() -> int:
    """A file of which nothing is used but the locks: each port has a byte of its own."""
    return os.open(Path(tempfile.gettempdir()) / f"mediaserver-tests-ports-{os.getuid()}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _place(address: str, port: int) -> int:
    return zlib.crc32(address.encode()) << 16 | port


def _is_free(address: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(family, kind) as probe:
            try:
                probe.bind((address, port))
            except OSError:
                return False
    return True
