"""``python -m mediaserver.worker --link-fd N --memory-fd M``: a media worker. Started by the signalling process, never by hand.

Signalling makes the memory and the link, and lets the child inherit both descriptors::

    memory = Memory.create(rows, calls, seats)
    link, theirs = link_pair()
    arguments = [sys.executable, "-m", "mediaserver.worker", "--link-fd", str(theirs.fileno()), "--memory-fd", str(memory.fd)]
    process = subprocess.Popen(arguments, pass_fds=(theirs.fileno(), memory.fd))
    theirs.close()
    link.send(encode_frame([(1, OpenLeg(leg=7, call=3, role="customer", strict=False))]), [udp_socket.fileno()])

Answers and notices are read with ``link.receive()`` whenever ``link.fileno()`` is readable. The lent socket stays open on this side
as long as the port is the leg's. Closing the link ends the worker. It ignores SIGINT, SIGTERM and SIGHUP: the link alone tells it to go.
"""

import argparse
import os
import signal

for _threads in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

from mediaserver.worker.process import run  # noqa: E402 - numpy reads the number of threads when it is first loaded


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(prog="mediaserver.worker", description="A media worker; started by the signalling process.")
    parser.add_argument("--link-fd", type=int, required=True, help="descriptor of the worker's end of the link")
    parser.add_argument("--memory-fd", type=int, required=True, help="descriptor of the shared memory")
    parser.add_argument("--turn-ms", type=float, default=2.0, help="length of a turn")
    parser.add_argument("--cpu", type=int, default=None, help="core to stay on")
    parser.add_argument("--socket-loop", choices=("auto", "python"), default="auto", help="auto: in C where that is installed")
    arguments = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    run(arguments.link_fd, arguments.memory_fd, arguments.turn_ms, arguments.cpu, compiled=arguments.socket_loop == "auto")


if __name__ == "__main__":
    main()
