"""The codecs of the settings: what legs may agree on, and how we encode for a remote."""

from collections.abc import Iterable
from functools import cache

import structlog

from config.settings import OpusSettings
from mixer.coders import libopus
from mixer.opus_parameters import OpusParameters
from sip.negotiated import G722, L16_NARROW, L16_WIDE, OPUS, PCMA, PCMU, Codec, NegotiatedMedia

_log = structlog.get_logger(__name__)

_CODECS = {"opus": OPUS, "G722": G722, "L16/16000": L16_WIDE, "L16/8000": L16_NARROW, "PCMU": PCMU, "PCMA": PCMA}


def usable(names: Iterable[str]) -> tuple[Codec, ...]:
    """The codecs of these names, but opus where this machine has no libopus."""
    return tuple(_CODECS[name] for name in names if name != "opus" or _speaks_opus())


def encoder_parameters(media: NegotiatedMedia, opus: OpusSettings, *, stereo: bool) -> str:
    """What the worker's encoder should heed: the remote's wishes, as far as our settings follow them; in stereo where there is such."""
    if media.codec != OPUS:
        return ""
    wishes = OpusParameters.read(media.parameters)
    within = wishes.within(bitrate=opus.bitrate, complexity=opus.complexity, sends_fec=opus.fec, sends_dtx=opus.dtx, sends_stereo=stereo)
    return str(within)


@cache
def _speaks_opus() -> bool:
    """Whether opus can be offered; said once where it cannot."""
    found = libopus.is_available()
    if not found:
        _log.warning("codecs.no_opus", why=str(libopus.OpusUnavailableError()))
    return found
