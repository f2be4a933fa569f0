"""Inside a confirmed dialog: re-INVITE in both directions, glare, INFO, order of requests, BYE."""

from typing import Any

import pytest

from sip.events import Acknowledged, InfoReceived, OfferAnswered, OfferReceived, OfferRejected, SessionEnded
from sip.message import Request, Response
from tests.sip.caller import Callee
from tests.sip.network import ANSWER, OFFER, Call
from tests.sip.peer import SDP_ANSWER, SDP_OFFER, Peer, methods, statuses


def called() -> Callee:
    """A confirmed call of Bob's."""
    peer = Callee()
    peer.accept()
    return peer


def test_their_offer_is_told_answered_and_acknowledged() -> None:
    peer = called()
    assert statuses(peer.ask("INVITE", body=SDP_OFFER)) == [100]
    assert [event.offer for event in peer.bob.told_of(OfferReceived)] == [OFFER]
    peer.bob.agent.accept(peer.called, ANSWER, peer.network.now)
    (answer,) = peer.heard()
    assert isinstance(answer, Response)
    assert (answer.status, answer.body) == (200, SDP_ANSWER)
    peer.ask("ACK")
    assert [event.answer for event in peer.bob.told_of(Acknowledged)] == [None]
    assert peer.wait(40) == []


def test_their_offer_may_be_refused_and_the_call_goes_on() -> None:
    peer = called()
    peer.ask("INVITE", body=SDP_OFFER)
    peer.bob.agent.reject(peer.called, 488, peer.network.now)
    assert statuses(peer.heard()) == [488]
    assert peer.bob.told_of(SessionEnded) == []


def test_their_reinvite_without_offer_gets_ours_and_the_ack_answers() -> None:
    peer = called()
    peer.ask("INVITE")
    assert [event.offer for event in peer.bob.told_of(OfferReceived)] == [None]
    peer.bob.agent.accept(peer.called, OFFER, peer.network.now)
    peer.heard()
    peer.ask("ACK", body=SDP_ANSWER)
    assert [event.answer for event in peer.bob.told_of(Acknowledged)] == [ANSWER]


def test_an_offer_of_nonsense_is_refused_and_not_told() -> None:
    peer = called()
    assert statuses(peer.ask("INVITE", body=b"nonsense")) == [400]
    assert peer.bob.told_of(OfferReceived) == []


def test_a_reinvite_moves_the_remote_target_once_accepted() -> None:
    peer = called()
    peer.say(
        "INVITE",
        call_id=peer.invite.call_id,
        from_tag="fork",
        to_tag=peer.invite.from_.tag,
        contact="<sip:peer@192.0.2.99:5099>",
        body=SDP_OFFER,
    )
    peer.bob.agent.accept(peer.called, ANSWER, peer.network.now)
    peer.ask("ACK")
    peer.bob.agent.end(peer.called, peer.network.now)
    (bye,) = [message for message in peer.heard() if isinstance(message, Request)]
    assert bye.uri == "sip:peer@192.0.2.99:5099"


def test_a_second_reinvite_before_the_first_is_answered_gets_500() -> None:
    peer = called()
    peer.ask("INVITE", cseq=1, body=SDP_OFFER)
    (refusal,) = peer.ask("INVITE", cseq=2, body=SDP_OFFER)
    assert isinstance(refusal, Response)
    assert refusal.status == 500
    assert 0 <= int(refusal.header("Retry-After") or "-1") <= 10


def test_a_reinvite_while_ours_is_under_way_gets_491() -> None:
    peer = called()
    peer.bob.agent.reoffer(peer.called, OFFER, peer.network.now)
    assert methods(peer.heard()) == ["INVITE"]
    assert statuses(peer.ask("INVITE", body=SDP_OFFER)) == [491]


def test_a_cancelled_reinvite_is_terminated_and_the_call_goes_on() -> None:
    peer = called()
    tags: Any = {"call_id": peer.invite.call_id, "from_tag": "fork", "to_tag": peer.invite.from_.tag, "branch": "z9hG4bKre"}
    peer.say("INVITE", body=SDP_OFFER, **tags)
    assert statuses(peer.say("CANCEL", **tags)) == [200, 487]
    peer.bob.agent.accept(peer.called, ANSWER, peer.network.now)
    assert peer.heard() == []
    assert peer.bob.told_of(SessionEnded) == []


def test_an_owner_who_never_answers_a_reinvite_is_answered_for() -> None:
    peer = called()
    peer.ask("INVITE", body=SDP_OFFER)
    assert 500 in statuses(peer.wait(33))


def test_our_offer_is_answered_and_acknowledged() -> None:
    peer = called()
    peer.bob.agent.reoffer(peer.called, OFFER, peer.network.now)
    (reinvite,) = peer.requests()
    assert reinvite.cseq.number == peer.invite.cseq.number + 1
    assert reinvite.to.tag == "fork"
    assert methods(peer.answer(reinvite, 200, body=SDP_ANSWER)) == ["ACK"]
    assert [event.answer for event in peer.bob.told_of(OfferAnswered)] == [ANSWER]
    assert methods(peer.answer(reinvite, 200, body=SDP_ANSWER)) == ["ACK"]
    assert len(peer.bob.told_of(OfferAnswered)) == 1


@pytest.mark.parametrize(("owns", "low", "high"), [(True, 2.1, 4.0), (False, 0.0, 2.0)])
def test_glare_on_our_offer_says_when_to_try_again(owns: bool, low: float, high: float) -> None:
    if owns:
        peer: Peer = called()
        session = peer.called  # type: ignore[attr-defined]
    else:
        peer = Peer()
        peer.confirm()
        session = peer.session
    peer.bob.agent.reoffer(session, OFFER, peer.network.now)
    (reinvite,) = peer.heard()
    assert isinstance(reinvite, Request)
    peer.answer(reinvite, 491)
    (rejected,) = peer.bob.told_of(OfferRejected)
    assert rejected.status == 491
    assert rejected.retry_in is not None
    assert low <= rejected.retry_in <= high


def test_both_sides_at_once_both_get_491_and_the_call_goes_on() -> None:
    call = Call().confirm()
    call.alice.agent.reoffer(call.session, OFFER, call.network.now)
    call.bob.agent.reoffer(call.bobs_session, ANSWER, call.network.now)
    call.run()
    for station in (call.alice, call.bob):
        assert [event.status for event in station.told_of(OfferRejected)] == [491]
        assert station.told_of(SessionEnded) == []


def test_an_offer_of_ours_while_one_is_under_way_is_rejected_at_once() -> None:
    peer = called()
    peer.bob.agent.reoffer(peer.called, OFFER, peer.network.now)
    peer.heard()
    peer.bob.agent.reoffer(peer.called, OFFER, peer.network.now)
    assert peer.heard() == []
    assert [event.status for event in peer.bob.told_of(OfferRejected)] == [491]


def test_another_failure_of_our_offer_is_told_and_the_call_goes_on() -> None:
    peer = called()
    peer.bob.agent.reoffer(peer.called, OFFER, peer.network.now)
    (reinvite,) = peer.requests()
    peer.answer(reinvite, 488)
    assert [(event.status, event.retry_in) for event in peer.bob.told_of(OfferRejected)] == [(488, None)]
    assert peer.bob.told_of(SessionEnded) == []


@pytest.mark.parametrize("status", [408, 481])
def test_a_dialog_that_the_other_side_does_not_know_is_over(status: int) -> None:
    peer = called()
    peer.bob.agent.reoffer(peer.called, OFFER, peer.network.now)
    (reinvite,) = peer.requests()
    assert methods(peer.answer(reinvite, status)) == ["ACK", "BYE"]
    assert [event.cause for event in peer.bob.told_of(SessionEnded)] == ["timeout"]


def test_no_answer_to_our_offer_ends_the_call() -> None:
    peer = called()
    peer.bob.agent.reoffer(peer.called, OFFER, peer.network.now)
    assert "BYE" in methods(peer.wait(33))
    assert [event.cause for event in peer.bob.told_of(SessionEnded)] == ["timeout"]


@pytest.mark.parametrize("content_type", ["application/dtmf-relay", "Application/DTMF; charset=utf-8"])
def test_digits_by_info_are_answered_and_told(content_type: str) -> None:
    peer = called()
    assert statuses(peer.ask("INFO", headers=(f"Content-Type: {content_type}",), body=b"Signal=5")) == [200]
    (info,) = peer.bob.told_of(InfoReceived)
    assert (info.content_type, info.body) == (content_type.partition(";")[0].lower(), b"Signal=5")


def test_an_info_of_another_kind_gets_415_and_an_empty_one_200() -> None:
    peer = called()
    assert statuses(peer.ask("INFO", headers=("Content-Type: text/plain",), body=b"hello")) == [415]
    assert statuses(peer.ask("INFO", cseq=2)) == [200]
    assert peer.bob.told_of(InfoReceived) == []


def test_our_info_goes_inside_the_dialog() -> None:
    peer = called()
    peer.bob.agent.info(peer.called, "application/dtmf-relay", b"Signal=1\r\nDuration=160\r\n", peer.network.now)
    (info,) = peer.requests()
    assert (info.method, info.content_type, info.body) == ("INFO", "application/dtmf-relay", b"Signal=1\r\nDuration=160\r\n")
    peer.answer(info, 415)
    assert peer.bob.told_of(SessionEnded) == []


def test_481_to_our_info_ends_the_call() -> None:
    peer = called()
    peer.bob.agent.info(peer.called, "application/dtmf", b"1", peer.network.now)
    (info,) = peer.requests()
    peer.answer(info, 481)
    assert [event.cause for event in peer.bob.told_of(SessionEnded)] == ["timeout"]


def test_a_request_older_than_the_last_gets_500() -> None:
    peer = called()
    peer.ask("INFO", cseq=10)
    assert statuses(peer.ask("INFO", cseq=9)) == [500]


def test_a_wrong_tag_gets_481() -> None:
    peer = called()
    assert statuses(peer.ask("BYE", tag="stranger")) == [481]
    assert statuses(peer.say("BYE", call_id=peer.invite.call_id, to_tag="stranger", from_tag="fork")) == [481]
    assert peer.bob.told_of(SessionEnded) == []


@pytest.mark.parametrize("method", ["NOTIFY", "MESSAGE", "NONSENSE"])
def test_a_method_that_is_not_served_gets_405_with_allow(method: str) -> None:
    peer = called()
    (refusal,) = peer.ask(method)
    assert isinstance(refusal, Response)
    assert refusal.status == 405
    allowed = refusal.items("Allow")
    assert method not in allowed
    assert {"INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "REGISTER", "INFO"} <= set(allowed)


def test_options_inside_and_outside_a_dialog_say_what_we_can() -> None:
    peer = called()
    for heard in (peer.ask("OPTIONS"), peer.say("OPTIONS", call_id="outside")):
        (answer,) = heard
        assert isinstance(answer, Response)
        assert (answer.status, answer.header("Accept")) == (200, "application/sdp")
        assert {"replaces", "norefersub"} <= set(answer.items("Supported"))
        assert answer.header("Allow") is not None


def test_a_bye_is_sent_again_until_answered_and_then_forgotten() -> None:
    peer = called()
    peer.bob.agent.end(peer.called, peer.network.now)
    assert peer.bob.agent.live_sessions == 0
    assert peer.bob.agent.in_hand == 1
    (bye,) = peer.requests()
    assert methods(peer.wait(1.6)) == ["BYE", "BYE"]
    peer.answer(bye, 200)
    assert peer.bob.agent.in_hand == 0
    peer.wait(40)
    assert peer.bob.agent.leftovers() == 0


def test_a_reinvite_shows_that_our_success_arrived() -> None:
    peer = Peer()
    tag = peer.confirm(ack=False)
    assert statuses(peer.say("INVITE", cseq=2, to_tag=tag, body=SDP_OFFER)) == [100]
    assert len(peer.bob.told_of(Acknowledged)) == 1
    assert len(peer.bob.told_of(OfferReceived)) == 1


def test_an_offer_of_ours_that_is_never_answered_for_good_is_given_up() -> None:
    peer = called()
    peer.bob.agent.reoffer(peer.called, OFFER, peer.network.now)
    (reinvite,) = peer.requests()
    peer.answer(reinvite, 100, tag="")
    assert set(methods(peer.wait(33))) == {"BYE"}
    assert [event.cause for event in peer.bob.told_of(SessionEnded)] == ["timeout"]


def test_an_offer_of_ours_is_forgotten_with_the_call() -> None:
    peer = called()
    peer.bob.agent.reoffer(peer.called, OFFER, peer.network.now)
    (reinvite,) = peer.requests()
    peer.answer(reinvite, 100, tag="")
    peer.ask("BYE")
    peer.wait(70)
    assert peer.bob.agent.leftovers() == 0
