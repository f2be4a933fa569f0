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


@pytest.mark.parametrize("law", [ULAW, ALAW])
def test_every_sample_gets_a_nearest_code_and_loud_ones_are_held_at_full_scale(law: int) -> None:
    samples = np.arange(-32_768, 32_768).astype(np.int16)[None]
    heard = decode(encode(samples, np.array([law])), np.array([law]))[0].astype(int)
    values = np.sort(DECODE[law].astype(int))
    nearest = np.abs(samples[0].astype(int)[:, None] - values[None, :]).min(axis=1)
    assert (np.abs(heard - samples[0]) == nearest).all()
    assert (np.diff(heard) >= 0).all()
    assert (heard[0], heard[-1]) == (values[0], values[-1])


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
