"""Streams whose codec has a state: every packet is decoded in its order, and what was lost is made up by the codec where it can.

Rules for one stream:
- its first packet begins it;
- the packet that is the next is decoded; one behind a gap waits, at most `MAX_WAITING` of them;
- a gap is closed when the missing packet comes, or when it is given up: the last packet lost is recovered from the one behind it
  (Opus has it in there once more), those before it are concealed. What the codec cannot make up stays missing;
- what comes after its place was given up is late;
- a packet that is no audio only takes its number;
- a listener who cannot wait has the codec go on as it sounded, block by block; the missing packet is decoded all the same if it comes,
  and recovered all the same for one who is to hear everything later from now on.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from mixer.arrays import Int16
from mixer.coders.coder import Decoder

MAX_WAITING: Final = 16
"""Packets behind a gap that wait; with one more, the gap is given up."""
MAX_MADE_UP: Final = 12
"""Blocks of a gap that a codec makes up; a longer one is a pause."""
BLOCK: Final = 160
"""Samples of a block: codecs with a state are wideband ones."""
LONGEST: Final = 12
"""Blocks in the longest packet."""


@dataclass(frozen=True, slots=True)
class Coded:
    """A packet with audio in it."""

    extended: int
    """Its number in the stream."""
    position: int
    """Block on the time line with which it begins."""
    blocks: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Decoded:
    """Blocks that are to be heard."""

    position: int
    frame: Int16
    """(samples), whole blocks; a view of memory that the next ones are written into."""
    is_made_up: bool = False
    is_first: bool = False
    """Nothing of the stream was decoded before."""


@dataclass(slots=True)
class OrderedStream:
    """One stream. Each step hands what it decoded to ``heard``, at once."""

    decoder: Decoder
    serial: int
    codec: int
    next: int
    """Number of the packet that is decoded next."""
    position: int = -1
    """Block behind the newest decoded one; -1 before the first."""
    decoded: int = -1
    """The same of what came, without what was concealed since."""
    is_fresh: bool = True
    waiting: dict[int, Coded | None] = field(default_factory=dict)
    """Packets behind a gap by number; None for what is no audio."""
    _frame: Int16 = field(default_factory=lambda: np.zeros(LONGEST * BLOCK, dtype=np.int16))

    @property
    def first_waiting(self) -> int:
        """The block with which the first waiting packet begins; that of the gap itself, where it is no audio."""
        packet = self.waiting[min(self.waiting)]
        return self.position if packet is None else packet.position

    def take(self, packet: Coded, heard: Callable[[Decoded], None]) -> bool:
        """The stream's next arrival; False where it is too late, or broken."""
        if packet.extended < self.next:
            return False
        if packet.extended > self.next:
            self.waiting[packet.extended] = packet
            while len(self.waiting) > MAX_WAITING:
                self.give_up(heard)
            return True
        is_whole = self._decode(packet, heard)
        self._follow_up(heard)
        return is_whole

    def pass_over(self, extended: int, heard: Callable[[Decoded], None]) -> None:
        """This number was no audio's."""
        if extended == self.next:
            self.next += 1
            self._follow_up(heard)
        elif extended > self.next and len(self.waiting) < MAX_WAITING:
            self.waiting[extended] = None

    def conceal(self, position: int) -> Int16 | None:
        """The codec's own idea of block ``position``, for which a listener cannot wait; None where it is not the next, or there is none."""
        frame = self._frame[:BLOCK]
        if position != self.position or not self.decoder.conceal(frame):
            return None
        self.position += 1
        return frame

    def take_back(self, position: int) -> None:
        """What was concealed from block ``position`` on is to be heard all the same, if it can be recovered."""
        if 0 <= self.decoded <= position < self.position:
            self.position = position

    def give_up(self, heard: Callable[[Decoded], None]) -> None:
        """What is missing before the first waiting packet has been lost."""
        if not self.waiting:
            return
        following = min(self.waiting)
        packet = self.waiting[following]
        if packet is not None and 0 <= self.position < packet.position <= self.position + MAX_MADE_UP:
            self._make_up(packet, heard)
        self.next = following
        self._follow_up(heard)

    def _make_up(self, packet: Coded, heard: Callable[[Decoded], None]) -> None:
        """Fill the gap before this packet, as far as nobody has yet: packet by packet, the last one whole, as it tells of that."""
        blocks = packet.position - self.position
        while blocks > 0:
            size = blocks % packet.blocks or packet.blocks
            blocks -= size
            frame = self._frame[: size * BLOCK]
            made = 0 if blocks else self.decoder.recover(packet.payload, frame)
            if made or self.decoder.conceal(frame):
                heard(Decoded(self.position, frame, is_made_up=not made))
            self.position += size

    def _decode(self, packet: Coded, heard: Callable[[Decoded], None]) -> bool:
        self.next += 1
        samples = packet.blocks * BLOCK
        is_whole = self.decoder.decode(packet.payload, self._frame) >= samples > 0
        self.position = self.decoded = packet.position + packet.blocks
        if is_whole:
            heard(Decoded(packet.position, self._frame[:samples], is_first=self.is_fresh))
            self.is_fresh = False
        return is_whole

    def _follow_up(self, heard: Callable[[Decoded], None]) -> None:
        """What waited and is the next now."""
        while self.next in self.waiting:
            packet = self.waiting.pop(self.next)
            if packet is None:
                self.next += 1
            else:
                self._decode(packet, heard)
