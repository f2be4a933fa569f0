"""What the database knows of a call that is over, for who asks now and then: read in a thread of its own, so that nobody waits for it."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

MOST_ASKED: Final = 32
"""Questions at once; the others are refused."""


class PastAway(Exception):
    """The database does not answer, or too much is asked of it."""


class Past:
    """Asks the database by its URL. SQLAlchemy is loaded at the first question: who asks none needs no room for it."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._thread = ThreadPoolExecutor(1, "past")
        self._asked = 0

    async def call(self, tenant: str, call: str) -> dict[str, Any] | None:
        """A call with what belongs to it, as `mediaserver.storage.history.History.call`. Raises `PastAway`."""
        if self._asked >= MOST_ASKED:
            raise PastAway(f"{self._asked} questions wait for the database already")
        self._asked += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, _read, self._url, tenant, call)
        finally:
            self._asked -= 1

    def close(self) -> None:
        """Nothing is asked any more."""
        self._thread.shutdown(wait=False, cancel_futures=True)


def _read(url: str, tenant: str, call: str) -> dict[str, Any] | None:
    # Imported here, in the thread: it takes a while.
    from mediaserver.storage.database import PROBLEMS, Database
    from mediaserver.storage.history import History

    async def ask() -> dict[str, Any] | None:
        database = Database(url)
        try:
            return await History(database).call(tenant, call)
        except PROBLEMS as error:
            said = str(error).splitlines()
            raise PastAway(f"the database does not answer: {said[0] if said else type(error).__name__}") from None
        finally:
            await database.close()

    return asyncio.run(ask())
