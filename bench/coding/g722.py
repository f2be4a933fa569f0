"""G.722 at 64 kbit/s by FFmpeg (through PyAV): a coder that shares no line with the server's."""

from collections.abc import Sequence

import av
import numpy as np
from numpy.typing import NDArray

from bench.coding.linear import cut, laid_out

Int16 = NDArray[np.int16]

RATE = 16_000
_AT_ONCE = 320
"""Samples of a frame handed to FFmpeg."""
_SAMPLES_A_BYTE = 2


def encode(samples: Int16, ptime_ms: int) -> list[bytes]:
    """Payloads of ``ptime_ms`` from samples (n) at 16 kHz; what is left over at the end is left out."""
    coder = av.CodecContext.create("g722", "w")
    assert isinstance(coder, av.AudioCodecContext)
    coder.sample_rate, coder.layout, coder.format = RATE, "mono", "s16"
    stream = []
    for start in range(0, len(samples) // _AT_ONCE * _AT_ONCE, _AT_ONCE):
        frame = av.AudioFrame.from_ndarray(samples[None, start : start + _AT_ONCE].astype(np.int16), format="s16", layout="mono")
        frame.sample_rate = RATE
        stream += [bytes(packet) for packet in coder.encode(frame)]
    return cut(b"".join(stream), RATE * ptime_ms // 1000 // _SAMPLES_A_BYTE)


def decode(payloads: Sequence[bytes | None], ptime_ms: int) -> Int16:
    """Samples at 16 kHz of payloads in a row, None where one is missing."""
    return laid_out(payloads, RATE, ptime_ms, _decoded)


def _decoded(stream: bytes) -> Int16:
    coder = av.CodecContext.create("g722", "r")
    assert isinstance(coder, av.AudioCodecContext)
    coder.sample_rate, coder.layout = RATE, "mono"
    sound = [
        frame.to_ndarray().reshape(-1)
        for at in range(0, len(stream), _AT_ONCE)
        for frame in coder.decode(av.Packet(stream[at : at + _AT_ONCE]))
    ]
    return np.concatenate(sound).astype(np.int16) if sound else np.zeros(0, np.int16)
