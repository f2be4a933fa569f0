"""`python -m bench.launch CORE PRIORITY COMMAND…`: become the command, on one core, and end when the bench does.

Core ``-`` pins nothing; priority is a niceness, or ``realtime``.
"""

import os
import sys

from bench.generator import process


def main() -> None:
    """Arrange with the kernel, then let the command take this process over."""
    core, priority, *command = sys.argv[1:]
    process.die_with_parent()
    if core != "-":
        process.pin(int(core))
    if not _prefer(priority):
        sys.exit(f"bench: priority {priority} for the server needs root")
    os.execvp(command[0], command)


def _prefer(priority: str) -> bool:
    if priority == "realtime":
        return process.hurry()
    try:
        os.nice(int(priority))
    except PermissionError:
        return False
    return True


if __name__ == "__main__":
    main()
