"""JsSIP in headless Chromium: a browser's softphone. Its page is bundled once a test run from npm's packages (`tests/interop/browser`)."""

import shutil
import subprocess
from pathlib import Path
from typing import Final

from tests.interop.phones.chromium import BrowserError, Chromium
from tests.interop.tools import path_of

PAGE: Final = Path(__file__).parents[1] / "browser"


def bundled(folder: Path) -> Path:
    """The pages, made in a folder; returns the file of the phone's, beside which the supervisor's lies."""
    npm = path_of("npm")
    shutil.copytree(PAGE, folder, ignore=shutil.ignore_patterns("node_modules", "build"))
    for command in ([npm, "install", "--no-audit", "--no-fund", "--no-package-lock"], [npm, "run", "build"]):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
        if done.returncode:
            raise BrowserError(f"{' '.join(command)}:\n{done.stdout}\n{done.stderr}")
    for page in ("phone.html", "supervisor.html"):
        shutil.copy(folder / page, folder / "build" / page)
    return folder / "build" / "phone.html"


class JsSip(Chromium):
    """One browser with one phone."""
