"""Asking the database without waiting for it anywhere but here: through a process of its own, for so many seconds and no longer.

The process is started by the first question, and killed where it does not even answer that the database does not; the next question
starts another. What it is told and tells stands in `mediaserver.storage.answering`.
"""

import asyncio
import itertools
import json
from typing import Any, Final, cast

import orjson
import structlog

from mediaserver.observing.counters import Counters
from mediaserver.storage.folder import Places
from mediaserver.storage.starting import command

MOST_WAITING: Final = 32
"""Questions without an answer; further ones are refused."""
PATIENCE: Final = 25.0
"""Seconds in which the process answers whatever it is asked; longer than its own."""

_log = structlog.get_logger(__name__)


class Unanswered(Exception):
    """The database is away, or too slow, or asked too much."""


class Unanswerable(Exception):
    """What was asked has no answer, whatever the database does; the text says what would have one."""


class Asking:
    """Questions to one server's database."""

    def __init__(self, places: Places, url: str, counters: Counters, patience: float = PATIENCE) -> None:
        self._places = places
        self._url = url
        self._counters = counters
        self._patience = patience
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._starting = asyncio.Lock()
        self._transport: asyncio.SubprocessTransport | None = None

    async def ask(self, what: str, **given: Any) -> Any:
        """The answer to one of `mediaserver.storage.answering.QUESTIONS`. Raises `Unanswered`, `Unanswerable`."""
        if len(self._waiting) >= MOST_WAITING:
            raise self._unanswered("too_many", f"{MOST_WAITING} questions wait already")
        number = next(self._numbers)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(self._patience):
                await self._send(json.dumps([number, what, given]).encode() + b"\n")
                return await answer
        except TimeoutError:
            self.close()
            raise self._unanswered("slow", "it does not answer") from None
        except OSError as error:
            raise self._unanswered("not_started", str(error)) from None
        finally:
            del self._waiting[number]

    def close(self) -> None:
        """End the process; the next question would start another."""
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.kill()
            transport.close()
        self.lost()

    async def _send(self, line: bytes) -> None:
        async with self._starting:
            if self._transport is None or self._transport.is_closing():
                arguments, environment = command("mediaserver.storage.answering", self._places, self._url)
                loop = asyncio.get_running_loop()
                made = await loop.subprocess_exec(lambda: _Ears(self), *arguments, stderr=None, env=environment)
                self._transport = made[0]
        cast(asyncio.WriteTransport, self._transport.get_pipe_transport(0)).write(line)

    def heard(self, line: bytes) -> None:
        """An answer; nobody may wait for it any more."""
        number, result, *problem = orjson.loads(line)
        answer = self._waiting.get(number)
        if answer is None or answer.done():
            return
        match problem:
            case []:
                answer.set_result(result)
            case ["unanswerable", text]:
                answer.set_exception(Unanswerable(text))
            case [why, text]:
                answer.set_exception(self._unanswered(why, text))

    def lost(self) -> None:
        """The process is gone, with whatever it was asked."""
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(self._unanswered("died", "the process that asks it ended"))

    def exited(self, transport: asyncio.BaseTransport) -> None:
        """A process ended; if it is ours, nobody told it to."""
        if transport is self._transport:
            _log.error("storage.answering_died")
            self._transport = None
            self.lost()

    def _unanswered(self, why: str, text: str) -> Unanswered:
        self._counters.add("storage_unanswered", why)
        return Unanswered(text)


class _Ears(asyncio.SubprocessProtocol):
    """Hears the process, line by line."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        self._begun = bytearray()
        self._transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self._begun += data
        if b"\n" in data:
            *lines, rest = self._begun.split(b"\n")
            self._begun = bytearray(rest)
            for line in lines:
                self._asking.heard(bytes(line))

    def process_exited(self) -> None:
        assert self._transport is not None
        self._asking.exited(self._transport)
