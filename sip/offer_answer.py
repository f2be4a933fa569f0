"""Offer and answer of one leg (RFC 3264): what we offer, what we answer, what is agreed. Pure state, our side only.

Rules that the state keeps:

- One offer is open at a time: a second one from either side is `OfferPending` (491 in SIP).
- The latest answer wins: an INVITE that forked, or an early answer that its 200 repeats, is answered again.
- ``o=`` keeps its session id, and its version rises by one whenever the text differs from what was said before.
- A payload type, once given a meaning, keeps it: in our later offers too, whoever numbered it first (§8.3.2).
- Every ``m=`` line that was ever spoken of keeps its place (§8); those that are not ours to use have port 0.
- A rejected offer leaves what was agreed before (`Negotiation.rollback`).
"""

import ipaddress
from dataclasses import dataclass, field, replace
from typing import Final

from sip.errors import SipError
from sip.negotiated import Codec, Direction, NegotiatedMedia
from sip.sdp import STATIC_CODECS, Attribute, Media, Origin, SdpError, SdpUnusable, SessionDescription

PROTOCOL: Final = "RTP/AVP"
TELEPHONE_EVENT: Final = "TELEPHONE-EVENT"
PTIMES_MS: Final = (10, 20, 30, 40, 50, 60)
"""Packet times that we send in; another one is rounded down to the next of these."""
DEFAULT_PTIME_MS: Final = 20

_EVENTS: Final = "0-15"
_STATIC_NUMBERS: Final = {codec: int(number) for number, codec in STATIC_CODECS.items()}
_PAYLOAD_TYPES: Final = frozenset(str(number) for number in range(128))
_DYNAMIC: Final = (101, *range(96, 101), *range(102, 128))
"""Numbers we give out, in order; 101 first, for phones that know telephone-event under no other."""


class NoCommonCodec(SdpUnusable):
    """The other side has no audio stream, or none in a format that we have."""


class OfferPending(SipError):
    """An offer is still open, so another one cannot start (RFC 3261 §14.2)."""

    status = 491


class NothingOffered(SdpError):
    """An answer came, or is wanted, and there is no offer to it."""


@dataclass(frozen=True, slots=True)
class RemoteOffer:
    """What the other side offers, as far as we can use it."""

    codecs: tuple[Codec, ...]
    """Those that we have too, in the offer's order."""
    ptime_ms: int
    """What it wants to receive in, rounded to what we send; 20 where it does not say."""
    direction: Direction
    """As the other side sees it; ``c=0.0.0.0`` is read as hold."""
    dtmf: bool
    """Whether telephone-event is offered."""


@dataclass(frozen=True, slots=True)
class _Place:
    """An m-line as it was last spoken of."""

    kind: str
    protocol: str
    formats: tuple[str, ...]

    def refused(self) -> Media:
        return Media(self.kind, 0, self.protocol, self.formats)


@dataclass(frozen=True, slots=True)
class _Agreement:
    """All that a rollback brings back."""

    media: NegotiatedMedia | None = None
    places: tuple[_Place, ...] = ()
    index: int = 0
    """Which place is our audio."""
    numbers: dict[Codec, int] = field(default_factory=dict)
    """Our payload types: what the other side puts on packets to us. Replaced, never changed."""


@dataclass(frozen=True, slots=True)
class _Offered:
    """An offer of ours: what answers are measured against."""

    codecs: tuple[Codec, ...]
    direction: Direction


@dataclass(frozen=True, slots=True)
class _Stream:
    """The audio section of a remote description, read."""

    address: str
    port: int
    numbers: dict[Codec, int]
    """Every codec that it names, telephone-events too, in its order."""
    ptime_ms: int
    direction: Direction
    """As the other side sees it, hold by address included."""


class Negotiation:
    """One leg's offers and answers, from first to last."""

    def __init__(self, address: str, port: int, codecs: tuple[Codec, ...], session_id: int, ptime_ms: int = DEFAULT_PTIME_MS) -> None:
        """Begin with nothing agreed.

        ``address`` and ``port`` are where we receive; ``codecs`` ours by preference; ``ptime_ms`` what we ask for where
        nobody else's wish is known.
        """
        self.address = address
        self.port = port
        self._codecs = codecs
        self._session_id = session_id
        self._ptime_ms = ptime_ms
        self._version = session_id - 1
        self._said: tuple[str, tuple[Media, ...]] | None = None
        """What the last version told; None where the next description must be a new version."""
        self._agreement = _Agreement()
        self._before: _Agreement | None = None
        """What a rollback restores; None while no offer is open."""
        self._offered: _Offered | None = None
        self._received: tuple[SessionDescription, int, _Stream] | None = None

    @property
    def current(self) -> NegotiatedMedia | None:
        """What was agreed last; None before the first answer."""
        return self._agreement.media

    @property
    def has_open_offer(self) -> bool:
        """Whether an offer of either side waits for its answer."""
        return self._before is not None

    def make_offer(
        self, *, like: NegotiatedMedia | RemoteOffer | None = None, direction: Direction = Direction.SENDRECV
    ) -> SessionDescription:
        """Offer the codecs and ptime of ``like`` first (the other leg's), then our own. Raises `OfferPending`."""
        self._open()
        codecs = self._preference(like)
        events = tuple(dict.fromkeys(_event(codec) for codec in codecs))
        numbers = _numbered(self._agreement.numbers, codecs + events)
        ptime_ms = like.ptime_ms if like is not None else self._ptime_ms
        audio = self._section([(numbers[codec], codec) for codec in codecs + events], ptime_ms, direction)
        places = self._agreement.places or (_Place("audio", PROTOCOL, audio.formats),)
        self._agreement = replace(self._agreement, places=places, numbers=numbers)
        self._offered, self._received = _Offered(codecs, direction), None
        index = self._agreement.index
        return self._say(tuple(audio if at == index else place.refused() for at, place in enumerate(places)))

    def receive_answer(self, answer: SessionDescription) -> NegotiatedMedia:
        """Take the answer to our offer; again for another fork, where the latest wins.

        Raises `NothingOffered`, `SdpError` where the answer does not fit the offer, `NoCommonCodec` where it refuses
        or agrees on nothing; the offer then stays open until `rollback`.
        """
        if self._offered is None:
            raise NothingOffered("an answer to no offer of ours")
        index = self._agreement.index
        if index >= len(answer.media) or answer.media[index].kind != "audio":
            raise SdpError("the answer has no m=audio line where the offer had it")
        stream = self._read(answer, answer.media[index])
        codec = next((codec for codec in stream.numbers if codec in self._offered.codecs), None)
        if codec is None:
            raise NoCommonCodec("the answer has none of the offered codecs")
        allowed = self._offered.direction.reversed
        direction = Direction.of(sends=stream.direction.sends and allowed.sends, receives=stream.direction.receives and allowed.receives)
        media = _agreed(stream, codec, self._agreement.numbers, direction)
        self._close(replace(self._agreement, media=media))
        return media

    def receive_offer(self, offer: SessionDescription) -> RemoteOffer:
        """Take the other side's offer, to be answered by `make_answer` or dropped by `rollback`.

        Raises `OfferPending` while ours is open, and `NoCommonCodec` (nothing changed then) where nothing fits.
        """
        if self._before is not None:
            raise OfferPending("an offer is already open")
        index, stream = self._usable(offer)
        codecs = tuple(codec for codec in stream.numbers if codec in self._codecs)
        self._open()
        self._offered, self._received = None, (offer, index, stream)
        dtmf = any(codec.name == TELEPHONE_EVENT for codec in stream.numbers)
        return RemoteOffer(codecs, stream.ptime_ms, stream.direction, dtmf)

    def make_answer(
        self, *, prefer: Codec | None = None, direction: Direction = Direction.SENDRECV
    ) -> tuple[SessionDescription, NegotiatedMedia]:
        """Answer the offer that was received, with ``prefer`` where it is among its codecs, else with its first that we have.

        ``direction`` is what we are willing to do as we see it; the answer is that within the offer (§6.1). May be called
        again for the same offer (an early answer and the one in the 200). Raises `NothingOffered`.
        """
        if self._received is None:
            raise NothingOffered("no offer to answer")
        offer, index, stream = self._received
        common = [codec for codec in stream.numbers if codec in self._codecs]
        codec = prefer if prefer in common else common[0]
        ours = Direction.of(sends=direction.sends and stream.direction.receives, receives=direction.receives and stream.direction.sends)
        spoken = [named for named in (codec, _event(codec)) if named in stream.numbers]
        audio = self._section([(stream.numbers[named], named) for named in spoken], stream.ptime_ms, ours)
        places = tuple(_Place(media.kind, media.protocol, media.formats) for media in offer.media)
        numbers = _renumbered(self._agreement.numbers, {named: stream.numbers[named] for named in spoken})
        media = _agreed(stream, codec, numbers, ours.reversed)
        self._close(_Agreement(media, places, index, numbers))
        return self._say(tuple(audio if at == index else place.refused() for at, place in enumerate(places))), media

    def rollback(self) -> None:
        """Drop the open offer, ours or theirs: what was agreed before holds on (§8). Does nothing where none is open."""
        if self._before is not None:
            self._agreement, self._before = self._before, None
            self._offered = self._received = self._said = None

    def _open(self) -> None:
        """Begin an exchange."""
        if self._before is not None:
            raise OfferPending("an offer is already open")
        self._before = self._agreement

    def _close(self, agreement: _Agreement) -> None:
        """End an exchange with this result."""
        self._agreement, self._before = agreement, None

    def _preference(self, like: NegotiatedMedia | RemoteOffer | None) -> tuple[Codec, ...]:
        """Our codecs, those of ``like`` first; without it, the one in use first."""
        match like if like is not None else self._agreement.media:
            case NegotiatedMedia(codec=codec):
                first: tuple[Codec, ...] = (codec,)
            case RemoteOffer(codecs=codecs):
                first = codecs
            case None:
                first = ()
        return tuple(dict.fromkeys([codec for codec in first if codec in self._codecs] + list(self._codecs)))

    def _say(self, media: tuple[Media, ...]) -> SessionDescription:
        """A description of ours, under a new version where it differs from the last one."""
        if (self.address, media) != self._said:
            self._version += 1
            self._said = (self.address, media)
        return SessionDescription(Origin("-", self._session_id, self._version, self.address), media, self.address)

    def _section(self, formats: list[tuple[int, Codec]], ptime_ms: int, direction: Direction) -> Media:
        """Our audio section."""
        attributes = []
        for number, codec in formats:
            channels = f"/{codec.channels}" if codec.channels > 1 else ""
            name = codec.name.lower() if codec.name == TELEPHONE_EVENT else codec.name
            attributes.append(Attribute("rtpmap", f"{number} {name}/{codec.clock_rate}{channels}"))
            if codec.name == TELEPHONE_EVENT:
                attributes.append(Attribute("fmtp", f"{number} {_EVENTS}"))
        attributes += [Attribute("ptime", str(ptime_ms)), Attribute(direction.value)]
        return Media("audio", self.port, PROTOCOL, tuple(str(number) for number, _ in formats), None, tuple(attributes))

    def _usable(self, offer: SessionDescription) -> tuple[int, _Stream]:
        """The first section of an offer that we can take, and its place. Raises `NoCommonCodec`, or why the only candidate is unusable."""
        problem = NoCommonCodec("no audio over RTP/AVP is offered")
        for index, media in enumerate(offer.media):
            if media.kind != "audio" or media.protocol != PROTOCOL or media.port == 0:
                continue
            try:
                stream = self._read(offer, media)
            except SdpUnusable as unusable:
                problem = NoCommonCodec(str(unusable))
                continue
            if any(codec in self._codecs for codec in stream.numbers):
                return index, stream
            problem = NoCommonCodec("no codec in common; ours: " + ", ".join(codec.name for codec in self._codecs))
        raise problem

    def _read(self, description: SessionDescription, media: Media) -> _Stream:
        """Read a remote audio section. Raises `NoCommonCodec` where it is refused, `SdpUnusable` where we cannot send there."""
        if media.port == 0 or media.protocol != PROTOCOL:
            raise NoCommonCodec("the audio stream was refused")
        address = self._destination(description.address_of(media) or "")
        numbers: dict[Codec, int] = {}
        for text in media.formats:
            codec = media.rtpmap(text)
            if codec is not None and text in _PAYLOAD_TYPES:
                numbers.setdefault(codec, int(text))
        direction = description.direction_of(media)
        if address == "0.0.0.0":
            # the hold of RFC 2543: send nothing here, whatever the attribute says (RFC 3264 §8.4)
            direction = Direction.of(sends=direction.sends, receives=False)
        ptime_ms = _ptime(media.ptime_ms or DEFAULT_PTIME_MS, media.maxptime_ms)
        return _Stream(address, media.port, numbers, ptime_ms, direction)

    def _destination(self, text: str) -> str:
        """An address that we can send to, ``0.0.0.0`` for none of either family. Raises `SdpUnusable`."""
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            raise SdpUnusable(f"c= must hold an IP address, not {text[:60]!r}") from None
        if address.is_unspecified:
            return "0.0.0.0"
        if address.is_multicast or text == "255.255.255.255" or "%" in text:
            raise SdpUnusable(f"{address} is not the address of one host")
        if (address.version == 6) != (":" in self.address):
            raise SdpUnusable(f"{address} cannot be reached from {self.address}")
        return str(address)


def _event(codec: Codec) -> Codec:
    """The telephone-event at a codec's clock (RFC 4733 §2.1: they share one timestamp line)."""
    return Codec(TELEPHONE_EVENT, codec.clock_rate)


def _numbered(numbers: dict[Codec, int], codecs: tuple[Codec, ...]) -> dict[Codec, int]:
    """``numbers`` and a payload type for each further codec: its static one, or a dynamic one that never meant anything else."""
    result = dict(numbers)
    for codec in codecs:
        if codec not in result:
            taken = set(result.values())
            static = _STATIC_NUMBERS.get(codec)
            result[codec] = static if static is not None and static not in taken else next(n for n in _DYNAMIC if n not in taken)
    return result


def _renumbered(numbers: dict[Codec, int], theirs: dict[Codec, int]) -> dict[Codec, int]:
    """``numbers`` with those of an offer that we answer; a number means one thing only, and the offer's meaning is the newer one."""
    taken = set(theirs.values())
    return {codec: number for codec, number in numbers.items() if number not in taken} | theirs


def _ptime(wanted_ms: int, most_ms: int | None) -> int:
    """The packet time we send in for one who wants ``wanted_ms`` and takes no more than ``most_ms``."""
    limit = wanted_ms if most_ms is None else min(wanted_ms, most_ms)
    return max((ptime_ms for ptime_ms in PTIMES_MS if ptime_ms <= limit), default=PTIMES_MS[0])


def _agreed(stream: _Stream, codec: Codec, numbers: dict[Codec, int], direction: Direction) -> NegotiatedMedia:
    """The result: ``numbers`` are ours, those in ``stream`` theirs."""
    event = _event(codec)
    digits = event in stream.numbers and event in numbers
    return NegotiatedMedia(
        address=stream.address,
        port=stream.port,
        codec=codec,
        receive_payload_type=numbers[codec],
        send_payload_type=stream.numbers[codec],
        ptime_ms=stream.ptime_ms,
        receive_digit_payload_type=numbers[event] if digits else None,
        send_digit_payload_type=stream.numbers[event] if digits else None,
        direction=direction,
    )
