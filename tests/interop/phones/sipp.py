"""SIPp runs a scenario on loopback, in bounded time, and says how many calls went as written.

A scenario is a file of ours in ``tests/interop/sipp`` or one that SIPp brings (``uac``, ``uas``). A `Sipp` runs beside the test; where it
shall end first, wait for `Sipp.finished`.
"""

import asyncio
import contextlib
import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from bench.sipp import bound
from tests.interop.phones.parts import assembled
from tests.interop.tools import PATIENCE, PHONES_MEDIA, free_port, in_uri, path_of

_MEDIA_PORTS: Final = 4
"""How many SIPp takes: for audio and for video."""

BUILT_IN: Final = frozenset({"uac", "uas", "regexp", "branchc", "branchs", "uac_pcap"})
_GRACE: Final = 10.0
_HEADLINE: Final = re.compile(r"^-+ (\S+ \S+)\n\w+ message (sent|received) .*:\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Statistics:
    """What SIPp counted."""

    successful: int
    failed: int
    retransmissions: int
    exit_code: int
    """0: every call went as written."""
    errors: str
    """The end of its error log; empty where nothing went wrong."""

    def check(self, calls: int = 1) -> None:
        """Fail unless this many calls went as written and none otherwise."""
        as_written = (self.successful, self.failed, self.exit_code) == (calls, 0, 0)
        assert as_written, f"SIPp: {self.successful} of {calls} calls went as written, {self.failed} did not\n{self.errors}"


@dataclass(frozen=True, slots=True)
class Told:
    """A message."""

    at: datetime
    is_received: bool
    text: str


class Sipp:
    """One SIPp process. In ``async with`` it runs; `finished` waits for its end, leaving ends it early."""

    def __init__(
        self,
        folder: Path,
        scenario: str,
        remote: str = "",
        *,
        calls: int = 1,
        rate: float = 10,
        service: str = "service",
        keys: Mapping[str, str] | None = None,
        options: Sequence[str] = (),
        address: str = "127.0.0.1",
        port: int = 0,
        transport: str = "u1",
        repeats_ms: int = 500,
        lingers_ms: int = 0,
        within: float = 2 * PATIENCE,
    ) -> None:
        """Run ``scenario`` toward ``remote`` (``host:port``; empty for one that waits), at most ``within`` seconds.

        ``service`` fills ``[service]``; ``keys`` fill ``[name]`` anywhere in a scenario of ours; ``transport`` is that of SIPp's
        ``-t``: ``u1`` or ``t1``; after ``repeats_ms`` a scenario of ours says again what was not answered, and for ``lingers_ms`` after
        its end it answers again what comes again.
        """
        self._command = path_of("sipp")
        self.address = address
        self.port = port or free_port(address)
        self._folder = folder
        self._within = within
        self._repeats_ms, self._lingers_ms = repeats_ms, lingers_ms
        self._process: asyncio.subprocess.Process | None = None
        folder.mkdir(parents=True, exist_ok=True)
        named = ["-sn", scenario] if scenario in BUILT_IN else ["-sf", str(self._filled(scenario, keys or {}))]
        self._arguments = [*([remote] if remote else []), *named, "-s", service, "-i", address, "-p", str(self.port), "-t", transport]
        self._arguments += ["-mi", address, "-mp", str(free_port(address, PHONES_MEDIA, _MEDIA_PORTS)), "-m", str(calls), "-r", f"{rate:g}"]
        self._arguments += ["-nostdin", "-timeout", f"{within:.0f}s", "-timeout_error", "-trace_stat", "-stf", "statistics.csv", "-fd", "1"]
        self._arguments += ["-trace_err", "-error_file", "errors.log", "-trace_msg", "-message_file", "messages.log"]
        self._arguments += options

    @property
    def uri(self) -> str:
        """Where a waiting scenario can be called."""
        return f"sip:service@{in_uri(self.address)}:{self.port}"

    async def __aenter__(self) -> Self:
        with (self._folder / "screen.log").open("wb") as screen:
            self._process = await asyncio.create_subprocess_exec(
                self._command, *self._arguments, cwd=self._folder, stdin=asyncio.subprocess.DEVNULL, stdout=screen, stderr=screen
            )
        await bound(self._process, self.address, self.port)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    async def finished(self) -> Statistics:
        """Wait for the end of the scenario and read what SIPp counted."""
        assert self._process is not None, "SIPp was not started"
        try:
            async with asyncio.timeout(self._within + _GRACE):
                exit_code = await self._process.wait()
        except TimeoutError:
            exit_code = -1
        return self._statistics(exit_code)

    def messages(self) -> str:
        """Every message sent and received so far, as SIPp wrote them down."""
        path = self._folder / "messages.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def told(self) -> list[Told]:
        """The same one by one."""
        _, *parts = _HEADLINE.split(self.messages().replace("\r", ""))
        return [
            Told(datetime.fromisoformat(at), way == "received", text.strip()) for at, way, text in zip(*(iter(parts),) * 3, strict=True)
        ]

    def _filled(self, scenario: str, keys: Mapping[str, str]) -> Path:
        """The scenario with its parts and keys filled in; SIPp's own ``-key`` does so inside messages only."""
        text = assembled(scenario)
        for name, value in keys.items():
            text = text.replace(f"[{name}]", value) if value else text.replace(f"[{name}]\n", "")
        text = text.replace('retrans="500"', f'retrans="{self._repeats_ms}"')
        if self._lingers_ms:
            text = text.replace("</scenario>", f'  <timewait milliseconds="{self._lingers_ms}"/>\n</scenario>')
        path = self._folder / f"{scenario}.xml"
        path.write_text(text)
        return path

    def _statistics(self, exit_code: int) -> Statistics:
        path = self._folder / "statistics.csv"
        rows = list(csv.DictReader(path.open(errors="replace"), delimiter=";")) if path.exists() else []
        last = rows[-1] if rows else {}
        counted = [int(last.get(f"{name}(C)") or 0) for name in ("SuccessfulCall", "FailedCall", "Retransmissions")]
        return Statistics(counted[0], counted[1], counted[2], exit_code, self._errors(exit_code))

    def _errors(self, exit_code: int) -> str:
        """Why it went wrong: its error log, else its last words, and the last messages."""
        if exit_code == 0:
            return ""
        texts = [self._folder / name for name in ("errors.log", "screen.log", "messages.log")]
        return "\n".join(path.read_text(errors="replace")[-2500:] for path in texts if path.exists())
