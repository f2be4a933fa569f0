"""Replaces: read from an INVITE and from a Refer-To URI, and matched to the sessions that there are (RFC 3891)."""

import pytest

from sip.errors import ParseError
from sip.events import InviteReceived
from sip.replaces import Replaces, parse_replaces, replaces_of
from sip.uri import Uri
from tests.sip.caller import Callee
from tests.sip.network import ANSWER
from tests.sip.peer import SDP_OFFER, Peer, statuses

DIALOG = Replaces("one@192.0.2.9", "to", "from")


def test_a_dialog_is_read_with_its_flag_whatever_the_order() -> None:
    assert parse_replaces("one@192.0.2.9;to-tag=to;from-tag=from") == DIALOG
    assert parse_replaces(" one@192.0.2.9 ; From-Tag=from;early-only; to-tag=to;x=y") == Replaces("one@192.0.2.9", "to", "from", True)


@pytest.mark.parametrize("replaces", [DIALOG, Replaces("x", "0", "1", early_only=True)])
def test_what_is_written_is_what_is_read(replaces: Replaces) -> None:
    assert parse_replaces(replaces.header[1]) == replaces


@pytest.mark.parametrize(
    "value",
    [
        "",
        ";to-tag=a;from-tag=b",
        "call",
        "call;to-tag=a",
        "call;from-tag=b",
        "call;to-tag=;from-tag=b",
        "call;to-tag=a;from-tag=b;to-tag=c",
        "one;to-tag=a;from-tag=b, two;to-tag=a;from-tag=b",
        "call id;to-tag=a;from-tag=b",
        "call;to-tag=a\r\nX: y;from-tag=b",
        "c" * 2000 + ";to-tag=a;from-tag=b",
    ],
)
def test_nonsense_is_an_error(value: str) -> None:
    with pytest.raises(ParseError):
        parse_replaces(value)


def test_a_refer_to_uri_carries_it_escaped() -> None:
    uri = Uri.parse("sip:carol@192.0.2.3?Subject=x&Replaces=one%40192.0.2.9%3Bto-tag%3Dto%3Bfrom-tag%3Dfrom")
    assert replaces_of(uri) == DIALOG
    assert replaces_of(Uri.parse("sip:carol@192.0.2.3?Subject=x")) is None


def test_a_refer_to_uri_with_two_is_an_error() -> None:
    one = "replaces=one%3Bto-tag%3Dto%3Bfrom-tag%3Dfrom"
    with pytest.raises(ParseError):
        replaces_of(Uri.parse(f"sip:carol@192.0.2.3?{one}&{one}"))


def test_an_escaped_line_break_is_an_error() -> None:
    with pytest.raises(ParseError):
        replaces_of(Uri.parse("sip:carol@192.0.2.3?Replaces=one%0d%0aX:y%3Bto-tag%3Dto%3Bfrom-tag%3Dfrom"))


def test_an_invite_tells_what_it_replaces_and_may_require_it() -> None:
    peer = Peer()
    peer.say("INVITE", headers=("Replaces: one@192.0.2.9;to-tag=to;from-tag=from", "Require: replaces"), body=SDP_OFFER)
    assert [event.replaces for event in peer.bob.told_of(InviteReceived)] == [DIALOG]


def test_an_invite_without_it_replaces_nothing() -> None:
    peer = Peer()
    peer.say("INVITE", body=SDP_OFFER)
    assert [event.replaces for event in peer.bob.told_of(InviteReceived)] == [None]


@pytest.mark.parametrize("headers", [("Replaces: nonsense",), ("Replaces: a;to-tag=b;from-tag=c", "Replaces: a;to-tag=b;from-tag=c")])
def test_an_invite_with_a_broken_one_or_two_gets_400(headers: tuple[str, ...]) -> None:
    peer = Peer()
    assert statuses(peer.say("INVITE", headers=headers, body=SDP_OFFER)) == [400]
    assert peer.bob.told_of(InviteReceived) == []


def test_another_request_with_it_gets_400() -> None:
    peer = Peer()
    assert statuses(peer.say("OPTIONS", headers=("Replaces: a;to-tag=b;from-tag=c",))) == [400]


def test_a_confirmed_call_is_found_unless_only_an_early_one_is_meant() -> None:
    peer = Peer()
    tag = peer.confirm()
    replaces = Replaces("call", tag, "peer")
    assert peer.bob.agent.session_of(replaces) == peer.session
    assert peer.bob.agent.replacement_refusal(replaces) == 0
    early = Replaces("call", tag, "peer", early_only=True)
    assert peer.bob.agent.session_of(early) is None
    assert peer.bob.agent.replacement_refusal(early) == 486


def test_a_call_of_ours_that_still_rings_is_found_early_only_or_not() -> None:
    peer = Callee()
    peer.answer(peer.invite, 180)
    for early_only in (True, False):
        replaces = Replaces(peer.invite.call_id, peer.invite.from_.tag, "fork", early_only)
        assert peer.bob.agent.session_of(replaces) == peer.called


def test_a_call_of_theirs_that_still_rings_cannot_be_replaced() -> None:
    peer = Peer()
    tag = peer.ring()
    assert peer.bob.agent.replacement_refusal(Replaces("call", tag, "peer")) == 481


def test_a_stranger_to_the_dialog_finds_nothing() -> None:
    peer = Peer()
    tag = peer.confirm()
    for replaces in (Replaces("call", tag, "other"), Replaces("call", "other", "peer"), Replaces("other", tag, "peer")):
        assert peer.bob.agent.session_of(replaces) is None
        assert peer.bob.agent.replacement_refusal(replaces) == 481


def test_a_phone_without_a_tag_is_named_by_zero() -> None:
    peer = Peer()
    lines = b"INVITE sip:bob@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.77:5070;branch=z9hG4bKold\r\nFrom: <sip:peer@192.0.2.77>\r\n"
    peer.send(lines + b"To: <sip:bob@192.0.2.2>\r\nCall-ID: call\r\nCSeq: 1 INVITE\r\nContact: <sip:peer@192.0.2.77>\r\n\r\n")
    peer.bob.agent.accept(peer.session, ANSWER, peer.network.now)
    tag = peer.tag_of(peer.heard())
    assert peer.bob.agent.session_of(Replaces("call", tag, "0")) == peer.session


def test_a_call_that_is_about_to_end_is_declined() -> None:
    peer = Peer()
    tag = peer.confirm(ack=False)
    peer.bob.agent.end(peer.session, peer.network.now)
    assert peer.bob.agent.replacement_refusal(Replaces("call", tag, "peer")) == 603
