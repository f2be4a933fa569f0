"""Playout buffers: decoded frames of every leg on its time line, and what a reader does when the frame that is due is not there.

A leg's time line is cut into blocks of 10 ms; block ``p`` lies in slot ``p mod RING``, and ``held`` says which block a slot
holds, so that an overwritten or never written block is simply not there. Any number of readers read one buffer, each by a
pointer of his own. A reader whose frame is not there

- *starts*, where he never read or paused for long: as near to the newest block as the jitter allows;
- *waits*, where nothing later came, or so little that jitter may explain it: he fills in, and if the packet does come, it is
  used, and his delay has grown by a frame;
- *conceals and goes on*, where what came later shows that the frame is lost; what he filled in while waiting was that frame.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from rtp.arrays import Float64, Int16, Int64, every, some
from rtp.stream import BLOCK_SECONDS

RING: Final = 64
"""Blocks that a buffer holds."""
UNREAD: Final = -1
"""Read pointer of a reader who has not started."""
_EMPTY: Final = -2 * RING
"""What an empty slot holds: a block that nobody asks for."""
GOAL_SECONDS: Final = 0.004
"""Least time between a packet's arrival and the turn of its frame that a reader aims at, where there is no jitter: two turns."""
GOAL_JITTERS: Final = 3.0
"""How many times the measured jitter he adds."""
MAX_MARGIN: Final = 0.2
"""Beyond this delay a block is dropped even where it is not silent."""

_RANGE: Final = tuple(np.arange(count) for count in range(RING))


@dataclass(slots=True)
class Playout:
    """The buffers of all legs."""

    samples: Int16
    """(rows · RING, samples of a block), 14-bit domain."""
    held: Int64
    """(rows · RING) the block that a slot holds."""
    made: Int64
    """(rows · RING) the block that was made up in a slot, for want of the real one."""
    end: Int64
    """(rows) the first block after the newest."""

    def store(self, rows: Int64, position: Int64, blocks: int, frames: Int16) -> None:
        """Write frames (n, samples of so many blocks) that start at block ``position`` (n), at most one of a row.

        What is older than the ring is left out.
        """
        end = self.end[rows]
        recent = position > end - RING
        if not every(recent):
            rows, position, frames, end = rows[recent], position[recent], frames[recent], end[recent]
        stored, slots = self.slots(rows, position, blocks)
        if blocks == 2 and _are_even(slots):
            self._in_twos()[slots[:, 0] >> 1] = frames
        else:
            self.samples[slots] = frames.reshape(-1, blocks, self.samples.shape[1])
        self.held[slots] = stored
        self.end[rows] = np.maximum(end, position + blocks)

    def slots(self, rows: Int64, position: Int64, blocks: int) -> tuple[Int64, Int64]:
        """The blocks (…, blocks) from ``position`` (…) on, and their slots in the buffers of ``rows`` (…).

        A block is there where its slot holds it: ``held[slots] == wanted``.
        """
        wanted = position[..., None] + _RANGE[blocks]
        return wanted, (wanted & (RING - 1)) + (rows * RING)[..., None]

    def frames(self, slots: Int64) -> Int16:
        """What lies in slots (…, blocks), a copy: (…, blocks · samples of a block)."""
        if slots.shape[-1] == 2 and _are_even(slots):
            return self._in_twos().take(slots[..., 0] >> 1, axis=0)
        return self.samples.take(slots, axis=0).reshape(*slots.shape[:-1], -1)

    def _in_twos(self) -> Int16:
        """The buffers two blocks at a time: packets of 20 ms mostly begin at even slots, and are moved in one piece then."""
        return self.samples.reshape(-1, 2 * self.samples.shape[1])

    def make_up(self, rows: Int64, position: Int64, blocks: Int16) -> None:
        """Note what was played (n, samples) in place of block ``position`` (n) that is not there: a later gap goes on from it."""
        slots = (position & (RING - 1)) + rows * RING
        self.samples[slots] = blocks
        self.held[slots] = _EMPTY
        self.made[slots] = position

    def wipe(self, row: int) -> None:
        """Forget all of a leg: nothing of it is ever read again."""
        if self.end[row]:
            self.samples[row * RING : (row + 1) * RING] = 0
        self.held[row * RING : (row + 1) * RING] = _EMPTY
        self.made[row * RING : (row + 1) * RING] = _EMPTY
        self.end[row] = 0

    def history(self, rows: Int64, before: Int64, blocks: int) -> Int16:
        """What was heard in the ``blocks`` blocks before block ``before`` (n) of rows (n), as (n, samples); silence where nothing was."""
        wanted, slots = self.slots(rows, before - blocks, blocks)
        there = (self.held[slots] == wanted) | (self.made[slots] == wanted)
        return np.asarray(self.samples[slots] * there[..., None], dtype=np.int16).reshape(len(rows), -1)


def margins(end: Int64, arrival: Float64, read: Int64, blocks: int, packet: Int64, now: float) -> Float64:
    """Seconds by which the packet with the last block of a frame came before its turn; negative: it is late by that much.

    The frames are of ``blocks`` from ``read`` (n), the sources' packets of ``packet`` blocks (n), the newest of which ends at
    ``end`` and came at ``arrival`` (n). The blocks of a packet come together, so what counts is whole packets.
    """
    behind = (end - read - blocks) // packet
    margin: Float64 = behind * packet * BLOCK_SECONDS + (now - arrival)
    return margin


def goal_seconds(jitter: Float64) -> Float64:
    """The margin that a reader aims at, from the jitter, in seconds, of the source (and of what clocks the reader)."""
    goal: Float64 = GOAL_SECONDS + jitter * GOAL_JITTERS
    return goal


def starting_blocks(end: Int64, blocks: int, packet: Int64, age: Float64, goal: Float64) -> Int64:
    """Where readers (n) of frames of ``blocks`` start, so that the goal is the least margin that they will have.

    end and packet (n) as in `margins`, age (n) the seconds since the newest packet came, goal (n) that of `goal_seconds`.
    Frames and packets meet in steps of what divides both; at worst a frame ends with the first such step of a packet.
    """
    step = np.gcd(packet, blocks)
    lacking = np.ceil((goal - age) / (step * BLOCK_SECONDS)).astype(np.int64) * step
    return np.asarray(end - np.clip(blocks + packet - step + lacking, blocks, RING // 4), dtype=np.int64)


def spare_blocks(margin: Float64, goal: Float64, blocks: Int64 | int, packet: Int64) -> Int64:
    """How many blocks (n) a reader of frames of ``blocks`` may leave out and still have the goal as his least margin (n)."""
    step = np.gcd(packet, blocks)
    return np.asarray(np.maximum((margin - goal) / (step * BLOCK_SECONDS), 0.0).astype(np.int64) * step, dtype=np.int64)


def _are_even(slots: Int64) -> bool:
    """Whether all reads or writes of two blocks begin at an even slot, so that their blocks lie side by side."""
    return not some((slots[..., 0] & 1).astype(np.bool_))
