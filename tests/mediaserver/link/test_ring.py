"""The ring of taps: what is written is read in its order, what finds no room is counted, what is no ring is refused."""

import fcntl
import os
from collections.abc import Iterator

import numpy as np
import pytest

from mediaserver.link.ring import SEALS, TapReader, create_ring
from mediaserver.worker.rings import RingWriter


@pytest.fixture
def ring() -> Iterator[int]:
    """A ring of five records."""
    descriptor = create_ring(5)
    yield descriptor
    os.close(descriptor)


def write(writer: RingWriter, position: int, *legs: int, samples: int = 160) -> None:
    """A frame of each of these legs, each sample of which is the leg's number."""
    numbers = np.array(legs, dtype=np.int64)
    frames = np.repeat(numbers[:, None], samples, axis=1).astype(np.int16)
    writer.write(position, numbers * 0 + 7, numbers, numbers * 0, frames, 50 * samples)


def test_frames_are_read_in_their_order_with_all_that_was_said_of_them(ring: int) -> None:
    writer, reader = RingWriter(os.dup(ring)), TapReader(ring)
    write(writer, 100, 1, 2)
    write(writer, 102, 1, samples=320)
    frames = list(reader.read())
    assert [(frame.position, frame.leg, frame.tap, frame.rate) for frame in frames] == [
        (100, 1, 7, 8000),
        (100, 2, 7, 8000),
        (102, 1, 7, 16_000),
    ]
    assert frames[1].samples == np.full(160, 2, dtype=np.int16).tobytes()
    assert len(frames[2].samples) == 640
    assert reader.waiting == 0
    reader.close()


def test_a_ring_goes_round(ring: int) -> None:
    writer, reader = RingWriter(os.dup(ring)), TapReader(ring)
    for position in range(0, 60, 2):
        write(writer, position, 1, 2, 3)
        assert [(frame.position, frame.leg) for frame in reader.read()] == [(position, leg) for leg in (1, 2, 3)]
    assert reader.dropped == 0
    reader.close()


def test_what_finds_no_room_is_dropped_and_counted_and_the_rest_stays(ring: int) -> None:
    writer, reader = RingWriter(os.dup(ring)), TapReader(ring)
    for position in range(0, 8, 2):
        write(writer, position, 1, 2)
    assert (reader.waiting, reader.dropped) == (5, 3)
    assert [frame.position for frame in reader.read(2)] == [0, 0]
    write(writer, 8, 1, 2, 3)
    assert [(frame.position, frame.leg) for frame in reader.read()] == [(2, 1), (2, 2), (4, 1), (8, 1), (8, 2)]
    assert reader.dropped == 4
    reader.close()


@pytest.mark.parametrize("size", [0, 63, 64, 5000])
def test_a_file_that_is_no_ring_is_refused(size: int) -> None:
    descriptor = os.memfd_create("nothing", os.MFD_ALLOW_SEALING)
    os.ftruncate(descriptor, size)
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, SEALS)
    with pytest.raises(ValueError, match="ring"):
        RingWriter(os.dup(descriptor))
    with pytest.raises(ValueError, match="ring"):
        TapReader(descriptor)
    os.close(descriptor)


@pytest.mark.parametrize("records", [0, -1, 1 << 21])
def test_a_ring_has_a_bound(records: int) -> None:
    with pytest.raises(ValueError, match="records"):
        create_ring(records)


def test_no_reader_can_pull_the_memory_from_under_the_worker(ring: int) -> None:
    with pytest.raises(PermissionError):
        os.ftruncate(ring, 0)
    loose = os.memfd_create("loose")
    os.write(loose, os.pread(ring, os.fstat(ring).st_size, 0))
    with pytest.raises(ValueError, match="size"):
        RingWriter(loose)
