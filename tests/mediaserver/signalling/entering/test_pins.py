"""PINs at the doors: right, wrong, locked, and compared somewhere else."""

from collections.abc import Callable

from mediaserver.observing.counters import Counters
from mediaserver.secrecy.pins import check_at_once
from mediaserver.signalling.entering.identities import User
from mediaserver.signalling.entering.pins import PinLocks

USER = User(name="eve", pin="4711")


class Door:
    """Locks after three wrong PINs for 300 s; ``slow`` holds results back."""

    def __init__(self, *, slow: bool = False) -> None:
        self.counters = Counters()
        self.told: list[bool] = []
        self.held: list[Callable[[bool | None], None]] = []
        self.locks = PinLocks(3, 300.0, self.counters, (lambda kept, pin, told: self.held.append(told)) if slow else check_at_once)

    def tries(self, pin: str, now: float = 0.0) -> bool | None:
        """What was told at once."""
        before = len(self.told)
        self.locks.check(USER, pin, now, self.told.append)
        return self.told[-1] if len(self.told) > before else None


def test_the_right_pin_opens_and_forgets_wrong_ones() -> None:
    door = Door()
    assert [door.tries(pin) for pin in ("1", "2", "4711", "1", "2", "4711")] == [False, False, True, False, False, True]
    assert door.counters.value("pins", "wrong") == 4


def test_three_wrong_pins_lock_the_user_for_a_time_even_against_the_right_one() -> None:
    door = Door()
    for now in (0.0, 1.0, 2.0):
        assert not door.tries("0000", now)
    assert door.locks.is_locked(USER.name, 3.0)
    assert not door.tries("4711", 301.0)
    assert door.counters.value("pins", "locked") == 1
    assert not door.locks.is_locked(USER.name, 302.0)
    assert door.tries("4711", 302.0)


def test_after_the_lock_he_has_all_his_tries_again() -> None:
    door = Door()
    for now in (0.0, 1.0, 2.0, 303.0, 304.0):
        assert not door.tries("0000", now)
    assert not door.locks.is_locked(USER.name, 305.0)


def test_tries_side_by_side_get_no_more_than_their_number() -> None:
    door = Door(slow=True)
    assert [door.tries("0000") for _ in range(5)] == [None, None, None, False, False]
    assert len(door.held) == 3


def test_a_pin_that_could_not_be_looked_at_is_no_try() -> None:
    door = Door(slow=True)
    for _ in range(5):
        assert door.tries("4711") is None
        door.held.pop()(None)
    assert door.told == [False] * 5
    assert door.counters.value("pins", "busy") == 5
    assert not door.locks.is_locked(USER.name, 0.0)


def test_a_pin_that_proves_right_late_opens() -> None:
    door = Door(slow=True)
    door.tries("4711")
    door.held.pop()(True)
    assert door.told == [True]
