"""Session-ID (RFC 7989): halves, nonsense, the old form, and every message of a call."""

import pytest

from sip.message import Request
from sip.session_id import NIL, SessionId
from tests.sip.caller import Callee
from tests.sip.network import ANSWER, OFFER, Call, Network
from tests.sip.peer import SDP_OFFER, Peer

THEIRS = "0123456789abcdef0123456789abcdef"


def halves(value: str | None) -> tuple[str, str]:
    """Local and remote half of a header."""
    assert value is not None
    local, _, remote = value.partition(";remote=")
    return local, remote


def test_every_message_of_a_call_carries_it_and_both_sides_see_both_halves() -> None:
    call = Call(Network()).confirm()
    call.alice.agent.reoffer(call.session, OFFER, call.network.now)
    call.run()
    call.bob.agent.accept(call.bobs_session, ANSWER, call.network.now)
    call.run()
    call.bob.agent.info(call.bobs_session, "application/dtmf", b"1", call.network.now)
    call.run()
    call.alice.agent.end(call.session, call.network.now)
    call.run()
    said = [carried for carried in call.network.carried if carried.what != "100 INVITE"]
    assert [carried.what for carried in said if carried.message.header("Session-ID") is None] == []
    (alice, nothing), (bob, _) = halves(said[0].message.header("Session-ID")), halves(said[1].message.header("Session-ID"))
    assert nothing == NIL
    assert {halves(carried.message.header("Session-ID")) for carried in said[1:]} == {(alice, bob), (bob, alice)}


def test_a_uuid_is_a_random_one_in_lower_case() -> None:
    uuid, _ = halves(Callee().invite.header("Session-ID"))
    assert (len(uuid), uuid[12], uuid[16] in "89ab", uuid.lower()) == (32, "4", True, uuid)


def test_a_cancel_carries_it_too() -> None:
    peer = Callee()
    peer.answer(peer.invite, 180)
    peer.bob.agent.end(peer.called, peer.network.now)
    (cancel,) = peer.requests()
    assert cancel.header("Session-ID") == peer.invite.header("Session-ID")


@pytest.mark.parametrize(
    ("header", "remote"),
    [
        (f"{THEIRS};remote={NIL}", THEIRS),
        (THEIRS.upper(), THEIRS),
        (f"{THEIRS} ; remote = x", THEIRS),
        (NIL, ""),
        ("", ""),
        ("x" * 32, ""),
        (THEIRS[:-1], ""),
        ('"', ""),
    ],
)
def test_what_they_say_is_heard_and_nonsense_is_not(header: str, remote: str) -> None:
    peer = Peer()
    peer.say("INVITE", headers=(f"Session-ID: {header}",), body=SDP_OFFER)
    assert peer.bob.agent.session_id_of(peer.session) == remote
    peer.bob.agent.accept(peer.session, ANSWER, peer.network.now)
    assert halves(peer.heard()[-1].header("Session-ID"))[1] == (remote or NIL)


def test_a_server_in_the_middle_speaks_for_who_is_behind_it() -> None:
    peer = Peer()
    peer.say("INVITE", body=SDP_OFFER)
    peer.bob.agent.speak_for(peer.session, THEIRS)
    peer.bob.agent.speak_for(peer.session, "")
    peer.bob.agent.accept(peer.session, ANSWER, peer.network.now)
    assert halves(peer.heard()[-1].header("Session-ID"))[0] == THEIRS


def test_it_can_be_turned_off() -> None:
    peer = Callee(session_id=False)
    assert peer.invite.header("Session-ID") is None
    peer.accept(headers=(f"Session-ID: {THEIRS}",))
    assert peer.bob.agent.session_id_of(peer.called) == ""
    peer.bob.agent.end(peer.called, peer.network.now)
    assert [message.header("Session-ID") for message in peer.heard() if isinstance(message, Request)] == [None]


def test_a_call_that_is_over_has_none() -> None:
    assert Peer().bob.agent.session_id_of(7) == ""


def test_a_new_one_on_their_side_is_taken_and_the_same_is_not_read_again() -> None:
    halves_of_a_call = SessionId("a" * 32)
    peer = Callee()
    halves_of_a_call.hear(peer.invite)
    first = halves_of_a_call.header
    halves_of_a_call.hear(peer.invite)
    assert halves_of_a_call.header is first
    halves_of_a_call.hear(Callee(Network(seed=9)).invite)
    assert halves_of_a_call.header != first
