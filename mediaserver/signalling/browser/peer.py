"""One leg's way to its browser: ICE says where it is, a DTLS handshake gives the keys. Sans-IO.

Rules:
- media flows when both are known, the chosen address and the keys; a browser that moves keeps its keys (RFC 8842 §4);
- the handshake goes to the address that spoke last of those that ICE proved, so that it need not wait for a nomination;
- DTLS from anywhere else is dropped and counted. Without ICE only the signalled address counts;
- another certificate, or other parts in the handshake, begin a new one; until it is done, the keys before it hold;
- no check for `lost_after` ends consent: nothing is sent until one comes again (RFC 7675 §5.1). Who never came is lost after the same time.

After each call: send what `datagrams` gives, tell what `news` gives, and set the timer to `next_timer`.
"""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Final

from mediaserver.signalling.browser.dtls import DtlsContext, DtlsFailed, Handshake
from mediaserver.signalling.browser.ice import IceAgent
from mediaserver.signalling.browser.stun import StunError
from rtp.latch import Address
from sip.negotiated import Dtls, NegotiatedMedia, Sdes, Setup

HIGHEST_STUN: Final = 3
_NOWHERE: Final = "0.0.0.0"
_KIND: Final = re.compile(r" typ ([a-z]{1,10})\b")
FIRST_REPETITION: Final = 0.1
"""Seconds after which a flight of ours that was not answered is said again; twice as long each time."""
LONGEST_REPETITION: Final = 1.6
MOST_CANDIDATES: Final = 32
"""Candidates of the other side that are remembered, to be told where it was not reached."""


class Loss(StrEnum):
    """Why a browser counts as gone."""

    CONSENT = "consent"
    """Its checks stopped."""
    UNREACHED = "unreached"
    """No check ever came."""
    UNKEYED = "unkeyed"
    """It was reached, and the handshake did not end."""
    HANDSHAKE = "handshake"
    """The handshake failed, or showed another certificate than was signalled."""
    GOODBYE = "goodbye"
    """It ended the association itself, as a page does that is closed."""


_MENDED_BY_CHECKS: Final = frozenset({Loss.CONSENT, Loss.UNREACHED, Loss.UNKEYED})


@dataclass(frozen=True, slots=True)
class WayChanged:
    """Media goes elsewhere, or under other keys, or not at all from now on."""


@dataclass(frozen=True, slots=True)
class PeerLost:
    """The browser counts as gone."""

    loss: Loss
    text: str


News = WayChanged | PeerLost


@dataclass(frozen=True, slots=True)
class Way:
    """Where media goes, and how it is secured."""

    address: Address
    keys: Sdes


class Peer:
    """The state of one leg; see the rules above."""

    def __init__(self, media: NegotiatedMedia, shared: DtlsContext, lost_after: float, now: float) -> None:
        assert isinstance(media.security, Dtls)
        self.datagrams: list[tuple[bytes, Address]] = []
        """To be sent; who sends them empties the list."""
        self.news: list[News] = []
        """To be told; who tells it empties the list."""
        self.dropped: list[str] = []
        """Why datagrams were dropped; who counts them empties the list."""
        self.candidates: list[str] = []
        self._shared = shared
        self._lost_after = lost_after
        self._began = now
        self._loss: Loss | None = None
        self._agreed = media.security
        self._signalled = _address(media)
        self._ice = IceAgent(media.ice, now) if media.ice is not None and not media.ice.remote_is_lite else None
        self._keys: Sdes | None = None
        self._spoke: Address | None = None
        """Who of those that were proved spoke last."""
        self._way: Way | None = None
        self._repeat_at: float | None = None
        self._repeat_after = FIRST_REPETITION
        self._handshake = Handshake(shared, self._agreed)

    @property
    def way(self) -> Way | None:
        """Where media goes now; None: nowhere."""
        return self._way

    def agree(self, media: NegotiatedMedia, now: float) -> None:
        """Take what was agreed on again: nothing new, a restart of ICE, another certificate."""
        assert isinstance(media.security, Dtls)
        self._signalled = _address(media)
        if media.ice is not None and self._ice is not None and self._ice.restart(media.ice, now):
            self._began = now
        if media.security != self._agreed and media.security.setup is not Setup.HOLDCONN:
            self._agreed, self._loss, self._began = media.security, None, now
            self._handshake = Handshake(self._shared, self._agreed)
        self._settle(now)

    def trickle(self, candidate: str) -> bool:
        """The browser named an address of its own. It checks us from there, so nothing is sent; False: there are too many."""
        if len(self.candidates) >= MOST_CANDIDATES:
            return False
        self.candidates.append(candidate)
        return True

    def receive(self, data: bytes, source: Address, now: float) -> None:
        """A datagram that is no media, from an address."""
        if not data or self._is_over:
            self.dropped.append("over" if data else "malformed")
        elif data[0] <= HIGHEST_STUN:
            self._check(data, source, now)
        elif self._is_trusted(source):
            self._spoke = source
            self._repeat_at, self._repeat_after = None, FIRST_REPETITION
            self._shake(partial(self._handshake.receive, data))
        else:
            self.dropped.append("dtls_stranger")
        self._settle(now)

    def next_timer(self) -> float | None:
        """When `handle_timer` is to be called."""
        if self._is_over:
            return None
        due = [self._repeat_at, self._lost_at]
        return min((moment for moment in due if moment is not None), default=None)

    def handle_timer(self, now: float) -> None:
        """Time has passed."""
        if self._repeat_at is not None and now >= self._repeat_at and not self._is_over:
            self._shake(self._handshake.repeat)
            self._repeat_at, self._repeat_after = None, min(2 * self._repeat_after, LONGEST_REPETITION)
        lost_at = self._lost_at
        if lost_at is not None and now >= lost_at and not self._is_over:
            self._lose(*self._why_lost())
        self._settle(now)

    def close(self) -> None:
        """Our side ends it: the browser is told so."""
        self._handshake.goodbye()
        self._send_flights()

    @property
    def _is_over(self) -> bool:
        return self._handshake.is_closed

    @property
    def _lost_at(self) -> float | None:
        """When the browser will count as gone; None while it does, or where nothing would tell."""
        if self._loss is not None:
            return None
        if self._ice is not None and self._ice.nominated is not None and self._keys is not None:
            return self._ice.heard_at + self._lost_after
        return None if self._way is not None else self._began + self._lost_after

    def _why_lost(self) -> tuple[Loss, str]:
        if self._way is not None:
            return Loss.CONSENT, "its checks stopped"
        if self._ice is not None and not self._ice.checks:
            return Loss.UNREACHED, f"no check of its ICE came; candidates that it named: {self._named()}"
        return Loss.UNKEYED, "its handshake did not end"

    def _named(self) -> str:
        """The kinds of its candidates, which tell more of why than the addresses do."""
        kinds = Counter(found[1] if (found := _KIND.search(candidate)) else "unknown" for candidate in self.candidates)
        return ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())) or "none"

    def _check(self, data: bytes, source: Address, now: float) -> None:
        if self._ice is None:
            self.dropped.append("no_ice")
            return
        try:
            self.datagrams.append((self._ice.receive(data, source, now), source))
        except StunError as error:
            self.dropped.append(f"stun_{error.reason}")
            return
        if self._spoke is None or self._handshake.begins:
            self._spoke = source
        if self._loss in _MENDED_BY_CHECKS and source == self._ice.nominated:
            self._loss, self._began = None, now

    def _is_trusted(self, source: Address) -> bool:
        return source == self._signalled if self._ice is None else self._ice.is_proved(source)

    def _shake(self, step: Callable[[], None]) -> None:
        try:
            step()
        except DtlsFailed as failure:
            self._lose(Loss.HANDSHAKE, str(failure))
        if self._handshake.is_closed:
            self._lose(Loss.GOODBYE, "it said goodbye")

    def _lose(self, loss: Loss, text: str) -> None:
        if self._loss is None:
            self._loss = loss
            self.news.append(PeerLost(loss, text))

    def _settle(self, now: float) -> None:
        """Whatever happened: begin the handshake where that is due, say what there is to be said, see where media goes."""
        if self._handshake.begins and self._target is not None:
            self._shake(self._handshake.begin)
        self._keys = self._handshake.keys or self._keys
        self._send_flights()
        if not self._handshake.awaits_answer:
            self._repeat_at = None
        elif self._repeat_at is None:
            self._repeat_at = now + self._repeat_after
        way = self._way_now()
        if way != self._way:
            self._way = way
            self.news.append(WayChanged())

    def _way_now(self) -> Way | None:
        address = self._signalled if self._ice is None else self._ice.nominated
        if self._loss is not None or self._is_over or self._keys is None or address is None:
            return None
        return Way(address, self._keys)

    @property
    def _target(self) -> Address | None:
        """Whom the handshake is with."""
        return self._spoke or (self._signalled if self._ice is None else self._ice.nominated)

    def _send_flights(self) -> None:
        target = self._target
        if target is not None:
            self.datagrams += [(flight, target) for flight in self._handshake.flights()]


def _address(media: NegotiatedMedia) -> Address | None:
    """Where a description says that packets go; None for nowhere, as in a hold."""
    return (media.address, media.port) if media.port and media.address != _NOWHERE else None
