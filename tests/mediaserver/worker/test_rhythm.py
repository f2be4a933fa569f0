"""When turns begin: by how much they have to do."""

import pytest

from mediaserver.worker.rhythm import LONGEST, Rhythm

SHORTEST = 0.002


def turns(takes: float, count: int = 200, rhythm: Rhythm | None = None) -> list[float]:
    """The moments at which turns begin that take so long each."""
    rhythm = rhythm or Rhythm(SHORTEST, 10.0)
    begins = []
    now = rhythm.due
    for _ in range(count):
        begins.append(now)
        rhythm.note(now, now + takes)
        now = max(rhythm.due, now + takes)
    return begins


def last_length(begins: list[float]) -> float:
    return begins[-1] - begins[-2]


@pytest.mark.parametrize("takes", [0.0, 0.0005, 0.0013])
def test_with_little_to_do_turns_are_as_long_as_the_settings_say(takes: float) -> None:
    assert last_length(turns(takes)) == pytest.approx(SHORTEST)


def test_with_more_to_do_they_get_longer() -> None:
    assert last_length(turns(0.0032)) == pytest.approx(0.004, rel=0.01)


@pytest.mark.parametrize("takes", [0.0065, 0.0079])
def test_they_get_no_longer_than_the_limit(takes: float) -> None:
    assert last_length(turns(takes)) == pytest.approx(LONGEST)


def test_who_cannot_keep_up_makes_one_turn_after_the_other() -> None:
    assert last_length(turns(0.012)) == pytest.approx(0.012)


def test_one_long_turn_changes_little_and_is_made_up_for_by_one_turn_at_most() -> None:
    rhythm = Rhythm(SHORTEST, 10.0)
    before = turns(0.0005, 50, rhythm)[-1]
    rhythm.note(before + SHORTEST, before + SHORTEST + 0.05)
    late = before + SHORTEST + 0.05
    after = turns(0.0005, 50, rhythm)
    assert rhythm.due > late
    assert last_length(after) == pytest.approx(SHORTEST, rel=0.2)


def test_settings_may_ask_for_turns_longer_than_the_limit() -> None:
    assert last_length(turns(0.001, rhythm=Rhythm(0.01, 10.0))) == pytest.approx(0.01)


def test_a_turn_that_had_nothing_to_wait_for_is_not_late() -> None:
    rhythm = Rhythm(SHORTEST, 10.0)
    rhythm.note(10.0, 10.0001)
    rhythm.postpone(10.008)
    assert rhythm.due == 10.008
    rhythm.postpone(10.001)
    assert rhythm.due == 10.008
