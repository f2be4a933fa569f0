"""What a coder of one row does, whatever its format. Samples are int16 in the 14-bit domain of µ-law, as everywhere in the mixer.

A decoder is fed its packets in order. Where one is lost: `recover` it from the packet behind it, else `conceal`; where either
gives 0, the format has no such thing, and whoever asked makes the samples up himself.
"""

from typing import Final, Protocol

import numpy as np

from mixer.arrays import Int16

MAX_PACKET_MS: Final = 120
"""No packet holds more; ``out`` of `Decoder.decode` should have room for it."""

_LIMIT: Final = 8191


class Decoder(Protocol):
    """Payloads of one stream in, samples out, at the rate that it was opened with."""

    def decode(self, payload: bytes, out: Int16) -> int:
        """Write the payload's samples into the first of ``out`` (samples) int16, or (samples, 2) where opened for stereo.

        Gives their count; 0 where the payload is broken, or holds more than there is room for.
        """

    def conceal(self, out: Int16) -> int:
        """Fill ``out``, whole blocks of 10 ms, with what may have been in a lost packet, by the format's own method.

        Gives the samples made up; 0 where it has no method.
        """

    def recover(self, following: bytes, out: Int16) -> int:
        """Fill ``out`` with a lost packet's samples from the payload of the packet behind it, which is to be decoded after that.

        Gives the samples; 0 where that payload tells nothing of the lost one.
        """


class Encoder(Protocol):
    """Frames of one listener in, payloads out."""

    def encode(self, frame: Int16) -> bytes:
        """The payload of a frame (samples) int16 of 10 to 60 ms, or (samples, 2) where opened for stereo; saturated.

        Empty where the format says that nothing is to be sent now (DTX).
        """


def widened(frame: Int16, scratch: Int16) -> Int16:
    """A frame of the 14-bit domain in 16 bits, saturated; written into the first of ``scratch``, of the same axes and as long at least."""
    wide = scratch[: len(frame)]
    np.minimum(frame, _LIMIT, out=wide)
    np.maximum(wide, -_LIMIT - 1, out=wide)
    np.left_shift(wide, 2, out=wide)
    return wide


def narrow_into(out: Int16, wide: Int16) -> None:
    """Write 16-bit samples as those of the 14-bit domain, rounded; both of the same shape. ``wide`` is scratch afterwards."""
    np.minimum(wide, 32_765, out=wide)
    np.add(wide, 2, out=wide)
    np.right_shift(wide, 2, out=out)
