"""A leg in the place of another by INVITE with Replaces: answered legs, ringing ones, and those that nobody replaces."""

import pytest

from mediaserver.call.actions import AcceptLeg, Admit, CloseLeg, EndLeg, NotifyTransfer, OpenLeg, RejectLeg, SetMode
from mediaserver.call.ending import ENDINGS, Cause
from mediaserver.call.inputs import ReplacementArrived, TransferRequested
from mediaserver.call.view import CallState
from mixer.modes import Mode, Role
from tests.mediaserver.call.playbook import (
    AGENT,
    BEN,
    CUSTOMER,
    HOTEL,
    NEXT,
    SUE,
    Playbook,
    answered,
    invited,
    ringing,
    supervised,
    talking,
)

NEW = 400
GOODBYE = ENDINGS[Cause.REPLACED].reason


def test_an_answered_leg_is_replaced_in_one_go_with_supervisors_in_listen_first() -> None:
    play = supervised(Mode.WHISPER)
    play.on(ReplacementArrived(NEW, AGENT, "ben", "ben", "sales")).does(
        OpenLeg(NEW, Role.AGENT),
        AcceptLeg(NEW, like=CUSTOMER),
        SetMode(SUE, Mode.LISTEN, Role.AGENT, None),
        EndLeg(AGENT, GOODBYE),
        CloseLeg(AGENT),
        Admit(NEW, True),
    )
    assert play.call.view().agent == "ben"
    assert play.detail("call.transferred") == {"to": "ben", "way": "replaced", "role": "agent"}


def test_a_newcomer_who_is_no_known_agent_is_an_outside_party() -> None:
    play = talking().whatever(ReplacementArrived(NEW, AGENT, "boss"))
    assert play.leg(NEW).role is Role.OUTSIDE
    assert play.call.view().agent == ""


def test_whoever_replaces_the_customer_is_outside_too_even_a_known_agent() -> None:
    for agent in (None, "ben"):
        play = talking().whatever(ReplacementArrived(NEW, CUSTOMER, "x", agent))
        assert play.leg(NEW).role is Role.OUTSIDE
        assert play.call.view().agent == "anna"


def test_a_ringing_call_is_picked_up() -> None:
    play = Playbook(quietly=True).whatever(invited(), ringing())
    play.on(ReplacementArrived(NEW, AGENT, "ben", "ben", "sales", is_early_only=True)).does(
        OpenLeg(NEW, Role.AGENT),
        AcceptLeg(NEW, like=CUSTOMER),
        EndLeg(AGENT, GOODBYE),
        CloseLeg(AGENT),
        AcceptLeg(CUSTOMER, like=NEW),
        Admit(CUSTOMER, True),
        Admit(NEW, True),
    )
    assert play.call.view().state is CallState.ANSWERED
    assert play.call.view().agent == "ben"


def test_a_transfer_that_rings_is_picked_up() -> None:
    play = talking().whatever(TransferRequested(AGENT, 7, "2000", (HOTEL,)))
    play.on(ReplacementArrived(NEW, NEXT, "ben", "ben")).does(
        EndLeg(NEXT, GOODBYE),
        CloseLeg(NEXT),
        OpenLeg(NEW, Role.AGENT),
        AcceptLeg(NEW, like=CUSTOMER),
        NotifyTransfer(AGENT, 7, 200),
        EndLeg(AGENT, ENDINGS[Cause.TRANSFERRED].reason, patience=2.0),
        CloseLeg(AGENT),
        Admit(NEW, True),
    )


def test_an_agent_who_is_replaced_amid_his_transfer_is_told_that_it_was_given_up() -> None:
    play = talking().whatever(TransferRequested(AGENT, 7, "2000", (BEN,)))
    play.on(ReplacementArrived(NEW, AGENT, "carl", "carl")).does(
        NotifyTransfer(AGENT, 7, 487),
        EndLeg(NEXT, ENDINGS[Cause.CANCELLED].reason),
        CloseLeg(NEXT),
        OpenLeg(NEW, Role.AGENT),
        AcceptLeg(NEW, like=CUSTOMER),
        EndLeg(AGENT, GOODBYE),
        CloseLeg(AGENT),
        Admit(NEW, True),
    )


def test_a_customer_who_is_replaced_amid_a_transfer_does_not_end_it() -> None:
    play = talking().whatever(TransferRequested(AGENT, 7, "2000", (BEN,)), ReplacementArrived(NEW, CUSTOMER, "x"), answered(NEXT))
    assert [(leg.leg, leg.role) for leg in play.call.view().legs] == [(NEW, Role.OUTSIDE), (NEXT, Role.AGENT)]


@pytest.mark.parametrize(
    ("old", "early", "status"),
    [(SUE, False, 603), (777, False, 481), (AGENT, True, 486)],
)
def test_what_cannot_be_replaced_is_refused(old: int, early: bool, status: int) -> None:
    play = supervised()
    play.on(ReplacementArrived(NEW, old, "x", is_early_only=early)).does(RejectLeg(NEW, status, ""))


def test_who_calls_us_and_still_waits_cannot_be_replaced() -> None:
    play = Playbook(quietly=True).whatever(invited(), ringing())
    play.on(ReplacementArrived(NEW, CUSTOMER, "x")).does(RejectLeg(NEW, 481, ""))


def test_a_call_that_is_over_cannot_be_entered() -> None:
    play = Playbook(quietly=True)
    play.on(ReplacementArrived(NEW, CUSTOMER, "x")).does(RejectLeg(NEW, 481, ""))
