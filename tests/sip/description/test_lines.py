"""Several m-lines, their names and bundles, profiles, RTCP, packet times, and a line that is switched off."""

import pytest

from sip.negotiated import PCMA, PCMU, Codec, Direction
from sip.offer_answer import NoCommonCodec, RemoteOffer
from tests.sip.description.leg import DTLS, answered, audio, ours, phone

PLAIN = "m=audio 4000 RTP/AVP 0 8"
OPUS = Codec("OPUS", 48_000, 2)


def test_every_line_keeps_its_place_its_formats_and_its_name() -> None:
    leg = ours()
    offer = phone(
        "m=message 2855 TCP/MSRP *",
        "a=mid:chat",
        "m=audio 4000 RTP/AVP 0",
        "a=mid:voice",
        "m=video 5000 RTP/AVPF 96 97",
        "a=mid:face",
        "m=application 5002 TCP/BFCP *",
        "m=image 5004 udptl t38",
        "m=audio 4002 RTP/AVP 8",
    )
    answer, media = answered(leg, offer)
    assert [(line.kind, line.port, line.protocol, line.formats, line.attribute("mid")) for line in answer.media] == [
        ("message", 0, "TCP/MSRP", ("*",), "chat"),
        ("audio", 20_000, "RTP/AVP", ("0",), "voice"),
        ("video", 0, "RTP/AVPF", ("96", "97"), "face"),
        ("application", 0, "TCP/BFCP", ("*",), None),
        ("image", 0, "UDPTL", ("t38",), None),
        ("audio", 0, "RTP/AVP", ("8",), None),
    ]
    assert media.port == 4000
    later = leg.make_offer()
    assert [(line.kind, line.port > 0, line.attribute("mid")) for line in later.media] == [
        (line.kind, line.port > 0, line.attribute("mid")) for line in answer.media
    ]


def test_the_line_in_use_is_kept_where_a_later_offer_leaves_the_choice() -> None:
    leg = ours()
    answered(leg, phone("m=audio 4000 RTP/AVP 18", "m=audio 4002 RTP/AVP 0"))
    answer, media = answered(leg, phone("m=audio 4000 RTP/AVP 0", "m=audio 4002 RTP/AVP 0"))
    assert [line.port for line in answer.media] == [0, 20_000]
    assert media.port == 4002


def test_a_line_of_its_own_address_is_sent_there() -> None:
    _, media = answered(ours(), phone(PLAIN, "c=IN IP4 198.51.100.4"))
    assert media.address == "198.51.100.4"


@pytest.mark.parametrize("protocol", ["RTP/AVPF", "RTP/AVP"])
def test_the_answer_has_the_profile_of_the_offer(protocol: str) -> None:
    answer, _ = answered(ours(), phone(f"m=audio 4000 {protocol} 0", "a=rtcp-fb:* nack", "a=rtcp-rsize", "a=ssrc:1 cname:x", "a=msid:s t"))
    section = audio(answer)
    assert section.protocol == protocol
    assert {attribute.name for attribute in section.attributes} == {"rtpmap", "ptime", "sendrecv"}


@pytest.mark.parametrize("protocol", ["TCP/RTP/AVP", "RTP/XYZ", "udptl", "DCCP/RTP/AVP"])
def test_audio_over_something_else_is_488(protocol: str) -> None:
    with pytest.raises(NoCommonCodec):
        ours().receive_offer(phone(f"m=audio 4000 {protocol} 0"))


# -- bundles


def test_a_bundle_is_answered_with_the_line_that_we_take() -> None:
    answer, _ = answered(
        ours(),
        phone(
            "m=audio 9 UDP/TLS/RTP/SAVPF 0",
            *DTLS,
            "a=mid:0",
            "m=video 9 UDP/TLS/RTP/SAVPF 96",
            *DTLS,
            "a=mid:1",
            session=("a=group:BUNDLE 0 1",),
        ),
    )
    assert answer.attribute("group") == "BUNDLE 0"
    assert [(line.port > 0, line.attribute("mid")) for line in answer.media] == [(True, "0"), (False, "1")]


@pytest.mark.parametrize("session", [(), ("a=group:BUNDLE 1",), ("a=group:LS 0 1",), ("a=group",), ("a=group:",)])
def test_without_a_bundle_around_our_line_there_is_none_in_the_answer(session: tuple[str, ...]) -> None:
    answer, _ = answered(ours(), phone(PLAIN, "a=mid:0", session=session))
    assert answer.attribute("group") is None
    assert audio(answer).attribute("mid") == "0"


@pytest.mark.parametrize("mid", ["", "a b", "x" * 65, "caf\u00e9"])
def test_a_name_that_is_no_token_is_not_said_again(mid: str) -> None:
    answer, _ = answered(ours(), phone(PLAIN, f"a=mid:{mid}"))
    assert audio(answer).attribute("mid") is None


# -- RTCP


@pytest.mark.parametrize("line", ["a=rtcp-mux", "a=rtcp-mux-only"])
def test_one_port_for_both_is_taken_where_it_is_offered(line: str) -> None:
    answer, media = answered(ours(), phone(PLAIN, line, "a=rtcp:4001"))
    assert audio(answer).attribute("rtcp-mux") == ""
    assert (media.rtcp_mux, media.rtcp) == (True, None)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("a=rtcp:53020", ("192.0.2.9", 53_020)),
        ("a=rtcp:53020 IN IP4 198.51.100.4", ("198.51.100.4", 53_020)),
        ("a=rtcp:53020 IN IP6 2001:db8::1", None),
        ("a=rtcp:53020 IN IP4 phone.example.com", None),
        ("a=rtcp:0", None),
        ("a=rtcp:65536", None),
        ("a=rtcp:655350000000", None),
        ("a=rtcp:²", None),
        ("a=rtcp:", None),
        ("a=rtcp:53020 IN", None),
    ],
)
def test_an_address_for_rtcp_is_read(line: str, expected: tuple[str, int] | None) -> None:
    _, media = answered(ours(), phone(PLAIN, line))
    assert (media.rtcp, media.rtcp_mux) == (expected, False)


def test_one_port_for_both_is_not_taken_from_an_answer_to_which_we_offered_none() -> None:
    leg = ours()
    leg.make_offer()
    assert not leg.receive_answer(phone(PLAIN, "a=rtcp-mux")).rtcp_mux


# -- formats and times


def test_digits_are_taken_at_the_clock_of_the_codec_that_was_chosen() -> None:
    lines = (
        "m=audio 4000 RTP/AVP 0 96 97 98",
        "a=rtpmap:96 opus/48000/2",
        "a=rtpmap:97 telephone-event/8000",
        "a=rtpmap:98 telephone-event/48000",
    )
    leg = ours(codecs=(OPUS, PCMU))
    leg.receive_offer(phone(*lines))
    assert leg.make_answer(prefer=PCMU)[1].send_digit_payload_type == 97
    assert leg.make_answer(prefer=OPUS)[1].send_digit_payload_type == 98


def test_digits_at_another_clock_alone_are_none() -> None:
    _, media = answered(ours(), phone("m=audio 4000 RTP/AVP 0 98", "a=rtpmap:98 telephone-event/48000", "a=fmtp:98 0-15"))
    assert media.send_digit_payload_type is None


def test_a_number_that_means_two_things_means_the_first() -> None:
    _, media = answered(ours(), phone("m=audio 4000 RTP/AVP 96", "a=rtpmap:96 PCMA/8000", "a=rtpmap:96 PCMU/8000"))
    assert media.codec == PCMA


@pytest.mark.parametrize(
    ("lines", "expected_ms"),
    [
        (("a=minptime:30",), 30),
        (("a=ptime:20", "a=minptime:40"), 40),
        (("a=ptime:20", "a=minptime:40", "a=maxptime:30"), 30),
        (("a=ptime:40", "a=minptime:10"), 40),
    ],
)
def test_packet_time_is_not_less_than_the_least(lines: tuple[str, ...], expected_ms: int) -> None:
    answer, media = answered(ours(), phone(PLAIN, *lines))
    assert audio(answer).ptime_ms == media.ptime_ms == expected_ms


def test_codec_port_address_and_packet_time_change_in_a_later_offer() -> None:
    leg = ours()
    answered(leg, phone(PLAIN))
    answer, media = answered(leg, phone("m=audio 4444 RTP/AVP 8", "a=ptime:40", address="198.51.100.9"))
    assert (media.codec, media.address, media.port, media.ptime_ms) == (PCMA, "198.51.100.9", 4444, 40)
    assert answer.origin.version == 8


# -- a line that is switched off


def test_a_line_switched_off_inside_a_call_is_a_hold_that_keeps_the_codec() -> None:
    leg = ours()
    _, talking = answered(leg, phone(PLAIN))
    leg.receive_offer(phone("m=audio 0 RTP/AVP 0 8"))
    answer, held = leg.make_answer()
    assert [(line.port, line.formats) for line in answer.media] == [(0, ("0", "8"))]
    assert (held.codec, held.port, held.direction) == (PCMU, 0, Direction.INACTIVE)
    _, resumed = answered(leg, phone(PLAIN))
    assert resumed == talking


def test_a_line_switched_off_is_told_as_inactive() -> None:
    leg = ours()
    answered(leg, phone(PLAIN))
    assert leg.receive_offer(phone("m=audio 0 RTP/AVP 0")) == RemoteOffer((PCMU,), 20, Direction.INACTIVE, dtmf=False)


def test_we_may_switch_a_line_on_again() -> None:
    leg = ours()
    answered(leg, phone(PLAIN))
    leg.receive_offer(phone("m=audio 0 RTP/AVP 0"))
    leg.make_answer()
    assert audio(leg.make_offer()).port == 20_000
    assert leg.receive_answer(phone("m=audio 4100 RTP/AVP 0")).port == 4100


def test_a_later_offer_of_ours_that_is_answered_with_port_zero_is_a_hold() -> None:
    leg = ours()
    answered(leg, phone(PLAIN))
    leg.make_offer()
    held = leg.receive_answer(phone("m=audio 0 RTP/AVP 0"))
    assert (held.port, held.direction, held.codec) == (0, Direction.INACTIVE, PCMU)


def test_another_line_is_taken_where_the_one_in_use_is_switched_off() -> None:
    leg = ours()
    answered(leg, phone(PLAIN, "m=audio 0 RTP/AVP 0"))
    answer, media = answered(leg, phone("m=audio 0 RTP/AVP 0", "m=audio 4600 RTP/AVP 8"))
    assert [line.port for line in answer.media] == [0, 20_000]
    assert (media.port, media.codec) == (4600, PCMA)


@pytest.mark.parametrize("lines", [(), ("m=video 4000 RTP/AVP 0",), ("m=audio 4000 RTP/AVP 18",)])
def test_a_later_offer_without_our_line_is_488_and_changes_nothing(lines: tuple[str, ...]) -> None:
    leg = ours()
    _, before = answered(leg, phone(PLAIN))
    with pytest.raises(NoCommonCodec):
        leg.receive_offer(phone(*lines))
    assert leg.current == before
    assert not leg.has_open_offer
