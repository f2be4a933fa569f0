"""DTLS-SRTP in the description (RFC 5763): fingerprints, parts in the handshake, and where it is refused."""

import pytest

from sip.negotiated import Dtls, Fingerprint, Sdes, Setup
from sip.offer_answer import NoCommonCodec
from sip.sdp import SdpUnusable
from tests.sip.description.leg import CRYPTO, DTLS, ICE, OURS, THEIRS, answered, audio, ours, phone

TLS = "m=audio 4000 UDP/TLS/RTP/SAVPF 0"


@pytest.mark.parametrize("protocol", ["UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP", "RTP/SAVPF", "RTP/SAVP"])
def test_an_offer_with_a_fingerprint_is_answered_with_ours(protocol: str) -> None:
    answer, media = answered(ours(), phone(f"m=audio 4000 {protocol} 0", *DTLS))
    section = audio(answer)
    assert section.protocol == protocol
    assert (section.attribute("fingerprint"), section.attribute("setup")) == (str(OURS), "active")
    assert media.security == Dtls((THEIRS,), Setup.ACTIVE)


@pytest.mark.parametrize(("algorithm", "length"), [("sha-256", 32), ("SHA-384", 48), ("sha-512", 64)])
def test_every_hash_that_is_trusted_is_read(algorithm: str, length: int) -> None:
    fingerprint = Fingerprint(algorithm.lower(), bytes(range(length)))
    line = f"a=fingerprint:{algorithm} {fingerprint.digest.hex(':')}"
    _, media = answered(ours(), phone(TLS, line, "a=setup:actpass"))
    assert isinstance(media.security, Dtls)
    assert media.security.fingerprints == (fingerprint,)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "sha-256",
        "sha-256 AB",
        "sha-256 " + "XY:" * 31 + "XY",
        "sha-1 " + "AB:" * 19 + "AB",
        "md5 " + "AB:" * 15 + "AB",
        "sha-256 " + "AB" * 32,
        "sha-256 " + "AB:" * 31 + "AB:",
    ],
)
def test_a_fingerprint_that_proves_nothing_is_none(line: str) -> None:
    with pytest.raises(NoCommonCodec):
        ours().receive_offer(phone(TLS, f"a=fingerprint:{line}", "a=setup:actpass"))


def test_several_fingerprints_are_all_kept() -> None:
    other = Fingerprint("sha-512", bytes(64))
    _, media = answered(ours(), phone(TLS, f"a=fingerprint:{other}", *DTLS))
    assert isinstance(media.security, Dtls)
    assert media.security.fingerprints == (other, THEIRS)


def test_a_fingerprint_of_the_session_holds_for_its_lines() -> None:
    _, media = answered(ours(), phone(TLS, session=DTLS))
    assert media.security == Dtls((THEIRS,), Setup.ACTIVE)


@pytest.mark.parametrize(
    ("theirs", "answer"),
    [
        (("a=setup:actpass",), "active"),
        (("a=setup:active",), "passive"),
        (("a=setup:passive",), "active"),
        (("a=setup:holdconn",), "holdconn"),
        ((), "passive"),
    ],
)
def test_each_part_has_its_counterpart(theirs: tuple[str, ...], answer: str) -> None:
    description, media = answered(ours(), phone(TLS, DTLS[0], *theirs))
    assert audio(description).attribute("setup") == answer
    assert media.security == Dtls((THEIRS,), Setup(answer))


def test_a_part_that_is_none_is_refused() -> None:
    with pytest.raises(NoCommonCodec):
        ours().receive_offer(phone(TLS, DTLS[0], "a=setup:maybe"))


def test_a_refresh_keeps_the_parts_of_the_handshake_that_was() -> None:
    leg = ours()
    _, first = answered(leg, phone(TLS, DTLS[0], "a=setup:active"))
    _, second = answered(leg, phone(TLS, *DTLS))
    _, third = answered(leg, phone(TLS, f"a=fingerprint:{OURS}", "a=setup:actpass"))
    assert first.security == second.security == Dtls((THEIRS,), Setup.PASSIVE)
    assert third.security == Dtls((OURS,), Setup.ACTIVE)


def test_without_a_certificate_of_ours_dtls_is_488_and_keys_in_the_description_are_taken_instead() -> None:
    with pytest.raises(NoCommonCodec):
        ours(fingerprint=None).receive_offer(phone(TLS, *DTLS))
    _, media = answered(ours(fingerprint=None), phone("m=audio 4000 RTP/SAVPF 0", *DTLS, CRYPTO))
    assert not isinstance(media.security, Dtls)
    assert media.security is not None


def test_a_tls_profile_takes_no_keys_from_the_description() -> None:
    with pytest.raises(NoCommonCodec):
        ours().receive_offer(phone(TLS, CRYPTO))


@pytest.mark.parametrize("policy", ["accept", "prefer", "require"])
def test_keys_in_the_description_go_before_a_handshake(policy: str) -> None:
    answer, media = answered(ours(policy), phone("m=audio 4000 RTP/SAVP 0", *DTLS, CRYPTO))
    assert isinstance(media.security, Sdes)
    assert audio(answer).attribute("fingerprint") is None


def test_a_handshake_that_may_be_left_out_is() -> None:
    answer, media = answered(ours("prefer"), phone("m=audio 4000 RTP/AVP 0", *DTLS))
    assert media.security is None
    assert audio(answer).attribute("fingerprint") is None


def test_best_effort_takes_a_handshake_under_the_plain_profile_where_security_is_required() -> None:
    answer, media = answered(ours("require"), phone("m=audio 4000 RTP/AVP 0", *DTLS))
    assert isinstance(media.security, Dtls)
    assert audio(answer).protocol == "RTP/AVP"
    assert audio(answer).values("crypto") == []


# -- our offers to browsers


def test_our_offer_to_a_browser_has_all_that_it_insists_on() -> None:
    offer = ours(faces_browser=True).make_offer()
    section = audio(offer)
    assert section.protocol == "UDP/TLS/RTP/SAVPF"
    assert (section.attribute("fingerprint"), section.attribute("setup"), section.attribute("rtcp-mux")) == (str(OURS), "actpass", "")
    assert section.attribute("candidate") == "1 1 UDP 2130706431 192.0.2.1 20000 typ host"
    assert offer.attribute("ice-lite") == ""


def test_a_browsers_answer_is_taken() -> None:
    leg = ours(faces_browser=True)
    leg.make_offer()
    media = leg.receive_answer(phone(TLS, DTLS[0], "a=setup:active", *ICE, "a=rtcp-mux"))
    assert media.security == Dtls((THEIRS,), Setup.PASSIVE)
    assert media.rtcp_mux
    assert media.ice is not None


def test_actpass_is_no_answer() -> None:
    leg = ours(faces_browser=True)
    leg.make_offer()
    with pytest.raises(SdpUnusable, match="actpass"):
        leg.receive_answer(phone(TLS, *DTLS))


def test_an_answer_that_says_nothing_waits_for_us() -> None:
    leg = ours(faces_browser=True)
    leg.make_offer()
    assert leg.receive_answer(phone(TLS, DTLS[0])).security == Dtls((THEIRS,), Setup.ACTIVE)


def test_a_later_offer_of_ours_asks_for_a_handshake_again() -> None:
    leg = ours()
    answered(leg, phone(TLS, *DTLS, *ICE, "a=rtcp-mux", "a=mid:a0", session=("a=group:BUNDLE a0",)))
    offer = leg.make_offer()
    section = audio(offer)
    assert (section.protocol, section.attribute("setup"), section.attribute("mid")) == ("UDP/TLS/RTP/SAVPF", "actpass", "a0")
    assert (section.attribute("rtcp-mux"), offer.attribute("group")) == ("", "BUNDLE a0")
