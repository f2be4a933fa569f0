"""Codecs beyond G.711 in offers and answers: parameters, clocks of digits, comfort noise, packet times."""

import pytest

from sip.description.profiles import Terms
from sip.negotiated import G722, L16_NARROW, L16_WIDE, OPUS, PCMA, PCMU, Codec, NegotiatedMedia
from sip.offer_answer import Negotiation, NoCommonCodec
from sip.sdp import Media
from tests.sip.description.leg import answered, audio, phone
from tests.sip.network import seeded_entropy

ALL = (OPUS, G722, L16_WIDE, L16_NARROW, PCMU, PCMA)
OPUS_LINES = ("m=audio 4000 RTP/AVP 111 0 110 101", "a=rtpmap:111 opus/48000/2")
EVENTS = ("a=rtpmap:110 telephone-event/48000", "a=rtpmap:101 telephone-event/8000")


def ours(*codecs: Codec, takes_comfort_noise: bool = True) -> Negotiation:
    """Our side, on port 20000, with these codecs or all."""
    terms = Terms(seeded_entropy(3), takes_comfort_noise=takes_comfort_noise)
    return Negotiation("192.0.2.1", 20_000, codecs or ALL, session_id=7, terms=terms)


def said(section: Media) -> list[str]:
    """The rtpmaps of a section, as they stand there."""
    return section.values("rtpmap")


def noise(media: NegotiatedMedia) -> tuple[int | None, int | None]:
    """Payload types of comfort noise, in and out."""
    return media.receive_comfort_noise_payload_type, media.send_comfort_noise_payload_type


def test_opus_is_answered_as_its_rfc_writes_it_and_with_what_we_want() -> None:
    answer, media = answered(ours(), phone(*OPUS_LINES, *EVENTS, "a=fmtp:111 usedtx=1;stereo=1"))
    section = audio(answer)
    assert said(section) == ["111 opus/48000/2", "110 telephone-event/48000"]
    assert section.fmtp("111") == "minptime=10;useinbandfec=1;maxplaybackrate=16000;sprop-maxcapturerate=16000"
    assert (media.codec, media.parameters) == (OPUS, "usedtx=1;stereo=1")
    assert (media.receive_digit_payload_type, media.digit_clock_rate) == (110, 48_000)


def test_opus_without_its_two_channels_is_opus() -> None:
    _, media = answered(ours(), phone("m=audio 4000 RTP/AVP 111", "a=rtpmap:111 OPUS/48000"))
    assert media.codec == OPUS


def test_opus_with_digits_at_eight_kilohertz_alone_takes_those() -> None:
    _, media = answered(ours(), phone("m=audio 4000 RTP/AVP 111 101", "a=rtpmap:111 opus/48000/2", EVENTS[1]))
    assert (media.codec, media.receive_digit_payload_type, media.digit_clock_rate) == (OPUS, 101, 8_000)


def test_no_other_codec_takes_digits_of_another_clock() -> None:
    _, media = answered(ours(), phone("m=audio 4000 RTP/AVP 97 101", "a=rtpmap:97 L16/16000", EVENTS[1]))
    assert (media.codec, media.receive_digit_payload_type) == (L16_WIDE, None)


@pytest.mark.parametrize(("encoding", "codec"), [("L16/16000", L16_WIDE), ("L16/8000/1", L16_NARROW), ("G722/8000", G722)])
def test_every_codec_is_taken_with_digits_at_its_clock(encoding: str, codec: Codec) -> None:
    event = f"a=rtpmap:98 telephone-event/{codec.clock_rate}"
    answer, media = answered(ours(), phone("m=audio 4000 RTP/AVP 97 98", f"a=rtpmap:97 {encoding}", event))
    assert (media.codec, media.receive_digit_payload_type, media.digit_clock_rate) == (codec, 98, codec.clock_rate)
    assert said(audio(answer))[0] == f"97 {codec.name}/{codec.clock_rate}"


def test_g722_needs_no_rtpmap() -> None:
    assert answered(ours(), phone("m=audio 4000 RTP/AVP 9 0"))[1].codec == G722


@pytest.mark.parametrize("encoding", ["L16/44100/2", "L16/16000/2", "opus/16000", "G722/16000"])
def test_what_we_cannot_carry_is_not_taken(encoding: str) -> None:
    with pytest.raises(NoCommonCodec):
        ours().receive_offer(phone("m=audio 4000 RTP/AVP 97", f"a=rtpmap:97 {encoding}"))


def test_our_offer_names_every_codec_and_a_telephone_event_for_each_clock() -> None:
    section = audio(ours().make_offer())
    assert said(section) == [
        "96 opus/48000/2",
        "9 G722/8000",
        "97 L16/16000",
        "98 L16/8000",
        "0 PCMU/8000",
        "8 PCMA/8000",
        "13 CN/8000",
        "102 CN/16000",
        "99 telephone-event/48000",
        "101 telephone-event/8000",
        "100 telephone-event/16000",
    ]
    assert section.formats == tuple(line.split()[0] for line in said(section))
    assert section.fmtp("96") == "minptime=10;useinbandfec=1;maxplaybackrate=16000;sprop-maxcapturerate=16000"


def test_an_answer_that_takes_opus_tells_what_the_phone_wants() -> None:
    leg = ours()
    leg.make_offer()
    lines = (
        "m=audio 4000 RTP/AVP 96 99",
        "a=rtpmap:96 opus/48000/2",
        "a=fmtp:96 useinbandfec=1;cbr=1",
        "a=rtpmap:99 telephone-event/48000",
    )
    media = leg.receive_answer(phone(*lines))
    assert (media.codec, media.parameters, media.digit_clock_rate) == (OPUS, "useinbandfec=1;cbr=1", 48_000)
    assert (media.receive_digit_payload_type, media.send_digit_payload_type) == (99, 99)


def test_parameters_that_nobody_needs_are_not_kept() -> None:
    _, media = answered(ours(), phone(*OPUS_LINES, "a=fmtp:111 " + "x" * 5000))
    assert media.parameters == ""


@pytest.mark.parametrize(
    "lines", [("m=audio 4000 RTP/AVP 0 13",), ("m=audio 4000 RTP/AVP 8 13 101", EVENTS[1]), ("m=audio 4000 RTP/AVP 9 13",)]
)
def test_comfort_noise_is_taken_beside_codecs_of_its_clock(lines: tuple[str, ...]) -> None:
    answer, media = answered(ours(), phone(*lines))
    assert "13 CN/8000" in said(audio(answer))
    assert noise(media) == (13, 13)


@pytest.mark.parametrize("other", ["opus/48000/2", "L16/16000"])
def test_comfort_noise_of_another_clock_is_not_taken(other: str) -> None:
    answer, media = answered(ours(), phone("m=audio 4000 RTP/AVP 97 13", f"a=rtpmap:97 {other}"))
    assert "13" not in audio(answer).formats
    assert noise(media) == (None, None)


def test_comfort_noise_of_16_khz_is_taken_under_its_dynamic_number() -> None:
    answer, media = answered(ours(), phone("m=audio 4000 RTP/AVP 97 105", "a=rtpmap:97 L16/16000", "a=rtpmap:105 CN/16000"))
    assert "105 CN/16000" in said(audio(answer))
    assert noise(media) == (105, 105)


@pytest.mark.parametrize("offers", [True, False])
def test_comfort_noise_is_offered_where_the_other_leg_has_it(offers: bool) -> None:
    customer, agent = ours(PCMU), ours(PCMU)
    remote = customer.receive_offer(phone("m=audio 4000 RTP/AVP 0 13" if offers else "m=audio 4000 RTP/AVP 0"))
    assert ("13" in audio(agent.make_offer(like=remote)).formats) is offers
    agent.rollback()
    _, media = customer.make_answer()
    assert ("13" in audio(agent.make_offer(like=media)).formats) is offers


def test_comfort_noise_can_be_refused_and_is_then_not_offered_either() -> None:
    leg = ours(PCMU, takes_comfort_noise=False)
    answer, media = answered(leg, phone("m=audio 4000 RTP/AVP 0 13"))
    assert audio(answer).formats == ("0",)
    assert noise(media) == (None, None)
    assert audio(ours(PCMU, takes_comfort_noise=False).make_offer()).formats == ("0", "101")


def test_comfort_noise_that_we_offered_is_agreed_where_the_answer_has_it() -> None:
    for formats, agreed in (("0 13 101", (13, 13)), ("0 101", (None, None))):
        leg = ours(PCMU)
        leg.make_offer()
        assert noise(leg.receive_answer(phone(f"m=audio 4000 RTP/AVP {formats}", EVENTS[1]))) == agreed


@pytest.mark.parametrize("ptime_ms", [10, 20, 30, 40, 60])
def test_every_packet_time_is_taken_with_opus(ptime_ms: int) -> None:
    answer, media = answered(ours(), phone(*OPUS_LINES, f"a=ptime:{ptime_ms}"))
    assert media.ptime_ms == audio(answer).ptime_ms == ptime_ms


@pytest.mark.parametrize(("encoding", "ptime_ms", "longest_ms"), [("L16/16000", 40, 40), ("L16/8000", 60, None)])
def test_packets_of_plain_samples_fit_a_datagram(encoding: str, ptime_ms: int, longest_ms: int | None) -> None:
    answer, media = answered(ours(), phone("m=audio 4000 RTP/AVP 97", f"a=rtpmap:97 {encoding}", "a=ptime:60"))
    assert media.ptime_ms == audio(answer).ptime_ms == ptime_ms
    assert audio(answer).maxptime_ms == longest_ms


def test_an_offer_that_wants_wide_samples_asks_for_no_packet_that_would_not_fit() -> None:
    assert audio(ours(L16_WIDE, PCMU).make_offer()).maxptime_ms == 40
    assert audio(ours(PCMU, L16_WIDE).make_offer()).maxptime_ms is None


def test_codecs_may_be_changed_before_the_first_offer() -> None:
    leg = ours()
    leg.codecs = (PCMA,)
    assert audio(leg.make_offer()).formats == ("8", "13", "101")
