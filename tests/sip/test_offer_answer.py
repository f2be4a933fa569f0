"""Offer and answer of one leg, as a dialogue between our side and a phone's description."""

import pytest

from sip.description.profiles import Security, Terms
from sip.negotiated import PCMA, PCMU, Codec, Direction, NegotiatedMedia
from sip.offer_answer import Negotiation, NoCommonCodec, NothingOffered, OfferPending, RemoteOffer
from sip.sdp import Media, SdpError, SessionDescription
from tests.sip.network import seeded_entropy

G729 = Codec("G729")
OPUS = Codec("OPUS", 48_000, 2)
PLAIN = Terms(entropy=seeded_entropy(1), security=Security.REFUSE)


def ours(*codecs: Codec, address: str = "192.0.2.1") -> Negotiation:
    """Our side, on port 20000."""
    return Negotiation(address, 20_000, codecs or (PCMU, PCMA), session_id=7, terms=PLAIN)


def phone(*lines: str, address: str = "192.0.2.9") -> SessionDescription:
    """A phone's description with these lines from its first m-line on."""
    family = "IP6" if ":" in address else "IP4"
    head = ["v=0", f"o=- 1 1 IN {family} {address}", "s=-", f"c=IN {family} {address}", "t=0 0"]
    return SessionDescription.parse("\r\n".join([*head, *lines, ""]).encode())


def audio(description: SessionDescription) -> Media:
    """The one section that is not refused."""
    (section,) = [media for media in description.media if media.port]
    return section


def spoken(description: SessionDescription) -> dict[str, str]:
    """Payload type to encoding of the audio section."""
    section = audio(description)
    return {number: codec.name for number in section.formats if (codec := section.rtpmap(number)) is not None}


# -- answers


def test_an_offer_is_answered_with_its_own_numbers() -> None:
    leg = ours()
    offer = leg.receive_offer(phone("m=audio 4000 RTP/AVP 8 0 96", "a=rtpmap:96 telephone-event/8000"))
    assert offer == RemoteOffer((PCMA, PCMU), 20, Direction.SENDRECV, dtmf=True)
    answer, media = leg.make_answer()
    assert spoken(answer) == {"8": "PCMA", "96": "TELEPHONE-EVENT"}
    assert audio(answer).port == 20_000
    assert media == NegotiatedMedia("192.0.2.9", 4000, PCMA, 8, 8, 20, 96, 96, Direction.SENDRECV)
    assert leg.current == media


def test_a_preferred_codec_is_taken_where_it_was_offered() -> None:
    leg = ours()
    leg.receive_offer(phone("m=audio 4000 RTP/AVP 8 0"))
    assert leg.make_answer(prefer=PCMU)[1].codec == PCMU


def test_a_preferred_codec_that_was_not_offered_is_passed_over() -> None:
    leg = ours()
    leg.receive_offer(phone("m=audio 4000 RTP/AVP 8"))
    assert leg.make_answer(prefer=PCMU)[1].codec == PCMA


def test_without_telephone_event_no_digits_are_negotiated() -> None:
    leg = ours()
    assert not leg.receive_offer(phone("m=audio 4000 RTP/AVP 0")).dtmf
    answer, media = leg.make_answer()
    assert spoken(answer) == {"0": "PCMU"}
    assert (media.receive_digit_payload_type, media.send_digit_payload_type) == (None, None)


def test_telephone_event_is_taken_at_the_codecs_clock() -> None:
    leg = ours()
    leg.receive_offer(phone("m=audio 4000 RTP/AVP 0 97 98", "a=rtpmap:97 telephone-event/48000", "a=rtpmap:98 telephone-event/8000"))
    assert leg.make_answer()[1].receive_digit_payload_type == 98


def test_a_dynamic_number_for_a_static_codec_is_understood() -> None:
    leg = ours()
    leg.receive_offer(phone("m=audio 4000 RTP/AVP 110", "a=rtpmap:110 pcmu/8000"))
    assert leg.make_answer()[1].receive_payload_type == 110


def test_what_is_not_audio_over_rtp_is_refused_in_its_place() -> None:
    leg = ours()
    leg.receive_offer(
        phone(
            "m=video 5000 RTP/AVP 31",
            "m=audio 4000 RTP/SAVP 0",
            "m=audio 4002 RTP/AVP 0",
            "m=audio 4004 RTP/AVP 0",
            "m=image 4006 udptl t38",
        )
    )
    answer, media = leg.make_answer()
    assert [(section.kind, section.port, section.protocol) for section in answer.media] == [
        ("video", 0, "RTP/AVP"),
        ("audio", 0, "RTP/SAVP"),
        ("audio", 20_000, "RTP/AVP"),
        ("audio", 0, "RTP/AVP"),
        ("image", 0, "UDPTL"),
    ]
    assert answer.media[0].formats == ("31",)
    assert media.port == 4002


@pytest.mark.parametrize(
    "lines",
    [
        (),
        ("m=video 5000 RTP/AVP 31",),
        ("m=audio 4000 RTP/AVP 18",),
        ("m=audio 4000 RTP/SAVP 0",),
        ("m=audio 0 RTP/AVP 0",),
        ("m=audio 4000 RTP/AVP 101", "a=rtpmap:101 telephone-event/8000"),
        ("m=audio 4000 RTP/AVP 0", "c=IN IP4 phone.example.com"),
        ("m=audio 4000 RTP/AVP 0", "c=IN IP4 224.2.1.1/127"),
        ("m=audio 4000 RTP/AVP 0", "c=IN IP4 255.255.255.255"),
        ("m=audio 4000 RTP/AVP 0", "c=IN IP6 2001:db8::1"),
        ("m=audio 4000 RTP/AVP 128 ² 00000000000000000000000", "a=rtpmap:128 PCMU/8000", "a=rtpmap:² PCMU/8000"),
    ],
)
def test_an_offer_that_nothing_fits_is_488_and_changes_nothing(lines: tuple[str, ...]) -> None:
    leg = ours()
    with pytest.raises(NoCommonCodec) as caught:
        leg.receive_offer(phone(*lines))
    assert caught.value.status == 488
    assert not leg.has_open_offer
    with pytest.raises(NothingOffered):
        leg.make_answer()


def test_an_ipv6_leg_answers_an_ipv6_offer() -> None:
    leg = ours(address="2001:db8::1")
    leg.receive_offer(phone("m=audio 4000 RTP/AVP 0", address="2001:db8::9"))
    answer, media = leg.make_answer()
    assert b"c=IN IP6 2001:db8::1\r\n" in answer.serialize()
    assert media.address == "2001:db8::9"


@pytest.mark.parametrize(
    ("lines", "expected_ms"),
    [
        ((), 20),
        (("a=ptime:30",), 30),
        (("a=ptime:25",), 20),
        (("a=ptime:5",), 10),
        (("a=ptime:200",), 60),
        (("a=ptime:60", "a=maxptime:40"), 40),
        (("a=maxptime:10",), 10),
    ],
)
def test_packet_time_is_the_phones_within_what_we_send(lines: tuple[str, ...], expected_ms: int) -> None:
    leg = ours()
    assert leg.receive_offer(phone("m=audio 4000 RTP/AVP 0", *lines)).ptime_ms == expected_ms
    answer, media = leg.make_answer()
    assert media.ptime_ms == audio(answer).ptime_ms == expected_ms


def test_the_same_offer_may_be_answered_again_and_differently() -> None:
    leg = ours()
    leg.receive_offer(phone("m=audio 4000 RTP/AVP 8 0"))
    early, _ = leg.make_answer()
    repeated, _ = leg.make_answer()
    changed, media = leg.make_answer(prefer=PCMU)
    assert repeated == early
    assert changed.origin.version == early.origin.version + 1
    assert media.codec == PCMU


# -- directions and hold

SENDRECV, SENDONLY, RECVONLY, INACTIVE = Direction.SENDRECV, Direction.SENDONLY, Direction.RECVONLY, Direction.INACTIVE


@pytest.mark.parametrize(
    ("offered", "willing", "answered"),
    [
        (SENDRECV, SENDRECV, SENDRECV),
        (SENDRECV, SENDONLY, SENDONLY),
        (SENDRECV, RECVONLY, RECVONLY),
        (SENDRECV, INACTIVE, INACTIVE),
        (SENDONLY, SENDRECV, RECVONLY),
        (SENDONLY, SENDONLY, INACTIVE),
        (SENDONLY, RECVONLY, RECVONLY),
        (RECVONLY, SENDRECV, SENDONLY),
        (RECVONLY, RECVONLY, INACTIVE),
        (INACTIVE, SENDRECV, INACTIVE),
    ],
)
def test_the_answers_direction_lies_within_the_offer(offered: Direction, willing: Direction, answered: Direction) -> None:
    leg = ours()
    assert leg.receive_offer(phone("m=audio 4000 RTP/AVP 0", f"a={offered}")).direction is offered
    answer, media = leg.make_answer(direction=willing)
    assert audio(answer).direction is answered
    assert media.direction is answered.reversed


def test_an_address_of_zeros_is_hold() -> None:
    leg = ours()
    offer = leg.receive_offer(phone("m=audio 4000 RTP/AVP 0", "c=IN IP4 0.0.0.0"))
    answer, media = leg.make_answer()
    assert offer.direction is SENDONLY
    assert audio(answer).direction is RECVONLY
    assert (media.address, media.direction) == ("0.0.0.0", SENDONLY)


def test_an_address_of_zeros_that_says_recvonly_is_silence_both_ways() -> None:
    assert ours().receive_offer(phone("m=audio 4000 RTP/AVP 0", "c=IN IP4 0.0.0.0", "a=recvonly")).direction is INACTIVE


def test_zeros_of_the_other_family_are_hold_too() -> None:
    assert ours().receive_offer(phone("m=audio 4000 RTP/AVP 0", "c=IN IP6 ::")).direction is SENDONLY


def test_hold_and_resume_keep_the_numbers() -> None:
    leg = ours()
    lines = ("m=audio 4000 RTP/AVP 8 100", "a=rtpmap:100 telephone-event/8000")
    leg.receive_offer(phone(*lines))
    first, talking = leg.make_answer()
    leg.receive_offer(phone(*lines, "a=sendonly"))
    held, hold = leg.make_answer()
    leg.receive_offer(phone(*lines))
    resumed, again = leg.make_answer()
    assert (hold.direction, again) == (SENDONLY, talking)
    assert [answer.origin.version for answer in (first, held, resumed)] == [7, 8, 9]
    assert {answer.origin.session_id for answer in (first, held, resumed)} == {7}
    assert first.serialize().startswith(b"v=0\r\no=media 7 7 IN IP4 ")


# -- our offers


def test_our_offer_has_our_codecs_and_digits() -> None:
    offer = ours().make_offer()
    assert spoken(offer) == {"0": "PCMU", "8": "PCMA", "101": "TELEPHONE-EVENT"}
    assert (audio(offer).ptime_ms, audio(offer).direction, audio(offer).fmtp("101")) == (20, SENDRECV, "0-15")


def test_our_offer_begins_with_the_other_legs_codecs_and_ptime() -> None:
    offer = ours().make_offer(like=RemoteOffer((G729, PCMA), 30, SENDRECV, dtmf=False))
    assert list(spoken(offer)) == ["8", "0", "101"]
    assert audio(offer).ptime_ms == 30


def test_our_offer_begins_with_the_other_legs_agreed_codec() -> None:
    other = NegotiatedMedia("192.0.2.8", 5000, PCMA, 8, 8, 40, None, None, SENDRECV)
    offer = ours().make_offer(like=other)
    assert list(spoken(offer)) == ["8", "0", "101"]
    assert audio(offer).ptime_ms == 40


def test_a_codec_without_a_static_number_gets_a_dynamic_one_and_its_own_digits() -> None:
    offer = ours(OPUS, PCMU).make_offer()
    section = audio(offer)
    mapped = {number: section.rtpmap(number) for number in section.formats}
    assert mapped == {"96": OPUS, "0": PCMU, "97": Codec("TELEPHONE-EVENT", 48_000), "101": Codec("TELEPHONE-EVENT")}


def test_an_answers_numbers_are_the_phones_and_ours_stay_ours() -> None:
    leg = ours()
    leg.make_offer()
    media = leg.receive_answer(phone("m=audio 4000 RTP/AVP 8 96", "a=rtpmap:96 telephone-event/8000", "a=ptime:40"))
    assert media == NegotiatedMedia("192.0.2.9", 4000, PCMA, 8, 8, 40, 101, 96, SENDRECV)
    assert leg.current == media


def test_an_answer_with_another_number_for_the_codec_is_asymmetric() -> None:
    leg = ours()
    leg.make_offer()
    media = leg.receive_answer(phone("m=audio 4000 RTP/AVP 111", "a=rtpmap:111 PCMU/8000"))
    assert (media.receive_payload_type, media.send_payload_type) == (0, 111)


@pytest.mark.parametrize(
    "lines",
    [("m=audio 0 RTP/AVP 0",), ("m=audio 4000 RTP/AVP 18",), ("m=audio 4000 RTP/SAVP 0",), ("m=audio 4000 RTP/AVP 0", "c=IN IP4 host")],
)
def test_an_answer_that_agrees_on_nothing_is_488(lines: tuple[str, ...]) -> None:
    leg = ours()
    leg.make_offer()
    with pytest.raises(SdpError) as caught:
        leg.receive_answer(phone(*lines))
    assert caught.value.status == 488
    assert leg.current is None


@pytest.mark.parametrize("lines", [(), ("m=video 4000 RTP/AVP 0",)])
def test_an_answer_without_our_line_is_400(lines: tuple[str, ...]) -> None:
    leg = ours()
    leg.make_offer()
    with pytest.raises(SdpError) as caught:
        leg.receive_answer(phone(*lines))
    assert caught.value.status == 400


def test_an_answer_cannot_widen_our_direction() -> None:
    leg = ours()
    leg.make_offer(direction=SENDONLY)
    assert leg.receive_answer(phone("m=audio 4000 RTP/AVP 0")).direction is RECVONLY


def test_an_answer_may_narrow_our_direction() -> None:
    leg = ours()
    leg.make_offer()
    assert leg.receive_answer(phone("m=audio 4000 RTP/AVP 0", "a=inactive")).direction is INACTIVE


def test_the_latest_of_several_forks_wins() -> None:
    leg = ours()
    leg.make_offer()
    leg.receive_answer(phone("m=audio 4000 RTP/AVP 8 97", "a=rtpmap:97 telephone-event/8000"))
    leg.receive_answer(phone("m=audio 5000 RTP/AVP 0", address="192.0.2.77"))
    current = leg.current
    assert current is not None
    assert (current.address, current.port, current.codec, current.send_digit_payload_type) == ("192.0.2.77", 5000, PCMU, None)


def test_a_fork_that_fails_leaves_the_other_ones_answer() -> None:
    leg = ours()
    leg.make_offer()
    first = leg.receive_answer(phone("m=audio 4000 RTP/AVP 8"))
    with pytest.raises(NoCommonCodec):
        leg.receive_answer(phone("m=audio 0 RTP/AVP 8"))
    assert leg.current == first


def test_an_answer_to_nothing_is_refused() -> None:
    with pytest.raises(NothingOffered):
        ours().receive_answer(phone("m=audio 4000 RTP/AVP 0"))


# -- offers that follow


def test_a_later_offer_begins_with_the_codec_in_use_and_keeps_the_numbers() -> None:
    leg = ours()
    leg.receive_offer(phone("m=audio 4000 RTP/AVP 8 96", "a=rtpmap:96 telephone-event/8000"))
    leg.make_answer()
    assert spoken(leg.make_offer()) == {"8": "PCMA", "0": "PCMU", "96": "TELEPHONE-EVENT"}


def test_a_later_offer_keeps_refused_lines_in_place() -> None:
    leg = ours()
    leg.receive_offer(phone("m=video 5000 RTP/AVP 31", "m=audio 4000 RTP/AVP 0"))
    leg.make_answer()
    offer = leg.make_offer()
    assert [(section.kind, section.port) for section in offer.media] == [("video", 0), ("audio", 20_000)]
    media = leg.receive_answer(phone("m=video 0 RTP/AVP 31", "m=audio 4008 RTP/AVP 0"))
    assert media.port == 4008


def test_a_number_that_the_phone_gave_another_meaning_is_not_offered_twice() -> None:
    leg = ours()
    leg.make_offer()
    leg.receive_answer(phone("m=audio 4000 RTP/AVP 0 101", "a=rtpmap:101 telephone-event/8000"))
    leg.receive_offer(phone("m=audio 4000 RTP/AVP 101", "a=rtpmap:101 PCMA/8000"))
    leg.make_answer()
    offer = leg.make_offer()
    assert len(audio(offer).formats) == len(set(audio(offer).formats)) == 3
    assert spoken(offer)["101"] == "PCMA"


def test_versions_rise_only_with_changes() -> None:
    leg = ours()
    first = leg.make_offer()
    leg.receive_answer(phone("m=audio 4000 RTP/AVP 0 8"))
    repeated = leg.make_offer()
    leg.receive_answer(phone("m=audio 4000 RTP/AVP 0 8"))
    held = leg.make_offer(direction=SENDONLY)
    assert [offer.origin.version for offer in (first, repeated, held)] == [7, 7, 8]


def test_a_moved_port_is_a_new_version() -> None:
    leg = ours()
    first = leg.make_offer()
    leg.receive_answer(phone("m=audio 4000 RTP/AVP 0"))
    leg.port = 20_002
    moved = leg.make_offer()
    assert (audio(moved).port, moved.origin.version) == (20_002, first.origin.version + 1)


def test_a_rejected_offer_of_ours_is_rolled_back() -> None:
    leg = ours()
    leg.make_offer()
    agreed = leg.receive_answer(phone("m=audio 4000 RTP/AVP 0"))
    rejected = leg.make_offer(direction=SENDONLY)
    leg.rollback()
    assert leg.current == agreed
    with pytest.raises(NothingOffered):
        leg.receive_answer(phone("m=audio 4000 RTP/AVP 0"))
    again = leg.make_offer(direction=SENDONLY)
    assert again.origin.version == rejected.origin.version + 1


def test_a_rejected_offer_of_theirs_is_rolled_back() -> None:
    leg = ours()
    leg.receive_offer(phone("m=audio 4000 RTP/AVP 0"))
    _, agreed = leg.make_answer()
    leg.receive_offer(phone("m=audio 4000 RTP/AVP 8"))
    leg.rollback()
    assert leg.current == agreed
    assert not leg.has_open_offer


def test_rolling_back_nothing_changes_nothing() -> None:
    leg = ours()
    leg.receive_offer(phone("m=audio 4000 RTP/AVP 0"))
    _, agreed = leg.make_answer()
    leg.rollback()
    assert leg.current == agreed


def test_two_open_offers_are_glare() -> None:
    leg = ours()
    leg.make_offer()
    for second in (leg.make_offer, lambda: leg.receive_offer(phone("m=audio 4000 RTP/AVP 0"))):
        with pytest.raises(OfferPending) as caught:
            second()
        assert caught.value.status == 491
    assert leg.receive_answer(phone("m=audio 4000 RTP/AVP 0")).codec == PCMU


def test_two_of_us_agree() -> None:
    one, other = ours(PCMU, PCMA), Negotiation("192.0.2.2", 30_000, (PCMA,), session_id=9, ptime_ms=30, terms=PLAIN)
    offer = SessionDescription.parse(one.make_offer().serialize())
    other.receive_offer(offer)
    answer, theirs = other.make_answer()
    mine = one.receive_answer(SessionDescription.parse(answer.serialize()))
    assert (mine.codec, mine.port, theirs.port) == (PCMA, 30_000, 20_000)
    assert mine.direction is theirs.direction is SENDRECV
