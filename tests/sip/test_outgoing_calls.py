"""Our INVITE: forks, failures, CANCEL and its races, delayed offers, lost messages."""

import pytest

from sip.errors import ParseError, UnsafeValue
from sip.events import Accepted, Progressed, Rejected, SessionEnded
from sip.message import Request
from sip.transport.flow import Flow
from sip.useragent import Invitation
from tests.sip.caller import Callee
from tests.sip.network import ANSWER, BOB, OFFER, Network
from tests.sip.peer import PEER, SDP_ANSWER, SDP_OFFER, Peer, methods


def test_the_invite_says_what_the_invitation_wants() -> None:
    peer = Callee(from_display='Bob "the\nBuilder"')
    invite = peer.invite
    assert invite.uri == "sip:peer@192.0.2.77:5070"
    assert invite.header("X-Call") == "42"
    assert invite.max_forwards == 69
    assert invite.from_.display == 'Bob "the Builder"'
    assert invite.body == SDP_OFFER
    assert invite.via.branch.startswith("z9hG4bK")
    assert "rport" in invite.via.parameters


def test_an_unanswered_invite_is_retransmitted_and_given_up_after_64_t1() -> None:
    peer = Callee()
    assert methods(peer.wait(31.9)) == ["INVITE"] * 6
    assert peer.bob.told == []
    peer.wait(0.2)
    (rejected,) = peer.bob.told_of(Rejected)
    assert (rejected.status, rejected.response) == (408, None)
    assert peer.bob.agent.leftovers() == 0


def test_a_provisional_answer_stops_retransmission() -> None:
    peer = Callee()
    peer.answer(peer.invite, 100, tag="")
    assert peer.wait(60) == []


def test_a_dead_transport_fails_the_call() -> None:
    peer = Callee()
    peer.bob.agent.flow_lost(Flow("udp", BOB, PEER), peer.network.now)
    peer.network.settle()
    assert [event.status for event in peer.bob.told_of(Rejected)] == [503]


def test_each_fork_that_rings_is_told_and_the_first_to_answer_wins() -> None:
    peer = Callee()
    peer.answer(peer.invite, 180, tag="one")
    peer.answer(peer.invite, 183, tag="two", body=SDP_ANSWER)
    assert [(event.fork, event.answer) for event in peer.bob.told_of(Progressed)] == [("one", None), ("two", ANSWER)]
    assert methods(peer.accept(tag="two")) == ["ACK"]
    assert methods(peer.accept(tag="one")) == ["ACK", "BYE"]
    (accepted,) = peer.bob.told_of(Accepted)
    assert (accepted.fork, accepted.description) == ("two", ANSWER)
    assert peer.bob.agent.counters["success_of_unwanted_fork"] == 1


def test_a_retransmitted_success_is_acknowledged_again_and_told_once() -> None:
    peer = Callee()
    (first,) = peer.accept()
    (again,) = peer.accept()
    assert first.serialize() == again.serialize()
    assert len(peer.bob.told_of(Accepted)) == 1


def test_a_retransmitted_success_is_acknowledged_even_after_the_call() -> None:
    peer = Callee()
    peer.accept()
    peer.bob.agent.end(peer.called, peer.network.now)
    peer.heard()
    assert methods(peer.accept()) == ["ACK"]


def test_the_ack_to_a_success_is_sent_to_the_contact_with_a_new_branch() -> None:
    peer = Callee()
    (ack,) = peer.accept(contact="<sip:desk@192.0.2.78:5080>")
    assert isinstance(ack, Request)
    assert ack.uri == "sip:desk@192.0.2.78:5080"
    assert peer.network.carried[-1].receiver == ("192.0.2.78", 5080)
    assert ack.via.branch != peer.invite.via.branch
    assert ack.cseq.number == peer.invite.cseq.number


def test_the_ack_to_a_failure_keeps_branch_and_route() -> None:
    peer = Callee(route=("<sip:192.0.2.77:5070;lr>",))
    (ack,) = peer.answer(peer.invite, 486)
    assert isinstance(ack, Request)
    assert ack.via.branch == peer.invite.via.branch
    assert ack.values("Route") == ("<sip:192.0.2.77:5070;lr>",)
    assert ack.to.tag == "fork"
    assert ack.uri == peer.invite.uri


def test_a_repeated_failure_is_acknowledged_again_and_told_once() -> None:
    peer = Callee()
    peer.answer(peer.invite, 486)
    assert methods(peer.answer(peer.invite, 486)) == ["ACK"]
    assert len(peer.bob.told_of(Rejected)) == 1


def test_a_redirection_tells_the_contacts_best_first() -> None:
    peer = Callee()
    peer.answer(
        peer.invite, 302, contact="<sip:second@h>;q=0.5, <sip:first@h>;q=0.9, <sip:third@h>;q=0.1", headers=("Retry-After: 7 (soon)",)
    )
    (rejected,) = peer.bob.told_of(Rejected)
    assert rejected.contacts == ("sip:first@h", "sip:second@h", "sip:third@h")
    assert rejected.retry_after == 7


def test_a_failures_reason_is_told() -> None:
    peer = Callee()
    peer.answer(peer.invite, 603, headers=("Reason: Q.850;cause=21",))
    (rejected,) = peer.bob.told_of(Rejected)
    assert (rejected.status, rejected.reason) == (603, "Q.850;cause=21")


def test_cancel_waits_for_a_provisional_answer() -> None:
    peer = Callee()
    peer.bob.agent.end(peer.called, peer.network.now, reason="SIP;cause=487")
    assert peer.heard() == []
    (cancel,) = peer.answer(peer.invite, 100, tag="")
    assert isinstance(cancel, Request)
    assert cancel.method == "CANCEL"
    assert cancel.via.branch == peer.invite.via.branch
    assert cancel.cseq.number == peer.invite.cseq.number
    assert cancel.header("Reason") == "SIP;cause=487"
    peer.answer(cancel, 200)
    assert methods(peer.answer(peer.invite, 487)) == ["ACK"]
    assert peer.bob.told == []


def test_a_cancelled_call_that_is_answered_all_the_same_is_ended() -> None:
    peer = Callee()
    peer.answer(peer.invite, 180)
    peer.bob.agent.end(peer.called, peer.network.now)
    assert methods(peer.heard()) == ["CANCEL"]
    assert methods(peer.accept()) == ["ACK", "BYE"]
    assert peer.bob.told_of(Accepted) == []


def test_cancel_without_any_final_answer_is_given_up_after_64_t1() -> None:
    peer = Callee()
    peer.answer(peer.invite, 180)
    peer.bob.agent.end(peer.called, peer.network.now)
    peer.wait(80)
    assert peer.bob.agent.live_sessions == 0
    assert peer.bob.agent.leftovers() == 0


def test_ending_twice_cancels_once() -> None:
    peer = Callee()
    peer.answer(peer.invite, 180)
    peer.bob.agent.end(peer.called, peer.network.now)
    peer.bob.agent.end(peer.called, peer.network.now)
    assert methods(peer.heard()) == ["CANCEL"]


def test_a_delayed_offer_is_answered_in_the_ack() -> None:
    peer = Callee(offer=None)
    assert peer.invite.body == b""
    assert peer.answer(peer.invite, 200, body=SDP_OFFER) == []
    (accepted,) = peer.bob.told_of(Accepted)
    assert accepted.description == OFFER
    peer.bob.agent.acknowledge(peer.called, ANSWER, peer.network.now)
    (ack,) = peer.heard()
    assert ack.body == SDP_ANSWER
    (again,) = peer.answer(peer.invite, 200, body=SDP_OFFER)
    assert again.body == SDP_ANSWER


def test_a_delayed_offer_that_is_never_answered_is_acknowledged_before_bye() -> None:
    peer = Callee(offer=None)
    peer.answer(peer.invite, 200, body=SDP_OFFER)
    peer.bob.agent.end(peer.called, peer.network.now)
    assert methods(peer.heard()) == ["ACK", "BYE"]


def test_an_answer_that_is_nonsense_ends_the_call() -> None:
    peer = Callee()
    assert methods(peer.answer(peer.invite, 200, body=b"nonsense")) == ["ACK", "BYE"]
    assert [event.status for event in peer.bob.told_of(Rejected)] == [488]
    assert peer.bob.told_of(Accepted) == []


def test_a_bye_of_the_callee_is_told() -> None:
    peer = Callee()
    peer.accept()
    peer.ask("BYE", headers=("Reason: Q.850;cause=16",))
    (ended,) = peer.bob.told_of(SessionEnded)
    assert (ended.cause, ended.reason) == ("bye", "Q.850;cause=16")


@pytest.mark.parametrize(
    "headers", [(("X-Evil", "a\r\nVia: b"),), (("X-Evil\r\nVia", "a"),), (("X", "a\nb"),)], ids=["value", "name", "line feed"]
)
def test_no_header_can_be_smuggled_in(headers: tuple[tuple[str, str], ...]) -> None:
    peer = Peer()
    with pytest.raises(UnsafeValue):
        peer.bob.agent.invite(Invitation("sip:a@h", "sip:b@h", "sip:a@h", (peer.flow,), OFFER, headers=headers), peer.network.now)
    assert peer.heard() == []
    assert peer.bob.agent.leftovers() == 0


@pytest.mark.parametrize("uri", ["sip:a b@h", "sip:a@h SIP/2.0\r\nX: y", "nonsense", "http://h", ""])
def test_an_invitation_to_nonsense_is_refused_at_once(uri: str) -> None:
    peer = Peer()
    with pytest.raises((ParseError, UnsafeValue)):
        peer.bob.agent.invite(Invitation(uri, "sip:b@h", "sip:a@h", (peer.flow,), OFFER), peer.network.now)
    assert peer.bob.agent.leftovers() == 0


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_responses_that_belong_to_nothing_are_counted_drops(transport: str) -> None:
    peer = Callee(Network(transport=transport))
    peer.answer(peer.invite, 486)
    before = dict(peer.bob.agent.counters)
    stray = Request("INVITE", "sip:x@h", [(name, value.replace("z9hG4bK", "z9hG4bKx")) for name, value in peer.invite.headers])
    assert peer.answer(stray, 200) == []
    assert peer.bob.agent.counters["dropped_response_without_transaction"] == before.get("dropped_response_without_transaction", 0) + 1


@pytest.mark.parametrize("header", ['Record-Route: "open', 'Contact: "open', 'Reason: "open', 'Warning: "open'])
def test_an_answer_with_a_header_that_cannot_be_read_is_still_an_answer(header: str) -> None:
    peer = Callee()
    assert methods(peer.accept(headers=(header,))) == ["ACK"]
    assert len(peer.bob.told_of(Accepted)) == 1


def test_an_answer_with_an_unreadable_type_ends_the_call() -> None:
    peer = Callee()
    assert methods(peer.answer(peer.invite, 200, headers=('Content-Type: a/b;c="open',), body=SDP_ANSWER)) == ["ACK", "BYE"]
    assert [event.status for event in peer.bob.told_of(Rejected)] == [488]


def test_a_host_that_refuses_datagrams_after_it_has_answered_is_not_believed() -> None:
    """Whoever can forge ICMP could end calls otherwise."""
    peer = Callee()
    peer.answer(peer.invite, 180)
    peer.bob.agent.flow_lost(Flow("udp", BOB, PEER), peer.network.now)
    peer.accept()
    assert len(peer.bob.told_of(Accepted)) == 1


def test_a_refused_datagram_inside_a_call_leaves_it_alone() -> None:
    peer = Callee()
    peer.accept()
    peer.bob.agent.reoffer(peer.called, OFFER, peer.network.now)
    peer.heard()
    peer.bob.agent.flow_lost(Flow("udp", BOB, PEER), peer.network.now)
    peer.network.settle()
    assert peer.bob.agent.live_sessions == 1
    assert peer.bob.told_of(SessionEnded) == []
