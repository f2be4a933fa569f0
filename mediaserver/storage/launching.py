"""The process that brings the journal into the database: started when there is something to bring, and again where it dies."""

import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import structlog

from mediaserver.observing.counters import Counters
from mediaserver.storage.folder import Places
from mediaserver.storage.segments import path_of, segments
from mediaserver.storage.starting import command
from mediaserver.storage.status import Status, place_of, read_status

LOOK: Final = 1.0
RESTARTS_AFTER: Final = 2.0
_GRACE: Final = 3.0
"""Seconds in which it may write what is left when the server stops; it goes on by itself after that."""

_log = structlog.get_logger(__name__)


class StorageProcess:
    """Looks after the one process."""

    def __init__(
        self, places: Places, url: str, counters: Counters, *, is_temporary: bool, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._places = places
        self._url = url
        self._counters = counters
        self._is_temporary = is_temporary
        self._clock = clock
        self._process: subprocess.Popen[bytes] | None = None
        self._not_before = 0.0
        self.status = Status()

    @property
    def pid(self) -> int | None:
        """The process; None where there is none."""
        return None if self._process is None else self._process.pid

    def look(self) -> None:
        """Each `LOOK` seconds: is it there, and how far is it?"""
        self.status = read_status(self._places.status)
        if self._process is not None and self._process.poll() is not None:
            _log.error("storage.died", pid=self._process.pid, code=self._process.returncode)
            self._counters.add("storage_died")
            self._process = None
            self._not_before = self._clock() + RESTARTS_AFTER
        if self._process is None and self._clock() >= self._not_before and self.behind:
            self._launch()

    @property
    def behind(self) -> int:
        """Octets of the journal that are not in the database."""
        place, octets = place_of(self.status, self._places.journal), 0
        for number in segments(self._places.journal):
            if number >= place.segment:
                with suppress(FileNotFoundError):
                    octets += path_of(self._places.journal, number).stat().st_size
        return max(0, octets - place.offset)

    def close(self) -> None:
        """The server stops: what is left is written now, or by the process alone, or after the next start."""
        if self._process is None and self.behind and not self._is_temporary:
            self._launch()
        if self._process is None:
            return
        if self._process.stdin is not None:
            self._process.stdin.close()
        if self._is_temporary:
            self._process.kill()
            self._process.wait()
            return
        try:
            self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            _log.info("storage.still_writing", pid=self._process.pid)

    def _launch(self) -> None:
        arguments, environment = command("mediaserver.storage", self._places, self._url)
        self._process = subprocess.Popen(arguments, stdin=subprocess.PIPE, env=environment)
