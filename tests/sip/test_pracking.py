"""Reliable provisional answers and PRACK (RFC 3262), as the one who calls: order, duplicates, forks, offers."""

from sip.events import Accepted, OfferAnswered, Progressed, SessionEnded
from sip.message import Request
from tests.sip.caller import Callee
from tests.sip.network import ALICE, ANSWER, BOB, OFFER, Call, Network
from tests.sip.peer import SDP_ANSWER, SDP_OFFER, methods


def ring(
    peer: Callee, rseq: int, *, tag: str = "fork", status: int = 183, body: bytes = SDP_ANSWER, headers: tuple[str, ...] = ()
) -> list[Request]:
    """A reliable 18x of the peer's; the requests that Bob sends upon it."""
    heard = peer.answer(peer.invite, status, tag=tag, body=body, headers=("Require: 100rel", f"RSeq: {rseq}", *headers))
    return [message for message in heard if isinstance(message, Request)]


def racks(requests: list[Request]) -> list[str | None]:
    """What PRACKs acknowledge."""
    assert methods(list(requests)) == ["PRACK"] * len(requests)
    return [request.header("RAck") for request in requests]


def test_an_invite_says_that_we_can() -> None:
    assert "100rel" in Callee().invite.items("Supported")
    peer = Callee(reliable_provisional="required")
    assert peer.invite.items("Require") == ["100rel"]
    assert "100rel" not in Callee(reliable_provisional="never").invite.items("Supported")


def test_each_reliable_answer_gets_its_prack_in_the_early_dialog() -> None:
    peer = Callee()
    (first,) = ring(peer, 7, headers=("Record-Route: <sip:192.0.2.80;lr>",))
    number = peer.invite.cseq.number
    assert first.header("RAck") == f"7 {number} INVITE"
    assert (first.cseq.number, first.to.tag, first.uri) == (number + 1, "fork", "sip:peer@192.0.2.77:5070")
    assert first.values("Route") == ("<sip:192.0.2.80;lr>",)
    (second,) = ring(peer, 8, status=180, body=b"")
    assert (second.header("RAck"), second.cseq.number) == (f"8 {number} INVITE", number + 2)
    assert [event.answer for event in peer.bob.told_of(Progressed)] == [ANSWER, None]


def test_the_same_answer_again_is_not_told_again_and_needs_no_other_prack() -> None:
    peer = Callee()
    ring(peer, 7)
    assert ring(peer, 7) == []
    assert len(peer.bob.told_of(Progressed)) == 1
    assert peer.bob.agent.counters["provisional_again"] == 1


def test_one_that_overtook_another_is_left_for_later() -> None:
    peer = Callee()
    ring(peer, 7)
    assert ring(peer, 9) == []
    assert len(peer.bob.told_of(Progressed)) == 1
    assert len(ring(peer, 8)) == len(ring(peer, 9)) == 1


def test_a_number_of_nonsense_is_not_acknowledged() -> None:
    peer = Callee()
    assert peer.answer(peer.invite, 183, headers=("Require: 100rel", "RSeq: x"), body=SDP_ANSWER) == []
    assert peer.bob.told_of(Progressed) == []


def test_without_require_it_is_an_ordinary_answer() -> None:
    peer = Callee()
    assert peer.answer(peer.invite, 183, headers=("RSeq: 1",), body=SDP_ANSWER) == []
    assert len(peer.bob.told_of(Progressed)) == 1


def test_each_fork_counts_for_itself() -> None:
    peer = Callee()
    number = peer.invite.cseq.number
    assert racks(ring(peer, 7, tag="one")) == [f"7 {number} INVITE"]
    assert racks(ring(peer, 700, tag="two")) == [f"700 {number} INVITE"]
    assert racks(ring(peer, 8, tag="one")) == [f"8 {number} INVITE"]
    assert {event.fork for event in peer.bob.told_of(Progressed)} == {"one", "two"}


def test_sequence_numbers_go_on_in_the_confirmed_dialog() -> None:
    peer = Callee()
    (prack,) = ring(peer, 7)
    peer.answer(prack, 200)
    (ack,) = [message for message in peer.accept() if isinstance(message, Request)]
    assert ack.cseq.number == peer.invite.cseq.number
    peer.bob.agent.end(peer.called, peer.network.now)
    (bye,) = peer.requests()
    assert bye.cseq.number == prack.cseq.number + 1


def test_a_prack_is_sent_again_until_it_is_answered() -> None:
    peer = Callee()
    (prack,) = ring(peer, 7)
    assert methods(peer.wait(0.6)) == ["PRACK"]
    peer.answer(prack, 200)
    assert peer.wait(5) == []


def test_a_prack_that_is_challenged_goes_again_with_credentials() -> None:
    peer = Callee(user="bob")
    (prack,) = ring(peer, 7)
    (again,) = peer.answer(prack, 407, headers=('Proxy-Authenticate: Digest realm="r", nonce="n", algorithm=MD5',))
    assert again.header("Proxy-Authorization") is not None
    assert (again.header("RAck"), again.cseq.number) == (prack.header("RAck"), prack.cseq.number + 1)


def test_a_prack_that_nobody_knows_harms_nothing() -> None:
    peer = Callee()
    (prack,) = ring(peer, 7)
    peer.answer(prack, 481)
    peer.accept()
    assert len(peer.bob.told_of(Accepted)) == 1
    assert peer.bob.told_of(SessionEnded) == []


def test_a_reliable_answer_is_for_good_and_its_success_may_say_nothing_or_the_same() -> None:
    for body in (b"", SDP_OFFER):
        peer = Callee()
        ring(peer, 7)
        assert methods(peer.answer(peer.invite, 200, body=body)) == ["ACK"]
        (accepted,) = peer.bob.told_of(Accepted)
        assert accepted.description is None


def test_an_offer_in_a_reliable_answer_is_answered_in_the_prack() -> None:
    peer = Callee(offer=None)
    assert ring(peer, 7, body=SDP_OFFER) == []
    (progressed,) = peer.bob.told_of(Progressed)
    assert progressed.answer == OFFER
    peer.bob.agent.acknowledge(peer.called, ANSWER, peer.network.now, fork="fork")
    (prack,) = peer.requests()
    assert (prack.method, prack.body) == ("PRACK", SDP_ANSWER)
    assert methods(peer.answer(peer.invite, 200)) == ["ACK"]


def test_a_cancelled_call_acknowledges_no_more() -> None:
    peer = Callee()
    peer.answer(peer.invite, 180)
    peer.bob.agent.end(peer.called, peer.network.now)
    peer.heard()
    assert ring(peer, 7) == []
    peer.answer(peer.invite, 487)
    peer.wait(70)
    assert peer.bob.agent.leftovers() == 0


def test_a_reliable_answer_to_a_reinvite_is_acknowledged_and_holds() -> None:
    peer = Callee()
    peer.accept()
    peer.bob.agent.reoffer(peer.called, OFFER, peer.network.now)
    (reinvite,) = peer.requests()
    heard = peer.answer(reinvite, 183, headers=("Require: 100rel", "RSeq: 5"), body=SDP_ANSWER)
    (prack,) = [message for message in heard if isinstance(message, Request)]
    assert prack.header("RAck") == f"5 {reinvite.cseq.number} INVITE"
    peer.answer(prack, 200)
    assert methods(peer.answer(reinvite, 200)) == ["ACK"]
    assert [event.answer for event in peer.bob.told_of(OfferAnswered)] == [ANSWER]


def test_two_of_ours_understand_each_other() -> None:
    call = Call(Network())
    call.run()
    call.bob.agent.progress(call.bobs_session, 183, call.network.now, description=ANSWER)
    call.run()
    call.bob.agent.accept(call.bobs_session, None, call.network.now)
    call.run()
    wanted = ["INVITE >", "< 100 INVITE", "< 183 INVITE", "PRACK >", "< 200 PRACK", "< 200 INVITE", "ACK >"]
    assert call.network.ladder() == wanted
    assert {carried.sender for carried in call.network.carried} == {ALICE, BOB}


def test_responses_to_a_prack_of_a_call_that_is_over_are_nothing() -> None:
    peer = Callee()
    (prack,) = ring(peer, 7)
    peer.answer(peer.invite, 486)
    peer.answer(prack, 200)
    peer.wait(70)
    assert peer.bob.agent.leftovers() == 0
