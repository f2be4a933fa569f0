"""Build step of the package: compiles the socket loop where a compiler is, and builds the console where Node is; elsewhere leaves them out.

An editable install gets no console from here: ``make console`` and ``make run`` build it beside its server.

For sources that are used in place: ``python -m hatchling build --hooks-only --target wheel``.
"""

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).parent
SOURCE = ROOT / "rtp" / "socket_loop.c"
LIBRARY = ROOT / "rtp" / "_socket_loop.so"
CONSOLE = ROOT / "scripts" / "console.sh"


class BuiltPartsHook(BuildHookInterface[Any]):
    """Puts the console into the wheel, and the compiled loop; with that the wheel fits one platform and every Python 3."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatch before a build, an editable one too."""
        if self.target_name != "wheel":
            return
        if version != "editable" and build_console():
            build_data["artifacts"].append("/control_api/static")
        if not compile_socket_loop():
            return
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data |= {"pure_python": False, "tag": f"py3-none-{platform}"}
        build_data["artifacts"].append("/rtp/_socket_loop.so")


def build_console() -> bool:
    """Whether there is a console to take along: built now where Node is, or there already."""
    if CONSOLE.exists():
        subprocess.run([str(CONSOLE), "--if-possible"], check=False)
    return (ROOT / "control_api" / "static" / "index.html").exists()


def compile_socket_loop() -> bool:
    """Whether the library could be built beside its source; an old one does not stay where not."""
    LIBRARY.unlink(missing_ok=True)
    compiler = shlex.split(os.environ.get("CC", "cc"))
    if not sys.platform.startswith("linux") or shutil.which(compiler[0]) is None:
        return False
    command = [*compiler, "-O2", "-Wall", "-Wextra", "-fPIC", "-shared", "-o", str(LIBRARY), str(SOURCE)]
    return subprocess.run(command, check=False).returncode == 0
