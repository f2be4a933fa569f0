"""Playout buffers: what was stored is read, what was overwritten or wiped is not, and where readers start."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtp.arrays import Int16
from rtp.playout import RING, Playout, due_packet, least_margins, margins, starting_blocks, wanted_moves
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


def test_a_reader_between_two_blocks_gets_a_part_of_each_and_only_if_both_are_there() -> None:
    buffers = playout()
    buffers.store(np.array([1]), np.array([100]), 2, np.arange(160, dtype=np.int16)[None])
    there, samples = buffers.shifted(np.array([1, 1]), np.array([100, 100]), np.array([30, 0]), 2)
    assert there.tolist() == [[True, False], [True, True]]
    assert samples[0, 0].tolist() == list(range(30, 110))
    assert not samples[0, 1].any()
    assert samples[1].reshape(-1).tolist() == list(range(160))
    assert buffers.history(np.array([1]), np.array([101]), 2, np.array([30]))[0, 50:].tolist() == list(range(110))


def test_readers_start_so_that_what_is_there_lasts_until_the_next_packet_has_come() -> None:
    age, target = np.array([0.010, 0.0, 0.001, 0.0]), np.array([0.003, 0.003, 0.025, 9.0])
    starts = starting_blocks(np.full(4, 98), np.full(4, 5.0), 2, np.full(4, 2), target, 5.98 + age)
    assert starts.tolist() == [98, 96, 94, 100 - RING // 4]


def margin_of(newest: int, packet: int, read: int, blocks: int, now: float, base: float = 0.0) -> float:
    sizes = np.array([packet])
    return float(margins(np.array([newest]), np.array([base]), sizes, np.array([read + blocks - 1]), now)[0])


@pytest.mark.parametrize("packet", [1, 2, 3, 4, 6])
@pytest.mark.parametrize("blocks", [1, 2, 3, 4, 6])
@pytest.mark.parametrize("age", [0.0, 0.0035, 0.0085])
def test_who_started_has_his_target_as_margin_for_ever(packet: int, blocks: int, age: float) -> None:
    target, now, newest = 0.004, 6.0 + age, 600
    start = starting_blocks(np.array([newest]), np.zeros(1), blocks, np.array([packet]), np.array([target]), np.array([now]))
    read, seen = int(start[0]), []
    for _ in range(60):
        while (newest + packet) * 0.010 <= now + 1e-9:
            newest += packet
        seen.append(margin_of(newest, packet, read, blocks, now))
        read, now = read + blocks, now + blocks * 0.010
    assert target - 1e-9 <= min(seen) < target + (packet + blocks) * 0.010


@pytest.mark.parametrize("packet", [1, 2, 3, 4, 6])
@pytest.mark.parametrize("blocks", [1, 2, 3, 4, 6])
@pytest.mark.parametrize("read", [599, 600, 603])
def test_the_least_margin_is_known_from_any_frame(packet: int, blocks: int, read: int) -> None:
    seen = [margin_of(600, packet, read + ahead * blocks, blocks, 6.0 + ahead * blocks * 0.010) for ahead in range(12)]
    newest, base, size, frame = np.array([600]), np.zeros(1), np.array([packet]), np.array([blocks])
    least = least_margins(newest, base, size, frame, np.array([read + blocks - 1]), np.array([6.0]))
    assert float(least[0]) == pytest.approx(min(seen))


def test_a_margin_is_the_time_by_which_a_frames_last_packet_comes_before_its_turn_however_late_others_were() -> None:
    read_at = {read: margin_of(102, 2, read, 2, 2.025, base=1.0) for read in (100, 101, 102, 103, 104)}
    assert read_at == pytest.approx({100: 0.025, 101: 0.005, 102: 0.005, 103: -0.015, 104: -0.015})
    assert due_packet(np.array([102]), np.array([3]), np.array([97])).tolist() == [96]


def moves(margin: float, *, packet: int = 2, frame: int = 2, read: int = 96, offset: int = 0, target: float = 0.004) -> int:
    one = np.array([1])
    wanted = wanted_moves(
        np.array([margin]), np.array([target]), 100 * one, packet * one, read * one, offset * one, frame * one, BLOCK * one
    )
    return int(wanted[0])


def test_only_whole_steps_beyond_the_target_are_to_spare() -> None:
    assert [moves(margin) for margin in (0.004, 0.0045, 0.020, 0.0245, 0.0251, 0.0452)] == [0, 0, 0, 0, 160, 320]
    assert [moves(margin, packet=1) for margin in (0.0135, 0.0152, 0.0452)] == [0, 80, 320]


def test_who_has_too_little_goes_back_a_step_but_not_for_a_trifle() -> None:
    assert [moves(margin) for margin in (0.0035, 0.0029, -0.0165, -0.0175)] == [0, -160, -160, -320]
    assert moves(0.0004, target=0.0005) == 0
    assert moves(0.0002, target=0.0005) == -160


def test_who_stands_between_two_steps_goes_on_to_the_next_for_nothing_or_back_to_the_last() -> None:
    assert moves(0.010, offset=30) == 130
    assert moves(0.010, read=97) == 80
    assert moves(0.026, offset=30) == 290
    assert moves(0.001, offset=30) == -30
