"""A spare worker: it has loaded all that a worker needs, and waits on its link until it is given a memory, fresh or a dead worker's."""

import os
import select
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from mediaserver.link.memory import Memory
from mediaserver.link.messages import AdoptLegs, Applied, Inherit, LoadSound, Ping, Refused
from mediaserver.link.wire import LinkEnd, LinkError, Message, encode_frame
from mediaserver.worker.heir import Estate
from mediaserver.worker.sounds import Sounds, load_lent


@dataclass(slots=True)
class Spare:
    """What a waiting worker has been told."""

    link: LinkEnd
    sounds: Sounds = field(default_factory=Sounds)
    memory: Memory | None = None
    cpu: int | None = None
    unanswered: list[int] = field(default_factory=list)
    """Requests of what was inherited, to be answered when the first turn may begin."""
    _awaited: int = 0
    _lists: tuple["array[int]", "array[int]", "array[int]"] = field(default_factory=lambda: (array("q"), array("q"), array("q")))
    _sockets: list[int] = field(default_factory=list)

    def wait(self) -> bool:
        """Until there is a memory, and all of its legs are told; False where the link was closed before that."""
        poll = select.poll()
        poll.register(self.link.fileno(), select.POLLIN)
        while self.memory is None or len(self._sockets) < self._awaited:
            poll.poll()
            try:
                for request, message, descriptors in self.link.receive() or ():
                    self._take(request, message, descriptors)
            except LinkError:
                continue
            except (EOFError, OSError):
                return False
        return True

    @property
    def estate(self) -> Estate:
        """The legs that came with the memory."""
        legs, calls, rows = (np.array(numbers, dtype=np.int64) for numbers in self._lists)
        return Estate(legs, calls, rows, tuple(self._sockets))

    def _take(self, request: int, message: Message, descriptors: Sequence[int]) -> None:
        match message:
            case LoadSound():
                wrong = load_lent(self.sounds, message.sound, descriptors[0])
                self._answer(Refused(request, "bad_value", wrong) if wrong else Applied(request, 0, -1))
            case Ping():
                self._answer(Applied(request, 0, -1))
            case Inherit() if self.memory is None:
                self.memory, self._awaited = Memory(descriptors[0]), message.legs
                self.cpu = message.cpu if message.cpu >= 0 else None
                self.unanswered.append(request)
            case AdoptLegs():
                self._adopt(message, descriptors)
                self.unanswered.append(request)
            case _:
                for descriptor in descriptors:
                    os.close(descriptor)
                self._answer(Refused(request, "bad_value", "this worker is a spare one, without a memory"))

    def _adopt(self, message: AdoptLegs, descriptors: Sequence[int]) -> None:
        for numbers, told in zip(self._lists, (message.legs, message.calls, message.rows), strict=True):
            numbers.frombytes(told)
        self._sockets += descriptors

    def _answer(self, answer: Applied | Refused) -> None:
        self.link.send(encode_frame([(0, answer)]))
