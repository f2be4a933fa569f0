"""What a leg agreed on, told to its worker. Who is to shake hands by DTLS is signalled, and has no audio: no worker does it yet."""

import structlog

from mediaserver.link.messages import OpenReports
from mediaserver.signalling.calls.legs import Leg, is_carried, set_media
from mediaserver.signalling.calls.live import CallEntry
from mediaserver.signalling.house import House
from sip.negotiated import NegotiatedMedia, Sdes

_log = structlog.get_logger(__name__)


def tell_media(house: House, entry: CallEntry, leg: Leg, media: NegotiatedMedia) -> None:
    """Tell the worker; where it cannot carry what was agreed, say so once for the leg."""
    if not media.rtcp_mux and leg.port.reports is not None and leg.is_opened and not leg.reports_lent:
        leg.reports_lent = True
        house.media.tell(entry.worker, OpenReports(leg.leg), lend=leg.port.reports.fileno())
    stereo = house.hears_stereo(leg.role)
    house.media.tell(entry.worker, set_media(leg.leg, media, house.settings.media.opus, stereo=stereo))
    if isinstance(media.security, Sdes) and media.security.suite != leg.suite:
        leg.suite = media.security.suite
        house.counters.add("legs_secured", leg.suite)
    if not is_carried(media) and not leg.is_without_audio:
        leg.is_without_audio = True
        house.counters.add("legs_without_audio", "dtls")
        _log.warning("leg.without_audio", call=entry.view.call, leg=leg.leg, why="its keys are to come from a DTLS handshake")
