"""The bench of SRTP: every suite is measured, and whatever the core sends is read by who has the keys."""

import pytest

from bench.generator.secrecy import SUITES
from bench.options import Surroundings
from bench.progress import Progress
from bench.runs import srtp
from mediaserver.worker.closing import Closing

AROUND = Surroundings(None, 0, None, Progress(quiet=True), "PCMU")


async def test_every_suite_is_measured_and_everything_is_read() -> None:
    result = await srtp.run(AROUND, legs=4, seconds=0.2, rounds=1)
    assert [row[0] for row in result.rows] == [srtp.PLAIN, *SUITES]
    costs = {row[0]: dict(zip(result.columns, row, strict=True)) for row in result.rows}
    assert all(cost["packets"] == 40 and cost["unread"] == 0 for cost in costs.values())
    assert all(cost["open_us"] > 0 and cost["close_us"] > 0 for suite, cost in costs.items() if suite != srtp.PLAIN)
    assert result.ok


async def test_a_core_that_sends_in_the_clear_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Closing, "step", lambda self: None)
    result = await srtp.run(AROUND, legs=2, seconds=0.1, rounds=1)
    assert not result.ok
