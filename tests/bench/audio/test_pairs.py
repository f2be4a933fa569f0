"""Pairs of codecs: a call of three codecs is held, and what would be wrong with it is found."""

import numpy as np
import pytest

from bench.coding.codecs import CODECS
from bench.runs import pairs
from bench.runs.pairs import COLUMNS, Pair, play_and_judge
from bench.simulator.phone import Phone

MIXED = Pair(("opus", "PCMU", "G722"), (20, 30, 20))


def row(found: tuple[object, ...]) -> dict[str, object]:
    return dict(zip(COLUMNS, found, strict=True))


@pytest.fixture(scope="module")
def played() -> tuple[tuple[object, ...], list[Phone]]:
    """One call and its phones."""
    phones: list[Phone] = []
    original = pairs._judge

    def keeping(pair: Pair, people: list[Phone]) -> tuple[object, ...]:
        phones.extend(people)
        return original(pair, people)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pairs, "_judge", keeping)
        (found,) = play_and_judge([MIXED])
    return found, phones


def test_a_call_of_three_codecs_is_held(played: tuple[tuple[object, ...], list[Phone]]) -> None:
    found = row(played[0])
    assert found["verdict"] == "held"
    assert abs(float(str(found["pitch"]))) < 1e-4


@pytest.mark.parametrize("fault", ["pitch", "leak"])
def test_what_is_wrong_with_a_call_is_found(
    played: tuple[tuple[object, ...], list[Phone]], monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    if fault == "pitch":
        monkeypatch.setattr(pairs, "_PITCH", (701.0 * 1.002, 1103.0, 1501.0))
    else:
        monkeypatch.setattr(pairs, "_HEARD", {pair: 1.0 for pair in pairs._HEARD if pair != (1, 2)})
    assert fault in str(row(pairs._judge(MIXED, played[1]))["verdict"])


def test_a_hole_in_a_stream_is_found(played: tuple[tuple[object, ...], list[Phone]]) -> None:
    phones = played[1]
    kept = list(phones[1].got)
    del phones[1].got[30]
    try:
        assert "holes" in str(row(pairs._judge(MIXED, phones))["verdict"])
    finally:
        phones[1].got[:] = kept


def test_every_codec_meets_every_other_and_no_payload_is_too_large() -> None:
    rows = [pair for codec in CODECS for pair in pairs._pairs_of(codec, tuple(CODECS))]
    assert {(pair.codecs[0], pair.codecs[1]) for pair in rows} == {(one, other) for one in CODECS for other in CODECS}
    assert all(ptime <= CODECS[codec].largest_ms for pair in rows for codec, ptime in zip(pair.codecs, pair.ptimes, strict=True))
    assert len({pair.codecs[2] for pair in rows}) == len(CODECS)
    assert np.prod([len(CODECS), len(CODECS), len(pairs.PTIMES)]) == len(rows)
