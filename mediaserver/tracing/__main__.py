"""``python -m mediaserver.tracing``: started by signalling, which lends it one end of a link."""

import argparse
import os
import signal
import socket
from pathlib import Path

from mediaserver.tracing.process import Homer, run


def main() -> None:
    """Trace until the link closes."""
    parser = argparse.ArgumentParser(prog="mediaserver.tracing")
    parser.add_argument("--link-fd", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--most-octets", type=int, required=True)
    parser.add_argument("--keep", type=float, required=True)
    parser.add_argument("--mask-numbers", action="store_true")
    parser.add_argument("--homer", default="", help="host:port")
    parser.add_argument("--capture-id", type=int, default=0)
    arguments = parser.parse_args()
    # Whoever made the folder: what is kept in it is for us alone.
    os.umask(0o077)
    # Ctrl+C reaches the whole group of processes; the end of the link is what ends us.
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    homer = None
    if arguments.homer:
        host, _, port = arguments.homer.rpartition(":")
        homer = Homer((host.strip("[]"), int(port)), arguments.capture_id, os.environ.get("MEDIASERVER_HOMER_KEY", ""))
    run(
        socket.socket(fileno=arguments.link_fd),
        arguments.folder,
        most_octets=arguments.most_octets,
        keep=arguments.keep,
        mask_numbers=arguments.mask_numbers,
        homer=homer,
    )


if __name__ == "__main__":
    main()
