"""Who guesses is locked out, and nobody else."""

from control_api.signing_in.lockout import ADDRESS_FACTOR, MOST_KEPT, NAME_FACTOR, Lockout, source_of
from tests.control_api.signing_in.offices import SETTINGS

LIMITS = SETTINGS.signing_in
HOME, ABROAD = "192.0.2.1", "198.51.100.7"


def failing(times: int, who: str = "default/anna", address: str = HOME) -> Lockout:
    lockout = Lockout(LIMITS)
    for _ in range(times):
        assert lockout.begin(who, address, 0.0) == 0.0
    return lockout


def test_so_many_failures_lock_the_name_at_that_address() -> None:
    lockout = failing(LIMITS.failures)
    assert lockout.begin("default/anna", HOME, 1.0) == LIMITS.lock - 1
    assert lockout.begin("default/anna", ABROAD, 1.0) == 0.0
    assert lockout.begin("default/bert", HOME, 1.0) == 0.0


def test_the_lock_opens_by_itself_and_counts_from_nothing() -> None:
    lockout = failing(LIMITS.failures)
    assert lockout.begin("default/anna", HOME, LIMITS.lock) == 0.0
    assert lockout.begin("default/anna", HOME, LIMITS.lock) == 0.0


def test_a_right_one_clears_the_name() -> None:
    lockout = failing(LIMITS.failures - 1)
    lockout.begin("default/anna", HOME, 1.0)
    lockout.succeeded("default/anna", HOME)
    for _ in range(LIMITS.failures - 1):
        assert lockout.begin("default/anna", HOME, 2.0) == 0.0


def test_tries_side_by_side_get_no_more_than_their_number() -> None:
    lockout = Lockout(LIMITS)
    assert [lockout.begin("default/anna", HOME, 0.0) > 0 for _ in range(LIMITS.failures + 2)] == [False] * LIMITS.failures + [True] * 2


def test_an_address_that_tries_many_names_is_locked() -> None:
    lockout = Lockout(LIMITS)
    waits = [lockout.begin(f"default/user{number}", HOME, 0.0) for number in range(LIMITS.failures * ADDRESS_FACTOR + 1)]
    assert waits[-1] > 0 == waits[-2]
    assert lockout.begin("default/anna", ABROAD, 0.0) == 0.0


def test_what_names_nobody_counts_at_its_address_as_one_name_does() -> None:
    lockout = failing(LIMITS.failures, who="")
    assert lockout.begin("", HOME, 1.0) > 0
    assert lockout.begin("", ABROAD, 1.0) == lockout.begin("default/anna", HOME, 1.0) == 0.0


def test_a_right_token_does_not_clear_what_its_address_did_wrong() -> None:
    lockout = Lockout(LIMITS)
    for number in range(LIMITS.failures * ADDRESS_FACTOR - 1):
        lockout.begin(f"default/user{number}", HOME, 0.0)
    lockout.begin("", HOME, 0.0)
    lockout.succeeded("", HOME)
    waits = [lockout.begin(f"default/other{number}", HOME, 0.0) for number in range(2)]
    assert waits[0] == 0.0 < waits[1]


def test_an_address_that_nobody_knows_counts_once() -> None:
    lockout = failing(LIMITS.failures, address="")
    assert lockout.begin("default/anna", "", 1.0) > 0


def test_a_try_that_could_not_be_judged_does_not_count_and_clears_nothing() -> None:
    lockout = failing(LIMITS.failures - 1)
    lockout.begin("default/anna", HOME, 1.0)
    lockout.not_judged("default/anna", HOME)
    waits = [lockout.begin("default/anna", HOME, 1.0) for _ in range(2)]
    assert waits[0] == 0.0 < waits[1]


def test_a_name_that_is_tried_from_many_addresses_is_locked() -> None:
    lockout = Lockout(LIMITS)
    waits = [lockout.begin("default/anna", f"192.0.2.{number}", 0.0) for number in range(LIMITS.failures * NAME_FACTOR + 1)]
    assert waits[-1] > 0 == waits[-2]


def test_failures_long_ago_do_not_count() -> None:
    lockout = failing(LIMITS.failures - 1)
    assert lockout.begin("default/anna", HOME, LIMITS.failure_window) == 0.0
    assert lockout.begin("default/anna", HOME, LIMITS.failure_window) == 0.0


def test_what_is_remembered_is_bounded() -> None:
    lockout = Lockout(LIMITS)
    for number in range(MOST_KEPT):
        lockout.begin(f"default/user{number}", f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 0.0)
    assert len(lockout) <= MOST_KEPT


def test_a_source_is_an_address_or_a_network_of_64_bits() -> None:
    texts = ("192.0.2.1", "::ffff:192.0.2.1", "2001:db8:1:2:3::4", "testclient")
    assert [source_of(text) for text in texts] == ["192.0.2.1", "192.0.2.1", "2001:db8:1:2::/64", "testclient"]
