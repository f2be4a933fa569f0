"""Sessions: access tokens that are short-lived, renewals that are good once, withdrawal."""

import pytest

from control_api.permissions import Refusal
from control_api.signing_in.sessions import MOMENT, Sessions
from tests.control_api.desk import ANNA, BERT
from tests.control_api.signing_in.offices import SETTINGS, Clock

LIMITS = SETTINGS.signing_in


def sessions(clock: Clock, **limits: float) -> Sessions:
    texts = (f"text-{number}" for number in range(10_000))
    return Sessions(LIMITS.model_copy(update=limits), lambda: next(texts).ljust(43, "-"), clock)


def test_an_access_token_is_its_identitys_until_it_expires() -> None:
    clock = Clock()
    kept = sessions(clock)
    granted = kept.open(ANNA, "password", "192.0.2.1")
    assert kept.find(granted.access) == ANNA
    clock.now += LIMITS.access
    assert kept.find(granted.access) is None


def test_what_is_no_token_or_cut_off_finds_nobody() -> None:
    kept = sessions(Clock())
    granted = kept.open(ANNA, "password", "")
    assert [kept.find(wrong) for wrong in ("", granted.access[:-1], granted.renewal, granted.csrf, granted.session)] == [None] * 5


def test_the_tokens_of_a_session_are_shown_by_no_repr() -> None:
    kept = sessions(Clock())
    granted = kept.open(ANNA, "password", "")
    shown = repr(granted) + repr(list(kept))
    assert not [text for text in (granted.access, granted.renewal, granted.csrf) if text in shown]


def test_a_renewal_gives_another_access_token_and_the_one_before_goes_soon() -> None:
    clock = Clock()
    kept = sessions(clock)
    first = kept.open(ANNA, "password", "")
    second = kept.renew(first.renewal)
    assert kept.find(first.access) == kept.find(second.access) == ANNA
    clock.now += MOMENT
    assert (kept.find(first.access), kept.find(second.access)) == (None, ANNA)


def test_the_standing_of_a_session_lasts_as_long_as_its_access_is_renewed() -> None:
    clock = Clock()
    kept = sessions(clock)
    first = kept.open(ANNA, "password", "")
    clock.now += LIMITS.access - 1
    kept.renew(first.renewal)
    clock.now += LIMITS.access - 1
    assert first.identity.standing.holds
    clock.now += 1
    assert not first.identity.standing.holds
    assert not first.identity.standing.is_withdrawn


def test_two_tabs_that_renew_at_once_both_get_access_and_one_of_them_the_renewal() -> None:
    kept = sessions(Clock())
    first = kept.open(ANNA, "password", "")
    second, third = kept.renew(first.renewal), kept.renew(first.renewal)
    assert (bool(second.renewal), third.renewal) == (True, "")
    assert kept.find(third.access) == ANNA
    assert kept.renew(second.renewal).renewal


def test_a_renewal_that_comes_back_later_was_copied_and_ends_the_session() -> None:
    clock = Clock()
    kept = sessions(clock)
    first = kept.open(ANNA, "password", "")
    second = kept.renew(first.renewal)
    clock.now += MOMENT + 1
    with pytest.raises(Refusal, match="used before"):
        kept.renew(first.renewal)
    assert first.identity.standing.is_withdrawn
    assert kept.find(second.access) is None
    with pytest.raises(Refusal, match="over"):
        kept.renew(second.renewal)


def test_a_renewal_used_twice_before_the_last_one_is_found_out_too() -> None:
    kept = sessions(Clock())
    first = kept.open(ANNA, "password", "")
    second = kept.renew(first.renewal)
    kept.renew(second.renewal)
    with pytest.raises(Refusal, match="used before"):
        kept.renew(first.renewal)
    assert len(kept) == 0


def test_no_renewal_outlives_the_session() -> None:
    clock = Clock()
    kept = sessions(clock)
    granted = kept.open(ANNA, "password", "")
    clock.now += LIMITS.session - 10
    granted = kept.renew(granted.renewal)
    assert granted.expires_in == pytest.approx(10)
    clock.now += 10
    with pytest.raises(Refusal, match="over"):
        kept.renew(granted.renewal)
    kept.sweep()
    assert len(kept) == 0


def test_what_a_session_hangs_on_takes_it_along() -> None:
    kept = sessions(Clock())
    granted = kept.open(ANNA, "password", "")
    ANNA.standing.withdraw()
    try:
        assert kept.find(granted.access) is None
        with pytest.raises(Refusal):
            kept.renew(granted.renewal)
    finally:
        ANNA.standing.restore()


def test_beyond_so_many_of_one_identity_the_eldest_ends() -> None:
    kept = sessions(Clock(), sessions_each=2)
    granted = [kept.open(ANNA, "password", "") for _ in range(3)]
    other = kept.open(BERT, "password", "")
    assert [kept.find(one.access) is not None for one in (*granted, other)] == [False, True, True, True]


def test_beyond_so_many_of_all_nobody_signs_in() -> None:
    kept = sessions(Clock(), sessions=1)
    kept.open(ANNA, "password", "")
    with pytest.raises(Refusal) as refused:
        kept.open(BERT, "password", "")
    assert refused.value.code == "too_many"


def test_a_thousand_renewals_leave_no_more_behind_than_is_remembered() -> None:
    kept = sessions(Clock())
    granted = kept.open(ANNA, "password", "")
    for _ in range(1000):
        granted = kept.renew(granted.renewal)
    kept.withdraw(granted.session)
    assert (len(kept), len(kept._by_access), len(kept._by_renewal)) == (0, 0, 0)
