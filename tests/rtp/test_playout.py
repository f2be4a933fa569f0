"""Playout buffers: what was stored is read, what was overwritten or wiped is not, and where readers start."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtp.arrays import Int16
from rtp.playout import RING, Playout, goal_seconds, margins, spare_blocks, starting_blocks
from rtp.stream import BLOCK


def playout(rows: int = 3) -> Playout:
    buffers = Playout(
        np.zeros((rows * RING, BLOCK), dtype=np.int16),
        np.zeros(rows * RING, dtype=np.int64),
        np.zeros(rows * RING, dtype=np.int64),
        np.zeros(rows, dtype=np.int64),
    )
    for row in range(rows):
        buffers.wipe(row)
    return buffers


def frame(value: int, blocks: int) -> Int16:
    return (np.arange(blocks * BLOCK, dtype=np.int16) // BLOCK + np.int16(value))[None]


@given(st.lists(st.tuples(st.integers(64, 400), st.integers(1, 6)), max_size=40))
def test_a_block_is_there_if_it_was_written_and_not_overtaken(writes: list[tuple[int, int]]) -> None:
    buffers, slow, end = playout(), dict[int, int](), 0
    for position, blocks in writes:
        buffers.store(np.array([1]), np.array([position]), blocks, frame(position, blocks))
        if position > end - RING:
            slow |= {position + offset: position + offset for offset in range(blocks)}
            end = max(end, position + blocks)
            newest = {block % RING: block for block in sorted(slow)}
            slow = {block: slow[block] for block in newest.values()}
    assert buffers.end[1] == end
    wanted, slots = buffers.slots(np.array([1]), np.array([max(end - 50, 0)]), 50)
    there = (buffers.held[slots] == wanted)[0]
    for index, block in enumerate(wanted[0].tolist()):
        if there[index]:
            assert slow[block] == buffers.samples[slots[0, index], 0]
        else:
            assert block not in slow


def test_rows_do_not_touch_each_other() -> None:
    buffers = playout()
    buffers.store(np.array([0, 2]), np.array([64, 64]), 2, np.concatenate([frame(5, 2), frame(9, 2)]))
    assert buffers.end.tolist() == [66, 0, 66]
    _, slots = buffers.slots(np.array([0, 2]), np.array([64, 64]), 2)
    assert buffers.samples[slots][:, :, 0].tolist() == [[5, 6], [9, 10]]


def test_a_wiped_row_holds_nothing() -> None:
    buffers = playout()
    buffers.store(np.array([1]), np.array([100]), 2, frame(7, 2))
    buffers.wipe(1)
    for position in range(-2, 200):
        wanted, slots = buffers.slots(np.array([1]), np.array([position]), 2)
        assert not (buffers.held[slots] == wanted).any()
    assert not buffers.samples.any()


def test_history_is_silent_where_nothing_was() -> None:
    buffers = playout()
    buffers.store(np.array([1]), np.array([100]), 2, frame(7, 2))
    past = buffers.history(np.array([1, 1]), np.array([102, 103]), 4).reshape(2, 4, BLOCK)[:, :, 0]
    assert past.tolist() == [[0, 0, 7, 8], [0, 7, 8, 0]]


def test_a_gap_after_a_gap_goes_on_from_what_was_made_up_and_the_real_block_takes_its_place() -> None:
    buffers = playout()
    buffers.store(np.array([1]), np.array([100]), 2, frame(7, 2))
    buffers.make_up(np.array([1]), np.array([102]), frame(5, 1))
    wanted, slots = buffers.slots(np.array([1]), np.array([102]), 1)
    assert not (buffers.held[slots] == wanted).any()
    assert buffers.history(np.array([1]), np.array([103]), 3).reshape(3, BLOCK)[:, 0].tolist() == [7, 8, 5]
    buffers.store(np.array([1]), np.array([102]), 1, frame(9, 1))
    assert buffers.history(np.array([1]), np.array([103]), 3).reshape(3, BLOCK)[:, 0].tolist() == [7, 8, 9]


def test_readers_start_so_that_what_is_there_lasts_until_the_next_packet_has_come() -> None:
    age, goal = np.array([0.010, 0.0, 0.001, 0.0]), np.array([0.003, 0.003, 0.025, 9.0])
    starts = starting_blocks(np.full(4, 100), 2, np.full(4, 2), age, goal)
    assert starts.tolist() == [98, 96, 94, 100 - RING // 4]


@pytest.mark.parametrize("packet", [1, 2, 3, 4, 6])
@pytest.mark.parametrize("blocks", [1, 2, 3, 4, 6])
@pytest.mark.parametrize("age", [0.0, 0.0035, 0.0085])
def test_who_started_has_his_goal_as_margin_for_ever(packet: int, blocks: int, age: float) -> None:
    goal, sizes = 0.004, np.array([packet])
    read = starting_blocks(np.array([600]), blocks, sizes, np.array([age]), np.array([goal]))
    arrival, end, now, seen = 0.0, np.array([600]), age, []
    for _ in range(60):
        while arrival + packet * 0.010 <= now + 1e-9:
            arrival, end = arrival + packet * 0.010, end + packet
        seen.append(float(margins(end, np.array([arrival]), read, blocks, sizes, now)[0]))
        read, now = read + blocks, now + blocks * 0.010
    assert goal - 1e-9 <= min(seen) < goal + (packet + blocks) * 0.010


def test_a_margin_is_the_time_by_which_a_frames_last_packet_came_before_its_turn() -> None:
    packet, arrival = np.array([2]), np.array([1.0])
    read_at = {read: float(margins(np.array([104]), arrival, np.array([read]), 2, packet, 1.005)[0]) for read in (100, 101, 102, 103)}
    assert read_at == pytest.approx({100: 0.025, 101: 0.005, 102: 0.005, 103: -0.015})
    assert goal_seconds(np.array([0.0]))[0] < goal_seconds(np.array([0.01]))[0]


def test_only_whole_steps_beyond_the_goal_are_to_spare() -> None:
    margin, goal = np.array([0.001, 0.021, 0.024, 0.047]), np.full(4, 0.004)
    assert spare_blocks(margin, goal, 2, np.full(4, 2)).tolist() == [0, 0, 2, 4]
    assert spare_blocks(margin, goal, 2, np.full(4, 1)).tolist() == [0, 1, 2, 4]
