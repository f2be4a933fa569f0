"""What was passed through is the speaker's payload to the bit, in every codec; a byte, a packet or a length that differs is found."""

import numpy as np
import pytest

from bench.generator.formats import FORMATS
from bench.generator.signals import render
from bench.judge.recording import Recording, build
from bench.judge.score import Score, Voice
from bench.judge.untouched import Untouched, signal_of

CODECS = ["PCMU", "PCMA", "G722", "opus", "L16/8000", "L16/16000"]
FRAMES = 150
WIDEST = 640
EVEN = (1, 3)
"""Tones of 338 and 400 Hz, which are the same again after half a second."""


def score(codec: str, tones: tuple[int, int] = (20, 41)) -> Score:
    score = Score()
    score.add(Voice(0, "customer", 0, (10, 30), 0.0, passes_through=True, codec=codec))
    score.add(Voice(1, "agent", 0, tones, 0.0, passes_through=True, codec=codec))
    score.opens(0, 1, -1.0)
    score.closes(0, 1, 10.0)
    return score


def spoken(
    score: Score, frames: np.ndarray[tuple[int], np.dtype[np.int64]] | None = None
) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    loop = render(signal_of(score.voices[1]), score.voices[1].codec)
    return loop[(np.arange(FRAMES) if frames is None else frames) % len(loop)]


def received(codec: str, payload: np.ndarray[tuple[int, int], np.dtype[np.uint8]], lengths: list[int] | None = None) -> Recording:
    """As the generator records it: rows wide enough for every codec, with what came before behind the end where Opus is spoken."""
    sizes = np.array(lengths or [payload.shape[1]] * len(payload), np.int64)
    if codec == "opus":
        rest = np.random.default_rng(1).integers(0, 256, (len(payload), WIDEST - payload.shape[1]), dtype=np.uint8)
        payload = np.hstack([payload, rest])
    stamps = (np.arange(len(payload)) * FORMATS[codec].ticks + 0xFFFF_FF00).astype(np.uint32)
    return build(stamps, np.asarray(np.arange(len(payload)) * 0.02), payload, codec, sizes)


@pytest.mark.parametrize("codec", CODECS)
def test_what_was_passed_through_is_untouched(codec: str) -> None:
    of = score(codec)
    assert Untouched(of).compare(0, received(codec, spoken(of))) == (FRAMES, [])


@pytest.mark.parametrize("codec", CODECS)
def test_a_changed_byte_is_found(codec: str) -> None:
    of = score(codec)
    payload = spoken(of).copy()
    payload[70, 100] ^= 1
    [(speaker, first, _, count)] = Untouched(of).compare(0, received(codec, payload))[1]
    assert (speaker, round(first, 2), count) == (1, 1.4, 1)


def test_a_shorter_opus_packet_is_found() -> None:
    of = score("opus")
    lengths = [160] * FRAMES
    lengths[70] = 159
    assert [each[3] for each in Untouched(of).compare(0, received("opus", spoken(of), lengths))[1]] == [1]


@pytest.mark.parametrize("codec", CODECS)
def test_tones_that_are_the_same_again_within_their_second_are_untouched(codec: str) -> None:
    of = score(codec, EVEN)
    assert Untouched(of).compare(0, received(codec, spoken(of)))[1] == []


@pytest.mark.parametrize("tones", [EVEN, (20, 41)])
def test_a_packet_that_came_twice_instead_of_the_next_one_is_found(tones: tuple[int, int]) -> None:
    of = score("L16/16000", tones)
    frames = np.arange(FRAMES)
    frames[70:] -= 1
    assert [each[3] for each in Untouched(of).compare(0, received("L16/16000", spoken(of, frames)))[1]] == [1]
