"""How calls end: who is told, in which words, and that nothing stays behind."""

from dataclasses import replace

import pytest

from mediaserver.call.actions import CloseLeg, Count, EndLeg, Publish, RejectLeg
from mediaserver.call.ending import ENDINGS, Cause
from mediaserver.call.inputs import HangUpRequested, LegEnded, MediaAgreed, MediaMissing, MediaStarted
from mediaserver.call.view import CallState
from sip.negotiated import Direction
from tests.mediaserver.call.playbook import (
    AGENT,
    ANNA,
    BEN,
    CUSTOMER,
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

CLEARING = 'Q.850;cause=16;text="normal clearing"'


@pytest.mark.parametrize(("gone", "left"), [(CUSTOMER, AGENT), (AGENT, CUSTOMER)])
def test_a_partys_bye_ends_the_other_leg_in_the_same_breath(gone: int, left: int) -> None:
    play = talking(quietly=False)
    play.on(LegEnded(gone, "bye")).does(
        EndLeg(left, CLEARING),
        CloseLeg(CUSTOMER),
        CloseLeg(AGENT),
        Count("calls_ended", "hang_up"),
        published("call.ended"),
    )
    assert play.call.is_over


def test_supervisors_end_with_the_call() -> None:
    play = supervised().whatever(arrives(TOM))
    play.on(LegEnded(AGENT, "bye")).does(
        EndLeg(CUSTOMER, CLEARING),
        EndLeg(SUE, CLEARING),
        EndLeg(TOM, CLEARING),
        CloseLeg(CUSTOMER),
        CloseLeg(AGENT),
        CloseLeg(SUE),
        CloseLeg(TOM),
    )
    assert [(action.kind, action.leg) for action in play.did(Publish)] == [
        ("supervisor.left", SUE),
        ("supervisor.left", TOM),
        ("call.ended", None),
    ]


def test_a_caller_who_gives_up_cancels_the_target() -> None:
    play = Playbook(quietly=True).whatever(invited(ANNA, BEN), ringing())
    play.on(LegEnded(CUSTOMER, "cancelled")).does(EndLeg(AGENT, 'SIP;cause=487;text="caller gave up"'), CloseLeg(CUSTOMER), CloseLeg(AGENT))
    assert play.call.view().cause == "cancelled"


def test_a_caller_who_never_acknowledged_is_lost() -> None:
    play = talking()
    play.on(LegEnded(CUSTOMER, "no_ack")).does(EndLeg(AGENT, 'Q.850;cause=41;text="connection lost"'), CloseLeg(CUSTOMER), CloseLeg(AGENT))
    assert play.call.view().cause == "lost"


def test_an_ended_call_shows_no_legs_and_keeps_its_facts() -> None:
    play = talking()
    play.after(5.0).whatever(LegEnded(AGENT, "bye"))
    view = play.call.view()
    assert (view.state, view.legs, view.ended, view.answered) == (CallState.ENDED, (), 1005.0, 1000.0)
    assert (view.agent, view.caller, view.cause) == ("anna", "0301234", "hang_up")
    assert play.call.next_timer() is None


def test_the_longest_call_counts_from_the_answer() -> None:
    play = Playbook(quietly=True, longest_call=60.0, ring_timeout=50.0).whatever(invited(), ringing())
    play.after(40.0).does()
    play.whatever(answered())
    play.after(59.9).does()
    play.after(0.1).does(
        EndLeg(CUSTOMER, 'Q.850;cause=102;text="longest call reached"'),
        EndLeg(AGENT, 'Q.850;cause=102;text="longest call reached"'),
        CloseLeg(CUSTOMER),
        CloseLeg(AGENT),
    )
    assert Count("calls_ended", "longest_call") in play.last


def test_a_whole_call_is_ended_on_request() -> None:
    play = supervised()
    play.on(HangUpRequested(None, "ended")).does(
        EndLeg(CUSTOMER, ENDINGS[Cause.REQUESTED].reason),
        EndLeg(AGENT, ENDINGS[Cause.REQUESTED].reason),
        EndLeg(SUE, ENDINGS[Cause.REQUESTED].reason),
        CloseLeg(CUSTOMER),
        CloseLeg(AGENT),
        CloseLeg(SUE),
    )
    assert play.call.view().cause == "ended"


def test_a_ringing_call_is_ended_on_request_with_a_final_code() -> None:
    play = Playbook(quietly=True).whatever(invited(), ringing())
    play.on(HangUpRequested(None, "drain")).does(
        RejectLeg(CUSTOMER, 480, ENDINGS[Cause.REQUESTED].reason),
        EndLeg(AGENT, ENDINGS[Cause.REQUESTED].reason),
        CloseLeg(CUSTOMER),
        CloseLeg(AGENT),
    )


@pytest.mark.parametrize("leg", [CUSTOMER, AGENT])
def test_hanging_up_a_party_ends_the_call(leg: int) -> None:
    play = talking()
    play.on(HangUpRequested(leg, "hung_up"))
    assert play.did(EndLeg) == [EndLeg(leg, ENDINGS[Cause.REQUESTED].reason) for leg in (CUSTOMER, AGENT)]
    assert play.call.is_over


def test_hanging_up_a_ringing_target_rings_the_next() -> None:
    play = Playbook(quietly=True).whatever(invited(ANNA, BEN), ringing())
    play.whatever(HangUpRequested(AGENT, "hung_up"))
    assert play.did(EndLeg) == [EndLeg(AGENT, ENDINGS[Cause.REQUESTED].reason)]
    assert play.leg(NEXT).party == "ben"


# no RTP


def test_a_party_without_media_for_too_long_ends_the_call() -> None:
    play = talking(no_rtp=60.0)
    play.after(59.0).does()
    play.on(MediaMissing(AGENT, 59.0)).does()
    play.after(1.0).does()
    play.on(MediaMissing(AGENT, 60.0)).does(
        EndLeg(CUSTOMER, 'Q.850;cause=41;text="no media"'),
        EndLeg(AGENT, 'Q.850;cause=41;text="no media"'),
        CloseLeg(CUSTOMER),
        CloseLeg(AGENT),
    )
    assert Count("calls_ended", "no_rtp") in play.last


def test_silence_may_last_longer_on_hold() -> None:
    play = talking(no_rtp=60.0, no_rtp_hold=600.0).whatever(agrees(AGENT, Direction.SENDONLY))
    play.after(100.0).whatever(MediaMissing(AGENT, 100.0))
    assert not play.call.is_over
    play.after(500.0).whatever(MediaMissing(AGENT, 600.0))
    assert play.call.view().cause == "no_rtp"


def test_silence_during_a_hold_does_not_count_after_the_resume() -> None:
    play = talking(no_rtp=60.0).whatever(agrees(AGENT, Direction.SENDONLY))
    play.after(300.0).whatever(agrees(AGENT, Direction.SENDRECV), MediaMissing(AGENT, 300.0))
    assert not play.call.is_over
    play.after(60.0).whatever(MediaMissing(AGENT, 360.0))
    assert play.call.is_over


def test_a_party_who_only_received_is_given_its_time_once_it_sends() -> None:
    play = talking(no_rtp=60.0).whatever(agrees(AGENT, Direction.RECVONLY))
    play.after(300.0).whatever(agrees(AGENT, Direction.SENDRECV), MediaMissing(AGENT, 300.0))
    assert not play.call.is_over
    play.after(60.0).whatever(MediaMissing(AGENT, 360.0))
    assert play.call.is_over


def test_a_hold_in_which_nobody_is_to_send_ends_by_itself() -> None:
    play = talking(no_rtp_hold=600.0)
    play.whatever(agrees(AGENT, Direction.INACTIVE), agrees(CUSTOMER, Direction.RECVONLY))
    play.after(599.0).does()
    play.after(1.0)
    assert [action.leg for action in play.did(EndLeg)] == [CUSTOMER, AGENT]
    assert play.call.view().cause == "no_rtp"


def test_missing_media_while_it_rings_is_the_ring_timers_matter() -> None:
    play = Playbook(no_rtp=60.0).whatever(invited(), ringing(status=183, early=MEDIA))
    play.on(MediaMissing(AGENT, 100.0)).does()
    play.on(MediaMissing(CUSTOMER, 100.0)).does()


# what comes late


def test_what_comes_after_the_end_is_counted_and_changes_nothing() -> None:
    play = talking().whatever(LegEnded(AGENT, "bye"))
    for late in (
        answered(),
        ringing(),
        LegEnded(CUSTOMER, "bye"),
        MediaAgreed(AGENT, replace(MEDIA, port=5000)),
        MediaStarted(AGENT),
        HangUpRequested(None, "ended"),
        invited(),
    ):
        assert play.call.handle(late, play.now) == [Count("call_inputs_absorbed", type(late).__name__)]


def test_a_cancelled_targets_late_answer_does_not_answer_the_call() -> None:
    play = Playbook(ring_timeout=20.0).whatever(invited(ANNA, BEN), ringing())
    play.after(20.0)
    play.whatever(answered(AGENT))
    assert play.last == [Count("call_inputs_absorbed", "Accepted")]
    assert play.call.view().state is CallState.RINGING


def test_a_second_invite_for_a_live_call_is_absorbed() -> None:
    play = talking(quietly=False)
    play.on(invited()).does(Count("call_inputs_absorbed", "Invited"))


def test_every_cause_has_words_for_who_is_told() -> None:
    assert set(ENDINGS) == set(Cause)
    for ending in ENDINGS.values():
        assert 400 <= ending.status < 700
        protocol, cause, text = ending.reason.split(";")
        assert protocol in ("SIP", "Q.850")
        assert cause.removeprefix("cause=").isdigit()
        assert text.startswith('text="')
