"""The tracer as signalling sees it: a process that is told every message, and asked for a call's.

Messages are gathered for a moment and leave as few packets. What the link does not take waits, up to a bound; beyond it messages are
dropped and counted, and the calls notice nothing. A tracer that dies is started anew, and its trace begins anew.
"""

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Final

import structlog

from config.settings import TraceSettings
from control_api.permissions import Refusal, Subject
from mediaserver.observing.counters import Counters
from mediaserver.tracing.records import LARGEST_PACKET, Answered, Asked, CallKnown, Heard, Record, Tied, decode, encode
from sip.transport.flow import Flow

_log = structlog.get_logger(__name__)

GATHER_SECONDS: Final = 0.02
MOST_WAITING: Final = 8_000_000
"""Octets that wait for a tracer that does not read."""
ANSWERS_WITHIN: Final = 5.0
RESTARTS_AFTER: Final = 1.0
MOST_QUESTIONS: Final = 64
_LARGEST_READ: Final = 262_144
_BUFFER: Final = 1_048_576


class Tracer:
    """The process and our end of its link; without a trace (``enabled = false``) everything here does nothing."""

    def __init__(self, settings: TraceSettings, counters: Counters) -> None:
        self._settings = settings
        self._counters = counters
        self._process: subprocess.Popen[bytes] | None = None
        self._link: socket.socket | None = None
        self._batch = bytearray()
        self._batched = 0
        """SIP messages in the batch."""
        self._waiting: deque[tuple[bytes, int]] = deque()
        """Packets, and how many SIP messages each has."""
        self._waiting_octets = 0
        self._flush_handle: asyncio.TimerHandle | None = None
        self._questions: dict[int, asyncio.Future[Answered]] = {}
        self._last_question = 0
        self._wall = 0.0
        self._restart: asyncio.TimerHandle | None = None
        self._own_folder: tempfile.TemporaryDirectory[str] | None = None

    # life

    def start(self) -> None:
        """Start the process. Raises `OSError`."""
        if self._settings.enabled and self._link is None:
            self._wall = time.time() - time.monotonic()
            self._launch()

    def close(self) -> None:
        """End it; what it kept is gone."""
        if self._restart is not None:
            self._restart.cancel()
        self._let_go()
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(2.0)
            self._process.kill()
            self._process.wait()
        if self._own_folder is not None:
            self._own_folder.cleanup()

    @property
    def pid(self) -> int | None:
        """The process; None without a trace."""
        return None if self._process is None else self._process.pid

    # telling

    def heard(self, data: bytes, flow: Flow, is_sent: bool, now: float) -> None:
        """A SIP message came or went."""
        if self._link is not None:
            self._tell(Heard(self._wall + now, is_sent, flow.transport, flow.local, flow.remote, data))
        elif self._process is not None:
            self._lose("tracer_gone", 1)

    def tie(self, sip_call_id: str, call: str, leg: int, role: str) -> None:
        """A SIP dialog is a leg of a call."""
        if self._link is not None:
            self._tell(Tied(sip_call_id, call, leg, role))

    def know(self, call: str, subject: Subject) -> None:
        """Whose a call is now."""
        if self._link is not None:
            self._tell(CallKnown(call, subject.tenant, subject.agent, subject.team))

    # asking

    async def ask(self, call: str, after: int, most: int) -> Answered:
        """A call's messages after a place. Raises `Refusal` ``unavailable`` or ``timeout``."""
        if self._link is None:
            raise Refusal("unavailable", "nothing is traced", "set trace.enabled = true")
        if len(self._questions) >= MOST_QUESTIONS:
            raise Refusal("too_many", "too many ask for traces", "try again in a moment")
        self._last_question += 1
        question = self._last_question
        future: asyncio.Future[Answered] = asyncio.get_running_loop().create_future()
        self._questions[question] = future
        try:
            self._tell(Asked(question, call, after, most))
            self._flush()
            async with asyncio.timeout(ANSWERS_WITHIN):
                return await future
        except TimeoutError:
            raise Refusal("timeout", "the tracer did not answer in time", "try again; look at the log") from None
        finally:
            self._questions.pop(question, None)

    # the link

    def _launch(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            for end in (ours, theirs):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
            ours.setblocking(False)
            try:
                self._process = subprocess.Popen(self._command(theirs.fileno()), pass_fds=(theirs.fileno(),), env=self._environment())
            except OSError:
                ours.close()
                raise
        self._link = ours
        asyncio.get_running_loop().add_reader(ours.fileno(), self._readable)

    def _command(self, descriptor: int) -> list[str]:
        settings = self._settings
        numbers = ["--mask-numbers"] if settings.mask_numbers else []
        homer = ["--homer", settings.homer, "--capture-id", str(settings.homer_id)] if settings.homer else []
        return [
            *(sys.executable, "-m", "mediaserver.tracing", "--link-fd", str(descriptor), "--folder", str(self._folder())),
            *("--most-octets", str(settings.megabytes * 1_000_000), "--keep", str(settings.keep), *numbers, *homer),
        ]

    def _environment(self) -> dict[str, str]:
        return os.environ | {"MEDIASERVER_HOMER_KEY": self._settings.homer_key.get_secret_value()}

    def _folder(self) -> Path:
        """Where the segments are: as configured, in the service's own state, or a place that goes with us."""
        if self._settings.folder:
            return Path(self._settings.folder)
        state = os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
        if state:
            return Path(state) / "trace"
        if self._own_folder is None:
            self._own_folder = tempfile.TemporaryDirectory(prefix="mediaserver-trace-")
        return Path(self._own_folder.name)

    def _tell(self, record: Record) -> None:
        self._batch += encode(record)
        self._batched += isinstance(record, Heard)
        if len(self._batch) >= LARGEST_PACKET:
            self._flush()
        elif self._flush_handle is None:
            self._flush_handle = asyncio.get_running_loop().call_later(GATHER_SECONDS, self._flush)

    def _flush(self) -> None:
        if self._flush_handle is not None:
            self._flush_handle.cancel()
            self._flush_handle = None
        self._wall = time.time() - time.monotonic()
        packet, messages = bytes(self._batch), self._batched
        self._batch.clear()
        self._batched = 0
        if not packet or self._link is None:
            return
        if not self._waiting and self._send(packet, messages):
            return
        if self._waiting_octets + len(packet) > MOST_WAITING:
            self._lose("tracer_too_slow", messages)
            return
        self._waiting.append((packet, messages))
        self._waiting_octets += len(packet)
        asyncio.get_running_loop().add_writer(self._link.fileno(), self._writable)

    def _lose(self, reason: str, messages: int) -> None:
        self._counters.add("trace_dropped", reason, messages)

    def _send(self, packet: bytes, messages: int) -> bool:
        """Send a packet; False where the link is full. A link whose other end is gone is found by its reader."""
        assert self._link is not None
        try:
            self._link.send(packet)
        except BlockingIOError:
            return False
        except OSError:
            self._lose("tracer_gone", messages)
        return True

    def _writable(self) -> None:
        while self._waiting:
            if not self._send(*self._waiting[0]):
                return
            self._waiting_octets -= len(self._waiting.popleft()[0])
        if self._link is not None:
            asyncio.get_running_loop().remove_writer(self._link.fileno())

    def _readable(self) -> None:
        assert self._link is not None
        try:
            packet = self._link.recv(_LARGEST_READ)
        except BlockingIOError:
            return
        except OSError:
            packet = b""
        if not packet:
            self._died()
            return
        for record in decode(packet):
            if isinstance(record, Answered):
                future = self._questions.get(record.question)
                if future is not None and not future.done():
                    future.set_result(record)

    def _died(self) -> None:
        _log.error("tracer.died", pid=self.pid)
        self._counters.add("tracers_died")
        self._let_go()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._restart = asyncio.get_running_loop().call_later(RESTARTS_AFTER, self._launch_again)

    def _launch_again(self) -> None:
        """Start it anew, as soon as the system lets us."""
        try:
            self._launch()
        except OSError as error:
            _log.error("tracer.not_started", problem=str(error))
            self._restart = asyncio.get_running_loop().call_later(RESTARTS_AFTER, self._launch_again)

    def _let_go(self) -> None:
        """Close our end, which ends the process."""
        if self._link is None:
            return
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._link.fileno())
        loop.remove_writer(self._link.fileno())
        self._link.close()
        self._link = None
        self._lose("tracer_gone", self._batched + sum(messages for _, messages in self._waiting))
        self._batch.clear()
        self._batched = 0
        self._waiting.clear()
        self._waiting_octets = 0
