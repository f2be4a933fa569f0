"""How long a worker's turns are."""

import numpy as np
import pytest

from mediaserver.worker.pace import Pace


def shown_after(turns: list[float], every: float = 0.002) -> float:
    """What is shown after turns of these lengths, begun each two milliseconds where they leave time for it."""
    shown = np.zeros(1)
    now, processor = 50.0, 3.0
    pace = Pace(shown, processor, now)
    for took in turns:
        processor += took
        pace.note(processor, now + took)
        now += max(took, every)
    return float(shown[0])


@pytest.mark.parametrize("took", [0.0003, 0.002, 0.012])
def test_turns_of_one_length_are_that_long(took: float) -> None:
    assert shown_after([took] * 800) == pytest.approx(took)


def test_one_long_turn_counts_for_the_packets_that_waited_in_it() -> None:
    with_a_long_one = [0.001] * 124 + [0.02]
    assert shown_after(with_a_long_one * 5) == pytest.approx((124 * 0.001**2 + 0.02**2) / (124 * 0.001 + 0.02), rel=0.15)


def test_a_stall_that_does_not_come_again_is_no_load() -> None:
    assert shown_after([0.001] * 520 + [0.1] + [0.01] * 40 + [0.001] * 80) == pytest.approx(0.001)


def test_what_was_long_ago_does_not_count() -> None:
    assert shown_after([0.01] * 200 + [0.001] * 260) == pytest.approx(0.001)


def test_nothing_is_said_before_some_time_has_passed() -> None:
    assert shown_after([0.01] * 5) == 0.0
