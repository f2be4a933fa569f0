"""The page as it is built, and what it is built with; made once by whichever process of the tests comes first."""

import fcntl
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Final

from tests.house.tree import ROOT
from tests.interop.tools import path_of

CONSOLE: Final = ROOT / "console"
STATIC: Final = ROOT / "control_api" / "static"
SECONDS: Final = 240


@cache
def built() -> Path:
    """The folder that is served, built from the sources as they are now."""
    path_of("npm")
    with (Path(tempfile.gettempdir()) / "mediaserver-console.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run([ROOT / "scripts" / "console.sh"], capture_output=True, text=True, check=False, timeout=SECONDS)
        assert done.returncode == 0, done.stdout + done.stderr
    return STATIC


@cache
def axe() -> str:
    """axe-core, to be run in a page."""
    built()
    return (CONSOLE / "node_modules" / "axe-core" / "axe.min.js").read_text()
