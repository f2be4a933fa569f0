"""`python -m bench.faults NAME serve --config FILE`: the server, with its media workers started through the fault's entry point."""

import os
import sys

from bench.faults.names import FAULTS, VARIABLE
from mediaserver.cli.main import main
from mediaserver.signalling.media import processes


def run() -> None:
    """Take the fault's name off the command line and let the rest be the server's."""
    name = sys.argv.pop(1)
    if name not in FAULTS:
        sys.exit(f"bench.faults: no fault {name!r}; there are {', '.join(FAULTS)}")
    os.environ[VARIABLE] = name
    processes.WORKER_MODULE = "bench.faults.worker"
    main()


if __name__ == "__main__":
    run()
