"""Our SIPp scenarios, tried on each other without a server in between: a scenario that fails here is wrong itself."""

import asyncio
from pathlib import Path

import pytest

from tests.interop.phones.parts import SCENARIOS
from tests.interop.phones.sipp import Sipp

PAIRS = [
    ("customer", "agent_answers", {}),
    ("customer_is_hung_up", "agent_hangs_up", {}),
    ("customer_is_refused", "agent_refuses", {"status": "486", "reason": "Busy Here"}),
    ("customer_is_refused", "agent_moved", {"status": "302", "moved_to": "sip:other@127.0.0.1:9"}),
    ("customer_delayed_offer", "agent_answers", {}),
    ("customer_cancels", "agent_never_answers", {}),
    ("customer_is_held", "agent_holds", {}),
    ("customer_answers_491", "agent_holds_against_491", {}),
]


@pytest.mark.parametrize(
    ("customer", "agent", "keys"), PAIRS, ids=lambda value: value if isinstance(value, str) else value.get("status", "")
)
async def test_customer_and_agent_fit(tmp_path: Path, customer: str, agent: str, keys: dict[str, str]) -> None:
    options = ("-d", "200")
    waiting = Sipp(tmp_path / "agent", agent, keys=keys, options=options)
    calling = Sipp(tmp_path / "customer", customer, f"{waiting.address}:{waiting.port}", keys=keys, options=options)
    async with waiting, calling:
        called, waited = await asyncio.gather(calling.finished(), waiting.finished())
    called.check()
    waited.check()


async def test_a_scenario_that_is_not_met_fails_by_its_reason(tmp_path: Path) -> None:
    waiting = Sipp(tmp_path / "agent", "agent_refuses", keys={"status": "486", "reason": "Busy Here"})
    async with waiting, Sipp(tmp_path / "customer", "customer", f"{waiting.address}:{waiting.port}", within=5) as calling:
        called = await calling.finished()
    with pytest.raises(AssertionError, match="unexpected message"):
        called.check()


async def test_a_scenario_that_nobody_answers_ends_in_its_time(tmp_path: Path) -> None:
    async with Sipp(tmp_path / "customer", "customer", "127.0.0.1:9", within=2) as calling:
        called = await calling.finished()
    assert called.successful == 0
    with pytest.raises(AssertionError, match="0 of 1"):
        called.check()


def test_every_scenario_says_what_it_is_for() -> None:
    for path in SCENARIOS.glob("*.xml"):
        text = path.read_text()
        assert "<!-- " in text, path.name
        assert f'name="{path.stem}"' in text, path.name
