"""Offer and answer of one leg (RFC 3264): what we offer, what we answer, what is agreed. Pure state, our side only.

Rules that the state keeps:

- One offer is open at a time: a second one from either side is `OfferPending` (491 in SIP).
- The latest answer wins: an INVITE that forked, or an early answer that its 200 repeats, is answered again.
- ``o=`` keeps its session id, and its version rises by one whenever the text differs from what was said before.
- A payload type, once given a meaning, keeps it: in our later offers too, whoever numbered it first (§8.3.2).
- Every ``m=`` line that was ever spoken of keeps its place (§8); those that are not ours to use have port 0.
- A rejected offer leaves what was agreed before (`Negotiation.rollback`).
- A line that is switched off inside a call (port 0) is a hold: the codec is kept for when it comes back.
- How packets are keyed is chosen once an offer, by `Terms`; our later offers ask for what was agreed, no more and no less.
"""

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final

from sip.description.carriage import Carriage, Carried, Keyring, answering, concluding, offering
from sip.description.choosing import agreed, choose_stream, keying_of, switched_off
from sip.description.formats import (
    DEFAULT_PTIME_MS,
    TELEPHONE_EVENT,
    asks_for_dtx,
    asks_for_stereo,
    event_beside,
    events_of,
    noise_beside,
    noises_of,
    numbered,
    renumbered,
)
from sip.description.profiles import Keying, Terms
from sip.description.section import Place, format_attributes, is_bundled, places_of, session_attributes
from sip.description.stream import Stream, read_stream
from sip.errors import SipError
from sip.negotiated import OPUS, Codec, Direction, NegotiatedMedia
from sip.sdp import Attribute, Media, Origin, SdpError, SdpUnusable, SessionDescription

USERNAME: Final = "media"
"""Of our o= lines. A dash would do (RFC 8866 §5.2), but there are peers that read a name there."""


class NoCommonCodec(SdpUnusable):
    """The other side has no audio stream, or none in a format, or secured in a way, that we have."""


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
    noise: bool = False
    """Whether comfort noise is offered."""


@dataclass(frozen=True, slots=True)
class _Agreement:
    """All that a rollback brings back."""

    media: NegotiatedMedia | None = None
    places: tuple[Place, ...] = ()
    index: int = 0
    """Which place is our audio."""
    numbers: dict[Codec, int] = field(default_factory=dict)
    """Our payload types: what the other side puts on packets to us. Replaced, never changed."""
    bundled: bool = False
    """The other side has our audio in a bundle."""


@dataclass(frozen=True, slots=True)
class _Offered:
    """An offer of ours: what answers are measured against."""

    codecs: tuple[Codec, ...]
    direction: Direction
    keyings: tuple[Keying, ...]
    carriage: Carriage


@dataclass(frozen=True, slots=True)
class _Received:
    """An offer of theirs, and what was decided about it when it came, so that each answer to it says the same."""

    description: SessionDescription
    stream: Stream
    carriage: Carriage
    carried: Carried


class Negotiation:
    """One leg's offers and answers, from first to last."""

    __slots__ = (
        "_agreement",
        "_before",
        "_keyring",
        "_offered",
        "_ptime_ms",
        "_received",
        "_said",
        "_session_id",
        "_version",
        "address",
        "codecs",
        "port",
        "terms",
    )

    def __init__(
        self, address: str, port: int, codecs: tuple[Codec, ...], session_id: int, ptime_ms: int = DEFAULT_PTIME_MS, *, terms: Terms
    ) -> None:
        """Begin with nothing agreed.

        ``address`` and ``port`` are where we receive; ``codecs`` ours by preference; ``ptime_ms`` what we ask for where
        nobody else's wish is known; ``terms`` how packets may be secured. Codecs and terms may be changed before the first offer.
        """
        self.address = address
        self.port = port
        self.codecs = codecs
        self.terms = terms
        self._session_id = session_id
        self._ptime_ms = ptime_ms
        self._keyring = Keyring(terms.entropy)
        self._version = session_id - 1
        self._said: tuple[str, tuple[Media, ...], tuple[Attribute, ...]] | None = None
        """What the last version told; None where the next description must be a new version."""
        self._agreement = _Agreement()
        self._before: _Agreement | None = None
        """What a rollback restores; None while no offer is open."""
        self._offered: _Offered | None = None
        self._received: _Received | SessionDescription | None = None
        """A description alone: one that switches our audio off."""

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
        """Offer the codecs and ptime of ``like`` first (the other leg's), then our own. Raises `OfferPending`.

        Comfort noise is offered where the other leg has it: nobody is invited to pauses that nobody makes.
        """
        self._open()
        codecs = self._preference(like)
        noises = noises_of(codecs) if self._offers_noise(like) else ()
        numbers = numbered(self._agreement.numbers, codecs + events_of(codecs) + noises)
        named = codecs + noises + events_of(codecs)
        keyings, carriage = self._offered_carriage()
        formats = [(numbers[codec], codec) for codec in named]
        attributes = format_attributes(
            tuple(formats), like.ptime_ms if like is not None else self._ptime_ms, direction, sends_stereo=self.terms.sends_stereo
        )
        places = self._agreement.places or (Place("audio", carriage.protocol, tuple(str(number) for number, _ in formats)),)
        self._agreement = replace(self._agreement, places=places, numbers=numbers)
        self._offered, self._received = _Offered(codecs, direction, keyings, carriage), None
        return self._say(carriage, formats, attributes)

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
        held = self._before.media if self._before is not None else None
        media = switched_off(held) if held is not None and answer.media[index].port == 0 else self._concluded(self._offered, answer)
        self._close(replace(self._agreement, media=media))
        return media

    def receive_offer(self, offer: SessionDescription) -> RemoteOffer:
        """Take the other side's offer, to be answered by `make_answer` or dropped by `rollback`.

        Raises `OfferPending` while ours is open, and `NoCommonCodec` (nothing changed then) where nothing fits.
        """
        if self._before is not None:
            raise OfferPending("an offer is already open")
        held = self._agreement.media
        try:
            in_use = self._agreement.index if held is not None else None
            stream, keying = choose_stream(offer, self.address, self.codecs, self.terms, in_use)
        except SdpUnusable as unusable:
            if held is None or not self._is_switched_off(offer):
                raise NoCommonCodec(str(unusable)) from None
            self._open()
            self._offered, self._received = None, offer
            return RemoteOffer(
                (held.codec,),
                held.ptime_ms,
                Direction.INACTIVE,
                held.send_digit_payload_type is not None,
                held.send_comfort_noise_payload_type is not None,
            )
        carriage, carried = answering(stream, keying, self.terms, self._keyring, held)
        self._open()
        self._offered, self._received = None, _Received(offer, stream, carriage, carried)
        codecs = tuple(codec for codec in stream.numbers if codec in self.codecs)
        dtmf = any(codec.name == TELEPHONE_EVENT for codec in stream.numbers)
        noise = any(noise_beside(codec, stream.numbers) for codec in codecs)
        return RemoteOffer(codecs, stream.ptime_ms, stream.direction, dtmf, noise)

    def make_answer(
        self, *, prefer: Codec | None = None, direction: Direction = Direction.SENDRECV
    ) -> tuple[SessionDescription, NegotiatedMedia]:
        """Answer the offer that was received, with ``prefer`` where it is among its codecs, else with its first that we have.

        Whom we send stereo is answered with opus where he wants it so.
        ``direction`` is what we are willing to do as we see it; the answer is that within the offer (§6.1). May be called
        again for the same offer (an early answer and the one in the 200). Raises `NothingOffered`.
        """
        match self._received:
            case None:
                raise NothingOffered("no offer to answer")
            case SessionDescription() as offer:
                return self._answer_switched_off(offer)
            case received:
                return self._answer(received, prefer, direction)

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

    # what we say

    def _offered_carriage(self) -> tuple[tuple[Keying, ...], Carriage]:
        """How our offer is to be carried: as `Terms` say at first, as agreed ever after."""
        held = self._agreement.media
        if held is None:
            protocol, keyings = self.terms.first_offer()
        else:
            protocol, keyings = self._agreement.places[self._agreement.index].protocol, (keying_of(held.security),)
        return keyings, offering(protocol, keyings, self.terms, self._keyring, held)

    def _answer(self, received: _Received, prefer: Codec | None, direction: Direction) -> tuple[SessionDescription, NegotiatedMedia]:
        stream = received.stream
        common = [codec for codec in stream.numbers if codec in self.codecs]
        stereo = self.terms.sends_stereo and OPUS in common and asks_for_stereo(stream.parameters.get(OPUS, ""))
        codec = OPUS if stereo else prefer if prefer in common else common[0]
        ours = Direction.of(sends=direction.sends and stream.direction.receives, receives=direction.receives and stream.direction.sends)
        noise = noise_beside(codec, stream.numbers) if self.terms.takes_comfort_noise else None
        beside = (noise, event_beside(codec, stream.numbers))
        formats = [(stream.numbers[named], named) for named in (codec, *beside) if named is not None]
        numbers = renumbered(self._agreement.numbers, {named: number for number, named in formats})
        places = places_of(received.description)
        media = agreed(stream, codec, numbers, ours.reversed, received.carried, mux=stream.rtcp_mux)
        self._close(_Agreement(media, places, stream.index, numbers, is_bundled(received.description, places[stream.index])))
        takes_dtx = self.terms.takes_dtx and asks_for_dtx(stream.parameters.get(OPUS, ""))
        attributes = format_attributes(tuple(formats), stream.ptime_ms, ours, sends_stereo=stereo, takes_dtx=takes_dtx)
        return self._say(received.carriage, formats, attributes), media

    def _answer_switched_off(self, offer: SessionDescription) -> tuple[SessionDescription, NegotiatedMedia]:
        """Every line has port 0, as its offer has (§6)."""
        agreement = self._agreement
        if agreement.media is None:
            raise NothingOffered("nothing was agreed that could be switched off")
        media = switched_off(agreement.media)
        places = places_of(offer)
        self._close(replace(agreement, media=media, places=places))
        return self._described(tuple(place.refused() for place in places), ()), media

    def _preference(self, like: NegotiatedMedia | RemoteOffer | None) -> tuple[Codec, ...]:
        """Our codecs, those of ``like`` first; without it, the one in use first. Who may have stereo is asked for opus first."""
        match like if like is not None else self._agreement.media:
            case NegotiatedMedia(codec=codec):
                first: tuple[Codec, ...] = (codec,)
            case RemoteOffer(codecs=codecs):
                first = codecs
            case None:
                first = ()
        if self.terms.sends_stereo and self._agreement.media is None:
            first = (OPUS, *first)
        return tuple(dict.fromkeys([codec for codec in first if codec in self.codecs] + list(self.codecs)))

    def _offers_noise(self, like: NegotiatedMedia | RemoteOffer | None) -> bool:
        """Whether comfort noise is offered: as the other leg does, or without one by our terms."""
        match like:
            case NegotiatedMedia(send_comfort_noise_payload_type=number):
                return self.terms.takes_comfort_noise and number is not None
            case RemoteOffer(noise=is_offered):
                return self.terms.takes_comfort_noise and is_offered
            case None:
                return self.terms.takes_comfort_noise

    def _say(self, carriage: Carriage, formats: list[tuple[int, Codec]], attributes: tuple[Attribute, ...]) -> SessionDescription:
        """A description with our audio in its place, and the other lines refused."""
        places, index, bundled = self._agreement.places, self._agreement.index, self._agreement.bundled
        numbers = _written(tuple(number for number, _ in formats))
        lines = places[index].named() + attributes + carriage.attributes(self.address, self.port)
        audio = Media("audio", self.port, carriage.protocol, numbers, None, lines)
        media = tuple(audio if at == index else place.refused() for at, place in enumerate(places))
        return self._described(media, session_attributes(places[index], carriage, bundled=bundled))

    def _described(self, media: tuple[Media, ...], attributes: tuple[Attribute, ...]) -> SessionDescription:
        """A description of ours, under a new version where it differs from the last one."""
        said = (self.address, media, attributes)
        if said != self._said:
            self._version += 1
            self._said = said
        origin = Origin(USERNAME, self._session_id, self._version, self.address)
        return SessionDescription(origin, media, self.address, attributes=attributes)

    # what they say

    def _concluded(self, offered: _Offered, answer: SessionDescription) -> NegotiatedMedia:
        """What an answer and our offer come to."""
        try:
            stream = read_stream(answer, self._agreement.index, self.address)
        except SdpUnusable as unusable:
            raise NoCommonCodec(str(unusable)) from None
        codec = next((codec for codec in stream.numbers if codec in offered.codecs), None)
        if codec is None:
            raise NoCommonCodec("the answer has none of the offered codecs")
        carried = concluding(stream, offered.carriage, offered.keyings)
        allowed = offered.direction.reversed
        direction = Direction.of(sends=stream.direction.sends and allowed.sends, receives=stream.direction.receives and allowed.receives)
        return agreed(stream, codec, self._agreement.numbers, direction, carried, mux=stream.rtcp_mux and offered.carriage.rtcp_mux)

    def _is_switched_off(self, offer: SessionDescription) -> bool:
        """Whether an offer has our audio line with port 0."""
        index = self._agreement.index
        return index < len(offer.media) and offer.media[index].kind == "audio" and offer.media[index].port == 0


@lru_cache(maxsize=256)
def _written(numbers: tuple[int, ...]) -> tuple[str, ...]:
    """Payload types as a description holds them; one tuple for all that say the same."""
    return tuple(map(str, numbers))
