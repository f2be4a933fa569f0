"""Servers that start warm: one process a run loads the server's code, and is copied for each server. Loading it anew takes most of a start.

A server that is started so is `mediaserver serve` in all but that: a session of its own, its environment, its output in its log. It
ends with the process that it was copied from, which ends with the tests. What starts cold is tried by the benches and by
`tests.mediaserver.cli`.
"""

import functools
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from bench.generator.process import die_with_parent
from tests.interop import warm_children
from tests.interop.tools import ENDING_WITH_US

_MOST_OCTETS: Final = 1 << 17
"""Of an order."""


class WarmProcess:
    """A server's process; what `subprocess.Popen` would tell of it."""

    def __init__(self, pid: int, fate: int) -> None:
        """``fate`` is a pipe in which its exit code is written when it has ended."""
        self.pid = pid
        self.returncode: int | None = None
        self._fate = fate

    def poll(self) -> int | None:
        """The exit code; None while it runs."""
        return self._look(0.0)

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, when it has ended. Raises `subprocess.TimeoutExpired`."""
        code = self._look(timeout)
        if code is None:
            raise subprocess.TimeoutExpired("mediaserver", timeout or 0.0)
        return code

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal, if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def _look(self, timeout: float | None) -> int | None:
        if self.returncode is None and select.select([self._fate], [], [], timeout)[0]:
            self.returncode = int(os.read(self._fate, 16) or b"-9")  # nothing is written only where the copied process was killed
            os.close(self._fate)
        return self.returncode


def start(arguments: list[str], environment: Mapping[str, str], log: Path) -> WarmProcess:
    """Start `mediaserver` with these arguments; what it says goes into ``log``."""
    order = json.dumps([arguments, dict(environment)]).encode()
    fate, its_end = os.pipe()
    with log.open("wb") as said:
        socket.send_fds(_original(), [order], [said.fileno(), its_end])
    os.close(its_end)
    return WarmProcess(int(_original().recv(16)), fate)


@functools.cache
def _original() -> socket.socket:
    """The way to the process that is copied."""
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [*ENDING_WITH_US, sys.executable, "-m", "tests.interop.warm", str(its.fileno())]
    subprocess.Popen(command, pass_fds=[its.fileno()])
    its.close()
    return ours


class _Original:
    """Copies itself for whoever asks, and says how each copy ended."""

    def __init__(self, asking: socket.socket) -> None:
        self._asking = asking
        self._fates: dict[int, int] = {}

    def serve(self) -> None:
        """Until nobody can ask any more; in a copy, return with what it is to do left to `main`."""
        ended, tell = os.pipe()
        os.set_blocking(tell, False)
        signal.set_wakeup_fd(tell)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        while True:
            ready, _, _ = select.select([self._asking.fileno(), ended], [], [])
            if ended in ready:
                os.read(ended, 4096)
                self._reap()
            if self._asking.fileno() in ready:
                order, descriptors, _, _ = socket.recv_fds(self._asking, _MOST_OCTETS, 2)
                if not order:
                    return
                self._copy(*json.loads(order), *descriptors)

    def _copy(self, arguments: list[str], environment: dict[str, str], log: int, fate: int) -> None:
        pid = os.fork()
        if not pid:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _become(arguments, environment, log)
        os.close(log)
        self._fates[pid] = fate
        self._asking.send(str(pid).encode())

    def _reap(self) -> None:
        while self._fates:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            fate = self._fates.pop(pid)
            os.write(fate, str(os.waitstatus_to_exitcode(status)).encode())
            os.close(fate)


def _become(arguments: list[str], environment: dict[str, str], log: int) -> None:
    """Be the server, and end as it ends."""
    from mediaserver.cli.main import main as serve

    die_with_parent()
    os.setsid()
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.closerange(3, max(map(int, os.listdir("/proc/self/fd"))) + 1)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["mediaserver", *arguments]
    with warm_children.ready():
        gc.enable()
        serve()


def main() -> None:
    """Load what a server needs, then wait to be copied."""
    import mediaserver.signalling.application  # noqa: F401

    warm_children.load()
    gc.freeze()
    _Original(socket.socket(fileno=int(sys.argv[1]))).serve()


if __name__ == "__main__":
    gc.disable()
    main()
