"""PINs: right, wrong, locked."""

from pydantic import SecretStr

from config.settings import UserSettings
from mediaserver.observing.counters import Counters
from mediaserver.signalling.identities import PinLocks

USER = UserSettings(name="eve", secret=SecretStr("s"), pin=SecretStr("4711"))


def locks() -> tuple[PinLocks, Counters]:
    counters = Counters()
    return PinLocks(3, 300.0, counters), counters


def test_the_right_pin_opens_and_forgets_wrong_ones() -> None:
    pins, counters = locks()
    assert [pins.check(USER, pin, 0.0) for pin in ("1", "2", "4711", "1", "2", "4711")] == [False, False, True, False, False, True]
    assert counters.value("pins", "wrong") == 4


def test_three_wrong_pins_lock_the_user_for_a_time_even_against_the_right_one() -> None:
    pins, counters = locks()
    for now in (0.0, 1.0, 2.0):
        assert not pins.check(USER, "0000", now)
    assert pins.is_locked(USER.name, 3.0)
    assert not pins.check(USER, "4711", 301.0)
    assert counters.value("pins", "locked") == 1
    assert not pins.is_locked(USER.name, 302.0)
    assert pins.check(USER, "4711", 302.0)


def test_after_the_lock_he_has_all_his_tries_again() -> None:
    pins, _ = locks()
    for now in (0.0, 1.0, 2.0, 303.0, 304.0):
        assert not pins.check(USER, "0000", now)
    assert not pins.is_locked(USER.name, 305.0)
