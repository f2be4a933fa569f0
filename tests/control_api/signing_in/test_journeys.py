"""Journeys to an issuer and back, on a virtual clock."""

from itertools import count

import pytest

from control_api.permissions import Refusal
from control_api.signing_in import journeys
from control_api.signing_in.journeys import LASTS, Journeys
from tests.control_api.signing_in.offices import Clock


def journeys_of(clock: Clock | None = None) -> Journeys:
    numbers = count(1)
    return Journeys(lambda: f"seed-{next(numbers)}", clock or Clock())


def refusal(kept: Journeys, cookie: str, state: str) -> Refusal:
    with pytest.raises(Refusal) as refused:
        kept.end(cookie, state)
    return refused.value


def test_who_comes_back_goes_on_with_what_he_left_with() -> None:
    kept = journeys_of()
    journey = kept.begin("company")
    assert kept.end(journey.cookie, journey.state) == journey


def test_a_journey_ends_once() -> None:
    kept = journeys_of()
    journey = kept.begin("company")
    kept.end(journey.cookie, journey.state)
    assert refusal(kept, journey.cookie, journey.state).text == "this signing in was ended before"


def test_who_is_late_begins_again() -> None:
    clock = Clock()
    kept = journeys_of(clock)
    journey = kept.begin("company")
    clock.now += LASTS
    assert refusal(kept, journey.cookie, journey.state).text == "this signing in took too long"


def test_another_journeys_state_is_not_this_ones() -> None:
    kept = journeys_of()
    mine, other = kept.begin("company"), kept.begin("company")
    assert refusal(kept, mine.cookie, other.state).code == "unauthenticated"
    assert kept.end(mine.cookie, mine.state)


def test_a_cookie_of_somebody_elses_making_is_none() -> None:
    kept = journeys_of()
    journey = kept.begin("company")
    forged = (journey.cookie.replace("company", "another"), journey.cookie[:-1], "", "~", "é" * 600, "company~9999999999~seed~")
    for cookie in forged:
        assert refusal(kept, cookie, journey.state).text == "this signing in was not begun in this browser"
    other = Journeys(lambda: "another process", Clock()).begin("company")
    assert refusal(kept, other.cookie, other.state).code == "unauthenticated"


def test_what_the_issuer_sees_does_not_tell_the_verifier_or_the_cookie() -> None:
    journey = journeys_of().begin("company")
    assert len({journey.state, journey.nonce, journey.verifier, journey.challenge, journey.cookie}) == 5
    assert len(journey.verifier) == 43  # RFC 7636 §4.1: 43 to 128


def test_no_more_are_remembered_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journeys, "MOST_ENDED", 2)
    clock = Clock()
    kept = journeys_of(clock)
    begun = [kept.begin("company") for _ in range(3)]
    for journey in begun[:2]:
        kept.end(journey.cookie, journey.state)
    assert refusal(kept, begun[2].cookie, begun[2].state).code == "too_many"
    clock.now += LASTS
    late = kept.begin("company")
    assert kept.end(late.cookie, late.state)
