"""The server under measurement: started as a process of its own, asked whether it is ready, weighed by /proc."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from bench.generator import process
from bench.house import House

READY_WITHIN = 30.0
_PAGE = os.sysconf("SC_PAGE_SIZE")
_OF_A_PROCESS = 2
"""Of a clock's number (`clock_getcpuclockid`): processor time, by the scheduler's own account, to the nanosecond."""


class ServerFailed(Exception):
    """The server did not start, or died; the text ends with what it said last."""


class Server:
    """`mediaserver serve` on one core. An asynchronous context: entering waits until it is ready, leaving ends it."""

    def __init__(
        self,
        house: House,
        *,
        core: int | None = 0,
        nice: int = 0,
        module: tuple[str, ...] = ("mediaserver",),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.house = house
        self._core = core
        self._nice = nice
        self._module = module
        self._environment = dict(environment or {})

    async def __aenter__(self) -> Self:
        process.need_descriptors(self.house.calls * 10 + 500)
        self._folder = tempfile.TemporaryDirectory(prefix="bench-")
        file = Path(self._folder.name) / "mediaserver.toml"
        file.write_text(self.house.file())
        self._log = Path(self._folder.name) / "server.log"

        self._process = self._launch(["serve", "--config", str(file)])
        try:
            await self._wait_ready()
        except BaseException:
            self._end()
            raise
        self._watch()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        asyncio.get_running_loop().remove_reader(self._death)
        os.close(self._death)
        log = self.log()
        await asyncio.to_thread(self._end)
        if self._is_dead:
            self._task.uncancel()
            raise ServerFailed(f"the server died with {self._process.returncode}:\n{log}") from None
        if error is not None:
            error.add_note(f"the server said last:\n{log}")

    def _launch(self, arguments: list[str]) -> subprocess.Popen[bytes]:
        core = "-" if self._core is None else str(self._core)
        launcher = [sys.executable, "-m", "bench.launch", core, str(self._nice)]
        command = [*launcher, sys.executable, "-m", *self._module, *arguments]
        with self._log.open("wb") as log:
            return subprocess.Popen(
                command, stdout=log, stderr=subprocess.STDOUT, env=os.environ | self._environment, start_new_session=True
            )

    def _watch(self) -> None:
        """From now on the server's death cancels whoever measures it: nothing that follows would mean anything."""
        task = asyncio.current_task()
        assert task is not None
        self._task, self._is_dead = task, False
        self._death = os.pidfd_open(self._process.pid)
        asyncio.get_running_loop().add_reader(self._death, self._died)

    def _died(self) -> None:
        asyncio.get_running_loop().remove_reader(self._death)
        self._is_dead = True
        self._task.cancel()

    def kill(self, *, with_storage: bool = True) -> None:
        """Kill all of it at once, instead of leaving the context; without storage, the process that writes into the database goes on."""
        asyncio.get_running_loop().remove_reader(self._death)
        os.close(self._death)
        for pid in self.processes():
            if with_storage or b"mediaserver.storage" not in command_of(pid):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        self._process.wait()
        self._folder.cleanup()

    def log(self) -> str:
        """The end of what the server has said."""
        return self._log.read_text(errors="replace")[-3000:]

    def processes(self) -> list[int]:
        """The server's process and all below it."""
        found = [self._process.pid]
        for pid in found:
            for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
                try:
                    found += [int(child) for child in tasks.read_text().split()]
                except OSError:
                    continue
        return found

    def cpu_seconds(self) -> float:
        """Processor time of all its processes so far."""
        return sum(cpu_seconds(pid) for pid in self.processes())

    def resident_kib(self) -> int:
        """Resident memory of all its processes, KiB; what two of them share counts twice."""
        return sum(_resident_kib(pid) for pid in self.processes())

    async def metrics(self) -> str:
        """The text of ``/metrics``; empty where it cannot be had."""
        return await asyncio.to_thread(self._get, "/metrics")

    def _get(self, path: str) -> str:
        try:
            with urllib.request.urlopen(f"http://{self.house.control}{path}", timeout=5) as answer:
                return str(answer.read().decode())
        except OSError:
            return ""

    async def _wait_ready(self) -> None:
        deadline = time.monotonic() + READY_WITHIN
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise ServerFailed(f"the server ended with {self._process.returncode}:\n{self.log()}")
            if await asyncio.to_thread(self._is_ready):
                return
            await asyncio.sleep(0.1)
        raise ServerFailed(f"the server was not ready within {READY_WITHIN:.0f} s:\n{self.log()}")

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{self.house.control}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def _end(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
        self._folder.cleanup()


def cpu_seconds(pid: int) -> float:
    """Processor time of one process so far; 0 where it is gone."""
    try:
        return time.clock_gettime(~pid << 3 | _OF_A_PROCESS)
    except OSError:
        return 0.0


def command_of(pid: int) -> bytes:
    """A process's command line; empty where it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _resident_kib(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE // 1024
    except OSError:
        return 0
