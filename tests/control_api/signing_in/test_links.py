"""Listen-in links: one call, one use, soon, and no more than their maker may."""

import pytest

from control_api.permissions import Refusal, Right, Subject, check_mode, check_right, may_see
from control_api.signing_in.links import REMEMBERED, Links
from mixer.modes import Mode, Role
from tests.control_api.desk import ANNA, BERT
from tests.control_api.signing_in.offices import Clock

ROBERTS = Subject("default", "robert", "support", "c1")


def links(clock: Clock) -> Links:
    texts = iter(range(1000))
    return Links(lambda: f"text-{next(texts)}".ljust(43, "-"), clock)


def test_whoever_has_a_link_may_listen_to_its_call_and_to_no_other() -> None:
    made = links(Clock())
    guest = made.use(made.make(ANNA, "c1", 60)).identity
    check_mode(guest, ROBERTS, Mode.LISTEN, Role.AGENT)
    assert not may_see(guest, Subject("default", "robert", "support", "c2"))
    assert not may_see(guest, Subject("default", "robert", "support"))


@pytest.mark.parametrize("mode", [Mode.WHISPER, Mode.BARGE])
def test_he_may_not_speak(mode: Mode) -> None:
    made = links(Clock())
    guest = made.use(made.make(ANNA, "c1", 60)).identity
    with pytest.raises(Refusal) as refused:
        check_mode(guest, ROBERTS, mode, Role.AGENT)
    assert refused.value.code == "forbidden"


def test_he_has_none_of_his_hosts_rights() -> None:
    made = links(Clock())
    guest = made.use(made.make(ANNA, "c1", 60)).identity
    for right in Right:
        with pytest.raises(Refusal):
            check_right(guest, right)


def test_he_sees_no_more_than_his_host() -> None:
    made = links(Clock())
    guest = made.use(made.make(BERT, "c1", 60)).identity
    assert may_see(guest, ROBERTS)
    assert not may_see(guest, Subject("default", "maria", "support", "c1"))
    assert not may_see(guest, Subject("second", "robert", "support", "c1"))


def test_he_is_not_his_host() -> None:
    made = links(Clock())
    guest = made.use(made.make(ANNA, "c1", 60)).identity
    assert guest.name != ANNA.name
    assert guest.user is None


def test_a_link_is_good_once() -> None:
    made = links(Clock())
    token = made.make(ANNA, "c1", 60)
    made.use(token)
    with pytest.raises(Refusal) as refused:
        made.use(token)
    assert refused.value.code == "unauthenticated"


def test_a_link_expires() -> None:
    clock = Clock()
    made = links(clock)
    token = made.make(ANNA, "c1", 60)
    clock.now += 60
    with pytest.raises(Refusal):
        made.use(token)


def test_a_link_ends_with_its_makers_access_and_so_does_who_came_by_it() -> None:
    made = links(Clock())
    unused, used = made.make(ANNA, "c1", 60), made.make(ANNA, "c1", 60)
    guest = made.use(used).identity
    ANNA.standing.withdraw()
    try:
        assert guest.standing.is_withdrawn
        with pytest.raises(Refusal):
            made.use(unused)
    finally:
        ANNA.standing.restore()


def test_a_link_that_is_over_is_known_for_a_while() -> None:
    clock = Clock()
    made = links(clock)
    used, expired = made.make(ANNA, "c1", 60), made.make(ANNA, "c1", 60)
    made.use(used)
    assert (made.was_one(used), made.was_one(expired), made.was_one("msl_guessed")) == (True, False, False)
    clock.now += 60
    made.sweep()
    assert (made.was_one(used), made.was_one(expired)) == (True, True)
    clock.now += REMEMBERED
    made.sweep()
    assert (made.was_one(used), made.was_one(expired)) == (False, False)


def test_links_that_nobody_uses_are_forgotten() -> None:
    clock = Clock()
    made = links(clock)
    made.make(ANNA, "c1", 60)
    clock.now += 61
    made.sweep()
    assert len(made) == 0
