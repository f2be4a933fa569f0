"""Packets lost on either side: fractions by the standard's rule, and a far end's losses less the gaps that we passed on."""

import pytest

from rtp.rtcp.counting import begins, extended_as_ours, fraction_lost


@pytest.mark.parametrize(
    ("expected", "received", "fraction"),
    [(0, 0, 0), (100, 100, 0), (100, 75, 64), (100, 0, 255), (100, 120, 0), (-5, 3, 0), (256, 255, 1), (1000, 999, 0)],
)
def test_the_fraction_lost_is_of_256(expected: int, received: int, fraction: int) -> None:
    assert fraction_lost(expected, received) == fraction


def test_what_a_far_end_misses_is_lost_on_the_way_to_it() -> None:
    told = begins(100, 350, 25, 0).reports(600, 75, 0)
    assert (told.lost, told.loss) == (75, 0.2)


def test_gaps_that_we_passed_on_are_not() -> None:
    told = begins(100, 350, 25, 25).reports(600, 85, 75)
    assert (told.lost, told.loss) == (10, 0.05)


def test_gaps_that_are_still_on_their_way_do_not_make_good_what_was_lost() -> None:
    told = begins(100, 350, 10, 0).reports(600, 10, 3)
    assert (told.lost, told.loss) == (10, 0.0)
    assert told.reports(850, 13, 3).lost == 10
    assert told.reports(850, 15, 3).lost == 12


def test_who_begins_to_listen_late_has_missed_nothing() -> None:
    told = begins(100, 2000, 4, 50)
    assert told.lost == 0
    assert told.reports(2250, 12, 52).lost == 6


def test_who_counts_anew_keeps_what_was_lost_before() -> None:
    told = begins(100, 350, 25, 5).reports(600, 0, 6)
    assert told.lost == 20
    assert told.reports(850, 3, 6).lost == 23


def test_a_packet_that_came_after_all_is_not_lost_twice() -> None:
    told = begins(100, 350, 5, 0).reports(600, 4, 0)
    assert told.lost == 5
    assert told.reports(850, 6, 0).lost == 6


def test_a_far_end_that_counts_no_cycles_is_understood() -> None:
    assert extended_as_ours(65_530, 65_540) == 65_530
    assert extended_as_ours(2, 65_540) == 65_538
    assert extended_as_ours((3 << 16) | 2, 65_540) == 65_538
