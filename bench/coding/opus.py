"""Opus: encoded by FFmpeg's libopus, decoded by libopus itself with its own concealment and in-band FEC.

libopus is reached by a binding of the bench's own; FFmpeg's native decoder, which is another author's, agrees with it (a test
sees to that).
"""

import ctypes
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

import av
import numpy as np
from numpy.typing import NDArray

Int16 = NDArray[np.int16]

RATE: Final = 16_000
BIT_RATE: Final = 32_000
CONSTANT_BIT_RATE: Final = 64_000
_EXPECTED_LOSS: Final = "15"
"""Percent: how much the encoder spends on in-band FEC."""
_PACKED_MS: Final = 10
"""There is no frame of 30 ms: such a packet carries three of this length (RFC 6716 §3.2.5)."""
_CODE_3, _VARIABLE = 3, 0x80


class OpusFailed(Exception):
    """libopus refused something that it should take."""


def encode(samples: Int16, ptime_ms: int, *, constant: bool = False) -> list[bytes]:
    """Payloads of ``ptime_ms`` from samples (n) at 16 kHz, with in-band FEC; what is left over at the end is left out.

    constant: all of one length, at a rate that serves tones too.
    """
    if ptime_ms != 30:
        return _encode_frames(samples, ptime_ms, constant)
    frames = _encode_frames(samples, _PACKED_MS, constant)
    return [_pack(frames[at : at + 3]) for at in range(0, len(frames) - 2, 3)]


def decode(payloads: Sequence[bytes | None], ptime_ms: int, in_time: Sequence[bool] | None = None) -> Int16:
    """Samples at 16 kHz of payloads in a row. Where one is missing, the next one's FEC is asked, or libopus conceals.

    in_time: for each, whether its successor had come when it was due, so that its FEC could be asked; None: all had.
    """
    decoder = _Decoder()
    count = RATE * ptime_ms // 1000
    parts = []
    for at, payload in enumerate(payloads):
        following = payloads[at + 1] if at + 1 < len(payloads) and (in_time is None or in_time[at]) else None
        if payload is not None:
            parts.append(decoder.decode(payload, count))
        elif following is not None:
            parts.append(decoder.recover(following, count))
        else:
            parts.append(decoder.decode(None, count))
    return np.concatenate(parts) if parts else np.zeros(0, np.int16)


def _encode_frames(samples: Int16, frame_ms: int, constant: bool) -> list[bytes]:
    coder = av.CodecContext.create("libopus", "w")
    assert isinstance(coder, av.AudioCodecContext)
    coder.sample_rate, coder.layout, coder.format, coder.bit_rate = RATE, "mono", "s16", CONSTANT_BIT_RATE if constant else BIT_RATE
    coder.options = {"application": "voip", "frame_duration": str(frame_ms), "fec": "1", "packet_loss": _EXPECTED_LOSS}
    coder.options |= {"vbr": "off", "application": "audio"} if constant else {}
    count = RATE * frame_ms // 1000
    packets = []
    for start in range(0, len(samples) - count + 1, count):
        frame = av.AudioFrame.from_ndarray(samples[None, start : start + count].astype(np.int16), format="s16", layout="mono")
        frame.sample_rate = RATE
        packets += [bytes(packet) for packet in coder.encode(frame)]
    return packets


def _pack(frames: Sequence[bytes]) -> bytes:
    """One packet of code 3 with these frames, each of which came as a packet of one frame (RFC 6716 §3.2.5)."""
    bodies = [frame[1:] for frame in frames]
    lengths = b"".join(_length(len(body)) for body in bodies[:-1])
    return bytes([frames[0][0] | _CODE_3, _VARIABLE | len(frames)]) + lengths + b"".join(bodies)


def _length(size: int) -> bytes:
    """RFC 6716 §3.2.1."""
    if size < 252:
        return bytes([size])
    first = 252 + (size & 3)
    return bytes([first, (size - first) // 4])


class _Decoder:
    """One stream of libopus, mono, 16 kHz."""

    def __init__(self) -> None:
        self._library = _library()
        error = ctypes.c_int()
        self._state = self._library.opus_decoder_create(RATE, 1, ctypes.byref(error))
        if error.value:
            raise OpusFailed(f"opus_decoder_create said {error.value}")

    def __del__(self) -> None:
        self._library.opus_decoder_destroy(self._state)

    def decode(self, payload: bytes | None, count: int) -> Int16:
        """``count`` samples of a packet; of None, what libopus makes up."""
        return self._run(payload, count, 0)

    def recover(self, following: bytes, count: int) -> Int16:
        """The frame before ``following``, from its in-band FEC where it has some."""
        return self._run(following, count, 1)

    def _run(self, payload: bytes | None, count: int, recovers: int) -> Int16:
        out = np.zeros(count, np.int16)
        size = 0 if payload is None else len(payload)
        made = self._library.opus_decode(self._state, payload, size, out.ctypes.data_as(ctypes.POINTER(ctypes.c_int16)), count, recovers)
        if made < 0:
            raise OpusFailed(f"opus_decode said {made} of {size} bytes")
        return out


@cache
def _library() -> ctypes.CDLL:
    """The libopus inside PyAV's wheel."""
    folder = Path(av.__file__).parent.parent / "av.libs"
    library = ctypes.CDLL(str(next(folder.glob("libopus-*.so*"))))
    library.opus_decoder_create.restype = ctypes.c_void_p
    library.opus_decoder_create.argtypes = [ctypes.c_int32, ctypes.c_int, ctypes.POINTER(ctypes.c_int)]
    library.opus_decoder_destroy.argtypes = [ctypes.c_void_p]
    library.opus_decoder_destroy.restype = None
    library.opus_decode.argtypes = [
        ctypes.c_void_p,
        ctypes.c_char_p,
        ctypes.c_int32,
        ctypes.POINTER(ctypes.c_int16),
        ctypes.c_int,
        ctypes.c_int,
    ]
    return library
