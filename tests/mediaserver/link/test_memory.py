"""The shared memory: its layout, and what signalling reads of it."""

import mmap
import os
import subprocess
import sys
from struct import calcsize

import pytest

from mediaserver.link.layout import LEG_ARRAYS, PAGE, lay_out
from mediaserver.link.memory import COUNTERS, Memory


@pytest.fixture
def memory() -> Memory:
    return Memory.create(8, 4, 6)


def test_arrays_do_not_overlap_and_start_at_multiples_of_64_bytes() -> None:
    places, size = lay_out(100, 30, 16)
    ends = 64
    for place in sorted(places.values(), key=lambda place: place.offset):
        assert place.offset % 64 == 0
        assert place.offset >= ends
        ends = place.offset + place.size
    assert ends <= size
    assert size % PAGE == 0


def test_two_who_map_the_memory_see_the_same(memory: Memory) -> None:
    other = Memory(os.dup(memory.fd))
    assert (other.rows, other.calls, other.seats) == (8, 4, 6)
    other.view("leg.id")[3] = 77
    assert memory.leg(3) == 77
    assert memory.leg(4) == -1
    other.close()


def test_a_leg_that_sends_is_shown_and_one_that_stopped_is_silent(memory: Memory) -> None:
    memory.view("meter.level")[2] = -20.0
    memory.view("meter.speech")[2] = 1
    memory.view("meter.last_packet")[2] = 100.0
    memory.view("worker.now")[0] = 100.1
    assert memory.level_dbov(2) == -20.0
    assert memory.speaks(2)
    assert memory.last_packet(2) == 100.0
    memory.view("worker.now")[0] = 101.0
    assert memory.level_dbov(2) == -127.0
    assert not memory.speaks(2)
    assert memory.turn_time == 101.0


def test_counters_are_told_by_name(memory: Memory) -> None:
    memory.view("count.lost")[1] = -1
    memory.view("count.dropped_stranger")[1] = 5
    counters = memory.counters(1)
    assert set(counters) == set(COUNTERS)
    assert (counters["lost"], counters["dropped_stranger"], counters["received"]) == (-1, 5, 0)
    assert set(memory.worker_counters()) == {"link_frames_dropped", "link_frames_refused", "turns_failed", "turns_stretched"}


def test_jitter_is_in_milliseconds(memory: Memory) -> None:
    memory.view("stream.jitter")[1] = 0.002
    assert memory.jitter_ms(1) == 2.0


def test_lateness_is_read_at_a_quantile_of_all_turns_or_of_the_recent_ones(memory: Memory) -> None:
    assert memory.lateness_ms(0.99) == 0.0
    memory.view("worker.lateness")[0] = 98
    memory.view("worker.lateness")[3] = 2
    assert memory.lateness_ms(0.5) == 0.5
    assert memory.lateness_ms(0.99) == 2.0
    before = memory.lateness_counts()
    memory.view("worker.lateness")[10] = 50
    assert memory.lateness_ms(0.5, before) == 5.5


@pytest.mark.parametrize("shape", [(0, 1, 1), (1, 0, 1), (1, 1, 0), (70_000, 1, 1), (1, 1, 65)])
def test_impossible_sizes_are_refused(shape: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="1 to 65536 rows"):
        Memory.create(*shape)


@pytest.mark.parametrize("size", [10, 4096, 1 << 20])
def test_another_file_is_not_taken_for_a_memory(size: int) -> None:
    descriptor = os.memfd_create("other")
    os.ftruncate(descriptor, size)
    with pytest.raises(ValueError, match="memory file"):
        Memory(descriptor)
    os.close(descriptor)


def test_untouched_rows_cost_nothing() -> None:
    memory = Memory.create(4096, 4096, 16)
    assert os.fstat(memory.fd).st_size > 40_000_000
    assert os.fstat(memory.fd).st_blocks * 512 < 1_500_000
    memory.close()


def test_every_type_has_the_size_that_views_expect() -> None:
    assert {calcsize(char) for char, _ in LEG_ARRAYS.values()} <= {1, 2, 4, 8}
    assert mmap.PAGESIZE % 64 == 0


def test_reading_meters_and_speaking_the_link_loads_no_numpy() -> None:
    program = "import sys, mediaserver.link.memory, mediaserver.link.wire; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
