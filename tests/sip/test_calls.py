"""Calls from beginning to end, between two user agents."""

import pytest

from sip.events import Accepted, Acknowledged, InviteReceived, Progressed, Rejected, SessionEnded
from tests.sip.network import ANSWER, OFFER, Call, Network


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_call_rings_is_answered_and_ends(transport: str) -> None:
    call = Call(Network(transport=transport)).confirm()
    call.alice.agent.end(call.session, call.network.now)
    call.run()
    assert call.network.ladder() == [
        "INVITE >",
        "< 100 INVITE",
        "< 180 INVITE",
        "< 200 INVITE",
        "ACK >",
        "BYE >",
        "< 200 BYE",
    ]
    (invite,) = call.bob.told_of(InviteReceived)
    assert invite.offer == OFFER
    assert [event.answer for event in call.bob.told_of(Acknowledged)] == [None]
    assert [event.response.status for event in call.alice.told_of(Progressed)] == [180]
    assert [event.description for event in call.alice.told_of(Accepted)] == [ANSWER]
    assert [event.cause for event in call.bob.told_of(SessionEnded)] == ["bye"]
    assert call.alice.told_of(SessionEnded) == []


def test_the_callee_may_end_too() -> None:
    call = Call().confirm()
    call.bob.agent.end(call.bobs_session, call.network.now, reason='Q.850;cause=16;text="Terminated"')
    call.run()
    assert call.network.ladder()[-2:] == ["< BYE", "200 BYE >"]
    assert [(event.cause, event.reason) for event in call.alice.told_of(SessionEnded)] == [("bye", 'Q.850;cause=16;text="Terminated"')]


def test_busy_is_told_and_acknowledged() -> None:
    call = Call()
    call.run()
    call.bob.agent.reject(call.bobs_session, 486, call.network.now)
    call.run()
    assert call.network.ladder()[-2:] == ["< 486 INVITE", "ACK >"]
    assert [event.status for event in call.alice.told_of(Rejected)] == [486]


def test_cancel_while_ringing() -> None:
    call = Call()
    call.run()
    call.bob.agent.progress(call.bobs_session, 180, call.network.now)
    call.run()
    call.alice.agent.end(call.session, call.network.now)
    call.run()
    assert call.network.ladder()[-5:] == ["CANCEL >", "< 200 CANCEL", "< 487 INVITE", "ACK >"][-5:] or call.network.ladder()[-4:] == [
        "CANCEL >",
        "< 200 CANCEL",
        "< 487 INVITE",
        "ACK >",
    ]
    assert [event.cause for event in call.bob.told_of(SessionEnded)] == ["cancelled"]
    assert call.alice.told_of(Rejected) == []
