"""L16: every sample there and back, network order, and the ends of the range."""

import numpy as np

from mixer.l16 import decode_into, encode_into

ALL = np.arange(-32_768, 32_768).astype(np.int16)


def encoded(samples: list[int]) -> bytes:
    """The payload of one row."""
    out = np.zeros((1, 2 * len(samples)), dtype=np.uint8)
    encode_into(out, np.array([samples], dtype=np.int16))
    return out.tobytes()


def test_the_higher_byte_comes_first() -> None:
    assert encoded([1, -1, 0x0123]) == bytes.fromhex("0004 fffc 048c")


def test_samples_beyond_sixteen_bits_are_held_at_the_end() -> None:
    assert encoded([8191, 8192, 32_767, -8192, -8193, -32_768]) == bytes.fromhex("7ffc 7ffc 7ffc 8000 8000 8000")


def test_every_sample_of_the_mixer_survives() -> None:
    samples = np.arange(-8192, 8192).astype(np.int16).reshape(2, -1)
    payload, heard = np.zeros((2, 2 * samples.shape[1]), dtype=np.uint8), np.zeros_like(samples)
    encode_into(payload, samples)
    decode_into(heard, payload)
    assert (heard == samples).all()


def test_every_sixteen_bit_sample_is_rounded_to_the_nearest_of_fourteen() -> None:
    payload, heard = ALL.astype(">i2").view(np.uint8)[None, :], np.zeros((1, len(ALL)), dtype=np.int16)
    decode_into(heard, payload)
    nearest = np.minimum((ALL.astype(np.int64) + 2) // 4, 8191)
    assert (heard[0] == nearest).all()


def test_rows_of_a_wider_matrix_are_read_where_they_lie() -> None:
    matrix = np.random.default_rng(8).integers(0, 256, (6, 100)).astype(np.uint8)
    heard, alone = np.zeros((6, 40), dtype=np.int16), np.zeros((1, 40), dtype=np.int16)
    decode_into(heard, matrix[:, 12:92])
    for row in range(6):
        decode_into(alone, matrix[row, 12:92].copy()[None, :])
        assert (heard[row] == alone[0]).all()
