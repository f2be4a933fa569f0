"""`python -m bench.launch CORE COMMAND…`: become the command, on one core, and end when the bench does. Core ``-`` pins nothing."""

import os
import sys

from bench.generator import process


def main() -> None:
    """Arrange with the kernel, then let the command take this process over."""
    core, *command = sys.argv[1:]
    process.die_with_parent()
    if core != "-":
        process.pin(int(core))
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
