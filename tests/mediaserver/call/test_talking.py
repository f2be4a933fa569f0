"""Who of several supervisors talks, how a talk changes hands, and calls that are taken over and given back."""

import pytest

from mediaserver.call.actions import (
    Admit,
    CloseLeg,
    Count,
    EndLeg,
    PlaySound,
    Publish,
    RefuseRequest,
    RejectLeg,
    ReofferLeg,
    SetMode,
    StopSound,
)
from mediaserver.call.inputs import (
    Accepted,
    GiveBackRequested,
    GuestInvited,
    HangUpRequested,
    Input,
    LegEnded,
    MediaAgreed,
    MediaMissing,
    MediaStarted,
    ModeRequested,
    Supervisor,
    SupervisorCalled,
    TakeOverRequested,
    TalkHandedOver,
    Target,
    TransferRequested,
)
from mediaserver.call.view import CallState
from mixer.modes import Mode, Role
from sip.negotiated import Direction
from tests.mediaserver.call.playbook import AGENT, CUSTOMER, HOTEL, MEDIA, SUE, TOM, Playbook, agrees, answered, arrives, media, supervised

REASON = 'Q.850;cause=16;text="ended on request"'


def two(sue: Mode = Mode.LISTEN, tom: Mode = Mode.LISTEN) -> Playbook:
    """A customer, anna, and the supervisors Sue and Tom."""
    return supervised(sue).whatever(arrives(TOM, mode=tom), MediaAgreed(TOM, MEDIA))


def taken() -> Playbook:
    """Sue has taken anna's call over; Tom listens."""
    return two().whatever(TakeOverRequested(SUE, 8))


# the talk


@pytest.mark.parametrize(("mode", "says"), [(Mode.WHISPER, "name-50 whispers"), (Mode.BARGE, "name-50 barges")])
def test_a_talk_is_one_supervisors_and_who_wants_it_too_is_told_whose(mode: Mode, says: str) -> None:
    play = two(mode)
    play.on(ModeRequested(TOM, mode, Role.AGENT, 9)).does(RefuseRequest(9, "conflict", f"{says} in this call already"))
    assert play.leg(TOM).mode is Mode.LISTEN


def test_one_whispers_while_another_barges() -> None:
    play = two(Mode.WHISPER)
    play.on(ModeRequested(TOM, Mode.BARGE, Role.AGENT, 9)).does(SetMode(TOM, Mode.BARGE, Role.AGENT, 9))


@pytest.mark.parametrize(
    "happened",
    [
        ModeRequested(SUE, Mode.LISTEN, Role.AGENT, 7),
        LegEnded(SUE, "bye"),
        LegEnded(SUE, "transport"),
        agrees(SUE, Direction.SENDONLY),
        HangUpRequested(SUE, "left"),
    ],
)
def test_the_talk_of_who_listens_leaves_or_holds_is_free_at_once(happened: object) -> None:
    play = two(Mode.WHISPER).whatever(happened)  # type: ignore[arg-type]
    play.on(ModeRequested(TOM, Mode.WHISPER, Role.AGENT, 9)).does(SetMode(TOM, Mode.WHISPER, Role.AGENT, 9))


def test_nobody_enters_with_a_talk_that_is_taken() -> None:
    play = supervised(Mode.WHISPER)
    play.on(arrives(TOM, mode=Mode.WHISPER)).does(RejectLeg(TOM, 486, 'SIP;cause=486;text="name-50 whispers in this call already"'))
    phone = Target("uri", "sip:tom@192.0.2.9")
    refused = RefuseRequest(4, "conflict", "name-50 whispers in this call already")
    play.on(SupervisorCalled(TOM, Supervisor("tom", "tom", Mode.WHISPER), phone, 4)).does(refused)
    assert len(play.call.view().legs) == 3


def ringing_in(mode: Mode) -> Playbook:
    """Sue listens; Tom's phone rings for a talk."""
    phone = Target("uri", "sip:tom@192.0.2.9")
    return supervised().whatever(SupervisorCalled(TOM, Supervisor("tom", "tom", mode), phone, 4))


@pytest.mark.parametrize("mode", [Mode.WHISPER, Mode.BARGE])
def test_a_phone_that_only_rings_holds_no_talk_and_listens_when_it_answers_too_late(mode: Mode) -> None:
    play = ringing_in(mode)
    play.on(ModeRequested(SUE, mode, Role.AGENT, 9)).does(SetMode(SUE, mode, Role.AGENT, 9))
    play.whatever(Accepted(TOM, "tom", MEDIA))
    assert play.detail("supervisor.mode") == {"mode": "listen", "target": "agent", "cause": "talk_taken"}
    assert play.detail("supervisor.joined")["mode"] == "listen"
    assert Count("talks_refused", mode) in play.last
    assert (play.leg(SUE).mode, play.leg(TOM).mode) == (mode, Mode.LISTEN)


def test_a_phone_that_answers_while_nobody_has_the_talk_has_it() -> None:
    play = ringing_in(Mode.BARGE).whatever(Accepted(TOM, "tom", MEDIA))
    assert play.leg(TOM).mode is Mode.BARGE
    play.on(ModeRequested(SUE, Mode.BARGE, Role.AGENT, 9)).does(RefuseRequest(9, "conflict", "tom barges in this call already"))


def test_of_two_phones_that_ring_for_one_talk_the_first_to_answer_has_it() -> None:
    play = ringing_in(Mode.BARGE)
    third = SupervisorCalled(60, Supervisor("lee", "lee", Mode.BARGE), Target("uri", "sip:lee@192.0.2.9"), 5)
    play.whatever(third, Accepted(60, "lee", MEDIA), Accepted(TOM, "tom", MEDIA))
    assert (play.leg(60).mode, play.leg(TOM).mode) == (Mode.BARGE, Mode.LISTEN)


def test_whose_phone_only_rings_talks_in_nobodys_stead() -> None:
    play = ringing_in(Mode.LISTEN).whatever(TakeOverRequested(SUE, 8, drops_agent=True), ModeRequested(SUE, Mode.LISTEN, Role.AGENT, 9))
    play.whatever(ModeRequested(TOM, Mode.BARGE, Role.AGENT, 10))
    assert [play.leg(leg).has_taken_over for leg in (SUE, TOM)] == [True, False]


def test_handed_over_both_change_in_one_list_of_actions() -> None:
    play = two(Mode.WHISPER)
    play.on(TalkHandedOver(SUE, TOM, 9)).does(SetMode(SUE, Mode.LISTEN, Role.AGENT, None), SetMode(TOM, Mode.WHISPER, Role.AGENT, 9))
    assert (play.leg(SUE).mode, play.leg(TOM).mode) == (Mode.LISTEN, Mode.WHISPER)


@pytest.mark.parametrize(
    ("to", "code", "text"),
    [
        (SUE, "not_found", "leg 50 is no other supervisor of this call"),
        (CUSTOMER, "not_found", "leg 1 is no other supervisor of this call"),
        (99, "not_found", "leg 99 is no other supervisor of this call"),
    ],
)
def test_a_talk_goes_to_another_supervisor_only(to: int, code: str, text: str) -> None:
    two(Mode.WHISPER).on(TalkHandedOver(SUE, to, 9)).does(RefuseRequest(9, code, text))


def test_who_only_listens_has_nothing_to_hand_over_and_a_phone_on_hold_takes_nothing() -> None:
    refused = RefuseRequest(9, "conflict", "you only listen; there is no talk to hand over")
    two().on(TalkHandedOver(SUE, TOM, 9)).does(refused)
    play = two(Mode.WHISPER).whatever(agrees(TOM, Direction.SENDONLY))
    play.on(TalkHandedOver(SUE, TOM, 9)).does(RefuseRequest(9, "conflict", "name-51's phone is on hold"))
    assert play.leg(SUE).mode is Mode.WHISPER


def test_whose_phone_is_on_hold_is_not_said_where_listeners_are_not_named() -> None:
    play = supervised(Mode.WHISPER, names_supervisors=False)
    play.whatever(arrives(TOM), MediaAgreed(TOM, MEDIA), agrees(TOM, Direction.SENDONLY))
    play.on(TalkHandedOver(SUE, TOM, 9)).does(RefuseRequest(9, "conflict", "another supervisor's phone is on hold"))


# taking over


def test_taken_over_the_agent_stands_aside_in_the_turn_in_which_the_supervisor_barges() -> None:
    play = two()
    play.on(TakeOverRequested(SUE, 9)).does(
        Admit(AGENT, False),
        SetMode(SUE, Mode.BARGE, Role.AGENT, 9),
        PlaySound(AGENT, "music", loop=True),
    )
    assert play.leg(SUE).has_taken_over
    assert play.leg(AGENT).is_aside
    assert play.call.view().agent == "anna"


@pytest.mark.parametrize("mode", [Mode.LISTEN, Mode.WHISPER])
def test_given_back_by_any_other_mode_the_agent_is_there_again(mode: Mode) -> None:
    play = taken()
    play.on(ModeRequested(SUE, mode, Role.AGENT, 9)).does(SetMode(SUE, mode, Role.AGENT, 9), Admit(AGENT, True), StopSound(AGENT))
    assert not play.leg(SUE).has_taken_over
    assert not play.leg(AGENT).is_aside


def test_given_back_the_supervisor_listens() -> None:
    play = taken()
    play.on(GiveBackRequested(SUE, 9)).does(SetMode(SUE, Mode.LISTEN, Role.AGENT, 9), Admit(AGENT, True), StopSound(AGENT))


def test_the_agent_is_there_again_when_whoever_took_his_call_is_lost() -> None:
    taken().on(LegEnded(SUE, "transport")).does(Admit(AGENT, True), CloseLeg(SUE), StopSound(AGENT))
    play = taken().on(agrees(SUE, Direction.SENDONLY))
    play.does(SetMode(SUE, Mode.LISTEN, Role.AGENT, None), Admit(AGENT, True), StopSound(AGENT))


def test_a_hold_of_the_agent_ends_with_his_part_and_comes_back_with_him() -> None:
    play = two().whatever(agrees(AGENT, Direction.INACTIVE), agrees(CUSTOMER, Direction.RECVONLY))
    assert play.call.view().state is CallState.HELD
    play.whatever(TakeOverRequested(SUE, 9))
    assert play.call.view().state is CallState.ANSWERED
    assert ReofferLeg(CUSTOMER, Direction.SENDRECV) in play.last
    assert StopSound(CUSTOMER) in play.last
    play.whatever(agrees(CUSTOMER, Direction.SENDRECV), GiveBackRequested(SUE, 9))
    assert play.call.view().state is CallState.HELD
    assert ReofferLeg(CUSTOMER, Direction.SENDONLY) in play.last


def test_what_the_agent_holds_aside_is_no_hold_of_the_call() -> None:
    play = taken()
    play.on(agrees(AGENT, Direction.INACTIVE)).does(StopSound(AGENT))
    assert play.call.view().state is CallState.ANSWERED


def test_dropped_the_agent_is_gone_and_the_customer_stays() -> None:
    play = taken()
    play.on(TakeOverRequested(SUE, 9, drops_agent=True)).does(
        SetMode(SUE, Mode.BARGE, Role.AGENT, 9), EndLeg(AGENT, REASON), CloseLeg(AGENT)
    )
    assert [leg.leg for leg in play.call.view().legs] == [CUSTOMER, SUE, TOM]
    assert play.call.view().agent == "anna", "so the ceilings are what they were"
    play.on(GiveBackRequested(SUE, 10)).does(RefuseRequest(10, "conflict", "the agent has left the call"))


def test_an_agent_may_be_dropped_in_the_same_turn() -> None:
    two().on(TakeOverRequested(SUE, 9, drops_agent=True)).does(
        Admit(AGENT, False), SetMode(SUE, Mode.BARGE, Role.AGENT, 9), EndLeg(AGENT, REASON), CloseLeg(AGENT)
    )


def test_an_agent_who_hangs_up_aside_leaves_the_customer_with_the_supervisor() -> None:
    play = taken()
    play.on(LegEnded(AGENT, "bye")).does(CloseLeg(AGENT))
    assert play.call.view().state is CallState.ANSWERED
    play.whatever(LegEnded(SUE, "bye"))
    assert play.call.is_over
    assert play.call.view().cause == "hang_up"


def test_the_customer_ends_a_call_that_was_taken_over() -> None:
    play = taken().whatever(LegEnded(CUSTOMER, "bye"))
    assert play.call.is_over
    assert {action.leg for action in play.last if isinstance(action, CloseLeg)} == {CUSTOMER, AGENT, SUE, TOM}


def test_a_call_is_taken_over_once_and_goes_on_to_another_by_handover() -> None:
    play = taken()
    play.on(TakeOverRequested(TOM, 9)).does(RefuseRequest(9, "conflict", "name-50 has taken the call over already"))
    play.on(TalkHandedOver(SUE, TOM, 10)).does(SetMode(SUE, Mode.LISTEN, Role.AGENT, None), SetMode(TOM, Mode.BARGE, Role.AGENT, 10))
    assert play.leg(AGENT).is_aside
    play.on(GiveBackRequested(SUE, 11)).does(RefuseRequest(11, "conflict", "you have not taken the call over"))


def test_whoever_has_taken_the_call_over_and_is_handed_a_whisper_gives_the_call_back() -> None:
    play = two(tom=Mode.WHISPER).whatever(TakeOverRequested(SUE, 8))
    play.on(TalkHandedOver(TOM, SUE, 9)).does(
        SetMode(TOM, Mode.LISTEN, Role.AGENT, None),
        SetMode(SUE, Mode.WHISPER, Role.AGENT, 9),
        Admit(AGENT, True),
        StopSound(AGENT),
    )
    assert not play.leg(SUE).has_taken_over
    assert not play.leg(AGENT).is_aside


def test_who_barges_is_not_interrupted() -> None:
    two(Mode.BARGE).on(TakeOverRequested(TOM, 9)).does(RefuseRequest(9, "conflict", "name-50 barges in this call already"))


def test_an_agent_aside_transfers_nothing_and_a_transfer_under_way_is_not_taken_over() -> None:
    play = taken().whatever(TransferRequested(AGENT, 5, "x", (HOTEL,)))
    assert [action.status for action in play.last if hasattr(action, "status")] == [491]
    play = two().whatever(TransferRequested(AGENT, 5, "x", (HOTEL,)))
    play.on(TakeOverRequested(SUE, 9)).does(RefuseRequest(9, "conflict", "the agent is transferring the call"))


def test_watchers_are_told_who_took_it_and_that_it_was_given_back() -> None:
    play = two().whatever(TakeOverRequested(SUE, 9))
    assert Publish("call.taken_over", SUE, {"agent": "anna"}) in play.last
    play.whatever(LegEnded(SUE, "bye"))
    assert Publish("call.given_back", SUE, {"cause": "hang_up"}) in play.last


def test_a_supervisor_on_hold_takes_nothing_over() -> None:
    play = two().whatever(MediaAgreed(SUE, media(Direction.SENDONLY)))
    refused = RefuseRequest(9, "conflict", "the supervisor's phone is on hold; resume first")
    play.on(TakeOverRequested(SUE, 9)).does(refused)


def test_whose_phone_sends_nothing_takes_nothing_over_and_is_handed_nothing_that_was() -> None:
    play = two().whatever(agrees(SUE, Direction.RECVONLY))
    refused = RefuseRequest(9, "conflict", "the supervisor's phone sends nothing; nobody would hear him")
    play.on(TakeOverRequested(SUE, 9)).does(refused)
    play = taken().whatever(agrees(TOM, Direction.RECVONLY))
    play.on(TalkHandedOver(SUE, TOM, 9)).does(RefuseRequest(9, "conflict", "name-51's phone sends nothing"))


def test_whose_phone_stops_sending_after_he_took_the_call_over_gives_it_back() -> None:
    play = taken().on(agrees(SUE, Direction.RECVONLY))
    play.does(SetMode(SUE, Mode.LISTEN, Role.AGENT, None), Admit(AGENT, True), StopSound(AGENT))


def test_a_phone_that_never_sent_keeps_no_agent_aside() -> None:
    play = taken()
    play.now += 5.0
    play.on(MediaMissing(SUE, 5.0)).does(SetMode(SUE, Mode.LISTEN, Role.AGENT, None), Admit(AGENT, True), StopSound(AGENT))


# without an agent


def alone(*, tom: Mode = Mode.LISTEN) -> Playbook:
    """Sue has taken anna's call over and dropped anna; Tom is there."""
    return two(tom=tom).whatever(TakeOverRequested(SUE, 8, drops_agent=True))


FALLS_SILENT: list[Input] = [
    ModeRequested(SUE, Mode.LISTEN, Role.AGENT, 7),
    ModeRequested(SUE, Mode.WHISPER, Role.AGENT, 7),
    agrees(SUE, Direction.SENDONLY),
    agrees(SUE, Direction.RECVONLY),
]


@pytest.mark.parametrize("happened", FALLS_SILENT)
def test_when_whoever_talks_to_the_customer_falls_silent_the_customer_hears_music_and_the_call_ends_after_a_while(happened: Input) -> None:
    play = alone().whatever(happened)
    assert PlaySound(CUSTOMER, "music", loop=True) in play.last
    play.after(29.9).does()
    assert not play.call.is_over
    play.after(0.2)
    assert play.call.is_over
    assert play.call.view().cause == "hang_up"


def test_a_phone_that_falls_silent_is_no_talk_to_the_customer() -> None:
    play = alone().whatever(MediaStarted(SUE))
    play.now += 5.0
    play.whatever(MediaMissing(SUE, 2.0))
    assert play.leg(SUE).mode is Mode.LISTEN
    assert PlaySound(CUSTOMER, "music", loop=True) in play.last


@pytest.mark.parametrize(
    ("again", "did"),
    [
        (ModeRequested(SUE, Mode.BARGE, Role.AGENT, 9), SetMode(SUE, Mode.BARGE, Role.AGENT, 9)),
        (TakeOverRequested(SUE, 9), SetMode(SUE, Mode.BARGE, Role.AGENT, 9)),
        (ModeRequested(SUE, Mode.WHISPER, Role.CUSTOMER, 9), SetMode(SUE, Mode.WHISPER, Role.CUSTOMER, 9)),
        (ModeRequested(TOM, Mode.BARGE, Role.AGENT, 9), SetMode(TOM, Mode.BARGE, Role.AGENT, 9)),
    ],
)
def test_who_talks_to_the_customer_again_ends_the_music_and_the_wait(again: Input, did: SetMode) -> None:
    play = alone().whatever(FALLS_SILENT[0])
    play.on(again).does(did, StopSound(CUSTOMER))
    play.after(100.0).does()
    assert not play.call.is_over


def test_whoever_talks_to_the_customer_without_an_agent_is_the_one_with_whom_the_call_ends() -> None:
    play = alone().whatever(FALLS_SILENT[0], ModeRequested(TOM, Mode.BARGE, Role.AGENT, 9))
    assert (play.leg(SUE).has_taken_over, play.leg(TOM).has_taken_over) == (False, True)
    play.whatever(LegEnded(SUE, "bye"))
    assert not play.call.is_over
    play.whatever(LegEnded(TOM, "bye"))
    assert play.call.is_over


def test_a_guest_is_company_and_a_supervisor_who_only_listened_is_not() -> None:
    guest = two().whatever(GuestInvited(60, (HOTEL,), "desk", 5), answered(60), TakeOverRequested(SUE, 8, drops_agent=True))
    guest.whatever(FALLS_SILENT[0]).after(100.0)
    assert not guest.call.is_over
    guest.whatever(LegEnded(60, "bye"))
    assert PlaySound(CUSTOMER, "music", loop=True) in guest.last
    play = alone().whatever(FALLS_SILENT[0], LegEnded(SUE, "bye"))
    assert play.call.is_over, "Tom never talked"


def test_an_agent_who_was_dropped_is_not_dropped_again() -> None:
    refused = RefuseRequest(9, "conflict", "the call has no agent and other party who talk")
    alone().on(TakeOverRequested(SUE, 9, drops_agent=True)).does(refused)
