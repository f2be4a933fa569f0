"""`python -m bench.aged serve --config FILE`: the server, with its media workers started through the entry point that ages them."""

from mediaserver.cli.main import main
from mediaserver.signalling.media import processes

if __name__ == "__main__":
    processes.WORKER_MODULE = "bench.aged.worker"
    main()
