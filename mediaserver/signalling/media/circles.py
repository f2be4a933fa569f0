"""RTP that would go in circles: a peer may name a media port of ours, and what is sent there comes into the call whose leg has that port.

Two calls of ours may face each other so, past a proxy that sent one of them back here. But where what a leg is sent would come into its own
call again, over one port or over several calls, it would go round for as long as the calls last, each time once more to everybody.
"""

from mediaserver.signalling.calls.legs import Leg
from mediaserver.signalling.calls.live import CallEntry
from mediaserver.signalling.house import House
from sip.negotiated import NegotiatedMedia


def goes_in_circles(house: House, entry: CallEntry, leg: Leg, media: NegotiatedMedia) -> bool:
    """Whether what a leg of this call is sent, by this agreement, comes back into the call otherwise than by the leg's own port."""
    if not _is_ours(house, media):
        return False
    by_port = {other.port.port: (its_entry, other) for its_entry, other in house.legs()}
    waiting, known = [by_port[media.port]] if media.port in by_port else [], {leg.leg}
    while waiting:
        into, came_by = waiting.pop()
        if into is entry:
            return True
        for other in into.legs.values():
            if other is came_by or other.leg in known or other.media is None or not _is_ours(house, other.media):
                continue
            known.add(other.leg)
            if other.media.port in by_port:
                waiting.append(by_port[other.media.port])
    return False


def _is_ours(house: House, media: NegotiatedMedia) -> bool:
    """Whether packets that go there come to a port that may be a leg's."""
    limits = house.settings.media
    return media.direction.receives and limits.first_port <= media.port <= limits.last_port and house.media_addresses.is_ours(media.address)
