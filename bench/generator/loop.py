"""The RTP process: `python -m bench.generator.loop`, started by `bench.generator.rtp` and by nobody else.

One thread, no asyncio: every millisecond it sends what is due, drains what has come, and looks at its pipe.
"""

import gc
import json
import select
import signal as signals
import socket
import sys
import time
from multiprocessing.connection import Connection

from bench.generator import process
from bench.generator.memory import Memory, Size
from bench.generator.messages import Command, Done, Load, Opened, OpenLegs, Pause, Press, Pressed, Quit, Retarget, Start, Stop, Sync
from bench.generator.receiver import Receiver
from bench.generator.sender import SLOT, SLOTS, Sender

_FARTHEST_BEHIND = 1.0
"""Seconds after which slots are skipped and counted instead of sent in a burst."""
_DRAINS = 4
"""Looks at the sockets a millisecond at most."""
_COMMANDS = 8
"""Commands carried out a millisecond at most."""
_BUFFER = 128 * 1024


class Loop:
    """The legs' sockets and their two halves."""

    def __init__(self, memory: Memory, pipe: Connection, kernel_times: bool, longest: float) -> None:
        self._memory = memory
        self._pipe = pipe
        self._ends = time.monotonic() + longest
        self._sender = Sender(memory, bank_frames=64 * 1024)
        self._sender.on_pressed = lambda leg, moment: pipe.send(Pressed(leg, moment))
        self._receiver = Receiver(memory, kernel_times)
        self._sockets: list[socket.socket] = []
        self._heard: set[int] = set()
        self._epoll = select.epoll()
        self._runs = True

    def run(self) -> None:
        """Until told to quit, the parent is gone, or the longest time is over."""
        number, due = 0, time.monotonic() + SLOT
        while self._runs and due < self._ends:
            while (now := time.monotonic()) >= due:
                if now - due > _FARTHEST_BEHIND:
                    self._memory.totals[Memory.TOTALS.index("skipped_slots")] += 1
                else:
                    self._sender.send_slot(number % SLOTS, due)
                number += 1
                due += SLOT
            self._receive()
            for _ in range(_COMMANDS):
                if not self._pipe.poll():
                    break
                self._obey()
            rest = due - time.monotonic()
            if rest > 0:
                time.sleep(rest)
        self._memory.totals[Memory.TOTALS.index("stopped")] = 1

    def _receive(self) -> None:
        limit = self._receiver.limit
        for _ in range(_DRAINS):
            ready = self._epoll.poll(0, limit)
            if not ready:
                break
            self._receiver.read([descriptor for descriptor, _ in ready])
        self._memory.totals[0] += 1

    def _obey(self) -> None:
        try:
            command: Command = self._pipe.recv()
        except (EOFError, ConnectionError):
            self._runs = False
            return
        match command:
            case OpenLegs(addresses):
                self._open(addresses)
            case Load(signal, codec, frames):
                self._sender.load(signal, codec, frames)
            case Start():
                self._start(command)
            case Retarget(leg, address, port):
                self._sockets[leg].connect((address, port))
            case Stop(leg, deaf):
                self._stop(leg, deaf)
            case Pause(legs):
                self._sender.pause(legs)
            case Press(leg, digit, beside):
                self._sender.press(leg, digit, beside)
            case Sync():
                self._pipe.send(Done())
            case Quit():
                self._runs = False

    def _open(self, addresses: tuple[str, ...]) -> None:
        first = len(self._sockets)
        for address in addresses:
            handle = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            handle.setblocking(False)
            handle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
            handle.bind((address, 0))
            self._sockets.append(handle)
        self._pipe.send(Opened(first, tuple(handle.getsockname()[1] for handle in self._sockets[first:])))

    def _start(self, command: Start) -> None:
        handle = self._sockets[command.leg]
        handle.connect((command.address, command.port))
        self._receiver.start(command.leg, handle, command.payload_types[1], command.digit_payload_type, command.records, command.keys)
        self._sender.start(command, handle)
        if command.leg not in self._heard:
            self._epoll.register(handle.fileno(), select.EPOLLIN)
            self._heard.add(command.leg)

    def _stop(self, leg: int, deaf: bool) -> None:
        self._sender.stop(leg)
        if deaf and leg in self._heard:
            self._epoll.unregister(self._sockets[leg].fileno())
            self._heard.remove(leg)


def main() -> None:
    """Arguments: one JSON object (descriptors, sizes, core, seconds)."""
    given = json.loads(sys.argv[1])
    process.die_with_parent()
    signals.signal(signals.SIGINT, signals.SIG_IGN)  # Ctrl-C goes to the whole group; the parent says when to end
    if given["core"] is not None:
        process.pin(given["core"])
    if given["hurries"]:
        process.hurry()
    gc.disable()
    memory = Memory(Size(**given["size"]), given["memory"])
    Loop(memory, Connection(given["pipe"]), given["kernel_times"], given["longest"]).run()


if __name__ == "__main__":
    main()
