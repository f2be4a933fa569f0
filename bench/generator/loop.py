"""The RTP process: `python -m bench.generator.loop`, started by `bench.generator.rtp` and by nobody else.

One thread, no asyncio: every millisecond it sends what is due, reads what has come, and looks at its pipe. What it read it judges
every few milliseconds, all of it at once.
"""

import gc
import json
import select
import signal as signals
import sys
import time
from multiprocessing.connection import Connection

from bench.generator import process
from bench.generator.memory import Memory, Size
from bench.generator.messages import Command, Done, Load, Opened, OpenLegs, Pause, Press, Pressed, Quit, Retarget, Start, Stop, Sync
from bench.generator.receiver import Receiver
from bench.generator.sender import SLOT, SLOTS, Sender
from bench.generator.sockets import Sockets

_FARTHEST_BEHIND = 1.0
"""Seconds after which slots are skipped and counted instead of sent in a burst."""
_DRAINS = 4
"""Batches read a millisecond at most."""
_SETTLES = 8
"""Milliseconds from judgement to judgement."""
_BANK_FRAMES = 1024 * 1024
"""Of signals; memory is taken up as it is used. To move them to a larger place would stall all legs."""
_COMMANDS = 8
"""Commands carried out a millisecond at most."""
_SETTLEMENTS, _SEND_ERRORS, _SKIPPED_SLOTS, _STOPPED = (
    Memory.TOTALS.index(name) for name in ("settlements", "send_errors", "skipped_slots", "stopped")
)


class Loop:
    """The legs' sockets and their two halves."""

    def __init__(self, memory: Memory, pipe: Connection, kernel_times: bool, longest: float) -> None:
        self._memory = memory
        self._pipe = pipe
        self._ends = time.monotonic() + longest
        self._sockets = sockets = Sockets(memory.size.legs, kernel_times)
        self._sender = Sender(memory, sockets.outbox, sockets.send, bank_frames=_BANK_FRAMES)
        self._sender.on_pressed = lambda leg, moment: pipe.send(Pressed(leg, moment))
        self._receiver = Receiver(memory, sockets)
        self._told = select.poll()  # the pipe's own poll makes a selector each time
        self._told.register(pipe.fileno(), select.POLLIN)
        self._runs = True

    def run(self) -> None:
        """Until told to quit, the parent is gone, or the longest time is over."""
        number, settled, due = 0, 0, time.monotonic() + SLOT
        while self._runs and due < self._ends:
            while (now := time.monotonic()) >= due:
                if now - due > _FARTHEST_BEHIND:
                    self._memory.totals[_SKIPPED_SLOTS] += 1
                else:
                    self._sender.send_slot(number % SLOTS, due)
                number += 1
                due += SLOT
            self._receive()
            if number - settled >= _SETTLES:
                self._settle()
                settled = number
            for _ in range(_COMMANDS):
                if not self._told.poll(0):
                    break
                self._obey()
            rest = due - time.monotonic()
            if rest > 0:
                time.sleep(rest)
        self._memory.totals[_STOPPED] = 1

    def _receive(self) -> None:
        most = len(self._sockets.arrival)
        for _ in range(_DRAINS):
            count = self._sockets.receive()
            self._receiver.put_by(count)
            if self._receiver.is_full:
                self._settle()
            if count < most:
                break
        self._memory.totals[0] += 1

    def _settle(self) -> None:
        """Count what has come and what was sent, both until now: who compares them sees what is lost, and not what one is ahead."""
        totals = self._memory.totals
        totals[_SETTLEMENTS] += 1
        self._receiver.settle()
        self._sender.settle()
        totals[_SEND_ERRORS] = self._sockets.counters.send_errors.sum()
        totals[_SETTLEMENTS] += 1

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
                self._sockets.connect(leg, (address, port))
            case Stop(leg, deaf):
                self._stop(leg, deaf)
            case Pause(legs):
                self._sender.pause(legs)
            case Press(leg, digit, beside):
                self._sender.press(leg, digit, beside)
            case Sync():
                self._settle()
                self._pipe.send(Done())
            case Quit():
                self._runs = False

    def _open(self, addresses: tuple[str, ...]) -> None:
        first = len(self._sockets)
        self._pipe.send(Opened(first, tuple(self._sockets.open(addresses))))

    def _start(self, command: Start) -> None:
        self._settle()
        self._sockets.connect(command.leg, (command.address, command.port))
        self._receiver.start(command.leg, command.payload_types[1], command.digit_payload_type, command.records, command.keys)
        self._sender.start(command)
        self._sockets.watch(command.leg)

    def _stop(self, leg: int, deaf: bool) -> None:
        self._sender.stop(leg)
        if deaf:
            self._sockets.forget(leg)


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
