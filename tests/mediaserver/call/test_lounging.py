"""Lounges, and supervisors who go from there to calls and back; calls for help."""

import pytest

from mediaserver.call.actions import Admit, AdoptLeg, CloseLeg, EndLeg, HandOver, OpenLeg, PlaceLeg, PlaySound, Publish, RefuseRequest
from mediaserver.call.inputs import (
    HangUpRequested,
    HelpRequested,
    Input,
    LegEnded,
    LegHandedOver,
    LoungeOpened,
    ModeRequested,
    MoveRequested,
    PrivacyMarked,
    Rejected,
    Supervisor,
    SupervisorCalled,
    TakeOverRequested,
    Target,
)
from mediaserver.call.legs import SupervisorLeg
from mediaserver.call.view import CallState
from mixer.modes import Mode, Role
from tests.mediaserver.call.playbook import AGENT, CUSTOMER, SUE, Playbook, answered, arrives, invited, talking

PHONE = Target("uri", "sip:sue@192.0.2.9")
CALLED = SupervisorCalled(SUE, Supervisor("sue", "sue", Mode.LISTEN), PHONE, 7)


def lounge() -> Playbook:
    """Sue waits."""
    return Playbook(quietly=True).whatever(LoungeOpened(), CALLED, answered(SUE))


def handed_to(play: Playbook, moved: SupervisorLeg, *, is_covered: bool = True) -> Playbook:
    """She comes to a call."""
    return play.whatever(LegHandedOver(SUE, moved, is_covered))


def on_the_way() -> SupervisorLeg:
    """Sue's leg as the lounge hands it over."""
    play = lounge().whatever(MoveRequested(SUE, "c2"))
    (handed,) = play.did(HandOver)
    assert isinstance(handed.moved, SupervisorLeg)
    handed.moved.home = "home"
    return handed.moved


def test_who_is_rung_into_a_lounge_hears_the_comfort_tone_when_he_answers() -> None:
    play = Playbook(quietly=True)
    play.on(LoungeOpened()).does()
    play.on(CALLED).does(OpenLeg(SUE, Role.SUPERVISOR), PlaceLeg(SUE, PHONE, None, auto_answer=True))
    play.whatever(answered(SUE))
    assert PlaySound(SUE, "comfort", loop=True) in play.last
    assert play.call.view().state is CallState.LOUNGE


def test_nobody_speaks_in_a_lounge() -> None:
    refused = RefuseRequest(9, "conflict", "you wait for a call; there is nobody to speak to yet")
    lounge().on(ModeRequested(SUE, Mode.BARGE, Role.AGENT, 9)).does(refused)


def test_who_goes_leaves_an_empty_lounge_that_stays() -> None:
    play = lounge().whatever(MoveRequested(SUE, "c2"))
    assert [action.into for action in play.did(HandOver)] == ["c2"]
    assert play.call.view().legs == ()
    assert not play.call.is_over
    play.whatever(HangUpRequested(None, "left"))
    assert play.call.is_over


def test_a_lounge_ends_with_who_hangs_up_in_it() -> None:
    assert lounge().whatever(LegEnded(SUE, "bye")).call.is_over
    assert Playbook().whatever(LoungeOpened(), CALLED, Rejected(SUE, 486)).call.is_over


def test_a_lounge_is_no_call_that_began_or_ended() -> None:
    play = Playbook().whatever(LoungeOpened(), CALLED, answered(SUE), LegEnded(SUE, "bye"))
    assert [action.kind for action in play.did(Publish)] == ["supervisor.left"]


def test_a_conversation_becomes_no_lounge_and_a_lounge_no_conversation() -> None:
    assert talking().whatever(LoungeOpened()).call.view().state is CallState.ANSWERED
    assert lounge().whatever(invited()).call.view().state is CallState.LOUNGE


def test_who_follows_enters_in_listen_and_goes_home_when_the_call_ends() -> None:
    play = handed_to(talking(), on_the_way())
    assert play.did(AdoptLeg) == [AdoptLeg(SUE, Role.SUPERVISOR)]
    assert play.leg(SUE).mode is Mode.LISTEN
    play.whatever(ModeRequested(SUE, Mode.WHISPER, Role.AGENT, 9), LegEnded(CUSTOMER, "bye"))
    assert [action.into for action in play.did(HandOver)] == ["home"]
    assert SUE not in [action.leg for action in play.last if isinstance(action, EndLeg | CloseLeg)]
    assert Publish("supervisor.left", SUE, {"cause": "call_ended", "into": "home"}) in play.last


def test_who_may_not_be_in_the_call_or_has_no_seat_goes_home() -> None:
    assert [action.into for action in handed_to(talking(), on_the_way(), is_covered=False).did(HandOver)] == ["home"]
    full = talking(seats=3).whatever(arrives(51))
    assert [action.into for action in handed_to(full, on_the_way()).did(HandOver)] == ["home"]
    play = handed_to(talking(), on_the_way()).whatever(HangUpRequested(SUE, "ceiling"))
    assert [action.into for action in play.did(HandOver)] == ["home"]


LEAVES = [MoveRequested(SUE, "home"), PrivacyMarked(AGENT, is_private=True), HangUpRequested(SUE, "ceiling")]


@pytest.mark.parametrize("happened", LEAVES)
def test_who_took_a_call_over_and_goes_home_leaves_the_agent_there_again(happened: Input) -> None:
    play = handed_to(talking(), on_the_way()).whatever(TakeOverRequested(SUE, 8))
    assert play.leg(AGENT).is_aside
    play.whatever(happened)
    assert [action.into for action in play.did(HandOver)] == ["home"]
    assert Admit(AGENT, True) in play.last
    assert [action.kind for action in play.did(Publish)][-2:] == ["call.given_back", "supervisor.left"]
    assert not play.leg(AGENT).is_aside
    assert not play.call.is_over


@pytest.mark.parametrize("happened", [LEAVES[0], LEAVES[2]])
def test_who_goes_home_from_a_call_whose_agent_he_dropped_ends_it(happened: Input) -> None:
    play = handed_to(talking(), on_the_way()).whatever(TakeOverRequested(SUE, 8, drops_agent=True), happened)
    assert [action.into for action in play.did(HandOver)] == ["home"]
    assert play.call.is_over
    assert play.call.view().cause == "hang_up"
    assert SUE not in [action.leg for action in play.last if isinstance(action, EndLeg | CloseLeg)]


def test_who_leaves_by_himself_is_gone() -> None:
    play = handed_to(talking(), on_the_way()).whatever(HangUpRequested(SUE, "left"))
    assert CloseLeg(SUE) in play.last
    assert play.did(HandOver) == []


# help


def test_a_call_for_help_is_told_once_and_shown_until_somebody_comes() -> None:
    play = talking().whatever(HelpRequested("a refund", "anna"))
    assert play.did(Publish) == [Publish("call.help", None, {"text": "a refund", "by": "anna"})]
    assert play.call.view().help == "a refund"
    assert play.whatever(HelpRequested("a refund", "anna")).last == []
    play.whatever(arrives())
    assert Publish("call.help_over", 50, {"by": "name-50"}, "id-50") in play.last
    assert play.call.view().help is None


def test_help_that_is_not_needed_any_more_is_taken_back() -> None:
    play = talking().whatever(HelpRequested("", "anna"), HelpRequested(None, "anna"))
    assert play.did(Publish) == [Publish("call.help_over", None, {"by": "anna"})]
    assert Playbook().whatever(HelpRequested("", "anna")).last == []
