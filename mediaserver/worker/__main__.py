"""``python -m mediaserver.worker --link-fd N``: a media worker. Started by the signalling process, never by hand.

It loads what it needs and waits, a spare one, until it is given a memory: a fresh one, or that of a worker that died. Signalling
makes the link and lets the child inherit its end::

    link, theirs = link_pair()
    process = subprocess.Popen([sys.executable, "-m", "mediaserver.worker", "--link-fd", str(theirs.fileno())], pass_fds=(theirs.fileno(),))
    theirs.close()
    memory = Memory.create(rows, calls, seats)
    link.send(encode_frame([(1, Inherit(legs=0, cpu=-1))]), [memory.fd])
    link.send(encode_frame([(2, OpenLeg(leg=7, call=3, role="customer", strict=False))]), [udp_socket.fileno()])

Answers and notices are read with ``link.receive()`` whenever ``link.fileno()`` is readable. The lent socket stays open on this side
as long as the port is the leg's. Closing the link ends the worker. It ignores SIGINT, SIGTERM and SIGHUP: the link alone tells it to go.
"""

import argparse
import gc
import os
import signal

gc.disable()  # what is loaded stays, and `run` does without it too
for _threads in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

from mediaserver.worker.process import run  # noqa: E402 - numpy reads the number of threads when it is first loaded


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(prog="mediaserver.worker", description="A media worker; started by the signalling process.")
    parser.add_argument("--link-fd", type=int, required=True, help="descriptor of the worker's end of the link")
    parser.add_argument("--turn-ms", type=float, default=2.0, help="length of a turn")
    parser.add_argument("--socket-loop", choices=("auto", "python"), default="auto", help="auto: in C where that is installed")
    parser.add_argument("--ducking-db", type=float, default=12.0, help="by how much a party hears others more softly while whispered to")
    parser.add_argument("--agc", action="store_true", help="even out how loudly parties speak, in a supervisor's ear")
    arguments = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    compiled = arguments.socket_loop == "auto"
    run(arguments.link_fd, arguments.turn_ms, compiled=compiled, ducking_db=arguments.ducking_db, evens_out=arguments.agc)


if __name__ == "__main__":
    main()
