"""The processes of the storage: how signalling starts one, and what each does first.

They live until the end of their standard input, which signalling holds: Ctrl+C reaches the whole group, and ends none of them.
"""

import argparse
import os
import signal
import sys
from pathlib import Path
from typing import Final

from mediaserver.observing.logs import configure_logs
from mediaserver.storage.folder import URL_VARIABLE, Places

_NICENESS: Final = 5


def command(module: str, places: Places, url: str) -> tuple[list[str], dict[str, str]]:
    """By what a process is started now, and its environment; the database's URL may hold a password, so it stands there."""
    return [sys.executable, "-m", module, "--folder", str(places.folder)], os.environ | {URL_VARIABLE: url}


def started(module: str) -> tuple[Places, str]:
    """This process was started so: its places and the database's URL."""
    parser = argparse.ArgumentParser(prog=module)
    parser.add_argument("--folder", type=Path, required=True)
    places = Places(parser.parse_args().folder)
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.nice(_NICENESS)
    configure_logs(as_json=False)
    return places, os.environ.pop(URL_VARIABLE)
