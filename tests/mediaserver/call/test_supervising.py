"""Supervisors: joining, modes, who cannot hear them, leaving; and that the parties never notice in SIP."""

import pytest

from mediaserver.call.actions import (
    AcceptLeg,
    Admit,
    ChooseFork,
    CloseLeg,
    Count,
    EndLeg,
    OpenLeg,
    PlaceLeg,
    PlaySound,
    RefuseRequest,
    RejectLeg,
    SetMode,
    SetMuted,
    SetVolumes,
    StopSound,
)
from mediaserver.call.ending import ENDINGS, Cause
from mediaserver.call.inputs import (
    Accepted,
    HangUpRequested,
    LegEnded,
    MediaMissing,
    ModeRequested,
    MuteRequested,
    Rejected,
    Supervisor,
    SupervisorCalled,
    Target,
    VolumesRequested,
)
from mixer.modes import Mode, Role
from sip.negotiated import Direction
from tests.mediaserver.call.playbook import (
    AGENT,
    ANNA,
    BEN,
    CUSTOMER,
    HOTEL,
    MEDIA,
    NEXT,
    SUE,
    TOM,
    Playbook,
    agrees,
    answered,
    arrives,
    invited,
    published,
    ringing,
    supervised,
    talking,
)

PHONE = Target("uri", "sip:sue@192.0.2.9")
SENDRECV, SENDONLY, RECVONLY, INACTIVE = Direction.SENDRECV, Direction.SENDONLY, Direction.RECVONLY, Direction.INACTIVE


def called(mode: Mode = Mode.LISTEN, request: int | None = 7) -> SupervisorCalled:
    """The API rings Sue's phone into the call."""
    return SupervisorCalled(SUE, Supervisor("id-sue", "sue", mode), PHONE, request)


def wants(mode: Mode, target: Role = Role.AGENT, request: int = 9) -> ModeRequested:
    """Sue asks for a mode."""
    return ModeRequested(SUE, mode, target, request)


# joining


def test_a_supervisor_dials_into_a_live_call() -> None:
    play = talking(quietly=False)
    play.on(arrives(mode=Mode.WHISPER)).does(
        OpenLeg(SUE, Role.SUPERVISOR),
        AcceptLeg(SUE, like=CUSTOMER),
        SetMode(SUE, Mode.WHISPER, Role.AGENT, None),
        SetVolumes(SUE, 1.0, 1.0, None),
        Admit(SUE, True),
        published("supervisor.joined", SUE),
    )
    view = play.leg(SUE)
    assert (view.role, view.identity, view.party) == (Role.SUPERVISOR, "id-50", "name-50")
    assert (view.mode, view.target, view.inaudible) == (Mode.WHISPER, Role.AGENT, "")


def test_a_supervisors_phone_is_rung_into_a_call() -> None:
    play = talking(quietly=False)
    play.on(called(Mode.BARGE)).does(
        OpenLeg(SUE, Role.SUPERVISOR),
        PlaceLeg(SUE, PHONE, like=CUSTOMER, auto_answer=True),
        published("supervisor.ringing", SUE),
    )
    play.on(ringing(SUE)).does()
    play.on(Accepted(SUE, "s", MEDIA)).does(
        ChooseFork(SUE, "s"),
        SetMode(SUE, Mode.BARGE, Role.AGENT, None),
        SetVolumes(SUE, 1.0, 1.0, None),
        Admit(SUE, True),
        published("supervisor.joined", SUE),
    )


def test_a_supervisor_joins_from_the_first_ringing_and_hears_it_ring() -> None:
    play = Playbook(quietly=True).whatever(invited(), ringing())
    play.on(arrives()).does(
        OpenLeg(SUE, Role.SUPERVISOR),
        AcceptLeg(SUE, like=CUSTOMER),
        SetMode(SUE, Mode.LISTEN, Role.AGENT, None),
        SetVolumes(SUE, 1.0, 1.0, None),
        Admit(SUE, True),
        PlaySound(SUE, "ringback", loop=True),
    )
    play.whatever(answered())
    assert play.did(StopSound) == [StopSound(SUE)]


def test_a_supervisor_hears_early_media_instead_of_the_tone() -> None:
    play = Playbook().whatever(invited(), ringing(status=183, early=MEDIA), arrives())
    assert play.did(PlaySound) == []


def test_before_it_rings_a_call_cannot_be_joined() -> None:
    play = Playbook().whatever(invited())
    play.on(arrives()).does(
        RejectLeg(SUE, 480, 'SIP;cause=480;text="the call does not ring yet"'),
        Count("supervisors_refused", "not_ringing"),
    )
    play.on(called()).does(RefuseRequest(7, "conflict", "the call does not ring yet"), Count("supervisors_refused", "not_ringing"))


def test_an_ended_call_cannot_be_joined() -> None:
    play = talking(quietly=False).whatever(LegEnded(AGENT, "bye"))
    play.on(arrives()).does(RejectLeg(SUE, 404, 'SIP;cause=404;text="the call is over"'), Count("supervisors_refused", "over"))
    play.on(called()).does(RefuseRequest(7, "not_found", "the call is over"), Count("supervisors_refused", "over"))


def test_seats_are_bounded_and_two_are_the_parties() -> None:
    play = talking(quietly=False, seats=3).whatever(arrives())
    play.on(arrives(TOM)).does(
        RejectLeg(TOM, 486, 'SIP;cause=486;text="every seat of the call is taken"'),
        Count("supervisors_refused", "full"),
    )
    play.whatever(LegEnded(SUE, "bye"), arrives(TOM))
    assert play.leg(TOM).mode is Mode.LISTEN


def test_the_next_target_finds_its_seat_while_supervisors_fill_the_rest() -> None:
    play = Playbook(seats=3).whatever(invited(ANNA, BEN), ringing(), arrives(), Rejected(AGENT, 486))
    assert OpenLeg(NEXT, Role.AGENT) in play.last


def test_a_phone_that_refuses_leaves() -> None:
    play = talking(quietly=False).whatever(called())
    play.on(Rejected(SUE, 486)).does(CloseLeg(SUE), Count("supervisors_left", "busy"), published("supervisor.left", SUE))


def test_a_phone_that_is_not_answered_is_cancelled() -> None:
    play = talking(ring_timeout=20.0).whatever(called())
    play.after(20.0).does(EndLeg(SUE, 'SIP;cause=480;text="no answer"'), CloseLeg(SUE))


def test_a_supervisor_for_whom_there_is_no_port_is_turned_away() -> None:
    play = talking().whatever(arrives())
    play.on(Rejected(SUE, 503, is_ours=True)).does(RejectLeg(SUE, 503, ENDINGS[Cause.NO_RESOURCES].reason), CloseLeg(SUE))


# leaving


@pytest.mark.parametrize(("cause", "label"), [("bye", "hang_up"), ("timeout", "lost"), ("transport", "lost")])
def test_a_supervisor_who_goes_takes_nobody_with_him(cause: str, label: str) -> None:
    play = supervised()
    play.quietly = False
    play.on(LegEnded(SUE, cause)).does(CloseLeg(SUE), Count("supervisors_left", label), published("supervisor.left", SUE))
    assert not play.call.is_over


def test_a_supervisor_is_sent_away_on_request() -> None:
    play = supervised()
    play.on(HangUpRequested(SUE, "left")).does(EndLeg(SUE, ENDINGS[Cause.REQUESTED].reason), CloseLeg(SUE))


def test_a_dead_phone_gives_its_seat_back() -> None:
    play = supervised(no_rtp=60.0)
    play.after(59.0).on(MediaMissing(SUE, 59.0)).does()
    play.after(1.0).on(MediaMissing(SUE, 60.0)).does(EndLeg(SUE, ENDINGS[Cause.NO_RTP].reason), CloseLeg(SUE))
    assert not play.call.is_over


def test_a_phone_that_only_receives_has_longer() -> None:
    play = supervised(no_rtp=60.0, no_rtp_hold=600.0).whatever(agrees(SUE, RECVONLY))
    play.after(599.0).on(MediaMissing(SUE, 599.0)).does()


def test_a_phone_back_from_a_long_hold_is_given_its_time() -> None:
    play = supervised(no_rtp=60.0, no_rtp_hold=600.0).whatever(agrees(SUE, INACTIVE))
    play.after(300.0).whatever(agrees(SUE, SENDRECV))
    play.after(1.0).on(MediaMissing(SUE, 301.0)).does()


# modes


@pytest.mark.parametrize("mode", list(Mode))
def test_a_mode_is_set_with_the_request_that_waits_for_it(mode: Mode) -> None:
    play = supervised()
    play.quietly = False
    play.on(wants(mode)).does(SetMode(SUE, mode, Role.AGENT, 9), published("supervisor.mode", SUE))
    assert play.detail("supervisor.mode") == {"mode": mode, "target": "agent", "cause": "request"}
    assert play.leg(SUE).mode is mode


def test_the_target_is_a_role() -> None:
    play = supervised()
    play.on(wants(Mode.WHISPER, Role.CUSTOMER)).does(SetMode(SUE, Mode.WHISPER, Role.CUSTOMER, 9))
    assert play.leg(SUE).target is Role.CUSTOMER


@pytest.mark.parametrize("target", [Role.OUTSIDE, Role.SUPERVISOR])
def test_nobody_else_is_whispered_to(target: Role) -> None:
    play = supervised()
    play.on(wants(Mode.WHISPER, target)).does(RefuseRequest(9, "bad_request", "a whisper is for the agent or the customer"))
    assert play.leg(SUE).mode is Mode.LISTEN


@pytest.mark.parametrize("leg", [CUSTOMER, AGENT, TOM])
def test_only_supervisors_have_a_mode(leg: int) -> None:
    play = talking()
    for request in (ModeRequested(leg, Mode.BARGE, Role.AGENT, 3), MuteRequested(leg, True, 3), VolumesRequested(leg, 0.5, None, 3)):
        play.on(request).does(RefuseRequest(3, "not_found", "no such supervisor on this call"))


def test_a_request_for_one_who_left_is_refused() -> None:
    play = supervised().whatever(LegEnded(SUE, "bye"))
    play.on(wants(Mode.BARGE)).does(RefuseRequest(9, "not_found", "no such supervisor on this call"))


def test_a_mode_asked_for_while_his_phone_rings_is_the_one_he_joins_in() -> None:
    play = talking().whatever(called(Mode.LISTEN))
    play.on(wants(Mode.BARGE)).does(SetMode(SUE, Mode.BARGE, Role.AGENT, 9))
    play.whatever(Accepted(SUE, "s", MEDIA))
    assert play.did(SetMode) == [SetMode(SUE, Mode.BARGE, Role.AGENT, None)]


def test_mute_and_volumes_are_his_alone() -> None:
    play = supervised()
    play.quietly = False
    play.on(MuteRequested(SUE, True, 3)).does(SetMuted(SUE, True, 3), published("supervisor.updated", SUE))
    play.on(VolumesRequested(SUE, 0.0, None, 4)).does(SetVolumes(SUE, 0.0, 1.0, 4), published("supervisor.updated", SUE))
    play.on(VolumesRequested(SUE, None, 4.0, 5)).does(SetVolumes(SUE, 0.0, 4.0, 5), published("supervisor.updated", SUE))
    view = play.leg(SUE)
    assert (view.muted, view.hears, view.heard) == (True, 0.0, 4.0)


@pytest.mark.parametrize("volume", [-0.1, 4.1, float("nan"), float("inf")])
def test_a_volume_out_of_range_is_refused_and_changes_nothing(volume: float) -> None:
    play = supervised()
    play.on(VolumesRequested(SUE, 0.5, volume, 4)).does(RefuseRequest(4, "bad_request", "a volume is a gain from 0 to 4.0"))
    assert (play.leg(SUE).hears, play.leg(SUE).heard) == (1.0, 1.0)


# a supervisor's own hold


@pytest.mark.parametrize("direction", [SENDONLY, INACTIVE])
def test_a_supervisor_who_presses_hold_falls_to_listen_and_stays_there(direction: Direction) -> None:
    play = supervised(Mode.BARGE)
    play.on(agrees(SUE, direction)).does(SetMode(SUE, Mode.LISTEN, Role.AGENT, None))
    assert play.detail("supervisor.mode")["cause"] == "hold"
    play.on(agrees(SUE, SENDRECV)).does()
    assert play.leg(SUE).mode is Mode.LISTEN


def test_music_on_hold_cannot_be_whispered() -> None:
    play = supervised().whatever(agrees(SUE, SENDONLY))
    play.on(wants(Mode.WHISPER)).does(RefuseRequest(9, "conflict", "the supervisor's phone is on hold; resume first"))
    play.on(wants(Mode.LISTEN)).does(SetMode(SUE, Mode.LISTEN, Role.AGENT, 9))
    play.whatever(agrees(SUE, SENDRECV))
    play.on(wants(Mode.WHISPER)).does(SetMode(SUE, Mode.WHISPER, Role.AGENT, 9))


def test_a_phone_that_answers_on_hold_joins_in_listen() -> None:
    play = talking().whatever(called(Mode.BARGE))
    play.on(Accepted(SUE, "s", agrees(SUE, INACTIVE).media))
    assert play.leg(SUE).mode is Mode.LISTEN
    assert {action.mode for action in play.did(SetMode)} == {Mode.LISTEN}


# who cannot hear him


def test_a_whisper_to_an_agent_on_hold_is_accepted_reported_and_works_on_resume() -> None:
    play = supervised().whatever(agrees(AGENT, SENDONLY), agrees(CUSTOMER, RECVONLY))
    play.quietly = False
    play.on(wants(Mode.WHISPER)).does(
        SetMode(SUE, Mode.WHISPER, Role.AGENT, 9),
        published("supervisor.mode", SUE),
        published("supervisor.audibility", SUE),
    )
    assert play.leg(SUE).inaudible == "target_on_hold"
    play.whatever(agrees(AGENT, SENDRECV))
    assert play.detail("supervisor.audibility") == {"reason": ""}
    assert play.leg(SUE).inaudible == ""
    assert (play.leg(SUE).mode, play.did(SetMode)) == (Mode.WHISPER, [])


def test_a_listener_is_inaudible_to_nobody() -> None:
    play = supervised().whatever(agrees(AGENT, INACTIVE))
    assert play.leg(SUE).inaudible == ""


def test_a_whisper_while_it_rings_works_by_itself_once_the_agent_is_there() -> None:
    play = Playbook().whatever(invited(), ringing(status=183, early=MEDIA), arrives(mode=Mode.WHISPER))
    assert play.leg(SUE).inaudible == "target_absent"
    play.whatever(answered())
    assert play.leg(SUE).inaudible == ""


def test_a_barge_into_early_media_reaches_the_customer() -> None:
    play = Playbook().whatever(invited(), ringing(status=183, early=MEDIA), arrives(mode=Mode.BARGE))
    assert play.leg(SUE).inaudible == ""


def test_a_barge_into_bare_ringing_reaches_nobody_yet() -> None:
    play = Playbook().whatever(invited(), ringing(), arrives(mode=Mode.BARGE))
    assert play.leg(SUE).inaudible == "target_absent"


def test_a_barge_that_one_party_misses_is_reported() -> None:
    play = supervised(Mode.BARGE).whatever(agrees(CUSTOMER, INACTIVE))
    assert play.leg(SUE).inaudible == "target_on_hold"


def test_a_whisper_on_a_call_without_an_agent_finds_nobody() -> None:
    play = Playbook().whatever(invited(HOTEL), answered(), arrives(mode=Mode.WHISPER))
    assert play.leg(SUE).inaudible == "target_absent"


def test_a_phone_that_sends_nothing_is_named_as_the_reason() -> None:
    play = supervised(Mode.WHISPER).whatever(agrees(SUE, RECVONLY))
    assert play.leg(SUE).inaudible == "supervisor_not_sending"


# another agent


def test_another_agent_means_listen_again() -> None:
    play = Playbook().whatever(invited(ANNA, BEN), ringing(), arrives(mode=Mode.WHISPER), arrives(TOM))
    play.on(Rejected(AGENT, 486)).does(
        Count("targets_failed", "busy"),
        CloseLeg(AGENT),
        SetMode(SUE, Mode.LISTEN, Role.AGENT, None),
        published("supervisor.mode", SUE),
        published("call.agent"),
        OpenLeg(NEXT, Role.AGENT),
        PlaceLeg(NEXT, BEN, like=CUSTOMER),
        published("supervisor.audibility", SUE),
    )
    assert play.detail("call.agent") == {"agent": "ben", "team": "sales", "party": "ben"}
    assert play.detail("supervisor.mode")["cause"] == "agent"


def test_the_same_agent_again_changes_no_mode() -> None:
    play = Playbook().whatever(invited(ANNA, ANNA), ringing(), arrives(mode=Mode.WHISPER), Rejected(AGENT, 486))
    assert play.leg(SUE).mode is Mode.WHISPER


def test_hold_and_resume_keep_the_supervision() -> None:
    play = supervised(Mode.WHISPER)
    for direction in (SENDONLY, SENDRECV, INACTIVE, SENDRECV):
        play.whatever(agrees(AGENT, direction), agrees(CUSTOMER, SENDRECV))
        assert play.leg(SUE).mode is Mode.WHISPER
        assert [action for action in play.last if isinstance(action, SetMode | Admit)] == []
