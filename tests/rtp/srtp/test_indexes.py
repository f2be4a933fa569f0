"""Indexes and windows as arrays, against one packet after the other by the rules of RFC 3711 §3.3."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rtp.arrays import Int64
from rtp.srtp.indexes import ALL, NOBODY, SLOTS, WINDOW, Indexes, came_already, nearest, nearest_one, noted, one_came_already, one_noted


def indexes(rows: int = 2) -> Indexes:
    """Fresh arrays."""
    shape = (rows, SLOTS)
    numbers, windows = [np.zeros(shape, dtype=np.int64) for _ in range(3)], [np.zeros(shape, dtype=np.uint64) for _ in range(2)]
    fresh = Indexes(numbers[0], numbers[1], windows[0], numbers[2], windows[1])
    for row in range(rows):
        fresh.wipe(row)
    return fresh


def one(value: int) -> Int64:
    return np.array([value], dtype=np.int64)


@given(st.lists(st.integers(-100, 100), min_size=1, max_size=200), st.integers(200, 200_000))
def test_windows_know_what_a_set_knows(steps: list[int], start: int) -> None:
    following, window = one(start + 1), np.array([1], dtype=np.uint64)
    came, highest = {start}, start
    for step in steps:
        index = highest + step
        is_old = index <= highest - WINDOW
        repeated = bool(came_already(following, window, one(index))[0])
        assert repeated == (is_old or index in came)
        if not repeated:
            following, window = noted(following, window, one(index))
            came.add(index)
            highest = max(highest, index)
        assert following[0] == highest + 1


@given(st.integers(0, 1 << 40), st.integers(-0x7FFF, 0x7FFF))
def test_the_nearest_index_is_the_one_that_was_sent(highest: int, step: int) -> None:
    index = highest + step
    assert nearest(one(highest + 1), one(index & 0xFFFF))[0] == index


def test_many_rows_are_noted_at_once_like_each_alone() -> None:
    following, window = np.array([11, 11, 11], dtype=np.int64), np.array([1, 3, 5], dtype=np.uint64)
    index = np.array([11, 9, 200], dtype=np.int64)
    together = noted(following, window, index)
    for row in range(3):
        alone = noted(following[row : row + 1], window[row : row + 1], index[row : row + 1])
        assert (together[0][row], together[1][row]) == (alone[0][0], alone[1][0])


def test_the_ssrc_in_use_stands_first_and_the_longest_unused_is_forgotten() -> None:
    kept = indexes()
    assert [kept.bring_to_front(0, ssrc) for ssrc in (1, 2, 3, 4)] == [None] * 4
    assert kept.bring_to_front(0, 1) is None
    assert kept.ssrc[0].tolist() == [1, 4, 3, 2]
    kept.following[0, 3] = 77
    assert kept.bring_to_front(0, 5) == 2
    assert kept.ssrc[0].tolist() == [5, 1, 4, 3]
    assert kept.following[0, 0] == 0
    assert kept.ssrc[1].tolist() == [NOBODY] * SLOTS


def test_under_a_new_key_nothing_that_was_counted_is_new() -> None:
    kept = indexes()
    kept.bring_to_front(0, 9)
    kept.following[0, 0], kept.window[0, 0] = 500, 1
    kept.begin_anew(0)
    assert kept.window[0, 0] == ALL
    for index, repeated in ((499, True), (480, True), (500, False)):
        assert came_already(kept.following[0, :1], kept.window[0, :1], one(index))[0] == repeated


@given(st.integers(1, 1 << 20), st.integers(0, (1 << 64) - 1), st.integers(-80, 80) | st.integers(0, 0xFFFF))
def test_of_one_packet_the_same_is_known_as_of_many(following: int, window: int, step: int) -> None:
    number = (following + step) & 0xFFFF
    many = np.array([following]), np.array([window], dtype=np.uint64)
    index = nearest_one(following, number)
    assert index == nearest(many[0], np.array([number]))[0]
    is_repeated = one_came_already(following, window, index)
    assert is_repeated == came_already(*many, np.array([index]))[0]
    if not is_repeated:
        after, seen = noted(*many, np.array([index]))
        assert one_noted(following, window, index) == (int(after[0]), int(seen[0]))
