"""G.722 beside a second codec: FFmpeg's own, as PyAV brings it. Both make the same of everything, bit by bit.

The ITU's vectors are not free to be kept here. By hand, the speech of the ITU's Software Tool Library (G.191, inpsp.bin) was
encoded to its codspw.cod without a differing byte, and that decoded to its outsp1.bin without a differing sample.
"""

from fractions import Fraction

import av
import numpy as np
import pytest

from mixer.coders.g722 import G722Decoder, G722Encoder
from tests.mixer.signals import Samples, likeness_db, tone, voice

RATE = 16_000
FRAME = 320


def noise() -> Samples:
    """A second at full scale, which reaches every corner of both bands."""
    return np.random.default_rng(9).integers(-8192, 8192, RATE).astype(np.int16)


SOUNDS = {"voice": voice(2.0, RATE), "tone": tone(5000, 1.0, RATE), "noise": noise(), "silence": np.zeros(RATE, dtype=np.int16)}


def encoded_by_us(said: Samples) -> bytes:
    """Payloads of 20 ms, one after the other."""
    encoder = G722Encoder(RATE)
    return b"".join(encoder.encode(said[start : start + FRAME]) for start in range(0, len(said), FRAME))


def encoded_by_ffmpeg(said: Samples) -> bytes:
    """The same by the other one."""
    context = av.CodecContext.create("g722", "w")
    context.sample_rate, context.layout, context.format, context.time_base = RATE, "mono", "s16", Fraction(1, RATE)
    payload = b""
    for start in range(0, len(said), FRAME):
        frame = av.AudioFrame.from_ndarray((said[None, start : start + FRAME] * 4).astype(np.int16), format="s16", layout="mono")
        frame.sample_rate, frame.pts = RATE, start
        payload += b"".join(bytes(packet) for packet in context.encode(frame))
    return payload + b"".join(bytes(packet) for packet in context.encode(None))


def decoded_by_us(payload: bytes) -> Samples:
    """Samples in the 14-bit domain."""
    decoder, out = G722Decoder(RATE), np.zeros(2 * len(payload), dtype=np.int16)
    for start in range(0, len(payload), FRAME // 2):
        assert decoder.decode(payload[start : start + FRAME // 2], out[2 * start :]) == FRAME
    return out


def decoded_by_ffmpeg(payload: bytes) -> Samples:
    """The same by the other one, rounded as we round."""
    context = av.CodecContext.create("g722", "r")
    context.sample_rate, context.layout = RATE, "mono"
    packets = [av.Packet(payload[start : start + FRAME // 2]) for start in range(0, len(payload), FRAME // 2)]
    wide = np.concatenate([frame.to_ndarray().reshape(-1) for packet in packets for frame in context.decode(packet)])
    return np.asarray((np.minimum(wide.astype(np.int64), 32_765) + 2) >> 2, dtype=np.int16)


@pytest.mark.parametrize("sound", SOUNDS)
def test_both_encoders_say_the_same(sound: str) -> None:
    assert encoded_by_us(SOUNDS[sound]) == encoded_by_ffmpeg(SOUNDS[sound])


@pytest.mark.parametrize("sound", SOUNDS)
def test_both_decoders_hear_the_same(sound: str) -> None:
    payload = encoded_by_us(SOUNDS[sound])
    assert (decoded_by_us(payload) == decoded_by_ffmpeg(payload)).all()


def test_both_decoders_hear_the_same_in_bytes_that_nobody_encoded() -> None:
    payload = np.random.default_rng(10).bytes(16_000)
    assert (decoded_by_us(payload) == decoded_by_ffmpeg(payload)).all()


def test_what_one_says_is_understood_by_the_other() -> None:
    said = SOUNDS["voice"]
    assert likeness_db(said, decoded_by_ffmpeg(encoded_by_us(said))) > 25
    assert likeness_db(said, decoded_by_us(encoded_by_ffmpeg(said))) > 25
