"""The ring between a worker's taps and whoever listens to them: shared memory, one writer, one reader, nobody waits.

A ring is a memfd whose size is sealed, so that no reader can pull it from under the worker: a head of 64 bytes (magic, record
bytes, records, written, read, dropped; each uint64), then records in a circle. The worker writes records and then moves
``written`` on; the reader takes what lies between ``read`` and ``written`` and then moves ``read`` on. Where no record is free,
the worker leaves out the frame and counts it in ``dropped``.

A record is one frame of one leg: 20 ms, 160 samples at 8 kHz or 320 at 16 kHz, the rate at which its call is mixed, int16
with the whole range in use. Its position says when it was spoken, in blocks of 10 ms of the monotonic clock of this machine: frames
of two legs with the same position were spoken at the same time, and a position that is missing for a leg was not to be heard.
This reader needs no numpy.
"""

import fcntl
import mmap
import os
from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct
from typing import Any, Final

MAGIC: Final = 0x6D65_6469_6172_0001
HEAD: Final = 64
RECORD: Final = Struct("=qqqIHH")
"""Position, tap, leg, samples a second, missing blocks (bits), samples; native order of bytes."""
SAMPLES: Final = 320
"""Room for the longest frame."""
RECORD_BYTES: Final = RECORD.size + 2 * SAMPLES
MOST_RECORDS: Final = 1 << 20
SEALS: Final = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW
WRITTEN, READ, DROPPED = 3, 4, 5
"""Words of the head."""


@dataclass(frozen=True, slots=True)
class TapFrame:
    """What one leg said in 20 ms."""

    tap: int
    leg: int
    position: int
    """First of its two blocks on the clock."""
    rate: int
    """Samples a second."""
    missing: int
    """Bit n: block n of the frame never came; here it is silence, or what was made up for a listener. 3: all of it."""
    samples: bytes
    """int16, mono."""

    @property
    def is_gap(self) -> bool:
        """Whether nothing of it came."""
        return self.missing == 0b11


def create_ring(records: int) -> int:
    """The descriptor of a fresh ring, to be lent with `OpenTap`, and to be read by a `TapReader` in whatever process."""
    if not 1 <= records <= MOST_RECORDS:
        raise ValueError(f"a ring has 1 to {MOST_RECORDS} records, not {records}")
    descriptor = os.memfd_create("mediaserver-tap", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(descriptor, HEAD + records * RECORD_BYTES)
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, SEALS)
    with mmap.mmap(descriptor, HEAD) as fresh, memoryview(fresh) as whole, whole.cast("Q") as head:
        head[0], head[1], head[2] = MAGIC, RECORD_BYTES, records
    return descriptor


def map_ring(descriptor: int) -> tuple[mmap.mmap, int]:
    """A ring's memory and how many records it has; `ValueError` where the descriptor is none, `OSError` where it cannot be mapped."""
    size = os.fstat(descriptor).st_size
    if fcntl.fcntl(descriptor, fcntl.F_GET_SEALS) & SEALS != SEALS:
        raise ValueError("a ring whose size may still change")
    if size < HEAD + RECORD_BYTES:
        raise ValueError("too small to be a ring")
    mapped = mmap.mmap(descriptor, size)
    with memoryview(mapped) as whole, whole[:HEAD].cast("Q") as head:
        magic, record_bytes, records = head[0], head[1], head[2]
    if magic != MAGIC or record_bytes != RECORD_BYTES or not 1 <= records <= MOST_RECORDS or size < HEAD + records * RECORD_BYTES:
        mapped.close()
        raise ValueError("not a ring of this layout")
    return mapped, records


class TapReader:
    """The one reader of a ring."""

    def __init__(self, descriptor: int) -> None:
        """Map the ring behind a descriptor, which stays the caller's."""
        self._map, self._records = map_ring(descriptor)
        self._whole = memoryview(self._map)
        self._head: memoryview[Any] = self._whole[:HEAD].cast("Q")

    def close(self) -> None:
        """Unmap the ring."""
        self._head.release()
        self._whole.release()
        self._map.close()

    @property
    def dropped(self) -> int:
        """Frames that found no room, all in all."""
        return int(self._head[DROPPED])

    @property
    def waiting(self) -> int:
        """Frames that can be read now."""
        return int(self._head[WRITTEN] - self._head[READ])

    def read(self, most: int = 1 << 16) -> Iterator[TapFrame]:
        """What waits, in the order in which it was written; at most so many frames."""
        for _ in range(min(self.waiting, most)):
            at = HEAD + (self._head[READ] % self._records) * RECORD_BYTES
            position, tap, leg, rate, missing, count = RECORD.unpack_from(self._whole, at)
            start = at + RECORD.size
            samples = bytes(self._whole[start : start + 2 * min(count, SAMPLES)])
            self._head[READ] += 1
            yield TapFrame(tap, leg, position, rate, missing, samples)
