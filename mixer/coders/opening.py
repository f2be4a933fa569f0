"""Coders by the number of their format."""

from mixer.coders.coder import Decoder, Encoder
from mixer.coders.g722 import G722Decoder, G722Encoder
from mixer.formats import FORMATS, G722


class NoCoder(Exception):
    """A format that has no coder: it is coded from tables, or cannot be coded on this machine."""

    def __init__(self, codec: int) -> None:
        super().__init__(f"{FORMATS[codec].name} has no coder here")


def open_decoder(codec: int, sample_rate: int) -> Decoder:
    """A decoder that has heard nothing yet. codec: as in `FORMATS`; sample_rate: 8000 or 16000. Raises `NoCoder`."""
    if codec == G722:
        return G722Decoder(sample_rate)
    raise NoCoder(codec)


def open_encoder(codec: int, sample_rate: int, parameters: str = "") -> Encoder:
    """An encoder that has said nothing yet; parameters: the remote's fmtp, of which the format's own are heeded. Raises `NoCoder`."""
    if codec == G722:
        return G722Encoder(sample_rate)
    raise NoCoder(codec)
