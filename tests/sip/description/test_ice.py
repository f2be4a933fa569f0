"""ICE in the description, as its lite side (RFC 8839): when it is taken, what is read, and when it begins anew."""

from dataclasses import replace

import pytest

from sip.negotiated import Candidate, Direction, IceCredentials
from sip.offer_answer import NoCommonCodec
from tests.sip.description.leg import DTLS, ICE, answered, audio, ours, phone

TLS = "m=audio 4000 UDP/TLS/RTP/SAVPF 0"
UFRAG, PASSWORD, CANDIDATE = ICE
MADE_UP = Candidate("1", 1, 2_130_706_431, "192.0.2.9", 4000, "host")


def test_a_browser_gets_our_only_candidate_and_our_credentials() -> None:
    answer, media = answered(ours(), phone(TLS, *DTLS, *ICE))
    section = audio(answer)
    assert media.ice is not None
    assert (section.attribute("ice-ufrag"), section.attribute("ice-pwd")) == (media.ice.local.ufrag, media.ice.local.password)
    assert section.values("candidate") == ["1 1 UDP 2130706431 192.0.2.1 20000 typ host"]
    assert answer.attribute("ice-lite") == ""
    assert len(media.ice.local.password) >= 22
    assert media.ice.remote == IceCredentials("8hhY", "asd88fgpdd777uzjYhagZg")
    assert media.ice.candidates == (MADE_UP,)


def test_nothing_trickles_from_us() -> None:
    answer, _ = answered(ours(), phone(TLS, *DTLS, *ICE))
    assert audio(answer).attribute("end-of-candidates") == ""


def test_other_addresses_of_ours_are_worse_candidates_of_the_same_port() -> None:
    leg = ours()
    leg.terms = replace(leg.terms, more_hosts=("203.0.113.5", "10.0.0.1"))
    answer, _ = answered(leg, phone(TLS, *DTLS, *ICE))
    assert audio(answer).values("candidate") == [
        "1 1 UDP 2130706431 192.0.2.1 20000 typ host",
        "2 1 UDP 2130706175 203.0.113.5 20000 typ host",
        "3 1 UDP 2130705919 10.0.0.1 20000 typ host",
    ]


@pytest.mark.parametrize("address", ["2001:db8::9", "host.invalid", "192.0.2.255%1"])
def test_an_address_that_we_cannot_send_to_is_no_fault_beside_ice(address: str) -> None:
    section = (f"c=IN IP{6 if ':' in address else 4} {address}",)
    _, media = answered(ours(), phone(TLS, *section, *DTLS, UFRAG, PASSWORD))
    assert (media.address, media.direction) == ("0.0.0.0", Direction.SENDRECV)
    with pytest.raises(NoCommonCodec):
        answered(ours(), phone(TLS, *section, *DTLS))


def test_each_leg_has_credentials_of_its_own_drawing() -> None:
    leg = ours()
    other = ours()
    other.terms = leg.terms
    _, one = answered(leg, phone(TLS, *DTLS, *ICE))
    _, two = answered(other, phone(TLS, *DTLS, *ICE))
    assert one.ice is not None
    assert two.ice is not None
    assert one.ice.local != two.ice.local


def test_a_phone_that_offers_ice_beside_plain_rtp_is_answered_without() -> None:
    """It falls back on plain addresses (RFC 8839 §4.2.3); checks that nobody answers would cost it the call."""
    answer, media = answered(ours(), phone("m=audio 4000 RTP/AVP 0", *ICE))
    assert media.ice is None
    assert audio(answer).values("candidate") == []
    assert answer.attribute("ice-lite") is None


def test_a_leg_may_take_part_in_ice_with_everybody() -> None:
    _, media = answered(ours(ice_for_all=True), phone("m=audio 4000 RTP/AVP 0", *ICE))
    assert media.ice is not None


def test_credentials_of_the_session_hold_for_its_lines() -> None:
    _, media = answered(ours(), phone(TLS, *DTLS, CANDIDATE, session=(UFRAG, PASSWORD, "a=ice-lite")))
    assert media.ice is not None
    assert media.ice.remote_is_lite


@pytest.mark.parametrize(
    "lines", [(UFRAG,), (PASSWORD,), ("a=ice-ufrag:abc", PASSWORD), (UFRAG, "a=ice-pwd:short"), (UFRAG, PASSWORD + "é")]
)
def test_credentials_that_the_grammar_forbids_are_none(lines: tuple[str, ...]) -> None:
    answer, media = answered(ours(), phone(TLS, *DTLS, *lines))
    assert media.ice is None
    assert media.security is not None
    assert audio(answer).attribute("ice-ufrag") is None


@pytest.mark.parametrize(
    "line",
    [
        "",
        "1 1 TCP 2130706431 192.0.2.9 9 typ host tcptype active",
        "1 1 UDP 2130706431 192.0.2.9 99999 typ host",
        "1 1 UDP many 192.0.2.9 4000 typ host",
        "1 1 UDP 1 192.0.2.9 4000 kind host",
        "x" * 33 + " 1 UDP 1 192.0.2.9 4000 typ host",
    ],
)
def test_a_candidate_of_no_use_is_passed_over(line: str) -> None:
    _, media = answered(ours(), phone(TLS, *DTLS, *ICE, f"a=candidate:{line}"))
    assert media.ice is not None
    assert media.ice.candidates == (MADE_UP,)


def test_a_name_among_the_candidates_is_passed_over() -> None:
    hidden = "a=candidate:0 1 udp 2122252543 8f1e7a55-6f7c-4f1c-9c5a-6d5e3f1d2c3b.local 51234 typ host generation 0"
    _, media = answered(ours(), phone("m=audio 9 UDP/TLS/RTP/SAVPF 0", "c=IN IP4 0.0.0.0", *DTLS, UFRAG, PASSWORD, hidden))
    assert media.ice is not None
    assert media.ice.candidates == ()


def test_candidates_are_bounded() -> None:
    many = [f"a=candidate:{number} 1 UDP {number} 192.0.2.9 {5000 + number} typ host" for number in range(100)]
    _, media = answered(ours(), phone(TLS, *DTLS, *ICE, *many))
    assert media.ice is not None
    assert len(media.ice.candidates) == 32


def test_an_address_that_something_rewrote_declines_ice() -> None:
    answer, media = answered(ours(), phone(TLS, *DTLS, *ICE, address="198.51.100.7"))
    assert media.ice is None
    assert audio(answer).attribute("ice-mismatch") == ""
    assert audio(answer).attribute("ice-ufrag") is None


def test_zeros_and_port_nine_beside_ice_are_no_hold() -> None:
    """No candidate is known yet: trickling (RFC 8840 §4.1.1)."""
    leg = ours()
    offer = leg.receive_offer(phone("m=audio 9 UDP/TLS/RTP/SAVPF 0", "c=IN IP4 0.0.0.0", *DTLS, UFRAG, PASSWORD))
    assert offer.direction is Direction.SENDRECV
    _, media = leg.make_answer()
    assert (media.direction, media.ice is not None) == (Direction.SENDRECV, True)


def test_zeros_without_ice_are_a_hold_on_any_port() -> None:
    assert ours().receive_offer(phone("m=audio 9 RTP/AVP 0", "c=IN IP4 0.0.0.0")).direction is Direction.SENDONLY


def test_the_same_credentials_go_on_and_others_begin_anew() -> None:
    leg = ours()
    _, first = answered(leg, phone(TLS, *DTLS, *ICE))
    _, same = answered(leg, phone(TLS, *DTLS, *ICE, "a=sendonly"))
    _, anew = answered(leg, phone(TLS, *DTLS, "a=ice-ufrag:9hhY", "a=ice-pwd:bsd88fgpdd777uzjYhagZg", CANDIDATE))
    assert first.ice is not None
    assert anew.ice is not None
    assert same.ice == first.ice
    assert anew.ice.local != first.ice.local
    assert anew.ice.remote.ufrag == "9hhY"


def test_a_restart_that_is_rolled_back_leaves_the_credentials() -> None:
    leg = ours()
    _, first = answered(leg, phone(TLS, *DTLS, *ICE))
    leg.receive_offer(phone(TLS, *DTLS, "a=ice-ufrag:9hhY", "a=ice-pwd:bsd88fgpdd777uzjYhagZg", CANDIDATE))
    leg.rollback()
    _, after = answered(leg, phone(TLS, *DTLS, *ICE))
    assert after.ice == first.ice


def test_our_later_offer_has_the_credentials_in_use() -> None:
    leg = ours()
    _, media = answered(leg, phone(TLS, *DTLS, *ICE))
    assert media.ice is not None
    assert audio(leg.make_offer()).attribute("ice-pwd") == media.ice.local.password


def test_a_leg_without_ice_offers_none_later() -> None:
    leg = ours()
    answered(leg, phone(TLS, *DTLS))
    assert audio(leg.make_offer()).attribute("ice-ufrag") is None
