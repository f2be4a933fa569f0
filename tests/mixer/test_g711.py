"""G.711 against the standard's own description, for every code and every sample."""

import numpy as np
import pytest

from mixer.g711 import ALAW, DECODE, FULL_SCALE, SILENCE, ULAW, decode, encode


def ulaw_value(code: int) -> int:
    """Decoder output value by the segment description of ITU-T G.711 tables 2a and 2b (14 bits)."""
    inverted = code ^ 0xFF
    segment, interval = (inverted & 0x70) >> 4, inverted & 0x0F
    start = sum(16 * 2 ** (number + 1) for number in range(segment)) - (1 if segment else 0)
    width = 2 ** (segment + 1)
    value = 2 * interval if segment == 0 else start + interval * width + width // 2
    return -value if inverted & 0x80 else value


def alaw_value(code: int) -> int:
    """Decoder output value by tables 1a and 1b (13 bits): odd halves of the intervals, even bits inverted."""
    plain = code ^ 0x55
    segment, interval = (plain & 0x70) >> 4, plain & 0x0F
    width = 2 if segment < 2 else 2**segment
    start = 0 if segment == 0 else 32 * 2 ** (segment - 1)
    value = start + interval * width + width // 2
    return value if plain & 0x80 else -value


def test_every_mu_law_code_decodes_as_the_standard_says() -> None:
    values = [int(value) for value in DECODE[ULAW]]
    assert values == [ulaw_value(code) for code in range(256)]
    assert max(values) == FULL_SCALE


def test_every_a_law_code_decodes_as_the_standard_says_on_our_scale() -> None:
    assert [int(value) for value in DECODE[ALAW]] == [2 * alaw_value(code) for code in range(256)]


@pytest.mark.parametrize("law", [ULAW, ALAW])
def test_every_code_survives_decoding_and_encoding(law: int) -> None:
    codes = np.arange(256, dtype=np.uint8)[None]
    again = encode(decode(codes, np.array([law])), np.array([law]))[0].tolist()
    wanted = list(range(256))
    if law == ULAW:
        wanted[0x7F] = 0xFF
    assert again == wanted


# ITU-T G.711 tables 2a (µ-law, full scale 8159) and 1a (A-law, full scale 4096): number of intervals and their size, segment by segment
ULAW_INTERVALS = [(1, 1), (15, 2), (16, 4), (16, 8), (16, 16), (16, 32), (16, 64), (16, 128), (16, 256)]
ALAW_INTERVALS = [(32, 2), (16, 4), (16, 8), (16, 16), (16, 32), (16, 64), (16, 128)]
# and the values at the ends of the segments, as they stand there
ULAW_ENDS = [31, 95, 223, 479, 991, 2015, 4063, 8159]
ALAW_ENDS = [64, 128, 256, 512, 1024, 2048, 4096]


def decision_values(intervals: list[tuple[int, int]]) -> list[int]:
    """x_0 to x_128 of the standard."""
    values = [0]
    for count, size in intervals:
        values += [values[-1] + size * (number + 1) for number in range(count)]
    return values


def test_the_decision_values_written_here_end_where_the_standards_segments_end() -> None:
    assert decision_values(ULAW_INTERVALS)[16::16] == ULAW_ENDS
    assert decision_values(ALAW_INTERVALS)[32::16] == ALAW_ENDS


@pytest.mark.parametrize("law", [ULAW, ALAW])
def test_every_sample_gets_the_code_of_the_interval_in_which_it_lies(law: int) -> None:
    values = decision_values(ULAW_INTERVALS) if law == ULAW else [2 * value for value in decision_values(ALAW_INTERVALS)]
    codes = encode(np.arange(-32_768, 32_768).astype(np.int16)[None], np.array([law]))[0].tolist()
    wrong = []
    for sample, code in zip(range(-32_768, 32_768), codes, strict=True):
        character = code ^ 0xFF if law == ULAW else code ^ 0x55
        is_positive = (character & 0x80 == 0) == (law == ULAW)
        number = character & 0x7F
        above = values[number + 1] if number < 127 else 32_769
        if not (values[number] <= abs(sample) < above and is_positive == (sample >= 0)):
            wrong.append((sample, code))
    assert wrong == []


@pytest.mark.parametrize("law", [ULAW, ALAW])
def test_what_is_louder_is_never_heard_softer(law: int) -> None:
    samples = np.arange(-32_768, 32_768).astype(np.int16)[None]
    heard = decode(encode(samples, np.array([law])), np.array([law]))[0].astype(int)
    assert (np.diff(heard) >= 0).all()
    assert (heard[0], heard[-1]) == (DECODE[law].min(), DECODE[law].max())


def test_rows_of_both_laws_are_handled_together() -> None:
    codes = np.arange(240, dtype=np.uint8).reshape(3, 80)
    laws = np.array([ULAW, ALAW, ULAW])
    together = decode(codes, laws)
    for row in range(3):
        assert (together[row] == decode(codes[row : row + 1], laws[row : row + 1])[0]).all()
    assert (encode(together, laws)[1] == codes[1]).all()


def test_silence_is_the_code_of_nothing() -> None:
    nothing = np.zeros((2, 80), dtype=np.int16)
    assert [int(row[0]) for row in encode(nothing, np.array([ULAW, ALAW]))] == list(SILENCE)
