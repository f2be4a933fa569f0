"""Whatever is commanded and whatever arrives: numbers hold, nothing is lost uncounted, and what must make no difference makes none."""

import pytest

from tests.mediaserver.worker.monkey import Script
from tests.mediaserver.worker.monkeying import faults


@pytest.mark.parametrize("seed", range(4))
def test_a_monkey_finds_nothing_wrong(seed: int) -> None:
    assert not faults(Script(seed, seconds=0.7))
