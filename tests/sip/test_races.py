"""Messages that cross: the flows of RFC 5407, by its sections, and what the two sides make of them."""

from typing import Any

import pytest

from sip.events import Acknowledged, OfferAnswered, OfferReceived, OfferRejected, SessionEnded
from sip.message import Request, Response
from tests.sip.caller import Callee
from tests.sip.network import ANSWER, OFFER, Call
from tests.sip.peer import SDP_ANSWER, SDP_OFFER, Peer, methods, statuses

INVITE: Any = {"branch": "z9hG4bKinvite"}


def called(*headers: str) -> Callee:
    """A confirmed call of Bob's."""
    peer = Callee()
    peer.accept(headers=headers)
    return peer


# 3.1, the 200 was sent and its ACK did not come yet


def test_3_1_1_an_invite_that_comes_again_is_not_a_new_one_and_not_answered_at_once() -> None:
    peer = Peer()
    peer.confirm(ack=False, **INVITE)
    assert peer.say("INVITE", body=SDP_OFFER, **INVITE) == []
    assert statuses(peer.wait(0.6)) == [200]


def test_3_1_2_a_cancel_comes_too_late() -> None:
    peer = Peer()
    tag = peer.confirm(ack=False, **INVITE)
    assert statuses(peer.say("CANCEL", **INVITE)) == [200]
    peer.say("ACK", to_tag=tag)
    assert methods(peer.say("BYE", cseq=2, to_tag=tag)) == []
    assert [event.cause for event in peer.bob.told_of(SessionEnded)] == ["bye"]


def test_3_1_3_a_bye_of_the_early_dialog_ends_it_and_the_200_is_not_sent_again() -> None:
    peer = Peer()
    tag = peer.confirm(ack=False)
    assert statuses(peer.say("BYE", cseq=2, to_tag=tag)) == [200]
    assert peer.wait(40) == []
    assert peer.say("ACK", to_tag=tag) == []


def test_3_1_4_a_reinvite_before_the_ack_is_answered() -> None:
    peer = Peer()
    tag = peer.confirm(ack=False)
    assert statuses(peer.say("INVITE", cseq=2, to_tag=tag, body=SDP_OFFER)) == [100]
    peer.bob.agent.accept(peer.session, ANSWER, peer.network.now)
    assert statuses(peer.heard()) == [200]
    assert peer.say("ACK", to_tag=tag) == [], "the first one's ACK, late"
    peer.say("ACK", cseq=2, to_tag=tag)
    assert peer.wait(40) == []
    assert peer.bob.told_of(SessionEnded) == []


def test_3_1_5_a_reinvite_before_the_ack_that_answers_gets_491_and_the_200_goes_on() -> None:
    peer = Peer()
    peer.say("INVITE")
    peer.bob.agent.accept(peer.session, OFFER, peer.network.now)
    tag = peer.tag_of(peer.heard())
    assert statuses(peer.say("INVITE", cseq=2, to_tag=tag, body=SDP_OFFER, branch="z9hG4bKre")) == [491]
    peer.say("ACK", cseq=2, to_tag=tag, branch="z9hG4bKre")
    assert statuses(peer.wait(0.6)) == [200]
    peer.say("ACK", to_tag=tag, body=SDP_ANSWER)
    assert [event.answer for event in peer.bob.told_of(Acknowledged)] == [ANSWER]


def test_3_1_6_a_bye_before_the_ack_ends_the_call() -> None:
    peer = Peer()
    tag = peer.confirm(ack=False)
    assert statuses(peer.say("BYE", cseq=3, to_tag=tag)) == [200]
    assert peer.bob.told_of(Acknowledged) == []
    peer.wait(40)
    assert peer.bob.agent.leftovers() == 0


# 3.2, our BYE is on its way


def test_3_2_1_byes_that_cross_are_both_answered_200() -> None:
    peer = called()
    peer.bob.agent.end(peer.called, peer.network.now)
    (bye,) = peer.requests()
    assert statuses(peer.ask("BYE")) == [200]
    peer.answer(bye, 200)
    assert statuses(peer.ask("BYE", cseq=2)) == [481], "nothing is known of the call any more"
    peer.wait(40)
    assert peer.bob.agent.leftovers() == 0


def test_3_2_1_between_two_of_ours_neither_is_told_481() -> None:
    call = Call().confirm()
    call.alice.agent.end(call.session, call.network.now)
    call.bob.agent.end(call.bobs_session, call.network.now)
    call.run()
    assert call.network.ladder()[-4:] == ["BYE >", "< BYE", "200 BYE >", "< 200 BYE"]


@pytest.mark.parametrize("method", ["INVITE", "UPDATE", "INFO", "PRACK"])
def test_3_2_2_anything_else_gets_481_while_our_bye_is_on_its_way(method: str) -> None:
    peer = called()
    peer.bob.agent.end(peer.called, peer.network.now)
    peer.heard()
    assert statuses(peer.ask(method, body=SDP_OFFER)) == [481]


def test_3_2_3_the_success_of_our_reinvite_is_acknowledged_after_our_bye() -> None:
    peer = called()
    peer.bob.agent.reoffer(peer.called, OFFER, peer.network.now)
    (reinvite,) = peer.requests()
    peer.bob.agent.end(peer.called, peer.network.now)
    peer.heard()
    assert methods(peer.answer(reinvite, 200, body=SDP_ANSWER)) == ["ACK"]
    assert peer.bob.told_of(OfferAnswered) == []


def test_3_2_4_an_ack_after_our_bye_is_a_counted_nothing() -> None:
    peer = Peer()
    tag = peer.confirm(ack=False)
    peer.wait(32.1)
    assert [event.cause for event in peer.bob.told_of(SessionEnded)] == ["no_ack"]
    assert peer.say("ACK", to_tag=tag) == []
    assert peer.bob.agent.counters["dropped_stray_ack"] == 1


# 3.3


def test_3_3_1_reinvites_that_cross_both_get_491_and_both_may_try_again() -> None:
    call = Call().confirm()
    call.alice.agent.reoffer(call.session, OFFER, call.network.now)
    call.bob.agent.reoffer(call.bobs_session, ANSWER, call.network.now)
    call.run()
    waits = [station.told_of(OfferRejected)[0].retry_in or 0.0 for station in (call.alice, call.bob)]
    assert 2.1 <= waits[0] <= 4.0
    assert 0.0 <= waits[1] <= 2.0
    call.run(waits[1])
    call.bob.agent.reoffer(call.bobs_session, ANSWER, call.network.now)
    call.run()
    call.alice.agent.accept(call.session, ANSWER, call.network.now)
    call.run()
    assert len(call.bob.told_of(OfferAnswered)) == 1


def test_3_3_2_an_update_and_a_reinvite_that_cross_both_get_491() -> None:
    peer = called()
    peer.bob.agent.reoffer(peer.called, OFFER, peer.network.now)
    (reinvite,) = peer.requests()
    assert statuses(peer.ask("UPDATE", body=SDP_OFFER)) == [491]
    assert methods(peer.answer(reinvite, 491)) == ["ACK"]
    assert [event.status for event in peer.bob.told_of(OfferRejected)] == [491]
    assert peer.bob.told_of(OfferReceived) == []


def test_3_3_2_an_update_of_ours_crosses_an_update_of_theirs_in_the_early_dialog() -> None:
    peer = Callee()
    peer.answer(peer.invite, 183, headers=("Require: 100rel", "RSeq: 1", "Allow: INVITE, UPDATE"), body=SDP_ANSWER)
    peer.bob.agent.reoffer(peer.called, OFFER, peer.network.now)
    assert statuses(peer.ask("UPDATE", body=SDP_OFFER)) == [491]


# the notes at its end


def test_a_bye_overtakes_the_answer_to_their_reinvite() -> None:
    peer = called()
    peer.ask("INVITE", cseq=1, body=SDP_OFFER)
    heard = peer.ask("BYE", cseq=2)
    assert [(message.cseq.method, statuses([message])) for message in heard] == [("BYE", [200]), ("INVITE", [487])]
    peer.wait(70)
    assert peer.bob.agent.leftovers() == 0


def test_a_bye_of_ours_ends_a_call_amid_their_update() -> None:
    peer = called()
    peer.ask("UPDATE", body=SDP_OFFER)
    peer.bob.agent.end(peer.called, peer.network.now)
    heard = peer.heard()
    assert (methods(heard), statuses(heard)) == (["BYE"], [487])


def test_a_success_that_crosses_our_cancel_is_acknowledged_and_hung_up_once() -> None:
    peer = Callee()
    peer.answer(peer.invite, 180)
    peer.bob.agent.end(peer.called, peer.network.now)
    peer.heard()
    assert methods(peer.accept()) == ["ACK", "BYE"]


def test_a_fork_that_answers_second_is_hung_up_once_however_often_it_says_so() -> None:
    peer = Callee()
    peer.accept(tag="one")
    assert methods(peer.accept(tag="two")) == ["ACK", "BYE"]
    assert methods(peer.accept(tag="two")) == ["ACK"]
    assert peer.bob.told_of(SessionEnded) == []


def test_a_prack_that_crosses_a_cancel_finds_nothing() -> None:
    peer = Peer()
    peer.say("INVITE", headers=("Supported: 100rel",), body=SDP_OFFER, **INVITE)
    peer.bob.agent.progress(peer.session, 183, peer.network.now, description=ANSWER)
    (answer,) = peer.heard()
    assert isinstance(answer, Response)
    peer.say("CANCEL", **INVITE)
    heard = peer.say("PRACK", cseq=2, to_tag=answer.to.tag, headers=(f"RAck: {answer.header('RSeq')} 1 INVITE",))
    assert statuses(heard) == [481]


def test_the_retransmitted_request_that_ended_a_call_is_answered_again() -> None:
    peer = called()
    assert statuses(peer.ask("BYE", headers=("X: 1",))) == [200]
    last = peer.network.carried[-1].message
    bye = Request(
        "BYE",
        "sip:bob@192.0.2.2",
        [(name, last.values(name)[0]) for name in ("Via", "From", "To", "Call-ID", "CSeq")] + [("Max-Forwards", "70")],
    )
    assert statuses(peer.send(bye.serialize())) == [200]
