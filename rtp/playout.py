"""Playout buffers: decoded frames of every leg on its time line, and what a reader does when the frame that is due is not there.

A leg's time line is cut into blocks of 10 ms; block ``p`` lies in slot ``p mod RING``, and ``held`` says which block a slot
holds, so that an overwritten or never written block is simply not there. Any number of readers read one buffer, each by a
pointer of his own. A reader whose frame is not there

- *starts*, where he never read or paused for long: as near to the newest block as the jitter allows;
- *waits*, where nothing later came, or so little that jitter may explain it: he fills in, and if the packet does come, it is
  used from the place on that goes on best from what was filled in, and his delay has grown by as much as packets are late;
- *conceals and goes on*, where what came later shows that the frame is lost; what he filled in while waiting was that frame.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from rtp.arrays import Bools, Float64, Int16, Int64, every, some
from rtp.stream import BLOCK_SECONDS

RING: Final = 64
"""Blocks that a buffer holds."""
UNREAD: Final = -1
"""Read pointer of a reader who has not started."""
_EMPTY: Final = -2 * RING
"""What an empty slot holds: a block that nobody asks for."""
SLACK: Final = 0.00075
"""Seconds by which a margin may differ from the target before a reader moves; downward half of the target, where that is less."""
MAX_MOVE: Final = RING // 2
"""Blocks that a reader moves at most at once."""

_RANGE: Final = tuple(np.arange(count) for count in range(RING + 1))


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
        if blocks == 2 and not some((position & 1).astype(np.bool_)):
            twos = ((position & (RING - 1)) + rows * RING) >> 1
            self._in_twos()[twos] = frames
            self.held.reshape(-1, 2)[twos] = position[:, None] + _RANGE[2]
        else:
            stored, slots = self.slots(rows, position, blocks)
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

    def withdraw(self, rows: Int64, position: Int64) -> None:
        """Take back what lies in the buffers of rows (n) from block ``position`` (n) on."""
        held = self.held.reshape(-1, RING)
        held[rows] = np.where(held[rows] < position[:, None], held[rows], _EMPTY)
        self.end[rows] = np.minimum(self.end[rows], position)

    def wipe(self, row: int) -> None:
        """Forget all of a leg: nothing of it is ever read again."""
        if self.end[row]:
            self.samples[row * RING : (row + 1) * RING] = 0
        self.held[row * RING : (row + 1) * RING] = _EMPTY
        self.made[row * RING : (row + 1) * RING] = _EMPTY
        self.end[row] = 0

    def shifted(self, rows: Int64, position: Int64, offset: Int64, blocks: int) -> tuple[Bools, Int16]:
        """The ``blocks`` blocks (n, blocks, samples) from ``offset`` (n) samples behind the start of block ``position`` (n) on.

        And which of them (n, blocks) are there, each with both blocks that it has a part of.
        """
        wanted, slots = self.slots(rows, position, blocks + 1)
        held = self.held[slots] == wanted
        there = held[:, :-1] & (held[:, 1:] | (offset == 0)[:, None])
        return there, self._from(slots, offset) * there[..., None]

    def newest(self, rows: Int64, end: Int64) -> Int16:
        """The block before block ``end`` (n) of rows (n), as (n, samples); silence where it is not there."""
        slots = ((end - 1) & (RING - 1)) + rows * RING
        return np.asarray(self.samples.take(slots, axis=0) * (self.held.take(slots) == end - 1)[:, None])

    def history(self, rows: Int64, before: Int64, blocks: int, offset: Int64 | None = None) -> Int16:
        """What was heard of rows (n) in the ``blocks`` blocks before block ``before`` (n), as (n, samples); silence where nothing was.

        They end ``offset`` (n) samples behind the start of that block, where one is given.
        """
        wanted, slots = self.slots(rows, before - blocks, blocks + 1)
        there = (self.held[slots] == wanted) | (self.made[slots] == wanted)
        shift = np.zeros(len(rows), dtype=np.int64) if offset is None else offset
        return self._from(np.where(there, slots, -1), shift).reshape(len(rows), -1)

    def _from(self, slots: Int64, offset: Int64) -> Int16:
        """The samples (n, blocks, samples) from ``offset`` (n) on of the blocks in ``slots`` (n, blocks + 1); silence for slot -1."""
        count, block = slots.shape[0], self.samples.shape[1]
        whole = self.samples[slots]
        whole[slots < 0] = 0
        times = offset[:, None] + np.arange((slots.shape[1] - 1) * block)
        return np.asarray(np.take_along_axis(whole.reshape(count, -1), times, axis=1)).reshape(count, -1, block)


def due_packet(newest: Int64, packet: Int64, block: Int64) -> Int64:
    """The block (…) at which the packet that holds ``block`` (…) starts; all are of ``packet`` blocks, the newest starts at ``newest``."""
    return newest + (block - newest) // packet * packet


def margins(newest: Int64, base: Float64, packet: Int64, last: Int64, now: float | Float64) -> Float64:
    """Seconds by which the packet with block ``last`` (…) comes before ``now``, were it as fast as the fastest; negative: after it.

    newest, packet as in `due_packet`; base (…) is the transit of the fastest packet. What really came, and when, plays no part.
    """
    margin: Float64 = now - base - due_packet(newest, packet, last) * BLOCK_SECONDS
    return margin


def least_margins(newest: Int64, base: Float64, packet: Int64, frame: Int64, last: Int64, now: Float64) -> Float64:
    """The least of the `margins` of a frame that ends with block ``last`` (…) ``now`` (…) and of those that follow it in its time.

    newest, base and packet as in `margins`, frame (…) the blocks of each frame.
    """
    into_step = (last - newest) % np.gcd(packet, frame)
    margin: Float64 = now - base - (last - into_step) * BLOCK_SECONDS
    return margin


def starting_blocks(newest: Int64, base: Float64, blocks: int, packet: Int64, target: Float64, now: Float64) -> Int64:
    """Where readers (n) of frames of ``blocks`` start, so that the target (n) is the least margin that they will have.

    newest, base and packet (n) as in `margins`. Frames and packets meet in steps of what divides both; at worst a frame ends with
    the first such step of a packet.
    """
    step = np.gcd(packet, blocks)
    lacking = np.ceil((target - (now - base - newest * BLOCK_SECONDS)) / (step * BLOCK_SECONDS) - 1e-9)
    return np.asarray(
        newest + packet - np.clip(blocks + packet - step + lacking.astype(np.int64) * step, blocks, RING // 4), dtype=np.int64
    )


def least_slack(target: Float64) -> Float64:
    """How far (…), in seconds, a margin may be below the target (…)."""
    slack: Float64 = np.minimum(SLACK, target / 2)
    return slack


def wanted_moves(
    margin: Float64, target: Float64, newest: Int64, packet: Int64, read: Int64, offset: Int64, frame: Int64, block: Int64
) -> Int64:
    """How far (…), in samples, readers should move to have the least margin that is not below the target; negative: back.

    margin (…) is the least that they had with frames of ``frame`` blocks from ``read`` (…) blocks and ``offset`` (…) samples on, block
    the samples of a block. Moving costs or gains margin only where the end of a frame crosses a step of `starting_blocks`: so up to the
    next one a reader moves for nothing, and else by whole steps. Where the margin hardly differs from the target he stays.
    """
    step = np.gcd(packet, frame)
    size = step * block
    ahead = -((read - newest) * block + offset) % size
    beyond = margin - target
    over = np.maximum(beyond - SLACK, 0.0) + np.minimum(beyond + least_slack(target), 0.0)
    steps = np.floor(over / (step * BLOCK_SECONDS)).astype(np.int64)
    return np.asarray(ahead + np.clip(steps * size, -MAX_MOVE * block, MAX_MOVE * block), dtype=np.int64)


def _are_even(slots: Int64) -> bool:
    """Whether all reads or writes of two blocks begin at an even slot, so that their blocks lie side by side."""
    return not some((slots[..., 0] & 1).astype(np.bool_))
