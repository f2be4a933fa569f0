"""ITU-T G.722 at 64 kbit/s. Its low band alone serves a narrowband call: half the work, and no resampling."""

from array import array
from typing import Final

import numpy as np
from G722 import G722

from mixer.arrays import Int16
from mixer.coders.coder import MAX_PACKET_MS, narrow_into, widened
from mixer.formats import WIDEBAND

BIT_RATE: Final = 64_000


class G722Decoder:
    """One stream's decoder; see `mixer.coders.coder.Decoder`."""

    def __init__(self, sample_rate: int) -> None:
        """sample_rate: 8000 or 16000 of what is given."""
        self._codec = G722(sample_rate, BIT_RATE)
        self._samples_a_byte = sample_rate * 8 // BIT_RATE

    def decode(self, payload: bytes, out: Int16) -> int:
        """See `Decoder`; every payload is a good one."""
        samples = self._samples_a_byte * len(payload)
        if samples > len(out):
            return 0
        narrow_into(out[:samples], np.frombuffer(self._codec.decode(payload), dtype=np.int16))
        return samples

    def conceal(self, out: Int16) -> int:
        """G.722 has no method here."""
        return 0

    def recover(self, following: bytes, out: Int16) -> int:
        """G.722 says nothing twice."""
        return 0


class G722Encoder:
    """One listener's encoder; see `mixer.coders.coder.Encoder`."""

    def __init__(self, sample_rate: int) -> None:
        """sample_rate: 8000 or 16000 of what is taken."""
        self._codec = G722(sample_rate, BIT_RATE)
        self._scratch = np.zeros(WIDEBAND * MAX_PACKET_MS // 1000, dtype=np.int16)

    def encode(self, frame: Int16) -> bytes:
        """See `Encoder`."""
        payload: bytes = self._codec.encode(array("h", widened(frame, self._scratch).tobytes()))
        return payload
