"""Attended transfer between two calls: what the consultation hands over, and what the customer's call makes of it."""

import pytest

from mediaserver.call.actions import (
    AcceptTransfer,
    Admit,
    AdoptLeg,
    CloseLeg,
    Count,
    EndLeg,
    HandOver,
    MergeCalls,
    NotifyTransfer,
    RefuseMerge,
    ReofferLeg,
    SetMode,
    SetVolumes,
)
from mediaserver.call.ending import ENDINGS, Cause
from mediaserver.call.inputs import (
    Input,
    Invited,
    LegHandedOver,
    MediaAgreed,
    MergeRefused,
    MergeRequested,
    Supervisor,
    SupervisorArrived,
    Target,
    TransferRequested,
)
from mediaserver.call.limits import CallLimits
from mediaserver.call.machine import Call
from mediaserver.call.view import CallState
from mixer.modes import Mode, Role
from sip.negotiated import Direction
from tests.mediaserver.call.playbook import AGENT, BEN, CUSTOMER, HOTEL, MEDIA, SUE, Playbook, agrees, answered, arrives, ringing, talking

REFER = 7
CONSULTING, EXPERT, TOM = 301, 302, 303
"""The agent's leg, the far leg, and a supervisor in the consultation."""


class Consultation(Playbook):
    """Anna's own call to somebody, in which Tom may listen."""

    def __init__(self, called: Target = BEN) -> None:
        super().__init__(quietly=True)
        self.call = Call("c2", tenant="default", trunk="users", limits=CallLimits(), allocate_leg=lambda: EXPERT)
        self.whatever(Invited(CONSULTING, "anna", "2000", (called,), role=Role.AGENT, agent="anna", team="sales"))

    def answers(self) -> "Consultation":
        """The far party is there."""
        return self.and_then(answered(EXPERT), MediaAgreed(CONSULTING, MEDIA))

    def and_then(self, *happened: Input) -> "Consultation":
        """As `whatever`."""
        self.whatever(*happened)
        return self

    def hands_over(self) -> list[LegHandedOver]:
        """What the other call is given."""
        self.whatever(MergeRequested(CONSULTING, "c1", REFER))
        return [LegHandedOver(action.leg, action.moved) for action in self.did(HandOver)]


def joining() -> Playbook:
    """Anna, amid her call with the customer, has asked for her consultation to be joined to it."""
    return talking().whatever(TransferRequested(AGENT, REFER, "ben", consultation=CONSULTING))


def test_a_refer_that_names_a_consultation_has_it_joined() -> None:
    play = talking()
    play.on(TransferRequested(AGENT, REFER, "ben", consultation=CONSULTING)).does(
        AcceptTransfer(AGENT, REFER), MergeCalls(AGENT, REFER, CONSULTING)
    )
    assert play.did(AcceptTransfer)


def test_the_consultation_hands_over_its_far_party_and_its_supervisors_and_ends() -> None:
    consultation = Consultation().answers().and_then(arrives(TOM))
    consultation.quietly = True
    moved = consultation.hands_over()
    assert [one.leg for one in moved] == [EXPERT, TOM]
    assert consultation.did(EndLeg) == [EndLeg(CONSULTING, ENDINGS[Cause.MERGED].reason, patience=2.0)]
    assert consultation.did(CloseLeg) == [CloseLeg(CONSULTING)]
    view = consultation.call.view()
    assert (view.state, view.cause, view.legs) == (CallState.ENDED, "merged", ())
    assert consultation.detail("supervisor.left") == {"cause": "merged", "into": "c1"}
    assert consultation.detail("call.merged") == {"into": "c1"}


def test_the_far_party_takes_the_agents_place() -> None:
    (expert,) = Consultation().answers().hands_over()
    play = joining()
    play.on(expert).does(
        AdoptLeg(EXPERT, Role.AGENT),
        NotifyTransfer(AGENT, REFER, 200),
        EndLeg(AGENT, ENDINGS[Cause.TRANSFERRED].reason, patience=2.0),
        CloseLeg(AGENT),
        Admit(EXPERT, True),
    )
    view = play.call.view()
    assert (view.call, view.agent) == ("c1", "ben")
    assert [(leg.leg, leg.role) for leg in view.legs] == [(CUSTOMER, Role.CUSTOMER), (EXPERT, Role.AGENT)]
    assert Count("transfers", "attended") in play.last


def test_an_agent_who_was_outside_in_the_consultation_is_the_agent_of_the_call() -> None:
    consultation = Consultation().answers()
    assert consultation.leg(EXPERT).role is Role.OUTSIDE
    play = joining().whatever(*consultation.hands_over())
    assert play.leg(EXPERT).role is Role.AGENT


def test_a_stranger_who_was_the_customer_of_the_consultation_is_an_outside_party() -> None:
    consultation = Consultation(HOTEL).answers()
    assert consultation.leg(EXPERT).role is Role.CUSTOMER
    play = joining().whatever(*consultation.hands_over())
    assert play.leg(EXPERT).role is Role.OUTSIDE
    assert play.call.view().agent == ""


def test_supervisors_of_both_calls_are_in_listen() -> None:
    consultation = Consultation().answers().and_then(SupervisorArrived(TOM, Supervisor("tom", "tom", Mode.BARGE)))
    play = talking().whatever(arrives(SUE, Mode.WHISPER), TransferRequested(AGENT, REFER, "ben", consultation=CONSULTING))
    expert, tom = consultation.hands_over()
    play.whatever(expert)
    assert play.did(SetMode) == [SetMode(SUE, Mode.LISTEN, Role.AGENT, None)]
    play.on(tom).does(
        AdoptLeg(TOM, Role.SUPERVISOR),
        SetMode(TOM, Mode.LISTEN, Role.AGENT, None),
        SetVolumes(TOM, 1.0, 1.0, None),
        Admit(TOM, True),
    )


def test_a_supervisor_whom_the_call_is_closed_to_leaves_and_is_told_why() -> None:
    consultation = Consultation().answers().and_then(arrives(TOM))
    expert, tom = consultation.hands_over()
    play = joining().whatever(expert)
    play.on(LegHandedOver(TOM, tom.moved, is_covered=False)).does(EndLeg(TOM, ENDINGS[Cause.CEILING].reason), CloseLeg(TOM))
    assert play.detail("supervisor.left") == {"cause": "ceiling"}


def test_a_supervisor_for_whom_no_seat_is_left_leaves() -> None:
    consultation = Consultation().answers().and_then(arrives(TOM))
    expert, tom = consultation.hands_over()
    play = talking(seats=3).whatever(arrives(SUE), TransferRequested(AGENT, REFER, "ben", consultation=CONSULTING), expert)
    play.on(tom).does(EndLeg(TOM, ENDINGS[Cause.FULL].reason), CloseLeg(TOM))


def test_whom_the_agent_held_on_both_sides_are_taken_off_hold() -> None:
    consultation = Consultation().answers().and_then(agrees(CONSULTING, Direction.SENDONLY), agrees(EXPERT, Direction.RECVONLY))
    play = talking().whatever(agrees(AGENT, Direction.SENDONLY), agrees(CUSTOMER, Direction.RECVONLY))
    play.whatever(TransferRequested(AGENT, REFER, "ben", consultation=CONSULTING), *consultation.hands_over())
    assert play.did(ReofferLeg) == [ReofferLeg(CUSTOMER, Direction.SENDRECV), ReofferLeg(EXPERT, Direction.SENDRECV)]
    assert play.call.view().state is CallState.ANSWERED


def test_a_far_party_that_still_rings_goes_on_ringing_in_the_other_call() -> None:
    consultation = Consultation().and_then(ringing(EXPERT))
    play = joining()
    (expert,) = consultation.hands_over()
    play.on(expert).does(AdoptLeg(EXPERT, Role.AGENT), NotifyTransfer(AGENT, REFER, 180))
    assert play.call.next_timer() is not None
    play.whatever(answered(EXPERT))
    assert play.did(NotifyTransfer) == [NotifyTransfer(AGENT, REFER, 200)]
    assert play.call.view().agent == "ben"


def test_a_consultation_without_anybody_refuses() -> None:
    play = Playbook(quietly=True).whatever(Invited(CONSULTING, "anna", "2000", (BEN,), role=Role.AGENT, agent="anna"))
    play.on(MergeRequested(777, "c1", REFER)).does(RefuseMerge(777, "c1", REFER, 481))


def test_a_consultation_amid_a_transfer_of_its_own_refuses() -> None:
    consultation = Consultation().answers().and_then(TransferRequested(CONSULTING, 9, "x", (HOTEL,)))
    consultation.on(MergeRequested(CONSULTING, "c1", REFER)).does(RefuseMerge(CONSULTING, "c1", REFER, 491))


@pytest.mark.parametrize("status", [481, 491])
def test_a_refused_join_is_told_and_the_call_goes_on(status: int) -> None:
    play = joining()
    play.on(MergeRefused(REFER, status)).does(NotifyTransfer(AGENT, REFER, status))
    assert [leg.leg for leg in play.call.view().legs] == [CUSTOMER, AGENT]
    play.on(MergeRefused(REFER, status)).does()


def test_a_leg_for_which_nobody_waits_is_let_go() -> None:
    (expert,) = Consultation().answers().hands_over()
    play = talking()
    play.on(expert).does(EndLeg(EXPERT, ENDINGS[Cause.HANG_UP].reason), CloseLeg(EXPERT))
