"""The media workers as signalling sees them: processes to start, commands to send, meters to read.

Commands given between two flushes leave as one frame, so they take effect in the same turn. Replies are handed to whoever
gave the command. A worker that dies, or whose turns stand still, is killed and reaped, its calls are told, and another
one takes its place.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from array import array
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog

from config.settings import MediaSettings
from mediaserver.link.memory import Memory
from mediaserver.link.messages import Applied, Command, DigitReceived, LoadSound, MediaStarted, Notice, Ping, Refused
from mediaserver.link.wire import LinkError, Message, encode_frame, link_pair
from mediaserver.observing.counters import Counters
from mediaserver.signalling.media.sounds import as_memory_file

_log = structlog.get_logger(__name__)

WORKER_MODULE = "mediaserver.worker"
"""What `python -m` runs as a worker."""
STARTS_WITHIN = 15.0
RESTARTS_AFTER = 1.0
"""Seconds before a worker that did not even start is tried again."""
HUNG_AFTER_CHECKS = 4
"""Checks in a row (`Media.check`, two a second) that find no new turn, after which a worker counts as hung.

Checks and not seconds: where the whole machine stood still, signalling with it, the worker gets time to turn again."""

TRANSFER_SEATS = 2
"""Beyond the setting: for who is rung to take a party's place, and for a leg whose voice still fades."""

RTP_PACKETS = "rtp_packets"
"""Counter of the packets of legs that have ended, by what became of them."""
_LARGEST_BATCH = 100
_MOST_WAITING_FRAMES = 10_000

Reply = Applied | Refused


class WorkerFailed(Exception):
    """A media worker died before it was ready."""


@dataclass(slots=True)
class _Told:
    """A command that waits to leave."""

    request: int
    command: Command
    lend: int
    """A file descriptor, or -1."""


class Worker:
    """One worker process and our end of its link."""

    def __init__(self, index: int, settings: MediaSettings, heard: Callable[[Notice], None], died: Callable[[Worker], None]) -> None:
        self.index = index
        self.calls = 0
        """Calls that were given to it."""
        self.is_ready = False
        self._heard = heard
        self._died = died
        self._batch: list[_Told] = []
        self._waiting: deque[tuple[bytes, list[int]]] = deque()
        self._replies: dict[int, Callable[[Reply], None] | None] = {}
        self._request = 0
        self._seen_turn = -1
        self._idle_checks = 0
        self.memory = Memory.create(settings.rows, settings.rows // 2, settings.seats + TRANSFER_SEATS)
        self._link, theirs = link_pair()
        core = [] if settings.cpu is None else ["--cpu", str(settings.cpu + index)]
        with theirs:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", WORKER_MODULE, "--link-fd", str(theirs.fileno()), "--memory-fd", str(self.memory.fd)),
                    *("--turn-ms", str(settings.turn_ms), "--socket-loop", settings.socket_loop, *core),
                ],
                pass_fds=(theirs.fileno(), self.memory.fd),
            )
        asyncio.get_running_loop().add_reader(self._link.fileno(), self._readable)

    @property
    def turn_length(self) -> float:
        """Seconds that its turns take now."""
        return self.memory.turn_length

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    def is_hung(self) -> bool:
        """Whether its turns stand still; each question counts."""
        turn = self.memory.turn
        self._idle_checks = self._idle_checks + 1 if turn == self._seen_turn else 0
        self._seen_turn = turn
        return self.is_ready and self._idle_checks >= HUNG_AFTER_CHECKS

    def tell(self, command: Command, *, lend: int = -1, replied: Callable[[Reply], None] | None = None) -> None:
        """Queue a command for the next flush."""
        self._request += 1
        self._batch.append(_Told(self._request, command, lend))
        self._replies[self._request] = replied

    def flush(self) -> None:
        """Send what was told, as one frame (more only where it is very much)."""
        while self._batch:
            batch, self._batch = self._batch[:_LARGEST_BATCH], self._batch[_LARGEST_BATCH:]
            frame = encode_frame((told.request, told.command) for told in batch)
            descriptors = [told.lend for told in batch if told.lend >= 0]
            if self._waiting or not self._send(frame, descriptors):
                self._wait(frame, descriptors)

    def _wait(self, frame: bytes, descriptors: list[int]) -> None:
        """The worker does not read fast enough; beyond the bound it counts as dead."""
        if len(self._waiting) >= _MOST_WAITING_FRAMES:
            _log.error("worker.does_not_read", worker=self.index, pid=self.pid)
            self.kill()
            return
        self._waiting.append((frame, [os.dup(descriptor) for descriptor in descriptors]))
        asyncio.get_running_loop().add_writer(self._link.fileno(), self._writable)

    def _send(self, frame: bytes, descriptors: list[int]) -> bool:
        try:
            return self._link.send(frame, descriptors)
        except OSError:
            return True  # its end is gone: the reader finds out and tells

    def _writable(self) -> None:
        while self._waiting:
            frame, descriptors = self._waiting[0]
            if not self._send(frame, descriptors):
                return
            self._waiting.popleft()
            for descriptor in descriptors:
                os.close(descriptor)
        asyncio.get_running_loop().remove_writer(self._link.fileno())

    def _readable(self) -> None:
        try:
            while (frame := self._link.receive()) is not None:
                for request, message, _ in frame:
                    self._received(request, message)
        except LinkError as error:
            _log.error("worker.frame_unreadable", worker=self.index, problem=str(error))
        except EOFError:
            self._gone()

    def _received(self, request: int, message: Message) -> None:
        match message:
            case Applied() | Refused():
                replied = self._replies.pop(message.request, None)
                if replied is not None:
                    replied(message)
                elif isinstance(message, Refused) and message.code != "unknown_leg":
                    _log.error("worker.refused", worker=self.index, code=message.code, text=message.text)
            case DigitReceived() | MediaStarted():
                self._heard(message)
            case _:
                _log.error("worker.unexpected", worker=self.index, message=type(message).__name__)

    def _gone(self) -> None:
        self.stop_listening()
        replies, self._replies = self._replies, {}
        for request, replied in replies.items():
            if replied is not None:
                replied(Refused(request, "worker_died", "the media worker died"))
        self._died(self)

    def stop_listening(self) -> None:
        """Hear nothing more from it."""
        loop = asyncio.get_running_loop()
        if self._link.fileno() >= 0:
            loop.remove_reader(self._link.fileno())
            loop.remove_writer(self._link.fileno())
        while self._waiting:
            for descriptor in self._waiting.popleft()[1]:
                os.close(descriptor)

    def kill(self) -> None:
        """End it the hard way; the link's end tells the rest."""
        self._process.kill()

    def reap(self, seconds: float) -> None:
        """Close the link, which ends the worker, and wait for it; kill it where it does not go."""
        self._link.close()
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self.memory.close()


class Media:
    """All workers of this server."""

    def __init__(self, settings: MediaSettings, sounds: Mapping[str, array[int]], counters: Counters) -> None:
        self._settings = settings
        self._counters = counters
        self._sounds = {name: as_memory_file(name, samples) for name, samples in sounds.items()}
        self._workers: list[Worker] = []
        self._told: set[Worker] = set()
        self._is_started = False
        self.on_notice: Callable[[Notice], None] = lambda notice: None
        self.on_death: Callable[[Worker], None] = lambda worker: None

    async def start(self) -> None:
        """Start every worker and wait until each has answered; raises `WorkerFailed` or `TimeoutError`."""
        ready = [self._start(index) for index in range(self._settings.workers)]
        async with asyncio.timeout(STARTS_WITHIN):
            await asyncio.gather(*ready)
        self._is_started = True

    def _start(self, index: int) -> asyncio.Future[None]:
        """Start one worker, with every sound; the future is done when it has answered."""
        worker = Worker(index, self._settings, self.on_notice, self._worker_died)
        self._workers.append(worker)
        started: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def answered(reply: Reply) -> None:
            if isinstance(reply, Refused):
                started.set_exception(WorkerFailed(f"media worker {index} did not start: {reply.text}"))
                return
            worker.is_ready = True
            _log.info("worker.ready", worker=index, pid=worker.pid)
            started.set_result(None)

        for name, descriptor in self._sounds.items():
            worker.tell(LoadSound(name), lend=descriptor)
        worker.tell(Ping(), replied=answered)
        worker.flush()
        return started

    def _worker_died(self, worker: Worker) -> None:
        _log.error("worker.died", worker=worker.index, pid=worker.pid, calls=worker.calls)
        self._counters.add("workers_died")
        self._workers.remove(worker)
        worker.kill()
        self.on_death(worker)
        worker.reap(1.0)
        if self._is_started:
            asyncio.get_running_loop().call_later(0.0 if worker.is_ready else RESTARTS_AFTER, self._replace, worker.index)

    def _replace(self, index: int) -> None:
        """Another worker in a dead one's place; where that one dies too, the next one comes after a while."""
        if self._is_started:
            self._start(index).add_done_callback(lambda started: started.exception())

    def check(self) -> None:
        """Kill workers whose turns stand still; called twice a second."""
        for worker in self._workers:
            if worker.is_hung():
                _log.error("worker.hung", worker=worker.index, pid=worker.pid)
                self._counters.add("workers_hung")
                worker.kill()

    def choose(self, near: Worker | None = None) -> Worker | None:
        """For a new call: ``near`` (so that it can be joined to one there), else the one with the fewest; None where none is ready."""
        ready = [worker for worker in self._workers if worker.is_ready]
        if near in ready:
            return near
        return min(ready, key=lambda worker: worker.calls, default=None)

    def tell(self, worker: Worker, command: Command, *, lend: int = -1, replied: Callable[[Reply], None] | None = None) -> None:
        """Queue a command for a worker; ``lend`` is the descriptor that goes with it."""
        if worker not in self._workers:
            if replied is not None:
                replied(Refused(0, "worker_died", "the media worker died"))
            return
        worker.tell(command, lend=lend, replied=replied)
        self._told.add(worker)

    def keep_counters(self, worker: Worker, row: int) -> None:
        """Add a leg's packets to `RTP_PACKETS`: its row is about to be wiped."""
        if not worker.memory.map.closed:
            for kind, value in worker.memory.counters(row).items():
                if value:
                    self._counters.add(RTP_PACKETS, kind, value)

    def flush(self) -> None:
        """Send what was told since the last flush."""
        told, self._told = self._told, set()
        for worker in told:
            worker.flush()

    @property
    def is_ready(self) -> bool:
        """Whether every worker is up."""
        return len(self._workers) == self._settings.workers and all(worker.is_ready for worker in self._workers)

    @property
    def workers(self) -> tuple[Worker, ...]:
        """Those that live."""
        return tuple(self._workers)

    async def close(self) -> None:
        """End every worker."""
        self._is_started = False
        for worker in self._workers:
            worker.stop_listening()
        await asyncio.gather(*(asyncio.to_thread(worker.reap, 2.0) for worker in self._workers))
        self._workers.clear()
        for descriptor in self._sounds.values():
            os.close(descriptor)
