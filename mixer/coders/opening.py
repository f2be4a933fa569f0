"""Coders by the number of their format."""

from mixer import formats
from mixer.coders.coder import Decoder, Encoder
from mixer.coders.g722 import G722Decoder, G722Encoder
from mixer.coders.opus import OpusDecoder, OpusEncoder
from mixer.formats import FORMATS
from mixer.opus_parameters import OpusParameters


class NoCoder(Exception):
    """A format that has no coder: it is coded from tables."""

    def __init__(self, codec: int) -> None:
        super().__init__(f"{FORMATS[codec].name} is coded from tables, many rows at once")


def open_decoder(codec: int, sample_rate: int, channels: int = 1) -> Decoder:
    """A decoder that has heard nothing yet.

    codec: as in `FORMATS`; sample_rate: 8000 or 16000; channels: of what it gives, 2 with opus alone.
    Raises `NoCoder`, and `OpusUnavailableError` where this machine has no libopus.
    """
    match codec:
        case formats.G722:
            return G722Decoder(sample_rate)
        case formats.OPUS:
            return OpusDecoder(sample_rate, channels)
    raise NoCoder(codec)


def open_encoder(codec: int, sample_rate: int, channels: int = 1, parameters: str = "") -> Encoder:
    """An encoder that has said nothing yet; parameters: a text of `OpusParameters`, for opus. The rest is as with `open_decoder`."""
    match codec:
        case formats.G722:
            return G722Encoder(sample_rate)
        case formats.OPUS:
            return OpusEncoder(sample_rate, channels, OpusParameters.read(parameters))
    raise NoCoder(codec)
