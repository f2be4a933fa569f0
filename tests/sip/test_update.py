"""UPDATE (RFC 3311), from either side, in early and confirmed dialogs."""

import pytest

from sip.events import Accepted, OfferAnswered, OfferReceived, OfferRejected, SessionEnded
from sip.message import Request, Response
from tests.sip.caller import Callee
from tests.sip.network import ANSWER, OFFER
from tests.sip.peer import SDP_ANSWER, SDP_OFFER, Peer, methods, statuses

ALLOWS = "Allow: INVITE, ACK, CANCEL, BYE, PRACK, UPDATE"


def called(*headers: str) -> Callee:
    """A confirmed call of Bob's."""
    peer = Callee()
    peer.accept(headers=headers)
    return peer


def early_call(*, tag: str = "fork", peer: Callee | None = None, headers: tuple[str, ...] = (ALLOWS,)) -> Callee:
    """A call of Bob's in which the offer was answered reliably, and which rings."""
    peer = peer or Callee()
    heard = peer.answer(peer.invite, 183, tag=tag, headers=("Require: 100rel", "RSeq: 1", *headers), body=SDP_ANSWER)
    (prack,) = [message for message in heard if isinstance(message, Request)]
    peer.answer(prack, 200)
    return peer


def early_caller() -> tuple[Peer, str]:
    """A call of the peer's in which Bob has answered the offer reliably, and Bob's tag."""
    peer = Peer()
    peer.say("INVITE", headers=("Supported: 100rel", ALLOWS), body=SDP_OFFER)
    peer.bob.agent.progress(peer.session, 183, peer.network.now, description=ANSWER)
    (answer,) = peer.heard()
    peer.say("PRACK", cseq=2, to_tag=answer.to.tag, headers=(f"RAck: {answer.header('RSeq')} 1 INVITE",))
    return peer, answer.to.tag


# theirs


def test_an_offer_is_told_and_answered() -> None:
    peer = called()
    assert peer.ask("UPDATE", body=SDP_OFFER) == []
    assert [event.offer for event in peer.bob.told_of(OfferReceived)] == [OFFER]
    peer.bob.agent.accept(peer.called, ANSWER, peer.network.now)
    (okay,) = peer.heard()
    assert (statuses([okay]), okay.body, okay.cseq.method) == ([200], SDP_ANSWER, "UPDATE")
    assert okay.contacts[0].uri == "sip:192.0.2.2:5060"
    assert {"UPDATE", "PRACK"} <= set(okay.items("Allow"))
    assert "timer" in okay.items("Supported")
    assert peer.wait(40) == [], "no ACK is waited for"


def test_an_offer_may_be_refused_and_the_call_goes_on() -> None:
    peer = called()
    peer.ask("UPDATE", body=SDP_OFFER)
    peer.bob.agent.reject(peer.called, 488, peer.network.now)
    assert statuses(peer.heard()) == [488]
    assert peer.bob.told_of(SessionEnded) == []


def test_without_an_offer_it_is_answered_at_once_and_moves_the_target() -> None:
    peer = called()
    heard = peer.say(
        "UPDATE", call_id=peer.invite.call_id, from_tag="fork", to_tag=peer.invite.from_.tag, contact="<sip:peer@192.0.2.99:5099>"
    )
    assert statuses(heard) == [200]
    assert peer.bob.told_of(OfferReceived) == []
    peer.bob.agent.end(peer.called, peer.network.now)
    (bye,) = peer.requests()
    assert bye.uri == "sip:peer@192.0.2.99:5099"


def test_an_accepted_offer_moves_the_target_and_a_refused_one_does_not() -> None:
    for accepts, uri in ((True, "sip:peer@192.0.2.99:5099"), (False, "sip:peer@192.0.2.77:5070")):
        peer = called()
        tags = {"call_id": peer.invite.call_id, "from_tag": "fork", "to_tag": peer.invite.from_.tag}
        peer.say("UPDATE", body=SDP_OFFER, contact="<sip:peer@192.0.2.99:5099>", **tags)  # type: ignore[arg-type]
        if accepts:
            peer.bob.agent.accept(peer.called, ANSWER, peer.network.now)
        else:
            peer.bob.agent.reject(peer.called, 488, peer.network.now)
        peer.heard()
        peer.bob.agent.end(peer.called, peer.network.now)
        assert [request.uri for request in peer.requests()] == [uri]


def test_an_update_before_the_one_before_it_is_answered_gets_500() -> None:
    peer = called()
    peer.ask("UPDATE", body=SDP_OFFER)
    for body in (SDP_OFFER, b""):
        (refusal,) = peer.ask("UPDATE", cseq=2, body=body)
        assert isinstance(refusal, Response)
        assert refusal.status == 500
        assert 0 <= int(refusal.header("Retry-After") or "-1") <= 10


def test_an_offer_amid_their_own_reinvite_gets_500_and_a_bare_update_200() -> None:
    peer = called()
    peer.ask("INVITE", body=SDP_OFFER)
    assert statuses(peer.ask("UPDATE", cseq=2, body=SDP_OFFER)) == [500]
    assert statuses(peer.ask("UPDATE", cseq=3)) == [200]


def test_an_offer_amid_ours_gets_491_and_a_bare_update_200() -> None:
    peer = called()
    peer.bob.agent.reoffer(peer.called, OFFER, peer.network.now)
    peer.heard()
    assert statuses(peer.ask("UPDATE", body=SDP_OFFER)) == [491]
    assert statuses(peer.ask("UPDATE", cseq=2)) == [200]


def test_an_offer_while_our_success_waits_for_the_answer_gets_491() -> None:
    peer = Peer()
    peer.say("INVITE")
    peer.bob.agent.accept(peer.session, OFFER, peer.network.now)
    tag = peer.tag_of(peer.heard())
    assert statuses(peer.say("UPDATE", cseq=2, to_tag=tag, body=SDP_OFFER)) == [491]


def test_an_offer_of_nonsense_is_refused_and_not_told() -> None:
    peer = called()
    assert statuses(peer.ask("UPDATE", body=b"nonsense")) == [400]
    assert peer.bob.told_of(OfferReceived) == []


def test_an_owner_who_never_answers_is_answered_for() -> None:
    peer = called()
    peer.ask("UPDATE", body=SDP_OFFER)
    assert 500 in statuses(peer.wait(33))


def test_an_update_of_a_call_that_we_are_ending_is_not_told() -> None:
    peer = Peer()
    tag = peer.confirm(ack=False)
    peer.bob.agent.end(peer.session, peer.network.now)
    assert statuses(peer.say("UPDATE", cseq=2, to_tag=tag, body=SDP_OFFER)) == [491]
    assert peer.bob.told_of(OfferReceived) == []


# theirs, early


def test_a_caller_may_offer_anew_once_he_was_answered_reliably() -> None:
    peer, tag = early_caller()
    assert peer.say("UPDATE", cseq=3, to_tag=tag, body=SDP_OFFER) == []
    peer.bob.agent.accept(peer.session, ANSWER, peer.network.now)
    (okay,) = peer.heard()
    assert (okay.cseq.method, okay.body) == ("UPDATE", SDP_ANSWER)
    peer.bob.agent.accept(peer.session, ANSWER, peer.network.now)
    (success,) = peer.heard()
    assert (success.cseq.method, success.body) == ("INVITE", b"")


@pytest.mark.parametrize("description", [None, ANSWER])
def test_a_caller_who_was_not_answered_for_good_has_to_wait(description: object) -> None:
    peer = Peer()
    peer.say("INVITE", headers=(ALLOWS,), body=SDP_OFFER)
    peer.bob.agent.progress(peer.session, 183, peer.network.now, description=description)  # type: ignore[arg-type]
    tag = peer.tag_of(peer.heard())
    (refusal,) = peer.say("UPDATE", cseq=2, to_tag=tag, body=SDP_OFFER)
    assert statuses([refusal]) == [500]
    assert refusal.header("Retry-After") is not None


def test_an_update_that_overtook_the_prack_is_taken() -> None:
    peer = Peer()
    peer.say("INVITE", headers=("Supported: 100rel", ALLOWS), body=SDP_OFFER)
    peer.bob.agent.progress(peer.session, 183, peer.network.now, description=ANSWER)
    tag = peer.tag_of(peer.heard())
    peer.say("UPDATE", cseq=3, to_tag=tag, body=SDP_OFFER)
    assert len(peer.bob.told_of(OfferReceived)) == 1


def test_an_offer_in_a_prack_is_refused_while_the_one_in_an_update_waits() -> None:
    peer = Peer()
    peer.say("INVITE", headers=("Supported: 100rel", ALLOWS), body=SDP_OFFER)
    peer.bob.agent.progress(peer.session, 183, peer.network.now, description=ANSWER)
    (answer,) = peer.heard()
    peer.say("UPDATE", cseq=2, to_tag=answer.to.tag, body=SDP_OFFER)
    rack = f"RAck: {answer.header('RSeq')} 1 INVITE"
    assert statuses(peer.say("PRACK", cseq=3, to_tag=answer.to.tag, headers=(rack,), body=SDP_OFFER)) == [491]
    peer.bob.agent.accept(peer.session, ANSWER, peer.network.now)
    (okay,) = peer.heard()
    assert (okay.cseq.method, okay.body) == ("UPDATE", SDP_ANSWER)
    peer.bob.agent.end(peer.session, peer.network.now)
    peer.wait(200)
    assert peer.bob.agent.leftovers() == 0


def test_each_fork_may_offer_anew_and_is_told_by_its_tag() -> None:
    peer = early_call(tag="one")
    early_call(tag="two", peer=peer)
    peer.ask("UPDATE", tag="two", body=SDP_OFFER)
    assert [event.fork for event in peer.bob.told_of(OfferReceived)] == ["two"]
    peer.bob.agent.accept(peer.called, ANSWER, peer.network.now)
    (okay,) = peer.heard()
    assert (statuses([okay]), okay.from_.tag) == ([200], "two")
    assert statuses(peer.ask("UPDATE", tag="three", body=SDP_OFFER)) == [481]


def test_a_fork_whose_answer_is_not_for_good_gets_491() -> None:
    peer = Callee()
    peer.answer(peer.invite, 183, headers=(ALLOWS,), body=SDP_ANSWER)
    assert statuses(peer.ask("UPDATE", body=SDP_OFFER)) == [491]


def test_a_fork_that_lost_is_gone() -> None:
    peer = early_call(tag="one")
    early_call(tag="two", peer=peer)
    peer.accept(tag="two")
    assert statuses(peer.ask("UPDATE", tag="one", body=SDP_OFFER)) == [481]
    assert peer.ask("UPDATE", tag="two", body=SDP_OFFER) == []


def test_an_early_fork_moves_its_target() -> None:
    peer = early_call()
    tags = {"call_id": peer.invite.call_id, "from_tag": "fork", "to_tag": peer.invite.from_.tag}
    peer.say("UPDATE", contact="<sip:peer@192.0.2.99:5099>", **tags)  # type: ignore[arg-type]
    peer.bob.agent.reoffer(peer.called, OFFER, peer.network.now)
    assert [(request.method, request.uri) for request in peer.requests()] == [("UPDATE", "sip:peer@192.0.2.99:5099")]


# ours


def test_our_offer_goes_by_update_in_an_early_dialog() -> None:
    peer = early_call()
    peer.bob.agent.reoffer(peer.called, OFFER, peer.network.now)
    (update,) = peer.requests()
    assert (update.method, update.to.tag, update.body) == ("UPDATE", "fork", SDP_OFFER)
    assert update.contacts[0].uri == "sip:192.0.2.2:5060"
    assert update.header("Session-Expires") is None, "a session that did not begin cannot expire"
    peer.answer(update, 200, body=SDP_ANSWER)
    assert [event.answer for event in peer.bob.told_of(OfferAnswered)] == [ANSWER]
    peer.accept()
    assert len(peer.bob.told_of(Accepted)) == 1


def test_our_offer_goes_by_update_to_a_caller_who_has_acknowledged_our_answer() -> None:
    peer, tag = early_caller()
    peer.bob.agent.reoffer(peer.session, OFFER, peer.network.now)
    (update,) = peer.heard()
    assert isinstance(update, Request)
    assert (update.method, update.from_.tag) == ("UPDATE", tag)
    peer.answer(update, 200, tag="", body=SDP_ANSWER)
    assert [event.answer for event in peer.bob.told_of(OfferAnswered)] == [ANSWER]


@pytest.mark.parametrize("headers", [(), ("Allow: INVITE, ACK, BYE",)])
def test_a_peer_that_serves_no_update_cannot_be_asked_early(headers: tuple[str, ...]) -> None:
    peer = early_call(headers=headers)
    peer.bob.agent.reoffer(peer.called, OFFER, peer.network.now)
    assert peer.heard() == []
    assert [(event.status, event.retry_in) for event in peer.bob.told_of(OfferRejected)] == [(491, None)]


def test_in_a_confirmed_dialog_ours_is_a_reinvite() -> None:
    peer = called(ALLOWS)
    peer.bob.agent.reoffer(peer.called, OFFER, peer.network.now)
    assert methods(peer.heard()) == ["INVITE"]


@pytest.mark.parametrize(
    ("status", "headers", "low", "high"),
    [(491, (), 2.1, 4.0), (500, ("Retry-After: 7",), 7, 7), (488, (), None, None), (500, (), None, None), (481, (), None, None)],
)
def test_a_refusal_of_ours_says_when_to_try_again(status: int, headers: tuple[str, ...], low: float | None, high: float | None) -> None:
    peer = early_call()
    peer.bob.agent.reoffer(peer.called, OFFER, peer.network.now)
    (update,) = peer.requests()
    peer.answer(update, status, headers=headers)
    (rejected,) = peer.bob.told_of(OfferRejected)
    assert rejected.status == status
    if low is None or high is None:
        assert rejected.retry_in is None
    else:
        assert rejected.retry_in is not None
        assert low <= rejected.retry_in <= high
    assert peer.bob.told_of(SessionEnded) == []


def test_no_answer_to_ours_leaves_an_early_call_to_its_invite() -> None:
    peer = early_call()
    peer.bob.agent.reoffer(peer.called, OFFER, peer.network.now)
    peer.wait(33)
    assert [event.status for event in peer.bob.told_of(OfferRejected)] == [408]
    peer.accept()
    assert len(peer.bob.told_of(Accepted)) == 1


def test_an_offer_of_ours_is_forgotten_with_the_call() -> None:
    peer = early_call()
    peer.bob.agent.reoffer(peer.called, OFFER, peer.network.now)
    peer.answer(peer.invite, 486)
    peer.wait(70)
    assert peer.bob.agent.leftovers() == 0
    assert peer.bob.told_of(OfferAnswered) == []
    assert peer.bob.told_of(OfferRejected) == []


def test_an_update_of_ours_takes_the_route_of_its_dialog() -> None:
    peer = early_call(headers=(ALLOWS, "Record-Route: <sip:old@192.0.2.81>", "Record-Route: <sip:192.0.2.80;lr>"))
    peer.bob.agent.reoffer(peer.called, OFFER, peer.network.now)
    (update,) = peer.requests()
    assert update.values("Route") == ("<sip:192.0.2.80;lr>", "<sip:old@192.0.2.81>")
    strict = early_call(headers=(ALLOWS, "Record-Route: <sip:192.0.2.80;lr>", "Record-Route: <sip:old@192.0.2.81>"))
    strict.bob.agent.reoffer(strict.called, OFFER, strict.network.now)
    (update,) = strict.requests()
    assert update.uri == "sip:old@192.0.2.81"
    assert update.values("Route") == ("<sip:192.0.2.80;lr>", "<sip:peer@192.0.2.77:5070>")
