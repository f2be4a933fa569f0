"""Worker processes: started without a memory, spare until they are given one; frames go down in order, messages come up.

A process that closes its end of the link is gone. Before anybody hears of it, it is killed and reaped, and what it still said
has been read: nothing of it is left that could write.
"""

from __future__ import annotations

import asyncio
import os
import select
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Sequence

import structlog

from config.settings import MediaSettings
from mediaserver.link.messages import Applied, LoadSound, Ping, Refused
from mediaserver.link.wire import LinkError, Message, encode_frame, link_pair

_log = structlog.get_logger(__name__)

WORKER_MODULE = "mediaserver.worker"
"""What `python -m` runs as a worker."""
REAPED_WITHIN = 2.0
"""Seconds that a killed process may take to be gone."""
_MOST_WAITING_FRAMES = 10_000


class Process:
    """One worker process and our end of its link."""

    def __init__(self, settings: MediaSettings, gone: Callable[[Process], None]) -> None:
        self._gone = gone
        self._waiting: deque[tuple[bytes, list[int]]] = deque()
        self.on_message: Callable[[Message, tuple[int, ...]], None] = self._answered
        """Told each message, with the descriptors that it lends: they are the hearer's. A spare one answers its first requests."""
        self.on_ready: Callable[[], None] = lambda: None
        """Told when it has loaded everything and answers."""
        self.is_ready = False
        self.problem = ""
        """Why it is of no use."""
        self._link, theirs = link_pair()
        with theirs:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", WORKER_MODULE, "--link-fd", str(theirs.fileno())),
                    *("--turn-ms", str(settings.turn_ms), "--socket-loop", settings.socket_loop),
                    *("--ducking-db", str(settings.ducking_db)),
                    *(("--agc",) if settings.agc else ()),
                ],
                pass_fds=(theirs.fileno(),),
            )
        asyncio.get_running_loop().add_reader(self._link.fileno(), self._readable)

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    @property
    def exit_status(self) -> int | None:
        """Its exit code, or the negative number of the signal that killed it; None while it runs."""
        return self._process.returncode

    def prepare(self, sounds: dict[str, int]) -> None:
        """Have it load every sound, from memory files by name, and answer."""
        for number, (name, descriptor) in enumerate(sounds.items(), 1):
            self.send(encode_frame([(number, LoadSound(name))]), [descriptor])
        self.send(encode_frame([(0, Ping())]), [])

    def send(self, frame: bytes, descriptors: Sequence[int]) -> None:
        """Send a frame, or keep it until the process reads; beyond the bound it counts as dead."""
        if not self._waiting and self._send(frame, descriptors):
            return
        if len(self._waiting) >= _MOST_WAITING_FRAMES:
            _log.error("worker.does_not_read", pid=self.pid)
            self._process.kill()
            return
        self._waiting.append((frame, [os.dup(descriptor) for descriptor in descriptors]))
        asyncio.get_running_loop().add_writer(self._link.fileno(), self._writable)

    def end(self) -> bool:
        """Kill it, wait until nothing is left of it, and read what it still said; whether it is gone."""
        self._process.kill()
        is_gone = self._is_reaped(REAPED_WITHIN)
        while self._read():
            pass
        self._forget()
        return is_gone

    def leave(self, seconds: float) -> None:
        """Close the link, which ends it, and wait for it; kill it where it does not go."""
        if self._link.fileno() >= 0:
            self._link.close()
        if not self._is_reaped(seconds):
            self._process.kill()
            self._process.wait()

    def stop_listening(self) -> None:
        """Hear nothing more from it."""
        loop = asyncio.get_running_loop()
        if self._link.fileno() >= 0:
            loop.remove_reader(self._link.fileno())
            loop.remove_writer(self._link.fileno())
        while self._waiting:
            for descriptor in self._waiting.popleft()[1]:
                os.close(descriptor)

    def _forget(self) -> None:
        self.stop_listening()
        self._link.close()

    def _is_reaped(self, seconds: float) -> bool:
        """Wait for its end, without the pauses that `subprocess` makes between two looks."""
        if self._process.poll() is None:
            descriptor = os.pidfd_open(self.pid)
            try:
                poll = select.poll()
                poll.register(descriptor, select.POLLIN)
                poll.poll(seconds * 1000.0)
            finally:
                os.close(descriptor)
        return self._process.poll() is not None

    def _answered(self, message: Message, _: tuple[int, ...]) -> None:
        if isinstance(message, Refused):
            self.problem = message.text
            _log.error("worker.refused", pid=self.pid, code=message.code, text=message.text)
        elif isinstance(message, Applied) and message.request == 0:
            self.is_ready = True
            self.on_ready()

    def _send(self, frame: bytes, descriptors: Sequence[int]) -> bool:
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
        while self._link.fileno() >= 0 and self._read():
            pass

    def _read(self) -> bool:
        """Read one frame; False where nothing waits, or nothing ever will."""
        try:
            frame = self._link.receive()
        except LinkError as error:
            _log.error("worker.frame_unreadable", pid=self.pid, problem=str(error))
            return True
        except (EOFError, OSError):
            if self._link.fileno() >= 0 and self.exit_status is None:
                self._forget()
                self._process.kill()
                self._is_reaped(REAPED_WITHIN)
                self._gone(self)
            return False
        for _, message, descriptors in frame or ():
            self.on_message(message, descriptors)
        return frame is not None
