"""All legs whose keys come from a handshake: what workers hand up goes to each leg's core, and what that has to say goes out.

The datagrams leave by the leg's lent socket, of which its worker has a copy, so they come from the port that was signalled. A worker's
death is nothing to them: ICE and keys live here, and the heir gets address and keys from the arrays.
"""

import socket
from collections.abc import Callable
from dataclasses import dataclass, replace

import structlog

from mediaserver.call.inputs import LegId
from mediaserver.observing.counters import Counters
from mediaserver.signalling.browser.dtls import DtlsContext
from mediaserver.signalling.browser.peer import Peer, PeerLost, WayChanged
from mediaserver.signalling.media.certificate import Certificate
from mediaserver.signalling.timers import Timer
from rtp.latch import Address
from sip.negotiated import Dtls, NegotiatedMedia, Setup

_log = structlog.get_logger(__name__)

NOWHERE = "0.0.0.0"


@dataclass(slots=True)
class _Entry:
    call: str
    """Its id, for the log."""
    peer: Peer
    end: socket.socket
    timer: Timer
    way_at: float | None = None
    """When media began to flow."""
    began: float = 0.0


class Peers:
    """The cores by leg. After each call into one: send, tell, re-arm."""

    def __init__(
        self,
        certificate: Certificate,
        lost_after: Callable[[], float],
        counters: Counters,
        clock: Callable[[], float],
        new_timer: Callable[[Callable[[], None]], Timer],
    ) -> None:
        self._certificate = certificate
        self._shared: DtlsContext | None = None
        self._lost_after = lost_after
        self._counters = counters
        self._clock = clock
        self._new_timer = new_timer
        self._entries: dict[LegId, _Entry] = {}
        self.on_way: Callable[[LegId], None] = lambda leg: None
        """Told of a leg whose media goes elsewhere, or under other keys, or nowhere now."""
        self.on_lost: Callable[[LegId, PeerLost], None] = lambda leg, lost: None
        """Told of a leg whose browser counts as gone."""

    def __len__(self) -> int:
        return len(self._entries)

    def agree(self, call: str, leg: LegId, end: socket.socket, media: NegotiatedMedia) -> None:
        """A leg of a call agreed on a handshake, for the first time or again; ``end`` is its lent socket. Any other leg is forgotten."""
        entry = self._entries.get(leg)
        if not isinstance(media.security, Dtls):
            self.close(leg)
        elif entry is not None:
            entry.peer.agree(media, self._clock())
            self._settle(leg, entry)
        elif media.security.setup is not Setup.HOLDCONN:
            now = self._clock()
            self._shared = self._shared or DtlsContext(self._certificate)
            peer = Peer(media, self._shared, self._lost_after(), now)
            made = _Entry(call, peer, end, self._new_timer(lambda: self._timer_fired(leg)), began=now)
            self._entries[leg] = made
            peer.agree(media, now)
            self._settle(leg, made)

    def carried(self, leg: LegId, media: NegotiatedMedia) -> NegotiatedMedia:
        """What was agreed, with the address that was found and the keys that were made; with none of them where they are not there."""
        if not isinstance(media.security, Dtls):
            return media
        entry = self._entries.get(leg)
        way = entry.peer.way if entry is not None else None
        if way is None:
            return replace(media, address=NOWHERE, port=0)
        return replace(media, address=way.address[0], port=way.address[1], security=way.keys)

    def received(self, leg: LegId, data: bytes, source: Address) -> None:
        """A worker handed a datagram up."""
        entry = self._entries.get(leg)
        if entry is None:
            self._counters.add("browser_datagrams_dropped", "no_leg")
            return
        entry.peer.receive(data, source, self._clock())
        self._settle(leg, entry)

    def trickle(self, leg: LegId, candidate: str) -> bool:
        """The browser named a candidate; False where it named too many."""
        entry = self._entries.get(leg)
        return entry is not None and entry.peer.trickle(candidate)

    def close(self, leg: LegId) -> None:
        """The leg is over: its browser is told so."""
        entry = self._entries.pop(leg, None)
        if entry is not None:
            entry.timer.cancel()
            entry.peer.close()
            self._send(entry)

    def _timer_fired(self, leg: LegId) -> None:
        entry = self._entries.get(leg)
        if entry is not None:
            entry.peer.handle_timer(self._clock())
            self._settle(leg, entry)

    def _settle(self, leg: LegId, entry: _Entry) -> None:
        self._send(entry)
        for reason in entry.peer.dropped:
            self._counters.add("browser_datagrams_dropped", reason)
        entry.peer.dropped.clear()
        entry.timer.set(entry.peer.next_timer())
        news = entry.peer.news[:]
        entry.peer.news.clear()
        for told in news:
            match told:
                case WayChanged():
                    self._note_way(leg, entry)
                    self.on_way(leg)
                case PeerLost():
                    self._counters.add("browsers_lost", told.loss)
                    self.on_lost(leg, told)

    def _note_way(self, leg: LegId, entry: _Entry) -> None:
        way, now = entry.peer.way, self._clock()
        if way is not None and entry.way_at is None:
            entry.way_at = now
            seconds = round(now - entry.began, 3)
            _log.info("browser.reached", call=entry.call, leg=leg, address=way.address[0], suite=way.keys.suite, seconds=seconds)

    def _send(self, entry: _Entry) -> None:
        for data, address in entry.peer.datagrams:
            try:
                entry.end.sendto(data, _addressed(entry.end, address))
            except OSError:
                self._counters.add("browser_datagrams_unsent")
        entry.peer.datagrams.clear()


def _addressed(end: socket.socket, address: Address) -> Address:
    """An address as the socket takes it: IPv4 mapped where it is one of IPv6."""
    host, port = address
    return (f"::ffff:{host}", port) if end.family == socket.AF_INET6 and ":" not in host else address
