"""Hashes of PINs, and the thread that compares them."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

import pytest

from mediaserver.secrecy.pins import MOST_WAITING, PinChecks, hashed, is_right

HASH = hashed("4711")


class HandExecutor(Executor):
    """Runs what was submitted when it is told to."""

    def __init__(self) -> None:
        self.submitted: list[tuple[Future[Any], Callable[[], Any]]] = []

    def submit(self, call: Callable[..., Any], /, *given: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.submitted.append((future, lambda: call(*given, **named)))
        return future

    def run(self) -> None:
        """Do all of it."""
        for future, call in self.submitted:
            future.set_result(call())
        self.submitted.clear()


class House:
    """Checks whose thread and loop are turned by hand."""

    def __init__(self) -> None:
        self.executor = HandExecutor()
        self.soon: list[Callable[[], None]] = []
        self.told: list[bool | None] = []
        self.checks = PinChecks(self.executor, self.soon.append)

    def check(self, pin: str, kept: str = HASH) -> None:
        self.checks.check(kept, pin, self.told.append)

    def turn(self) -> None:
        """The thread works, and the loop hears of it."""
        self.executor.run()
        while self.soon:
            self.soon.pop(0)()


def test_a_hash_is_argon2id_and_never_the_same() -> None:
    assert HASH.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert hashed("4711") != HASH


@pytest.mark.parametrize(
    ("kept", "pin", "right"),
    [(HASH, "4711", True), (HASH, "4712", False), ("4711", "4711", True), ("4711", "4", False)],
    ids=["hash right", "hash wrong", "plain right", "plain wrong"],
)
def test_a_pin_is_right_or_wrong_hashed_or_plain(kept: str, pin: str, right: bool) -> None:
    assert is_right(kept, pin) is right


@pytest.mark.parametrize("kept", ["$argon2id$", "$argon2id$v=19$m=1,t=1,p=1$AA$AA", HASH[:-5]], ids=["empty", "weak", "cut"])
def test_a_broken_hash_is_met_by_no_pin(kept: str) -> None:
    assert not is_right(kept, "4711")


def test_a_hash_is_compared_elsewhere_and_told_on_the_loop() -> None:
    house = House()
    house.check("4711")
    house.check("0000")
    house.executor.run()
    assert house.told == []
    house.turn()
    assert house.told == [True, False]


def test_a_plain_pin_is_compared_at_once() -> None:
    house = House()
    house.check("4711", kept="4711")
    assert house.told == [True]
    assert house.executor.submitted == []


def test_too_many_at_once_are_not_looked_at_and_later_ones_are_again() -> None:
    house = House()
    for _ in range(MOST_WAITING):
        house.check("1", kept="$argon2id$")
    house.check("4711")
    assert house.told == [None]
    house.turn()
    assert house.told == [None] + [False] * MOST_WAITING
    house.check("4711")
    house.turn()
    assert house.told[-1] is True


def test_a_closed_loop_hears_nothing() -> None:
    def closed(call: Callable[[], None]) -> None:
        raise RuntimeError("Event loop is closed")

    told: list[bool | None] = []
    executor = HandExecutor()
    PinChecks(executor, closed).check(HASH, "4711", told.append)
    executor.run()
    assert told == []
