"""What a leg agreed on, told to its worker. Where the keys come from a handshake, what is told is what came of that until now."""

from dataclasses import replace

import structlog

from mediaserver.link.messages import OpenReports
from mediaserver.signalling.calls.legs import Leg, set_media
from mediaserver.signalling.calls.live import CallEntry
from mediaserver.signalling.house import House
from mediaserver.signalling.media.circles import goes_in_circles
from sip.negotiated import Dtls, NegotiatedMedia, Sdes

_log = structlog.get_logger(__name__)


def tell_media(house: House, entry: CallEntry, leg: Leg, media: NegotiatedMedia) -> None:
    """Both sides agreed on this: a handshake begins where there is to be one, and the worker is told."""
    house.peers.agree(entry.view.call, leg.leg, leg.port.socket, media)
    if not media.rtcp_mux and leg.port.reports is not None and leg.is_opened and not leg.reports_lent:
        leg.reports_lent = True
        house.media.tell(entry.worker, OpenReports(leg.leg), lend=leg.port.reports.fileno())
    tell_way(house, entry, leg, media)


def tell_way(house: House, entry: CallEntry, leg: Leg, media: NegotiatedMedia) -> None:
    """Tell the worker where a leg is and how its packets are secured, as it stands now."""
    carried = house.peers.carried(leg.leg, media)
    stereo, sorts = house.hears_stereo(leg.role), isinstance(media.security, Dtls)
    peer = "" if leg.session is None else house.agent.host_of(leg.session, leg.fork)
    command = set_media(leg.leg, carried, house.settings.media.opus, peer=peer, stereo=stereo, sorts=sorts)
    if goes_in_circles(house, entry, leg, carried):
        _log.warning("media.circle", call=entry.view.call, leg=leg.leg, address=carried.address, port=carried.port)
        house.counters.add("media_circles")
        command = replace(command, remote_receives=False)
    house.media.tell(entry.worker, command)
    if isinstance(carried.security, Sdes) and carried.security.suite != leg.suite:
        leg.suite = carried.security.suite
        house.counters.add("legs_secured", leg.suite)
