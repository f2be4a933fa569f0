"""Workers that start warm: loading one anew takes longer than most of what is tried on it. `test_workers` has them start as ever."""

from collections.abc import Iterator

import pytest

from tests.interop import warm_children


@pytest.fixture(scope="session")
def loaded() -> None:
    """What workers need is loaded."""
    warm_children.load()


@pytest.fixture
def warm_workers(loaded: None) -> Iterator[None]:
    """As many as a test starts at most, but for those that come after several deaths."""
    with warm_children.ready():
        yield
