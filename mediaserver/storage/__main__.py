"""``python -m mediaserver.storage``: started by signalling, which holds the other end of its standard input while it lives."""

import asyncio
import fcntl
import sys
import threading

from mediaserver.storage.database import Database
from mediaserver.storage.folder import Places
from mediaserver.storage.replaying import Replayer
from mediaserver.storage.starting import started


def main() -> None:
    """Replay until signalling is gone and nothing is left."""
    places, url = started("mediaserver.storage")
    is_ending = threading.Event()
    threading.Thread(target=_wait_for_the_end, args=(is_ending,), daemon=True).start()
    with (places.folder / "replay-lock").open("w") as lock:
        # The replayer of the server before may still have something to write.
        fcntl.flock(lock, fcntl.LOCK_EX)
        asyncio.run(_replay(places, url, is_ending))


def _wait_for_the_end(is_ending: threading.Event) -> None:
    sys.stdin.buffer.read()
    is_ending.set()


async def _replay(places: Places, url: str, is_ending: threading.Event) -> None:
    database = Database(url)
    try:
        await Replayer(places.journal, database, places.status).run(is_ending.is_set)
    finally:
        await database.close()


if __name__ == "__main__":
    main()
