"""`python -m bench.launch CORE NICENESS COMMAND…`: become the command, on one core, and end when the bench does.

Core ``-`` pins nothing.
"""

import os
import sys
from pathlib import Path
from typing import Final

from bench.generator import process

_GROUP: Final = Path("/proc/self/autogroup")
"""Where the kernel weighs sessions against each other, a niceness holds within a session only (sched(7)); that of all of it is set here."""
_GROUPS: Final = Path("/proc/sys/kernel/sched_autogroup_enabled")


def main() -> None:
    """Arrange with the kernel, then let the command take this process over."""
    core, niceness, *command = sys.argv[1:]
    process.die_with_parent()
    try:
        if core != "-":
            process.pin(int(core))
        if int(niceness):  # else there is nothing to change, and the kernel would refuse others who ask as often
            _favour(int(niceness))
    except PermissionError:
        sys.exit(f"bench: niceness {niceness} for the server needs root")
    except process.PreparationFailed as error:
        sys.exit(f"bench: {error}")
    os.execvp(command[0], command)


def _favour(niceness: int) -> None:
    """Our session as a whole where it has a weight of its own, so that within it everything stays as it is; else this process."""
    if os.getsid(0) == os.getpid() and _GROUPS.exists() and _GROUPS.read_text().strip() == "1":
        _GROUP.write_text(str(niceness))
    else:
        os.nice(niceness)


if __name__ == "__main__":
    main()
