"""Blind transfer, line by line: who may ask, who rings, who is told what, and in which order it takes effect."""

import pytest

from mediaserver.call.actions import (
    AcceptTransfer,
    Admit,
    ChooseFork,
    CloseLeg,
    Count,
    EndLeg,
    NotifyTransfer,
    OpenLeg,
    PlaceLeg,
    PlaySound,
    RefuseTransfer,
    ReofferLeg,
    SetMode,
    StopSound,
)
from mediaserver.call.ending import ENDINGS, Cause
from mediaserver.call.inputs import HangUpRequested, Invited, LegEnded, ModeRequested, Rejected, Target, TransferRequested
from mediaserver.call.transferring import BUSY_SECONDS, MOST_TRANSFERS
from mediaserver.call.view import CallState
from mixer.modes import Mode, Role
from sip.negotiated import Direction
from tests.mediaserver.call.playbook import (
    AGENT,
    ANNA,
    BEN,
    CUSTOMER,
    HOTEL,
    LAST,
    MEDIA,
    NEXT,
    SUE,
    Playbook,
    agrees,
    answered,
    published,
    ringing,
    supervised,
    talking,
)

REFER = 7
GOODBYE = EndLeg(AGENT, ENDINGS[Cause.TRANSFERRED].reason, patience=2.0)


def refers(*targets: Target, leg: int = AGENT, transfer: int = REFER) -> TransferRequested:
    """A leg asks by REFER."""
    return TransferRequested(leg, transfer, "2000", targets)


def transferring(*targets: Target, mode: Mode = Mode.WHISPER) -> Playbook:
    """Anna transfers her call while Sue whispers to her."""
    return supervised(mode).whatever(refers(*(targets or (BEN,))))


def test_a_transfer_rings_its_target_and_nothing_else_changes() -> None:
    play = supervised(Mode.WHISPER)
    play.on(refers(BEN)).does(AcceptTransfer(AGENT, REFER), OpenLeg(NEXT, Role.AGENT), PlaceLeg(NEXT, BEN, like=CUSTOMER))
    assert play.call.view().agent == "anna"
    assert play.leg(SUE).mode is Mode.WHISPER


def test_with_the_answer_supervisors_listen_first_and_then_the_new_leg_is_let_in() -> None:
    play = transferring()
    play.on(answered(NEXT)).does(
        ChooseFork(NEXT, "a"),
        NotifyTransfer(AGENT, REFER, 200),
        SetMode(SUE, Mode.LISTEN, Role.AGENT, None),
        GOODBYE,
        CloseLeg(AGENT),
        Admit(NEXT, True),
    )
    view = play.call.view()
    assert (view.agent, view.team, view.state) == ("ben", "sales", CallState.ANSWERED)
    assert [(leg.leg, leg.role) for leg in view.legs] == [(CUSTOMER, Role.CUSTOMER), (NEXT, Role.AGENT), (SUE, Role.SUPERVISOR)]


def test_the_mode_can_be_set_again_after_it() -> None:
    play = transferring().whatever(answered(NEXT))
    play.on(ModeRequested(SUE, Mode.WHISPER, Role.AGENT, 1)).does(SetMode(SUE, Mode.WHISPER, Role.AGENT, 1))


def test_watchers_are_told() -> None:
    play = supervised()
    play.quietly = False
    play.on(refers(BEN)).does(
        AcceptTransfer(AGENT, REFER),
        published("call.transferring", AGENT),
        OpenLeg(NEXT, Role.AGENT),
        PlaceLeg(NEXT, BEN, like=CUSTOMER),
    )
    assert play.detail("call.transferring") == {"to": "2000", "way": "blind"}
    play.whatever(answered(NEXT))
    assert [action.kind for action in play.last if hasattr(action, "kind")] == ["call.agent", "call.transferred"]
    assert play.detail("call.transferred") == {"to": "2000", "way": "blind", "role": "agent"}
    assert Count("transfers", "blind") in play.last


def test_a_stranger_is_an_outside_party_and_the_call_has_no_agent() -> None:
    play = transferring(HOTEL).whatever(answered(NEXT))
    assert play.leg(NEXT).role is Role.OUTSIDE
    assert play.call.view().agent == ""


def test_who_called_out_may_transfer_too_and_the_customer_stays() -> None:
    play = Playbook(quietly=True).whatever(
        Invited(CUSTOMER, "anna", "0301", (HOTEL,), role=Role.AGENT, agent="anna"), answered(), agrees(CUSTOMER, Direction.SENDRECV)
    )
    play.whatever(refers(BEN, leg=CUSTOMER), answered(NEXT))
    assert [(leg.leg, leg.role) for leg in play.call.view().legs] == [(NEXT, Role.AGENT), (AGENT, Role.CUSTOMER)]


@pytest.mark.parametrize(("leg", "why"), [(CUSTOMER, "from_customer"), (SUE, "from_supervisor")])
def test_who_is_not_the_agent_is_declined(leg: int, why: str) -> None:
    play = supervised()
    play.quietly = False
    play.on(refers(BEN, leg=leg)).does(RefuseTransfer(leg, REFER, 603), Count("transfers_refused", why))


def test_an_outside_party_is_declined() -> None:
    play = transferring(HOTEL).whatever(answered(NEXT))
    play.on(refers(BEN, leg=NEXT, transfer=8)).does(RefuseTransfer(NEXT, 8, 603))


def test_a_second_refer_has_to_wait() -> None:
    play = transferring()
    play.on(refers(HOTEL, transfer=8)).does(RefuseTransfer(AGENT, 8, 491))


def test_a_refer_before_the_customer_was_answered_has_to_wait() -> None:
    play = Playbook(quietly=True).whatever(Invited(CUSTOMER, "anna", "0301", (HOTEL,), role=Role.AGENT, agent="anna"), ringing(early=MEDIA))
    play.on(refers(BEN, leg=CUSTOMER)).does(RefuseTransfer(CUSTOMER, REFER, 491))


def test_a_refer_of_a_leg_that_nobody_knows_is_declined() -> None:
    play = talking()
    play.on(refers(BEN, leg=777)).does(RefuseTransfer(777, REFER, 603))


def test_without_a_target_the_code_that_was_given_is_told() -> None:
    play = talking()
    play.on(TransferRequested(AGENT, REFER, "x", refusal=403)).does(RefuseTransfer(AGENT, REFER, 403))


def test_a_call_is_transferred_only_so_often() -> None:
    play = talking()
    for number in range(MOST_TRANSFERS):
        play.whatever(refers(BEN, transfer=number), Rejected(NEXT + number, 486))
    play.on(refers(BEN, transfer=999)).does(RefuseTransfer(AGENT, 999, 603))


def test_the_agent_is_told_each_kind_of_ringing_once() -> None:
    play = transferring()
    play.on(ringing(NEXT)).does(NotifyTransfer(AGENT, REFER, 180))
    play.on(ringing(NEXT)).does()
    play.on(ringing(NEXT, 183, early=MEDIA)).does(NotifyTransfer(AGENT, REFER, 183))
    play.on(ringing(NEXT, 199)).does()


@pytest.mark.parametrize(("status", "told"), [(486, 486), (600, 486), (603, 603), (404, 404), (480, 480), (503, 480)])
def test_a_failure_leaves_the_call_with_its_agent(status: int, told: int) -> None:
    play = transferring()
    before = [leg for leg in play.call.view().legs if leg.leg != NEXT]
    play.on(Rejected(NEXT, status)).does(CloseLeg(NEXT), NotifyTransfer(AGENT, REFER, told))
    assert list(play.call.view().legs) == before
    play.on(refers(HOTEL, transfer=8)).does(AcceptTransfer(AGENT, 8), OpenLeg(LAST, Role.OUTSIDE), PlaceLeg(LAST, HOTEL, like=CUSTOMER))


def test_targets_are_tried_in_turn_and_a_6xx_stops() -> None:
    play = transferring(BEN, HOTEL)
    play.on(Rejected(NEXT, 486)).does(CloseLeg(NEXT), OpenLeg(LAST, Role.OUTSIDE), PlaceLeg(LAST, HOTEL, like=CUSTOMER))
    play = transferring(BEN, HOTEL)
    play.on(Rejected(NEXT, 603)).does(CloseLeg(NEXT), NotifyTransfer(AGENT, REFER, 603))


def test_contacts_of_a_redirection_are_followed_and_a_known_agent_among_them_is_the_agent() -> None:
    play = transferring(HOTEL)
    play.on(Rejected(NEXT, 302, (BEN,))).does(CloseLeg(NEXT), OpenLeg(LAST, Role.AGENT), PlaceLeg(LAST, BEN, like=CUSTOMER))


def test_a_target_that_rings_too_long_is_given_up() -> None:
    play = transferring()
    play.after(31.0).does(EndLeg(NEXT, ENDINGS[Cause.NO_ANSWER].reason), CloseLeg(NEXT), NotifyTransfer(AGENT, REFER, 480))


def test_a_target_whose_leg_is_hung_up_by_somebody_is_given_up() -> None:
    play = transferring()
    play.on(HangUpRequested(NEXT, "hung_up")).does(
        EndLeg(NEXT, ENDINGS[Cause.REQUESTED].reason), CloseLeg(NEXT), NotifyTransfer(AGENT, REFER, 480)
    )


def test_who_is_held_hears_music_then_the_target_ring_and_is_taken_off_hold_by_the_answer() -> None:
    play = talking().whatever(agrees(AGENT, Direction.INACTIVE), agrees(CUSTOMER, Direction.RECVONLY))
    play.whatever(refers(BEN))
    play.on(ringing(NEXT)).does(NotifyTransfer(AGENT, REFER, 180), PlaySound(CUSTOMER, "ringback", loop=True))
    play.on(answered(NEXT)).does(
        ChooseFork(NEXT, "a"),
        NotifyTransfer(AGENT, REFER, 200),
        GOODBYE,
        CloseLeg(AGENT),
        Admit(NEXT, True),
        ReofferLeg(CUSTOMER, Direction.SENDRECV),
        StopSound(CUSTOMER),
    )
    assert play.call.view().state is CallState.ANSWERED


def test_who_was_held_hears_music_again_where_the_transfer_fails() -> None:
    play = talking().whatever(agrees(AGENT, Direction.INACTIVE), agrees(CUSTOMER, Direction.RECVONLY), refers(BEN), ringing(NEXT))
    play.on(Rejected(NEXT, 486)).does(CloseLeg(NEXT), NotifyTransfer(AGENT, REFER, 486), PlaySound(CUSTOMER, "music", loop=True))
    assert play.call.view().state is CallState.HELD


def test_an_agent_who_hangs_up_leaves_the_transfer_to_go_on() -> None:
    play = transferring().whatever(ringing(NEXT))
    play.on(LegEnded(AGENT, "bye")).does(CloseLeg(AGENT), PlaySound(CUSTOMER, "ringback", loop=True))
    play.on(answered(NEXT)).does(
        ChooseFork(NEXT, "a"),
        NotifyTransfer(AGENT, REFER, 200),
        SetMode(SUE, Mode.LISTEN, Role.AGENT, None),
        Admit(NEXT, True),
        StopSound(CUSTOMER),
    )


def test_who_held_and_hung_up_holds_no_more() -> None:
    play = talking().whatever(agrees(AGENT, Direction.INACTIVE), agrees(CUSTOMER, Direction.RECVONLY), refers(BEN))
    play.on(LegEnded(AGENT, "bye")).does(CloseLeg(AGENT), ReofferLeg(CUSTOMER, Direction.SENDRECV))
    assert play.call.view().state is CallState.ANSWERED


def test_where_it_fails_then_the_busy_tone_is_played_and_the_call_ends() -> None:
    play = talking().whatever(refers(BEN), LegEnded(AGENT, "bye"))
    play.on(Rejected(NEXT, 486)).does(CloseLeg(NEXT), NotifyTransfer(AGENT, REFER, 486), PlaySound(CUSTOMER, "busy", loop=True))
    play.after(BUSY_SECONDS).does(EndLeg(CUSTOMER, ENDINGS[Cause.TRANSFER_FAILED].reason), CloseLeg(CUSTOMER))
    assert play.call.view().cause == "transfer_failed"


def test_or_the_agent_is_rung_again_where_that_is_wished() -> None:
    home = Target("agent", "anna", agent="anna", team="sales")
    play = talking(return_to_referrer=True).whatever(refers(BEN), LegEnded(AGENT, "bye"))
    play.on(Rejected(NEXT, 486)).does(
        CloseLeg(NEXT), NotifyTransfer(AGENT, REFER, 486), OpenLeg(LAST, Role.AGENT), PlaceLeg(LAST, home, like=CUSTOMER)
    )
    play.on(answered(LAST)).does(ChooseFork(LAST, "a"), Admit(LAST, True), StopSound(CUSTOMER))
    assert play.call.view().agent == "anna"


def test_and_only_once() -> None:
    play = talking(return_to_referrer=True).whatever(refers(BEN), LegEnded(AGENT, "bye"), Rejected(NEXT, 486), Rejected(LAST, 486))
    play.after(BUSY_SECONDS)
    assert play.call.is_over


def test_a_customer_who_hangs_up_ends_everything_and_the_agent_is_told() -> None:
    play = talking().whatever(refers(BEN))
    reason = ENDINGS[Cause.HANG_UP].reason
    play.on(LegEnded(CUSTOMER, "bye")).does(
        NotifyTransfer(AGENT, REFER, 487),
        EndLeg(AGENT, reason),
        EndLeg(NEXT, reason),
        CloseLeg(CUSTOMER),
        CloseLeg(AGENT),
        CloseLeg(NEXT),
    )


def test_a_whisper_asked_for_while_it_rings_reaches_the_old_agent_and_ends_with_him() -> None:
    play = transferring(mode=Mode.LISTEN)
    play.on(ModeRequested(SUE, Mode.WHISPER, Role.AGENT, 1)).does(SetMode(SUE, Mode.WHISPER, Role.AGENT, 1))
    play.whatever(answered(NEXT))
    assert play.leg(SUE).mode is Mode.LISTEN


def test_a_supervisor_beyond_his_ceiling_is_told_why() -> None:
    play = transferring().whatever(answered(NEXT))
    play.on(HangUpRequested(SUE, "ceiling")).does(EndLeg(SUE, ENDINGS[Cause.CEILING].reason), CloseLeg(SUE))
    assert play.detail("supervisor.left") == {"cause": "ceiling"}


def test_one_transfer_after_the_other() -> None:
    play = transferring().whatever(answered(NEXT), refers(ANNA, leg=NEXT, transfer=8), answered(LAST))
    assert [leg.leg for leg in play.call.view().legs] == [CUSTOMER, LAST, SUE]
    assert play.call.view().agent == "anna"
