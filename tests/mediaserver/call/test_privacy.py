"""A call that its agent marks private, input by input."""

from mediaserver.call.actions import CloseLeg, EndLeg, RefuseRequest, RejectLeg
from mediaserver.call.inputs import PrivacyMarked, Supervisor, SupervisorCalled, Target
from mixer.modes import Mode
from tests.mediaserver.call.playbook import AGENT, CUSTOMER, SUE, TOM, arrives, supervised, talking


def test_every_supervisor_leaves_and_the_parties_are_not_touched() -> None:
    play = supervised(Mode.BARGE).whatever(PrivacyMarked(AGENT, True))
    assert [action.leg for action in play.did(EndLeg)] == [SUE]
    assert [action.leg for action in play.did(CloseLeg)] == [SUE]
    assert play.detail("supervisor.left") == {"cause": "private"}
    assert play.call.view().is_private


def test_nobody_is_let_in_meanwhile_by_phone_or_api() -> None:
    play = talking().whatever(PrivacyMarked(AGENT, True), arrives())
    (rejected,) = play.did(RejectLeg)
    assert rejected.status == 403
    play.whatever(SupervisorCalled(TOM, Supervisor("id", "name", Mode.LISTEN), Target("uri", "sip:tom@192.0.2.7"), 7))
    assert [(action.request, action.code) for action in play.did(RefuseRequest)] == [(7, "private")]


def test_it_is_public_again_when_he_takes_it_back() -> None:
    play = talking().whatever(PrivacyMarked(AGENT, True), PrivacyMarked(AGENT, False), arrives())
    assert play.did(RejectLeg) == []
    assert not play.call.view().is_private


def test_the_customer_has_no_say_in_it() -> None:
    play = supervised().whatever(PrivacyMarked(CUSTOMER, True))
    assert play.last == []
    assert not play.call.view().is_private


def test_marking_it_twice_is_once() -> None:
    play = talking().whatever(PrivacyMarked(AGENT, True), PrivacyMarked(AGENT, True))
    assert play.last == []
