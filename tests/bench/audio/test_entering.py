"""A supervisor who comes and goes in G.711 is not noticed, and the judge would notice."""

import pytest

from bench.judge.tones import ToneHeard
from bench.runs import entering
from bench.runs.entering import COLUMNS, WAYS, play_and_judge


@pytest.mark.parametrize("way", WAYS)
def test_nothing_changes_in_the_agents_ear(way: str) -> None:
    found = dict(zip(COLUMNS, play_and_judge("PCMU", way), strict=True))
    assert (found["verdict"], found["gap_ms"]) == ("held", pytest.approx(20.0, abs=2.1))


def test_a_dip_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entering, "judge_tone", lambda *_: ToneHeard(0.0, 0.0, -9.0, 0.1, -50.0, -50.0))
    assert play_and_judge("PCMU", WAYS[0])[-1] == "unsteady"
