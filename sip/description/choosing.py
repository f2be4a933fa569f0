"""Which section of an offer is taken, and what it comes to."""

from collections.abc import Iterator
from dataclasses import replace

from sip.description.carriage import Carried
from sip.description.formats import event_beside, longest_ptime_ms, noise_beside
from sip.description.profiles import PREFERENCE, Keying, Terms
from sip.description.stream import Stream, read_stream
from sip.negotiated import Codec, Direction, Dtls, NegotiatedMedia, Sdes
from sip.sdp import SdpUnusable, SessionDescription


def choose_stream(offer: SessionDescription, ours: str, codecs: tuple[Codec, ...], terms: Terms, held: int | None) -> tuple[Stream, Keying]:
    """The audio section that we take, and its keying: by policy, then the one in use (``held``), then the first.

    Raises `SdpUnusable` with what is wrong with the last candidate.
    """
    problems = [SdpUnusable("no audio over RTP is offered")]
    ranked = list(_ranked(offer, ours, codecs, terms, problems))
    if not ranked:
        raise problems[-1]
    _, stream, keying = min(ranked, key=lambda found: (found[0], held is not None and found[1].index != held, found[1].index))
    return stream, keying


def _ranked(
    offer: SessionDescription, ours: str, codecs: tuple[Codec, ...], terms: Terms, problems: list[SdpUnusable]
) -> Iterator[tuple[int, Stream, Keying]]:
    """Every section that we could take, with its place in our policy (0: the best); what is wrong with the others."""
    for index, media in enumerate(offer.media):
        if media.kind != "audio" or media.port == 0:
            continue
        try:
            stream = read_stream(offer, index, ours)
            rank, keying = _keyed(stream, codecs, terms)
        except SdpUnusable as unusable:
            problems.append(unusable)
        else:
            yield rank, stream, keying


def _keyed(stream: Stream, codecs: tuple[Codec, ...], terms: Terms) -> tuple[int, Keying]:
    """The keying that our policy likes best in a section, and its place in the policy. Raises `SdpUnusable`."""
    if not any(codec in codecs for codec in stream.numbers):
        raise SdpUnusable("no codec in common; ours: " + ", ".join(codec.name for codec in codecs))
    for rank, keying in enumerate(PREFERENCE[terms.security]):
        if keying in stream.keyings and _is_possible(keying, stream, terms):
            return rank, keying
    raise SdpUnusable(f"{stream.protocol} as it is keyed cannot be taken; the policy is to {terms.security} security")


def _is_possible(keying: Keying, stream: Stream, terms: Terms) -> bool:
    """Whether we have what a keying takes."""
    match keying:
        case Keying.NONE:
            return True
        case Keying.SDES:
            return any(crypto.suite in terms.suites for crypto in stream.cryptos)
        case Keying.DTLS:
            return terms.fingerprint is not None


def keying_of(security: Sdes | Dtls | None) -> Keying:
    """The keying that came to this."""
    match security:
        case None:
            return Keying.NONE
        case Sdes():
            return Keying.SDES
        case Dtls():
            return Keying.DTLS


def agreed(
    stream: Stream, codec: Codec, numbers: dict[Codec, int], direction: Direction, carried: Carried, *, mux: bool
) -> NegotiatedMedia:
    """The result: ``numbers`` are ours, those in ``stream`` theirs; ``direction`` as they see it."""
    common = stream.numbers.keys() & numbers.keys()
    event, noise = event_beside(codec, common), noise_beside(codec, common)
    return NegotiatedMedia(
        address=stream.address,
        port=stream.port,
        codec=codec,
        receive_payload_type=numbers[codec],
        send_payload_type=stream.numbers[codec],
        ptime_ms=min(stream.ptime_ms, longest_ptime_ms(codec)),
        receive_digit_payload_type=numbers[event] if event else None,
        send_digit_payload_type=stream.numbers[event] if event else None,
        direction=direction,
        rtcp_mux=mux,
        rtcp=None if mux else stream.rtcp,
        security=carried.security,
        ice=carried.ice,
        parameters=stream.parameters.get(codec, ""),
        digit_clock_rate=event.clock_rate if event else codec.clock_rate,
        receive_comfort_noise_payload_type=numbers[noise] if noise else None,
        send_comfort_noise_payload_type=stream.numbers[noise] if noise else None,
    )


def switched_off(media: NegotiatedMedia) -> NegotiatedMedia:
    """What is left of an agreement whose line has port 0: its codec, for later, and no packets either way."""
    return replace(media, port=0, direction=Direction.INACTIVE)
