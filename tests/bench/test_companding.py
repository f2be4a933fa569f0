"""The bench's own G.711: known codes, both ways, and the nearest code for everything between."""

import numpy as np
import pytest

from bench.generator.companding import DECODE, ENCODE, SILENCE, decode, encode, step


@pytest.mark.parametrize(
    ("codec", "code", "sample"),
    [
        ("PCMU", 0x00, -32124),
        ("PCMU", 0x7F, 0),
        ("PCMU", 0x80, 32124),
        ("PCMU", 0xFF, 0),
        ("PCMU", 0xF0, 120),
        ("PCMA", 0x2A, -32256),
        ("PCMA", 0xAA, 32256),
        ("PCMA", 0xD5, 8),
        ("PCMA", 0x55, -8),
    ],
)
def test_known_codes_have_their_values(codec: str, code: int, sample: int) -> None:
    assert int(DECODE[codec][code]) == sample


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
def test_every_value_survives_the_way_there_and_back(codec: str) -> None:
    values = DECODE[codec]
    assert np.array_equal(decode(encode(values, codec), codec), values)


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
def test_no_other_code_is_nearer(codec: str) -> None:
    samples = np.arange(-32768, 32768, 37)
    errors = np.abs(samples[:, None] - DECODE[codec].astype(np.int32)[None, :])
    chosen = np.abs(samples - decode(encode(samples, codec), codec).astype(np.int32))
    assert np.array_equal(chosen, errors.min(axis=1))


def test_too_loud_is_clipped() -> None:
    assert int(encode(np.array([90_000.0]), "PCMU")[0]) == 0x80
    assert int(encode(np.array([-90_000.0]), "PCMA")[0]) == 0x2A


def test_silence_decodes_to_nearly_nothing() -> None:
    assert abs(int(DECODE["PCMU"][SILENCE["PCMU"]])) == 0
    assert abs(int(DECODE["PCMA"][SILENCE["PCMA"]])) == 8
    assert len(ENCODE["PCMU"]) == 65536


def test_a_step_is_as_wide_as_the_distance_of_neighbours() -> None:
    values = np.unique(DECODE["PCMU"][DECODE["PCMU"] >= 0]).astype(np.float64)
    middles, distances = (values[1:] + values[:-1]) / 2, np.diff(values)
    within = step(middles) == distances
    assert within.mean() > 0.93  # between two segments the distance is half of one step and half of the next
