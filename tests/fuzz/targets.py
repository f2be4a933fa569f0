"""The fuzz targets: octets in; whatever is raised but a documented error is a fault, and so is a broken promise.

A target is a function of octets. `TARGETS` names them for ``python -m tests.fuzz``; `tests.fuzz.test_found` runs each over all that was
ever found.
"""

import zlib
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import numpy as np

from config.settings import OpusSettings
from mediaserver.signalling.media.codecs import encoder_parameters
from mixer.coders.coder import MAX_PACKET_MS
from mixer.coders.g722 import G722Decoder
from mixer.coders.opus import OpusDecoder
from mixer.coders.opus_packet import CLOCK_RATE, packet_ticks
from mixer.opus_parameters import OpusParameters
from rtp.rtcp.building import build as build_rtcp
from rtp.rtcp.parsing import Malformed
from rtp.rtcp.parsing import parse as parse_rtcp
from sip.description.profiles import Security, Terms
from sip.digest import DigestServer, authorize
from sip.errors import ParseError, SipError
from sip.headers import parse_address, parse_cseq, parse_list, parse_parameters, parse_via
from sip.masking import mask
from sip.message import Request, parse
from sip.negotiated import G722, L16_NARROW, L16_WIDE, OPUS, PCMA, PCMU, Fingerprint, NegotiatedMedia
from sip.offer_answer import Negotiation
from sip.sdp import SdpError, SessionDescription
from sip.transport.framing import Framer
from sip.uri import Uri
from tests.fuzz.media import event, header, link, secured, turn
from tests.sip.network import ha1_of, seeded_entropy
from tests.sip.test_fuzz import Owner

SEPARATOR: Final = b"\n%%\n"
"""Stands between the messages of an endpoint's script."""
CODECS: Final = (OPUS, G722, L16_WIDE, L16_NARROW, PCMU, PCMA)
TERMS: Final = Terms(seeded_entropy(3), Security.ACCEPT, Fingerprint("sha-256", bytes(32)), ice_for_all=True, takes_comfort_noise=True)
EMPTY_REPORT: Final = bytes.fromhex("80c90001 00000001")
_MOST_MESSAGES: Final = 40
_STEPS: Final = (0.0, 0.01, 0.6, 5.0, 40.0)


def message(data: bytes) -> None:
    """The parser, every value that it reads late, and the way back."""
    try:
        parsed = parse(data)
    except ParseError:
        return
    for name in ("Contact", "Route", "Require", "Accept", "X"):
        with suppress(ParseError):
            parsed.items(name)
    for read in (lambda: parsed.contacts, lambda: parsed.expires, lambda: parsed.content_type):
        with suppress(ParseError):
            read()
    _ = parsed.via, parsed.from_, parsed.to, parsed.cseq, parsed.call_id
    if isinstance(parsed, Request):
        with suppress(ParseError):
            _ = parsed.request_uri, parsed.max_forwards
    again = parse(parsed.serialize())
    assert again.start_line() == parsed.start_line(), "a message that was read is written as another"
    assert again.body == parsed.body, "a body changes on its way"


def headers(data: bytes) -> None:
    """The readers of single values."""
    text = data.decode("utf-8", "surrogateescape")
    for read in (parse_via, parse_cseq, parse_address, parse_parameters, parse_list):
        with suppress(ParseError):
            read(text)
    with suppress(ParseError):
        uri = Uri.parse(text)
        assert Uri.parse(str(uri)) == uri, "a URI that was read is written as another"


def sdp(data: bytes) -> None:
    """A description, and what a negotiation makes of it as an offer and as an answer."""
    try:
        description = SessionDescription.parse(data)
    except SdpError:
        return
    assert SessionDescription.parse(description.serialize()) == description, "a description that was read is written as another"
    ours = Negotiation("192.0.2.1", 4000, CODECS, session_id=1, terms=TERMS)
    with suppress(SdpError):
        ours.receive_offer(description)
        answer, media = ours.make_answer()
        _is_sound(media)
        assert len(answer.media) == len(description.media), "an answer has as many m-lines as its offer (RFC 3264 §6)"
    asking = Negotiation("192.0.2.1", 4000, CODECS, session_id=1, terms=TERMS)
    asking.make_offer()
    with suppress(SdpError):
        _is_sound(asking.receive_answer(description))


def _is_sound(media: NegotiatedMedia) -> None:
    """What was agreed is something that a worker can carry."""
    assert media.codec in CODECS, "a codec that is none of ours"
    assert 10 <= media.ptime_ms <= 60, "a packet time that nobody sends"
    assert media.digit_clock_rate in (8_000, 16_000, 48_000), "digits at a clock that no codec of ours has"
    told = encoder_parameters(media, OpusSettings(), stereo=True)
    assert str(OpusParameters.read(told)) == (told if media.codec == OPUS else str(OpusParameters())), "wishes change on their way"


def digest(data: bytes) -> None:
    """Credentials that somebody sends us, and challenges that somebody sets us."""
    text = data.decode("utf-8", "replace")
    server = DigestServer("mediaserver", seeded_entropy(1), 300)
    verdict = server.verify("REGISTER", "sip:h", text, ha1_of, 1.0, source="192.0.2.1")
    assert verdict.user is None, "nobody gets in without the secret"
    with suppress(SipError):
        authorize([text], method="INVITE", uri="sip:h", user="u", secret="s", body=b"", cnonce="c", nonce_count=1)


def stream(data: bytes) -> None:
    """A stream cut at any place gives the same messages."""
    whole, pieces = Framer(), Framer()
    wanted = whole.feed(data)
    width = 1 + zlib.crc32(data) % 37
    got = [found for start in range(0, len(data), width) for found in pieces.feed(data[start : start + width])]
    assert (got, pieces.broken) == (wanted, whole.broken), "where a stream is cut changes what is read"


def endpoint(data: bytes) -> None:
    """A whole user agent on a virtual clock, with an owner who does anything at any time; in the end it holds nothing."""
    seed = zlib.crc32(data)
    owner = Owner(seed, ("udp", "tcp", "tls", "wss")[seed % 4])
    for part in data.split(SEPARATOR)[:_MOST_MESSAGES]:
        owner.take(part)
        owner.act()
        owner.now += owner.random.choice(_STEPS)
        owner.agent.handle_timer(owner.now)
        owner.settle()
    owner.run_out()
    assert owner.agent.leftovers() == 0, "something is kept for ever"


def masking(data: bytes) -> None:
    """What is masked once has nothing more to mask."""
    masked = mask(data, numbers=True)
    assert mask(masked, numbers=True) == masked, "a second look finds more"


def rtcp(data: bytes) -> None:
    """A compound of RTCP: what is read and written anew is read as the same."""
    try:
        packets = parse_rtcp(data)
    except Malformed:
        return
    assert parse_rtcp(EMPTY_REPORT + build_rtcp(packets))[1:] == packets, "a packet changes on its way"


def payload(data: bytes) -> None:
    """What the decoders of a row make of a payload, after a loss, and alone."""
    ticks = packet_ticks(data)
    for rate in (8_000, 16_000):
        out, block = np.zeros(rate * MAX_PACKET_MS // 1000, dtype=np.int16), rate // 100
        for decoder in (G722Decoder(rate), OpusDecoder(rate)):
            assert decoder.conceal(out[:block]) in (0, block), "a loss is concealed or it is not"
            assert decoder.recover(data, out[: 2 * block]) in (0, 2 * block), "a loss is recovered or it is not"
        assert OpusDecoder(rate).decode(data, out) in (0, ticks * rate // CLOCK_RATE), "a packet lasts longer than its head says"
        assert G722Decoder(rate).decode(data, out) in (0, len(data) * block // 80), "G.722 has 8 bytes a millisecond"


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    target.__name__: target
    for target in (message, headers, sdp, digest, stream, endpoint, masking, rtcp, payload, header, event, turn, secured, link)
}
