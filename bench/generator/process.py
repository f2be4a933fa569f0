"""What a measuring process must arrange with the kernel: core, death with its parent, descriptors, a network of its own."""

import contextlib
import ctypes
import fcntl
import os
import random
import resource
import signal
import socket
import struct
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_CLONE_NEWNET = 0x40000000
_NOT_LENT = range(63_000, 64_000)
"""Ports above those that the kernel lends by itself."""
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 0x1


class PreparationFailed(Exception):
    """The machine does not let the bench do what it must; the text says what and how to help."""


def die_with_parent() -> None:
    """Have the kernel send SIGTERM when the parent dies (prctl(2), PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def pin(core: int) -> None:
    """Keep this process, and those it will start, on one core, wherever it was kept before. Raises `PreparationFailed`."""
    try:
        os.sched_setaffinity(0, {core})
    except OSError as error:
        raise PreparationFailed(f"this machine has no core {core} for us: choose others with --server-core, --generator-core") from error


def hurry() -> bool:
    """Ask for real-time priority (SCHED_RR), so that other work on the machine does not make us late; whether it was given."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except PermissionError:
        return False
    return True


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Wait until no other bench measures on this machine, and keep others waiting: two at once measure each other."""
    path = Path(tempfile.gettempdir()) / "mediaserver-bench.lock"
    if not path.exists():
        path.touch()
    with path.open("rb") as file:  # another user's may be read, and that is enough to lock it
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.stderr.write("bench: waiting for another bench on this machine to end (--no-wait does not)\n")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def need_descriptors(count: int) -> None:
    """Raise the soft limit of open files to ``count`` or fail with what to do."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        raise PreparationFailed(
            f"{count} open files are needed and the hard limit is {hard}: raise it (ulimit -Hn), or ask for fewer calls"
        )
    if soft != resource.RLIM_INFINITY and soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


def may_isolate() -> bool:
    """Whether this process may make itself a network namespace."""
    return os.geteuid() == 0


def isolate_network() -> None:
    """Move into a new network namespace with loopback up. Call before any thread or socket exists."""
    library = ctypes.CDLL(None, use_errno=True)
    if library.unshare(_CLONE_NEWNET) != 0:
        raise PreparationFailed(f"no network namespace: {os.strerror(ctypes.get_errno())}; use --no-netns")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(handle, _SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(handle, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | _IFF_UP))


def free_port(address: str, kind: socket.SocketKind) -> int:
    """A port that is free now on this address, by lot, and that the kernel lends to nobody by itself until it is used."""
    for port in random.sample(_NOT_LENT, len(_NOT_LENT)):
        with socket.socket(socket.AF_INET, kind) as handle, contextlib.suppress(OSError):
            handle.bind((address, port))
            return port
    raise PreparationFailed(f"no free port on {address} from {_NOT_LENT.start} to {_NOT_LENT.stop - 1}")
