"""How late packets come: what readers should leave for it grows at once, is forgotten slowly, and little at a time."""

from collections.abc import Iterable

import numpy as np
import pytest

from rtp.lateness import BINS, LEAST_TARGET, MEMORY_SECONDS, Lateness


def lateness(rows: int = 2) -> Lateness:
    far = np.full(rows, np.inf)
    return Lateness(far, far.copy(), np.zeros((rows, BINS), dtype=np.float32), np.zeros(rows), np.zeros(rows, dtype=np.int64))


def hear(late: Lateness, delays: Iterable[float], *, begin: int = 0, row: int = 1, breaks: int = 0, drift: float = 0.0) -> int:
    """Packets of 20 ms that come with these delays, reviewed once a second; the number of the next."""
    number = begin
    for delay in delays:
        now = 500.0 + number * 0.020 * (1 + drift) + delay
        rows = np.array([row])
        late.count(rows, late.note_way(rows, np.array([2 * number]), np.array([breaks]), now))
        number += 1
        if number % 50 == 0:
            late.review(np.array([row]))
    return number


def random_delays(count: int, spread: float, seed: int = 1) -> list[float]:
    return [float(delay) for delay in np.random.default_rng(seed).random(count) * spread]


def test_packets_that_come_regularly_need_no_margin() -> None:
    late = lateness()
    hear(late, random_delays(500, 0.0009))
    assert late.target[1] <= 0.001
    assert late.target[0] == 0.0


@pytest.mark.parametrize("spread", [0.010, 0.030, 0.060, 0.120])
def test_the_target_is_what_nearly_all_packets_need(spread: float) -> None:
    late = lateness()
    hear(late, random_delays(1000, spread))
    assert 0.97 * spread - 0.001 <= late.target[1] <= spread * 1.15 + 0.002


def test_a_late_packet_raises_it_at_once_and_it_sinks_as_that_is_forgotten() -> None:
    late = lateness()
    begin = hear(late, [0.0] * 100)
    begin = hear(late, [0.050], begin=begin)
    assert late.target[1] >= 0.048
    hear(late, [0.0] * int(50 * 3 * MEMORY_SECONDS), begin=begin)
    assert late.target[1] == LEAST_TARGET


def test_a_single_late_packet_among_many_does_not_stay_in_mind() -> None:
    late = lateness()
    begin = hear(late, [0.0] * 500)
    hear(late, [0.050] + [0.0] * 40, begin=begin)
    assert late.target[1] == LEAST_TARGET


@pytest.mark.parametrize("drift", [-200e-6, 200e-6])
def test_a_clock_that_drifts_is_not_taken_for_lateness(drift: float) -> None:
    late = lateness()
    begin = hear(late, [0.0] * 3000, drift=drift)
    assert late.target[1] <= 0.001
    assert late.base(np.array([1]))[0] == pytest.approx(500.0 + begin * 0.020 * drift, abs=0.001)


def test_a_way_that_became_longer_is_the_usual_one_after_two_spans() -> None:
    late = lateness()
    begin = hear(late, [0.0] * 200)
    hear(late, [0.080] * 150, begin=begin)
    assert late.base(np.array([1]))[0] == pytest.approx(500.080, abs=1e-6)


def test_behind_a_break_the_way_is_another_and_its_lateness_the_same() -> None:
    late = lateness()
    begin = hear(late, random_delays(400, 0.030))
    target = late.target[1]
    hear(late, [2.0, 2.0], begin=begin, breaks=1)
    assert late.target[1] == target
    assert late.base(np.array([1]))[0] == pytest.approx(502.0, abs=1e-6)
