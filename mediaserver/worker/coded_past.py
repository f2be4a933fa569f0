"""The last packets of legs whose codec has a state that were passed through: a decoder that begins amid their sound begins with these.

So nothing of theirs is faded in where a supervisor comes, and the encoder of the party who was passed them is given what that party has
heard. What was passed to nobody is not in here, nor what was said in another call. Nobody reads it: it is the past of what is read.
"""

from typing import Final

import numpy as np

from mediaserver.worker.ordered import Coded
from rtp.arrays import Bytes, Int64
from rtp.header import HEADER

KEPT: Final = 10
"""Packets of a leg: decoders have settled after some 80 ms, and encoders are given 100."""
LARGEST: Final = 512
"""Bytes of a payload; a larger one is not kept, nor what came before it."""
_FACTS: Final = 7


class CodedPast:
    """Packets by row, the last ones in a ring. Private to this worker; there are no arrays before the first packet."""

    def __init__(self, rows: int, inbox: Bytes) -> None:
        """inbox (line, bytes): where packets lie."""
        self._inbox = inbox
        self._rows = rows
        self._payload = np.zeros((0, KEPT, LARGEST), dtype=np.uint8)
        """(row, KEPT, LARGEST)"""
        self._facts = np.zeros((0, KEPT, _FACTS), dtype=np.int64)
        """(row, KEPT, _FACTS): as told to `note`, in that order."""

    def note(self, rows: Int64, lines: Int64, voice: tuple[Int64, Int64, Int64], place: tuple[Int64, Int64, Int64, Int64]) -> None:
        """Packets (n), at most one of a row, in lines (n) of the inbox.

        voice, each (n): stream, codec, index of the call; place, each (n): number, first block, blocks, bytes.
        """
        if not len(self._payload):
            self._payload = np.zeros((self._rows, KEPT, LARGEST), dtype=np.uint8)
            self._facts = np.zeros((self._rows, KEPT, _FACTS), dtype=np.int64)
        slot = place[0] % KEPT
        self._payload[rows, slot] = self._inbox[lines, HEADER : HEADER + LARGEST]
        self._facts[rows, slot] = np.stack((*voice, *place), axis=1)

    def before(self, row: int, packet: Coded, voice: tuple[int, int, int]) -> list[Coded]:
        """What came of a row right before ``packet``, of one voice, without a gap in numbers or in time, the oldest first."""
        found: list[Coded] = []
        first = packet
        while len(self._facts) and len(found) < KEPT:
            slot = (first.extended - 1) % KEPT
            *spoken, number, position, blocks, size = self._facts[row, slot].tolist()
            is_next = (*spoken, number) == (*voice, first.extended - 1) and position + blocks == first.position
            if not is_next or not 0 < size <= LARGEST:
                break
            first = Coded(number, position, blocks, self._payload[row, slot, :size].tobytes())
            found.append(first)
        return found[::-1]

    def forget(self, row: int) -> None:
        """The leg of this row ended."""
        if len(self._facts):
            self._facts[row] = 0
            self._payload[row] = 0
