"""What a simulated phone does with its codec: frames to payloads and back, at its own rate."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mixer.arrays import Int16
from mixer.coders.coder import Decoder, Encoder
from mixer.coders.opening import open_decoder, open_encoder
from mixer.formats import FORMATS, PCMA, PCMU, Format, number_of
from mixer.g711 import DECODE, encode
from mixer.l16 import decode_into, encode_into

PAYLOAD_TYPES = {"PCMU": 0, "PCMA": 8, "G722": 9, "L16": 97, "OPUS": 111}
MEDIA: dict[str, dict[str, Any]] = {
    "PCMU": {"codec": "PCMU"},
    "PCMA": {"codec": "PCMA"},
    "G722": {"codec": "G722"},
    "L16": {"codec": "L16"},
    "L16 wide": {"codec": "L16", "clock_rate": 16_000},
    "OPUS": {"codec": "OPUS", "clock_rate": 48_000, "channels": 2},
}
"""What `SetMedia` says of each codec."""


@dataclass
class Voice:
    """Both directions of one phone in one codec."""

    codec: int = PCMU
    _channels: int = 1
    _decoder: Decoder | None = field(default=None, repr=False)
    _encoder: Encoder | None = field(default=None, repr=False)

    @classmethod
    def of(cls, media: dict[str, Any]) -> "Voice":
        """As negotiated."""
        codec = number_of(media.get("codec", "PCMU"), media.get("clock_rate", 8000), media.get("channels", 1))
        voice = cls(codec)
        if FORMATS[codec].has_coder:
            voice._channels = 2 if "stereo=1" in media.get("parameters", "") else 1
            voice._decoder = open_decoder(codec, voice.form.sample_rate, voice._channels)
            voice._encoder = open_encoder(codec, voice.form.sample_rate, parameters=media.get("parameters", ""))
        return voice

    @property
    def form(self) -> Format:
        """The codec's format."""
        return FORMATS[self.codec]

    @property
    def rate(self) -> int:
        """Samples a second."""
        return self.form.sample_rate

    def encode(self, frame: Int16) -> bytes:
        """The payload of a frame."""
        if self._encoder is not None:
            return self._encoder.encode(frame)
        if self.codec <= PCMA:
            return bytes(encode(frame[None], np.array([self.codec]))[0])
        out = np.zeros(2 * len(frame), dtype=np.uint8)
        encode_into(out[None], frame[None])
        return out.tobytes()

    def decode(self, payload: bytes) -> Int16:
        """What is heard of a payload, (samples, 2) where stereo was asked for; stateful codecs must be given all of them in order."""
        if self._decoder is not None:
            out = np.zeros(1920 if self._channels == 1 else (1920, 2), dtype=np.int16)
            return out[: self._decoder.decode(payload, out)]
        codes = np.frombuffer(payload, dtype=np.uint8)
        if self.codec <= PCMA:
            return np.asarray(DECODE[self.codec][codes])
        frame = np.zeros(len(payload) // 2, dtype=np.int16)
        decode_into(frame, codes[: 2 * len(frame)])
        return frame
