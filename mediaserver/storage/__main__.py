"""``python -m mediaserver.storage``: started by signalling, which holds the other end of its standard input while it lives."""

import argparse
import asyncio
import fcntl
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Final

from mediaserver.observing.logs import configure_logs
from mediaserver.storage.database import Database
from mediaserver.storage.folder import URL_VARIABLE, Places
from mediaserver.storage.replaying import Replayer

_NICENESS: Final = 5


def main() -> None:
    """Replay until signalling is gone and nothing is left."""
    parser = argparse.ArgumentParser(prog="mediaserver.storage")
    parser.add_argument("--folder", type=Path, required=True)
    places = Places(parser.parse_args().folder)
    # Ctrl+C reaches the whole group of processes; the end of our standard input is what ends us.
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.nice(_NICENESS)
    configure_logs(as_json=False, level="info")
    is_ending = threading.Event()
    threading.Thread(target=_wait_for_the_end, args=(is_ending,), daemon=True).start()
    with (places.folder / "replay-lock").open("w") as lock:
        # The replayer of the server before may still have something to write.
        fcntl.flock(lock, fcntl.LOCK_EX)
        asyncio.run(_replay(places, os.environ.pop(URL_VARIABLE), is_ending))


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
