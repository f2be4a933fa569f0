"""A simulated worker that dies at any line of its turn, what signalling knows of it, and the heir that goes on over the same memory."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, Final

import numpy as np

from mediaserver.link.messages import Applied, CloseLeg, Command, MoveLeg, OpenLeg, Refused
from mediaserver.worker.heir import Estate, take_over
from tests.mediaserver.worker.simulated import House, Phone

WATCHED: Final = ("/mediaserver/worker/", "/rtp/", "/mixer/")
"""Where a worker may die: in these files, before any line of theirs; and between two packets that it sends."""


class Died(BaseException):
    """The worker is dead: nothing of the line that was due was done, nor of any after it."""


@contextmanager
def dying_after(lines: int) -> Iterator[None]:
    """Die before the line that comes after so many of the worker's own."""
    left = lines

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal left
        code = frame.f_code
        if code.co_name != "_deliver" and ("/tests/" in code.co_filename or not any(part in code.co_filename for part in WATCHED)):
            return None
        if event == "line":
            left -= 1
            if left < 0:
                sys.settrace(None)
                raise Died
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)


@dataclass
class Told:
    """What signalling knows: legs with their calls and rows, and what was not answered."""

    house: House
    calls: dict[int, int] = field(default_factory=dict)
    rows: dict[int, int] = field(default_factory=dict)
    unanswered: dict[int, Command] = field(default_factory=dict)
    answered: list[int] = field(default_factory=list)
    request: int = 1000
    _read: int = 0

    def tell(self, *commands: Command) -> None:
        """Give commands in one frame. Where the worker dies meanwhile, they were all told."""
        numbers = range(self.request + 1, self.request + 1 + len(commands))
        self.request += len(commands)
        self.unanswered |= dict(zip(numbers, commands, strict=True))
        for number, command in zip(numbers, commands, strict=True):
            self._take(number, command)

    def hear(self) -> None:
        """Read the answers that came."""
        for _, answer in self.house.answers[self._read :]:
            command = self.unanswered.pop(answer.request)
            self.answered.append(answer.request)
            match command, answer:
                case OpenLeg(leg=leg, call=call), Applied(row=row):
                    self.calls[leg], self.rows[leg] = call, row
                case MoveLeg(leg=leg, call=call), Applied():
                    self.calls[leg] = call
                case CloseLeg(leg=leg), Applied():
                    del self.calls[leg], self.rows[leg]
        self._read = len(self.house.answers)

    def know(self) -> None:
        """Take the legs that were opened without this, as they are now."""
        for leg in self.house.roster.legs.values():
            self.calls[leg.id] = int(self.house.state.call_id[leg.call])
            self.rows[leg.id] = leg.row
        self._read = len(self.house.answers)

    def bury(self, after: float = 0.1) -> House:
        """The heir, so many seconds later: it is given the legs, and told what was not answered."""
        self.hear()
        dead, closing = self.house, {command.leg for command in self.unanswered.values() if isinstance(command, CloseLeg)}
        heir = self.house = type(dead)(heir_of=dead)
        heir.now = dead.now + after
        heir.phones, heir._next_packet, heir.departed = dead.phones, dead._next_packet, dead.departed
        heir._request = dead._request
        for row, phone in heir.phones.items():
            self._talk_to_nobody(heir, row, phone)
        heir.desk.inherited = int(heir.state.taken[0])
        legs = [leg for leg in self.calls if leg not in closing]
        lists = (legs, [self.calls[leg] for leg in legs], [self.rows[leg] for leg in legs])
        living, calls, rows = (np.array(numbers, dtype=np.int64) for numbers in lists)
        estate = Estate(living, calls, rows, tuple(null() for _ in legs))
        heir.doubted = take_over(heir.state, heir.roster, heir.sounds, heir.ports, estate, heir.now)
        self._read = 0
        for number, command in list(self.unanswered.items()):
            if isinstance(command, CloseLeg):
                del self.unanswered[number]
                self.calls.pop(command.leg, None)
                self.rows.pop(command.leg, None)
            else:
                self._take(number, command)
        return heir

    def _talk_to_nobody(self, heir: House, row: int, phone: Phone) -> None:
        while heir._next_packet[row] <= heir.now:
            heir._next_packet[row] += phone.frame / 8000.0
            if phone.talking:
                phone.next_packet()
            else:
                phone.timestamp += phone.frame

    def _take(self, number: int, command: Command) -> None:
        descriptor = null() if isinstance(command, OpenLeg) else -1
        self.house.turn.begin()
        self.house.desk.take(number, command, descriptor, self.house.now)


def null() -> int:
    """A descriptor to lend."""
    return os.open("/dev/null", os.O_RDONLY)


def refusals(house: House) -> list[Refused]:
    """What it would not do."""
    return [answer for _, answer in house.answers if isinstance(answer, Refused)]
