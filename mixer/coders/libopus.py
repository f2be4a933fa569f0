"""libopus by ctypes: the system's, else the one that came with PyAV. Where there is neither, opus is not spoken here."""

import ctypes
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

NAME: Final = "libopus.so.0"
APPLICATION_VOIP: Final = 2048
APPLICATION_AUDIO: Final = 2049
SIGNAL_VOICE: Final = 3001
NARROW_BAND: Final = 1101
"""The first of the bandwidths: 4 kHz; then 6, 8, 12 and 20 kHz."""

SET_BITRATE: Final = 4002
SET_MAX_BANDWIDTH: Final = 4004
SET_VBR: Final = 4006
SET_COMPLEXITY: Final = 4010
SET_INBAND_FEC: Final = 4012
SET_PACKET_LOSS_PERC: Final = 4014
SET_DTX: Final = 4016
SET_SIGNAL: Final = 4024

_INT: Final = ctypes.c_int
_INT32: Final = ctypes.c_int32
_ADDRESS: Final = ctypes.c_void_p

_PROTOTYPES: Final = {
    "opus_get_version_string": (ctypes.c_char_p,),
    "opus_encoder_get_size": (_INT, _INT),
    "opus_encoder_init": (_INT, _ADDRESS, _INT32, _INT, _INT),
    "opus_encoder_ctl": (_INT, _ADDRESS, _INT, _INT32),
    "opus_encode": (_INT32, _ADDRESS, _ADDRESS, _INT, _ADDRESS, _INT32),
    "opus_decoder_get_size": (_INT, _INT),
    "opus_decoder_init": (_INT, _ADDRESS, _INT32, _INT),
    "opus_decode": (_INT, _ADDRESS, ctypes.c_char_p, _INT32, _ADDRESS, _INT, _INT),
}
"""What each function gives, and what it takes."""


class OpusUnavailableError(Exception):
    """There is no libopus on this machine."""

    def __init__(self) -> None:
        super().__init__(
            f"opus cannot be spoken: the system has no {NAME} (Debian: apt install libopus0), and PyAV brings none (pip install av)"
        )


@cache
def library() -> ctypes.CDLL:
    """The library, its functions with their types. Raises `OpusUnavailableError`."""
    for name in _candidates():
        try:
            found = ctypes.CDLL(name)
            for function, (gives, *takes) in _PROTOTYPES.items():
                entry = getattr(found, function)
                entry.restype, entry.argtypes = gives, takes
        except (OSError, AttributeError):
            continue
        return found
    raise OpusUnavailableError


def is_available() -> bool:
    """Whether opus can be spoken on this machine."""
    try:
        library()
    except OpusUnavailableError:
        return False
    return True


def version() -> str:
    """What the library calls itself. Raises `OpusUnavailableError`."""
    text: bytes = library().opus_get_version_string()
    return text.decode("ascii", "replace")


def _candidates() -> Iterator[str]:
    yield NAME
    package = find_spec("av")
    for folder in package.submodule_search_locations or () if package is not None else ():
        yield from sorted(str(path) for path in (Path(folder).parent / "av.libs").glob("libopus-*.so*"))
