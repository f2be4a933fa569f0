"""Any offer that the grammar can make gets an answer that fits RFC 3264, or the error that says why not."""

from hypothesis import given, settings
from hypothesis import strategies as st

from sip.negotiated import PCMA, PCMU, Codec, Direction
from sip.offer_answer import Negotiation, OfferPending
from sip.sdp import SdpError, SdpUnusable, SessionDescription
from tests.sip.description.leg import CRYPTO, DTLS, ICE, KEY, ours

OPUS = Codec("OPUS", 48_000, 2)

PROTOCOLS = ["RTP/AVP", "RTP/AVPF", "RTP/SAVP", "RTP/SAVPF", "UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP"]
OTHERS = ["udptl", "TCP/MSRP", "RTP/AVP"]
KNOWN = ["0", "8", "0", "18"]
FORMATS = ["0", "8", "9", "18", "96", "97", "101", "127", "128", "*", "t38"]
LINES = [
    "a=rtpmap:96 PCMU/8000",
    "a=rtpmap:97 opus/48000/2",
    "a=rtpmap:101 telephone-event/8000",
    "a=rtpmap:127 telephone-event/48000",
    "a=rtpmap:0 PCMA/8000",
    "a=fmtp:101 0-15",
    "a=ptime:10",
    "a=ptime:500",
    "a=maxptime:20",
    "a=minptime:40",
    "a=sendonly",
    "a=recvonly",
    "a=inactive",
    "a=sendrecv",
    "a=mid:0",
    "a=mid:1",
    "a=rtcp-mux",
    "a=rtcp:5",
    "a=bundle-only",
    "a=setup:passive",
    "a=setup:holdconn",
    "a=setup:what",
    "c=IN IP4 0.0.0.0",
    "c=IN IP4 192.0.2.77",
    "c=IN IP6 2001:db8::1",
    f"a=crypto:5 AES_CM_128_HMAC_SHA1_32 inline:{KEY}|2^31",
    f"a=crypto:6 AES_CM_128_HMAC_SHA1_32 inline:{KEY}|1:1",
    CRYPTO,
    *DTLS,
    *ICE,
    "a=candidate:2 1 udp 1 x.local 9 typ host",
]
SESSION = ["a=group:BUNDLE 0 1", "a=group:BUNDLE", "a=ice-lite", "a=sendonly", *DTLS, *ICE[:2]]


@st.composite
def sections(draw: st.DrawFn) -> str:
    """One m-line with what follows it: mostly audio that could be taken."""
    kind = draw(st.sampled_from(["audio", "audio", "audio", "video", "image"]))
    protocol = draw(st.sampled_from(PROTOCOLS + OTHERS))
    formats = [draw(st.sampled_from(KNOWN)), *draw(st.lists(st.sampled_from(FORMATS), max_size=5))]
    lines = draw(st.lists(st.sampled_from(LINES), max_size=8))
    if "SAVP" in protocol and draw(st.booleans()):
        lines += [CRYPTO, *DTLS]
    return "\r\n".join([f"m={kind} {draw(st.sampled_from([4000, 9, 65_535, 4002, 0]))} {protocol} {' '.join(formats)}", *lines])


@st.composite
def offers(draw: st.DrawFn) -> bytes:
    """A whole description, once in a while without an address."""
    connection = draw(st.sampled_from([["c=IN IP4 192.0.2.9"]] * 7 + [[], ["c=IN IP4 0.0.0.0"]]))
    above = draw(st.lists(st.sampled_from(SESSION), max_size=4))
    media = draw(st.lists(sections(), min_size=draw(st.sampled_from([0, 1, 1, 1])), max_size=4))
    return "\r\n".join(["v=0", "o=- 1 1 IN IP4 192.0.2.9", "s=-", *connection, *above, *media, ""]).encode()


OFFERS = offers()
LEGS = st.builds(
    lambda security, has_certificate, ice_for_all, faces_browser: ours(
        security,
        codecs=(PCMU, PCMA, OPUS),
        fingerprint=ours().terms.fingerprint if has_certificate else None,
        ice_for_all=ice_for_all,
        faces_browser=faces_browser,
    ),
    st.sampled_from(["refuse", "accept", "prefer", "require"]),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)


def check_answer(leg: Negotiation, offer: SessionDescription, willing: Direction) -> None:
    """Every rule of an answer that can be told from the two descriptions."""
    body, media = leg.make_answer(direction=willing)
    answer = SessionDescription.parse(body.serialize())
    assert len(answer.media) == len(offer.media)
    for theirs, line in zip(offer.media, answer.media, strict=True):
        assert (line.kind, line.protocol) == (theirs.kind, theirs.protocol)
        assert set(line.formats) <= set(theirs.formats)
        assert theirs.port or not line.port
        assert line.attribute("mid") in (theirs.attribute("mid"), None)
    taken = [line for line in answer.media if line.port]
    assert len(taken) <= 1
    for line in taken:
        theirs = offer.media[answer.media.index(line)]
        offered, said = offer.direction_of(theirs), line.direction or Direction.SENDRECV
        assert (said.sends <= offered.receives, said.receives <= offered.sends) == (True, True)
        assert (said.sends <= willing.sends, said.receives <= willing.receives) == (True, True)
        assert not (line.values("crypto") and line.values("fingerprint"))
        assert (media.security is not None) == bool(line.values("crypto") or line.values("fingerprint"))
        assert media.security is None or leg.terms.security != "refuse"
        assert media.security is not None or leg.terms.security != "require"
        assert theirs.attribute("rtcp-mux") is not None or line.attribute("rtcp-mux") is None
    group = (answer.attribute("group") or "BUNDLE").split()[1:]
    assert group in ([], [line.attribute("mid") for line in taken])


@settings(max_examples=400)
@given(LEGS, st.lists(OFFERS, min_size=1, max_size=4), st.sampled_from(list(Direction)), st.booleans())
def test_any_offers_in_turn_are_answered_by_the_rules_or_refused(
    leg: Negotiation, bodies: list[bytes], willing: Direction, ours_between: bool
) -> None:
    for body in bodies:
        before = leg.current
        try:
            offer = SessionDescription.parse(body)
            leg.receive_offer(offer)
        except SdpError as error:
            assert error.status in (400, 488)  # noqa: PT017 - both documented
            assert leg.current == before
            continue
        check_answer(leg, offer, willing)
        if ours_between:
            proposal = leg.make_offer(direction=willing)
            assert [(line.kind, line.protocol) for line in proposal.media] == [(line.kind, line.protocol) for line in offer.media]
            leg.rollback()


@settings(max_examples=400)
@given(LEGS, st.lists(OFFERS, min_size=1, max_size=4))
def test_any_answers_to_our_offer_are_taken_or_refused(leg: Negotiation, bodies: list[bytes]) -> None:
    leg.make_offer()
    for body in bodies:
        try:
            media = leg.receive_answer(SessionDescription.parse(body))
        except SdpUnusable as error:
            assert error.status == 488  # noqa: PT017 - what the answer is then worth
        except SdpError as error:
            assert error.status == 400  # noqa: PT017
        else:
            assert media == leg.current
            assert media.security is None or leg.terms.security != "refuse"
            assert media.security is not None or leg.terms.security != "require"
    assert leg.has_open_offer == (leg.current is None)


@settings(max_examples=200)
@given(LEGS, LEGS)
def test_two_of_us_agree_wherever_their_policies_meet(one: Negotiation, other: Negotiation) -> None:
    offer = SessionDescription.parse(one.make_offer().serialize())
    try:
        other.receive_offer(offer)
    except SdpUnusable:
        return
    answer, theirs = other.make_answer()
    mine = one.receive_answer(SessionDescription.parse(answer.serialize()))
    assert type(mine.security) is type(theirs.security)
    assert (mine.codec, mine.rtcp_mux) == (theirs.codec, theirs.rtcp_mux)
    assert (mine.ice is None) == (theirs.ice is None)


@settings(max_examples=300)
@given(OFFERS, st.integers(0, 4_000), st.binary(min_size=1, max_size=4), LEGS)
def test_an_offer_with_broken_bytes_raises_documented_errors_only(body: bytes, at: int, noise: bytes, leg: Negotiation) -> None:
    place = at % len(body)
    try:
        leg.receive_offer(SessionDescription.parse(body[:place] + noise + body[place + len(noise) :]))
        leg.make_answer()[0].serialize()
    except SdpError as error:
        assert error.status in (400, 488)  # noqa: PT017 - both documented
    except OfferPending:
        raise AssertionError("nothing was open") from None
