"""Digest in both roles: registering with us, and challenges that our own requests meet."""

import pytest

from sip.digest import authorize
from sip.events import Accepted, OfferAnswered, Registered, Rejected
from sip.message import Request, Response
from tests.sip.caller import Callee
from tests.sip.network import OFFER, Network
from tests.sip.peer import SDP_ANSWER, SDP_OFFER, Peer, methods, statuses

CHALLENGE = 'WWW-Authenticate: Digest realm="pbx", nonce="abc", algorithm=MD5, qop="auth"'
PROXY_CHALLENGE = 'Proxy-Authenticate: Digest realm="proxy", nonce="def", algorithm=MD5'


def credentials(challenge: Response, method: str, *, secret: str = "wonderland", which: int = 0, user: str = "alice") -> str:
    """An Authorization header line that meets one of our challenges."""
    value = authorize(
        [challenge.values("WWW-Authenticate")[which]],
        method=method,
        uri="sip:bob@192.0.2.2",
        user=user,
        secret=secret,
        body=b"",
        cnonce="c",
        nonce_count=1,
    )
    return f"Authorization: {value}"


def register(peer: Peer, *headers: str, cseq: int = 1) -> Response:
    """REGISTER as alice."""
    text = [
        "REGISTER sip:192.0.2.2 SIP/2.0",
        f"Via: SIP/2.0/UDP 192.0.2.77:5070;branch=z9hG4bKreg{cseq}",
        "From: <sip:alice@192.0.2.2>;tag=r",
        "To: <sip:alice@192.0.2.2>",
        "Call-ID: registering",
        f"CSeq: {cseq} REGISTER",
        *headers,
        "Content-Length: 0",
    ]
    (answer,) = peer.send("\r\n".join(text).encode() + b"\r\n\r\n")
    assert isinstance(answer, Response)
    return answer


@pytest.mark.parametrize("which", [0, 1], ids=["SHA-256", "MD5"])
def test_a_phone_registers_after_a_challenge_and_is_told(which: int) -> None:
    peer = Peer()
    contact = "Contact: <sip:alice@192.0.2.77:5070>;expires=60"
    challenge = register(peer, contact)
    assert challenge.status == 401
    answer = register(peer, contact, credentials(challenge, "REGISTER", which=which), cseq=2)
    assert answer.status == 200
    assert answer.header("Contact") == "<sip:alice@192.0.2.77:5070>;expires=60"
    assert peer.bob.told_of(Registered) == [Registered("alice", ("sip:alice@192.0.2.77:5070",))]
    (binding,) = peer.bob.agent.contacts("alice", peer.network.now)
    assert binding.flow == peer.flow


def test_a_registration_runs_out() -> None:
    peer = Peer()
    challenge = register(peer)
    register(peer, "Contact: <sip:alice@192.0.2.77:5070>;expires=60", credentials(challenge, "REGISTER"), cseq=2)
    peer.wait(61)
    assert peer.bob.told_of(Registered)[-1] == Registered("alice", ())
    assert peer.bob.agent.contacts("alice", peer.network.now) == []


def test_a_wrong_secret_is_challenged_again_and_counted() -> None:
    peer = Peer()
    challenge = register(peer)
    answer = register(peer, credentials(challenge, "REGISTER", secret="wrong"), cseq=2)
    assert answer.status == 401
    assert peer.bob.agent.counters["credentials_wrong"] == 1


def test_another_users_address_is_forbidden() -> None:
    peer = Peer()
    challenge = register(peer)
    assert register(peer, credentials(challenge, "REGISTER", user="bob", secret="builder"), cseq=2).status == 403


def test_an_old_nonce_is_stale() -> None:
    peer = Peer(nonce_lifetime=10.0)
    challenge = register(peer)
    peer.wait(11)
    answer = register(peer, credentials(challenge, "REGISTER"), cseq=2)
    assert answer.status == 401
    assert "stale=true" in answer.values("WWW-Authenticate")[0]


def test_an_unknown_scheme_is_as_good_as_none() -> None:
    assert register(Peer(), "Authorization: NoOneKnowsThisScheme opaque-data=here").status == 401


def test_an_invite_is_authenticated_for_the_owner() -> None:
    peer = Peer()
    peer.say("INVITE", body=SDP_OFFER)
    peer.bob.agent.challenge(peer.session, peer.network.now)
    (challenge,) = peer.heard()
    assert isinstance(challenge, Response)
    peer.say("INVITE", cseq=2, headers=(credentials(challenge, "INVITE"),), body=SDP_OFFER)
    request = peer.bob.told[-1].request  # type: ignore[union-attr]
    assert isinstance(request, Request)
    assert peer.bob.agent.authenticate(request, peer.flow, peer.network.now).user == "alice"


def test_a_challenge_is_met_once_without_the_owner_noticing() -> None:
    peer = Callee(user="bob")
    ack, retry = peer.answer(peer.invite, 401, headers=(CHALLENGE,))
    assert isinstance(ack, Request)
    assert isinstance(retry, Request)
    assert (ack.method, retry.method) == ("ACK", "INVITE")
    assert retry.cseq.number == peer.invite.cseq.number + 1
    assert retry.call_id == peer.invite.call_id
    assert retry.from_.tag == peer.invite.from_.tag
    assert retry.via.branch != peer.invite.via.branch
    assert 'username="bob"' in (retry.header("Authorization") or "")
    peer.invite = retry
    (ack,) = peer.accept()
    assert ack.header("Authorization") == retry.header("Authorization")
    assert len(peer.bob.told_of(Accepted)) == 1
    assert peer.bob.told_of(Rejected) == []


def test_a_second_challenge_is_a_refusal_unless_the_nonce_was_stale() -> None:
    peer = Callee(user="bob")
    retry = peer.answer(peer.invite, 401, headers=(CHALLENGE,))[-1]
    assert isinstance(retry, Request)
    third = peer.answer(retry, 401, headers=(CHALLENGE.replace("abc", "xyz") + ", stale=TRUE",))[-1]
    assert isinstance(third, Request)
    assert third.method == "INVITE"
    assert len(third.values("Authorization")) == 1
    assert methods(peer.answer(third, 401, headers=(CHALLENGE + ", stale=true",))) == ["ACK"]
    assert [event.status for event in peer.bob.told_of(Rejected)] == [401]


def test_a_proxy_and_the_far_end_may_both_challenge() -> None:
    peer = Callee(user="bob")
    retry = peer.answer(peer.invite, 407, headers=(PROXY_CHALLENGE,))[-1]
    assert isinstance(retry, Request)
    third = peer.answer(retry, 401, headers=(CHALLENGE,))[-1]
    assert third.header("Proxy-Authorization") == retry.header("Proxy-Authorization")
    assert third.header("Authorization") is not None


def test_without_credentials_a_challenge_is_a_refusal() -> None:
    peer = Callee()
    peer.answer(peer.invite, 401, headers=(CHALLENGE,))
    assert [event.status for event in peer.bob.told_of(Rejected)] == [401]


def test_a_challenge_nobody_understands_is_a_refusal() -> None:
    peer = Callee(user="bob")
    peer.answer(peer.invite, 401, headers=("WWW-Authenticate: Basic realm=x",))
    assert [event.status for event in peer.bob.told_of(Rejected)] == [401]
    assert peer.bob.agent.counters["challenge_not_understood"] == 1


def test_a_call_that_was_ended_is_not_tried_again() -> None:
    peer = Callee(user="bob")
    peer.bob.agent.end(peer.called, peer.network.now)
    assert methods(peer.answer(peer.invite, 401, headers=(CHALLENGE,))) == ["ACK"]
    assert peer.bob.agent.live_sessions == 0


def test_requests_inside_the_dialog_meet_challenges_too() -> None:
    peer = Callee(user="bob")
    peer.accept()
    peer.bob.agent.reoffer(peer.called, OFFER, peer.network.now)
    (reinvite,) = peer.requests()
    retry = peer.answer(reinvite, 401, headers=(CHALLENGE,))[-1]
    assert isinstance(retry, Request)
    assert retry.cseq.number == reinvite.cseq.number + 1
    peer.answer(retry, 200, body=SDP_ANSWER)
    assert len(peer.bob.told_of(OfferAnswered)) == 1
    peer.bob.agent.end(peer.called, peer.network.now)
    (bye,) = peer.requests()
    assert bye.cseq.number == retry.cseq.number + 1
    assert methods(peer.answer(bye, 407, headers=(PROXY_CHALLENGE,))) == ["BYE"]
    assert statuses(peer.heard()) == []


@pytest.mark.parametrize(("transport", "stays"), [("udp", True), ("tcp", False), ("tls", False), ("ws", False), ("wss", False)])
def test_a_phone_whose_connection_is_gone_is_registered_no_longer(transport: str, stays: bool) -> None:
    peer = Peer(Network(transport=transport))
    contact = "Contact: <sip:alice@df7jal23ls0d.invalid>"
    register(peer, contact, credentials(register(peer, contact), "REGISTER"), cseq=2)
    peer.bob.agent.flow_lost(peer.flow, peer.network.now)
    peer.network.settle()
    assert bool(peer.bob.agent.contacts("alice", peer.network.now)) == stays
    assert (peer.bob.told_of(Registered)[-1].contacts != ()) == stays
