"""SIPp in bounded time, with its built-in scenarios or one of ours, and what it counted."""

import asyncio
import csv
import os
import shutil
import sys
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from types import TracebackType
from typing import Final, Self

GRACE: Final = 20.0
"""Seconds beyond what the calls take, after which SIPp ends by itself."""
_STARTS_WITHIN: Final = 60.0
_TABLES: Final = tuple(Path("/proc/net") / name for name in ("udp", "udp6", "tcp", "tcp6"))


class SippMissing(Exception):
    """SIPp is not installed."""

    def __init__(self) -> None:
        super().__init__("SIPp is not installed: make test-tools")


@dataclass(frozen=True, slots=True)
class Counted:
    """What one SIPp saw."""

    created: int
    """Calls that it began."""
    rate: float
    """Of these, a second."""
    successful: int
    failed: int
    retransmissions: int
    answered_ms: tuple[tuple[float, float], ...]
    """When (milliseconds since 1970) each call was answered, and after how many milliseconds."""
    exit_code: int
    said: str
    """The end of what it said."""


async def bound(process: asyncio.subprocess.Process, address: str, port: int) -> None:
    """Wait until a process has its socket, or has ended; before, what is sent there is refused. TimeoutError where it takes a minute."""
    local = f": {_as_the_kernel_writes(address)}:{port:04X} "
    async with asyncio.timeout(_STARTS_WITHIN):
        while process.returncode is None and not any(local in table.read_text() for table in _TABLES if table.exists()):
            await asyncio.sleep(0.02)


def _as_the_kernel_writes(address: str) -> str:
    """In words of 32 bits, each with its octets turned around (proc_net_tcp)."""
    packed = ip_address(address).packed
    return "".join(packed[word : word + 4][::-1].hex().upper() for word in range(0, len(packed), 4))


class Sipp:
    """One SIPp process on one core; leaving its context ends it. ``scenario`` is the name of a built-in one, or a file's absolute path.

    Where it has a ``port``, its context is entered when it can be called there.
    """

    def __init__(
        self, folder: Path, scenario: str, address: str, *options: str, core: int | None, within: float, port: int | None = None
    ) -> None:
        self._folder = folder
        self._within = within
        self._place = address, port
        folder.mkdir(parents=True, exist_ok=True)
        if shutil.which("sipp") is None:
            raise SippMissing
        self._command = [
            *(sys.executable, "-m", "bench.launch", "-" if core is None else str(core), "0"),
            *("sipp", "-sf" if scenario.startswith("/") else "-sn", scenario, "-i", address, "-mi", address, "-nostdin", *options),
            *(() if port is None else ("-p", str(port))),
            *("-timeout", f"{within:.0f}s", "-timeout_error", "-trace_stat", "-stf", "statistics.csv", "-fd", "1"),
            *("-trace_err", "-error_file", "errors.log"),
        ]

    async def __aenter__(self) -> Self:
        with (self._folder / "screen.log").open("wb") as screen:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, cwd=self._folder, stdout=screen, stderr=screen, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
            )
        address, port = self._place
        if port is not None:
            await bound(self._process, address, port)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def finished(self) -> Counted:
        """Wait for its end, and read what it counted."""
        async with asyncio.timeout(self._within + GRACE):
            code = await self._process.wait()
        last = self._statistics()
        errors = self._folder / "errors.log"
        said = errors.read_text(errors="replace")[-2000:] if errors.exists() else ""
        return Counted(
            int(last.get("TotalCallCreated", 0)),
            float(last.get("CallRate(C)", 0)),
            int(last.get("SuccessfulCall(C)", 0)),
            int(last.get("FailedCall(C)", 0)),
            int(last.get("Retransmissions(C)", 0)),
            self._answers(),
            code,
            said,
        )

    def _statistics(self) -> dict[str, str]:
        try:
            with (self._folder / "statistics.csv").open(newline="") as file:
                rows = list(csv.DictReader(file, delimiter=";"))
        except OSError:
            return {}
        return rows[-1] if rows else {}

    def _answers(self) -> tuple[tuple[float, float], ...]:
        """SIPp's file of response times: moment and time, both in milliseconds."""
        found: list[tuple[float, float]] = []
        for path in self._folder.glob("*_rtt.csv"):
            for line in path.read_text().splitlines()[1:]:
                moment, milliseconds, *_ = line.split(";")
                found.append((float(moment), float(milliseconds)))
        return tuple(sorted(found))
