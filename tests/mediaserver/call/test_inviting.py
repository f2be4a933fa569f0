"""A third one in the conversation."""

import pytest

from mediaserver.call.actions import Admit, ChooseFork, CloseLeg, EndLeg, OpenLeg, PlaceLeg, RefuseRequest
from mediaserver.call.inputs import GuestInvited, HangUpRequested, LegEnded, MediaMissing, Rejected, TakeOverRequested, Target
from mixer.modes import Role
from sip.negotiated import Direction
from tests.mediaserver.call.playbook import CUSTOMER, HOTEL, NEXT, SUE, Playbook, agrees, answered, invited, supervised, talking

GUEST = 70
BANK = Target("uri", "sip:bank@bank.example")


def asked(*targets: Target) -> GuestInvited:
    """Somebody invites the bank."""
    return GuestInvited(GUEST, targets or (BANK,), "bank", 9)


def three() -> Playbook:
    """A customer, anna, Sue who listens, and the bank."""
    return supervised().whatever(asked(), answered(GUEST))


def test_a_guest_is_rung_unheard_and_let_in_as_he_answers() -> None:
    play = talking()
    play.on(asked()).does(OpenLeg(GUEST, Role.OUTSIDE), PlaceLeg(GUEST, BANK, CUSTOMER))
    play.on(answered(GUEST)).does(ChooseFork(GUEST, "a"), Admit(GUEST, True))
    assert play.leg(GUEST).role is Role.OUTSIDE


def test_his_targets_are_tried_in_turn() -> None:
    play = talking().whatever(asked(BANK, HOTEL))
    play.on(Rejected(GUEST, 486)).does(CloseLeg(GUEST), OpenLeg(NEXT, Role.OUTSIDE), PlaceLeg(NEXT, HOTEL, CUSTOMER))
    play.after(30.0)
    assert [leg.role for leg in play.call.view().legs] == [Role.CUSTOMER, Role.AGENT]
    play.whatever(asked())
    assert len(play.call.view().legs) == 3, "and another may be invited"


def test_there_is_one_guest_at_a_time_and_he_needs_a_seat_and_a_conversation() -> None:
    three().on(asked()).does(RefuseRequest(9, "conflict", "bank was invited already"))
    supervised(seats=3).on(asked()).does(RefuseRequest(9, "too_many", "every seat of the call is taken"))
    Playbook(quietly=True).whatever(invited()).on(asked()).does(RefuseRequest(9, "conflict", "the call was not answered yet"))
    Playbook(quietly=True).on(asked()).does(RefuseRequest(9, "not_found", "the call is over"))


def test_while_he_holds_nobody_hears_what_his_phone_plays() -> None:
    play = three()
    play.on(agrees(GUEST, Direction.SENDONLY)).does(Admit(GUEST, False))
    play.on(agrees(GUEST, Direction.SENDRECV)).does(Admit(GUEST, True))


@pytest.mark.parametrize("happened", [LegEnded(GUEST, "bye"), HangUpRequested(GUEST, "hung_up"), MediaMissing(GUEST, 60.0)])
def test_he_leaves_alone(happened: object) -> None:
    play = three()
    play.now += 60.0
    play.whatever(happened)  # type: ignore[arg-type]
    assert CloseLeg(GUEST) in play.last
    assert not play.call.is_over
    assert len(play.call.view().legs) == 3


def test_he_is_hung_up_when_a_party_ends_the_call() -> None:
    play = three().whatever(LegEnded(CUSTOMER, "bye"))
    assert play.call.is_over
    assert GUEST in [action.leg for action in play.did(EndLeg)]


def test_the_customer_stays_with_him_when_agent_and_supervisor_are_gone() -> None:
    play = three().whatever(TakeOverRequested(SUE, 9, drops_agent=True), LegEnded(SUE, "bye"))
    assert [leg.leg for leg in play.call.view().legs] == [CUSTOMER, GUEST]
    play.whatever(LegEnded(GUEST, "bye"))
    assert play.call.is_over
