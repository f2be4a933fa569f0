"""Whatever fuzzing found once is found no more; and every target bears its seeds."""

import pytest

from tests.fuzz.__main__ import FOUND
from tests.fuzz.__main__ import TARGETS as NAMES
from tests.fuzz.seeds import seeds
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("name", NAMES)
def test_what_was_found_breaks_nothing_any_more(name: str) -> None:
    for path in sorted(FOUND.glob(f"{name}-*")):
        TARGETS[name](path.read_bytes())


@pytest.mark.parametrize("name", NAMES)
def test_a_target_bears_its_seeds(name: str) -> None:
    for seed in seeds(name):
        TARGETS[name](seed)


def test_every_target_can_be_named() -> None:
    assert tuple(TARGETS) == NAMES
