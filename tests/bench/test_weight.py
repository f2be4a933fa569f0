"""The weight of a server: a slope is found over the second half alone."""

import pytest

from bench.runs.weight import Weight


def weighed(kib: list[int]) -> Weight:
    return Weight([2.0 * at for at in range(len(kib))], kib, [0.02 * at for at in range(len(kib))])


def test_what_is_filled_once_is_no_growth() -> None:
    assert weighed([50_000 + min(at, 25) * 1000 for at in range(60)]).slope_kib_a_minute() == pytest.approx(0.0, abs=0.1)


def test_steady_growth_is_told_in_kib_a_minute() -> None:
    growing = weighed([50_000 + at * 10 for at in range(60)])
    assert growing.slope_kib_a_minute() == pytest.approx(300.0)
    assert growing.figures()["server_cpu"] == 1.0


def test_too_few_samples_have_no_slope() -> None:
    assert weighed([1, 2]).slope_kib_a_minute() == 0.0
    assert Weight().figures() == {}
