"""A few cells of the audio bench, small: what the judge says of them, and that it can say something else."""

from dataclasses import replace

import pytest

from bench.coding.codecs import CODECS
from bench.judge.cell import Row
from bench.options import Surroundings
from bench.progress import Progress
from bench.runs import audio
from bench.simulator.script import Cell

AROUND = Surroundings(None, 0, None, Progress(quiet=True))
BAD = Cell(CODECS["PCMU"], 20, 5.0, 60.0, seed=3)


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    """A clean call and one behind a bad network, in one worker."""
    return audio.play_and_judge([Cell(CODECS["PCMU"], 20, 0.0, 0.0, seed=3), BAD], seconds=6.0)


def test_a_clean_party_sounds_as_to_the_other_party(rows: list[Row]) -> None:
    assert rows[0].wrong == ()
    assert rows[0].direct == pytest.approx(rows[0].pesq, abs=0.1)
    assert rows[0].delay_ms < 30.0


def test_a_party_behind_a_bad_network_sounds_as_from_a_good_decoder(rows: list[Row]) -> None:
    assert rows[1].wrong == ()
    assert rows[1].pesq < rows[0].pesq - 0.2, "the network was not bad at all"
    assert 40.0 < rows[1].delay_ms < 150.0


def test_the_same_seed_is_the_same_row(rows: list[Row]) -> None:
    again = audio.play_and_judge([Cell(CODECS["PCMU"], 20, 0.0, 0.0, seed=3), BAD], seconds=6.0)
    assert [row.columns() for row in again] == [row.columns() for row in rows]


def test_a_codec_that_is_not_spoken_is_said_to_be_so() -> None:
    unknown = replace(CODECS["PCMU"], form=replace(CODECS["PCMU"].form, name="ILBC", encoding="ILBC"))
    (row,) = audio.play_and_judge([Cell(unknown, 20, 0.0, 0.0, seed=1)], seconds=2.0)
    assert row.verdict.startswith("not spoken")


async def test_the_bench_fails_where_a_cell_does(monkeypatch: pytest.MonkeyPatch) -> None:
    result = await audio.run(AROUND, codecs=("PCMU",), ptimes=(20,), losses=(0,), jitters=(0,), seconds=2.0)
    assert result.ok
    assert result.figures["cells"] == 1
    assert result.rows[0][-1] == "held"
    monkeypatch.setattr(audio, "_all_rows", lambda *_: [Row(BAD, wrong=("clicks",))])
    assert not (await audio.run(AROUND, codecs=("PCMU",))).ok
