"""``python -m mediaserver.storage.answering``: answers what signalling asks of the database, in a process of its own, a line a question.

A report reads the whole audit log, and a database may be far away: neither is to hold up a call. A question is
``[number, what, given]``, its answer ``[number, result]`` or ``[number, null, why, text]``, in whatever order they come. The end of
standard input ends the process.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import structlog

from mediaserver.audit.reading import Log
from mediaserver.audit.report import LONGEST_CALL, By, ListenTime
from mediaserver.storage.administered import Administered, StoredIdentity
from mediaserver.storage.asking import Unanswerable
from mediaserver.storage.database import PROBLEMS, Database
from mediaserver.storage.folder import Places
from mediaserver.storage.history import History, Wanted
from mediaserver.storage.starting import started

LONGEST_LINE: Final = 16_000_000
PATIENCE: Final = 5.0
REPORT_PATIENCE: Final = 20.0
"""Seconds for a question, and for one that reads the log."""
MOST_ROWS: Final = 10_000
"""Of a report; more are no answer for anybody."""
AT_ONCE: Final = 4
"""Questions that are worked at; the others wait, within their own time."""

_log = structlog.get_logger(__name__)

Answer = Callable[["Answerer", dict[str, Any]], Awaitable[Any]]


class Answerer:
    """Answers questions from one server's journal and database."""

    def __init__(self, places: Places, url: str, wall: Callable[[], float] = time.time) -> None:
        self._places = places
        self._database = Database(url)
        self._history = History(self._database)
        self._administered = Administered(self._database)
        self._is_open = False
        """The tables of what is administered were seen to."""
        self._wall = wall
        self._hands = asyncio.Semaphore(AT_ONCE)

    async def answer(self, what: str, given: dict[str, Any]) -> Any:
        """What comes back. Raises `PROBLEMS` where the database is away or too slow, and `Unanswerable`."""
        seconds, found = QUESTIONS[what]
        async with asyncio.timeout(seconds), self._hands:
            return await found(self, given)

    async def close(self) -> None:
        """There are no more questions."""
        await self._database.close()

    async def calls(self, given: dict[str, Any]) -> Any:
        """`History.calls`."""
        sets = {name: frozenset(given[name]) for name in ("agents", "teams", "calls") if given.get(name) is not None}
        before = {"before": tuple(given["before"])} if given.get("before") else {}
        most = given.pop("most")
        return await self._history.calls(Wanted(**given | sets | before), most)

    async def call(self, given: dict[str, Any]) -> Any:
        """`History.call`."""
        return await self._history.call(given["tenant"], given["call"])

    async def governing(self, given: dict[str, Any]) -> Any:
        """`Administered.governed`. Its policies are kept on disk for a start while the database is away."""
        if not self._is_open:
            await self._administered.open()
            self._is_open = True
        found = await self._administered.governed(given["known"])
        if found is None:
            return None
        await asyncio.to_thread(_write, self._places.policies, json.dumps(found.policies))
        return asdict(found)

    async def policies_read_last(self, _: dict[str, Any]) -> Any:
        """Of the last answer to `governing`, whatever the database does now; empty where there was none."""
        try:
            return json.loads(await asyncio.to_thread(self._places.policies.read_bytes))
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise Unanswerable(f"{self._places.policies}: {error}") from None

    async def put_identity(self, given: dict[str, Any]) -> Any:
        """`Administered.put_identity`."""
        await self._administered.put_identity(StoredIdentity(**given | {"numbers": tuple(given["numbers"])}))

    async def remove_identity(self, given: dict[str, Any]) -> Any:
        """`Administered.remove_identity`."""
        return await self._administered.remove_identity(given["tenant"], given["name"])

    async def put_policy(self, given: dict[str, Any]) -> Any:
        """`Administered.put_policy`."""
        await self._administered.put_policy(given["tenant"], given["rules"])

    async def listening(self, given: dict[str, Any]) -> Any:
        """The listen-time report of a tenant."""
        now = round(self._wall() * 1e6)
        until = now if given["until"] is None else given["until"]
        report = ListenTime(given["since"] or 0, until, tuple(map(By, given["by"])), given["tenant"])
        log = await asyncio.to_thread(Log, self._places.journal, self._database)
        async for found in log.entries(max(0, report.since - LONGEST_CALL)):
            report.take(found.entry)
        report.finish(now)
        if len(report.rows) > MOST_ROWS:
            raise Unanswerable(f"the report would have {len(report.rows)} rows; ask for a shorter time, or for less by row")
        return report.told()


def _write(path: Path, text: str) -> None:
    """All of it, or as it was. That the disk takes nothing is no reason for not answering."""
    fresh = path.with_suffix(".new")
    try:
        fresh.write_text(text)
        fresh.replace(path)
    except OSError as error:
        _log.warning("policies.not_kept", problem=str(error))


QUESTIONS: Final[dict[str, tuple[float, Answer]]] = {
    "calls": (PATIENCE, Answerer.calls),
    "call": (PATIENCE, Answerer.call),
    "governing": (PATIENCE, Answerer.governing),
    "policies_read_last": (PATIENCE, Answerer.policies_read_last),
    "put_identity": (PATIENCE, Answerer.put_identity),
    "remove_identity": (PATIENCE, Answerer.remove_identity),
    "put_policy": (PATIENCE, Answerer.put_policy),
    "listening": (REPORT_PATIENCE, Answerer.listening),
}
"""What can be asked, how long it may take, and who knows."""


async def serve(answerer: Answerer, questions: asyncio.StreamReader, tell: Callable[[bytes], object]) -> None:
    """Answer until there are no more questions."""

    async def answered(line: bytes) -> None:
        number, what, given = json.loads(line)
        try:
            said = [number, await answerer.answer(what, given)]
        except Unanswerable as error:
            said = [number, None, "unanswerable", str(error)]
        except PROBLEMS as error:
            said = [number, None, "away", str(error).splitlines()[0] if str(error) else "no answer in time"]
        except Exception:
            # The outermost place of a question: a fault in one must not take the others down with it.
            _log.exception("question.failed", what=what)
            said = [number, None, "failed", "it failed at this question; the server's log says why"]
        tell(json.dumps(said, separators=(",", ":")).encode() + b"\n")

    async with asyncio.TaskGroup() as tasks:
        while line := await questions.readline():
            tasks.create_task(answered(line))


async def _run(places: Places, url: str) -> None:
    questions = asyncio.StreamReader(limit=LONGEST_LINE)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(questions), sys.stdin)
    answerer = Answerer(places, url)
    try:
        await serve(answerer, questions, _tell)
    finally:
        await answerer.close()


def _tell(line: bytes) -> None:
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()


def main() -> None:
    """Answer until signalling is gone."""
    asyncio.run(_run(*started("mediaserver.storage.answering")))


if __name__ == "__main__":
    main()
