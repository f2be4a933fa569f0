"""`python -m bench.launch CORE PRIORITY COMMAND…`: become the command, on one core, and end when the bench does.

Core ``-`` pins nothing; priority is ``normal`` or ``realtime``.
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
    if priority == "realtime" and not process.hurry():
        sys.exit("bench: no real-time priority for the server: needs root, or leave --realtime out")
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
