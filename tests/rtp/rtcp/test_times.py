"""Times of RTCP: NTP, round trips, intervals."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtp.rtcp.times import delay_units, interval, middle, ntp, round_trip

MOMENT = 1_700_000_000.25


def test_ntp_counts_from_1900() -> None:
    assert ntp(0.0) == 2_208_988_800 << 32
    assert ntp(MOMENT) & 0xFFFF_FFFF == 1 << 30


def test_ntp_goes_on_in_its_second_era() -> None:
    assert ntp(2_085_978_496.0 + 3) == 3 << 32


@given(st.floats(0, 9.9), st.floats(0, 30))
def test_the_round_trip_is_what_passed_less_the_far_ends_delay(trip: float, held: float) -> None:
    measured = round_trip(MOMENT + trip + held, middle(ntp(MOMENT)), delay_units(held))
    assert measured == pytest.approx(trip, abs=0.0001)


def test_a_far_end_that_got_no_report_tells_no_round_trip() -> None:
    assert round_trip(MOMENT, 0, 0) is None


@pytest.mark.parametrize(("after", "held"), [(1.0, 2.0), (60.0, 1.0), (-5.0, 0.0)])
def test_a_round_trip_that_cannot_be_is_none(after: float, held: float) -> None:
    assert round_trip(MOMENT + after, middle(ntp(MOMENT)), delay_units(held)) is None


def test_a_delay_is_held_within_its_32_bits() -> None:
    assert (delay_units(-1.0), delay_units(0.5), delay_units(1e9)) == (0, 32_768, 65_535 << 16)


def test_intervals_are_five_seconds_on_average_and_the_first_one_half_of_it() -> None:
    chances = [chance / 1000 for chance in range(1001)]
    usual = [interval(chance, is_first=False) * 1.21828 for chance in chances]
    assert (min(usual), max(usual)) == (2.5, 7.5)
    assert sum(usual) / len(usual) == pytest.approx(5.0)
    assert interval(0.3, is_first=True) == pytest.approx(interval(0.3, is_first=False) / 2)
