"""`python -m bench.launch CORE NICENESS COMMAND…`: become the command, on one core, and end when the bench does.

Core ``-`` pins nothing.
"""

import os
import sys

from bench.generator import process


def main() -> None:
    """Arrange with the kernel, then let the command take this process over."""
    core, niceness, *command = sys.argv[1:]
    process.die_with_parent()
    try:
        if core != "-":
            process.pin(int(core))
        os.nice(int(niceness))
    except PermissionError:
        sys.exit(f"bench: niceness {niceness} for the server needs root")
    except process.PreparationFailed as error:
        sys.exit(f"bench: {error}")
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
