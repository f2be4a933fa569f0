"""Workers, tracers and writers into the database that start warm: as copies that whoever starts them made of himself before.

Each is his child by a process id of its own, as what `subprocess.Popen` starts is, and is told the same: what stands in its command line,
its environment, the descriptors that it inherits. What there is no copy for any more is started as ever.
"""

import fcntl
import gc
import importlib
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, NoReturn

KINDS: Final = ("mediaserver.worker", "mediaserver.tracing", "mediaserver.storage")
"""Modules that `python -m` runs, loaded before the copies are made."""
_MOST_OCTETS: Final = 1 << 17
_MOST_DESCRIPTORS: Final = 4
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_waiting: Final[list[tuple[int, socket.socket]]] = []
"""The copies that nobody needed yet, and the ways to tell them what they are."""


def load() -> None:
    """Load what the copies need, and do what is done for the first time."""
    for kind in KINDS:
        importlib.import_module(f"{kind}.__main__")
    importlib.import_module("sqlalchemy.dialects.sqlite.aiosqlite")
    from mediaserver.worker.rehearsal import rehearse

    rehearse()


@contextmanager
def ready(copies: int = 4) -> Iterator[None]:
    """Have so many copies of this process wait for what it starts. Best begun before it has threads or anything open."""
    for _ in range(copies):
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        pid = os.fork()
        if not pid:
            ours.close()
            for _, earlier in _waiting:
                earlier.close()
            _live(its)
        its.close()
        _waiting.append((pid, ours))
    cold, subprocess.Popen = subprocess.Popen, _Child  # type: ignore[assignment,misc]
    try:
        yield
    finally:
        subprocess.Popen = cold  # type: ignore[misc]
        while _waiting:
            pid, way = _waiting.pop()
            way.close()
            os.waitpid(pid, 0)


class _Child(subprocess.Popen[bytes]):
    """A process that the server starts."""

    def _execute_child(
        self, args: Sequence[str], executable: object, preexec: object, close: bool, given: Sequence[int], folder: object, *more: Any
    ) -> None:
        """As that of `subprocess`; what it is given is said there."""
        is_ours = not isinstance(args, str) and tuple(args[:2]) == (sys.executable, "-m") and args[2] in KINDS
        if not (is_ours and _waiting):
            super()._execute_child(args, executable, preexec, close, given, folder, *more)  # type: ignore[misc]
            return
        environment, _, _, _, *pipes = more[:10]
        descriptors = {number: number for number in given}
        if pipes[0] >= 0:
            descriptors[0] = pipes[0]
        self.pid, way = _waiting.pop()
        self._child_created = True
        resource.prlimit(self.pid, resource.RLIMIT_NOFILE, resource.getrlimit(resource.RLIMIT_NOFILE))
        order = json.dumps([args[2:], dict(os.environ if environment is None else environment), list(descriptors)])
        with way:
            socket.send_fds(way, [order.encode()], list(descriptors.values()))
        self._close_pipe_fds(*pipes)  # type: ignore[attr-defined]


def _live(way: socket.socket) -> NoReturn:
    """Be nobody until told what to be, be that, and end; at once where nobody tells."""
    gc.freeze()  # nothing of what we were is to be cleared away: a socket's number may be another one's by then
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    code = 1
    try:
        order, descriptors, _, _ = socket.recv_fds(way, _MOST_OCTETS, _MOST_DESCRIPTORS)
        if order:
            way.close()
            (kind, *arguments), environment, numbers = json.loads(order)
            _put(descriptors, numbers)
            _become(kind, arguments, environment)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _put(descriptors: Sequence[int], numbers: Sequence[int]) -> None:
    """Let each descriptor have the number that it has with who told us."""
    above = max(2, *numbers, *descriptors) + 1
    moved = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, above) for descriptor in descriptors]
    os.closerange(3, above)
    for descriptor, number in zip(moved, numbers, strict=True):
        os.dup2(descriptor, number)
        os.close(descriptor)


def _become(kind: str, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
    """Be what `python -m` would start."""
    for number in _SIGNALS:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [kind, *arguments]
    gc.enable()
    importlib.import_module(f"{kind}.__main__").main()
