"""Supervisors who are lost: their talk is free at once, and within half a minute they come back as who they were."""

from dataclasses import replace

import pytest

from mediaserver.call.actions import SetMode, SetVolumes
from mediaserver.call.ending import GOODBYE
from mediaserver.call.inputs import (
    HangUpRequested,
    Input,
    LegEnded,
    MediaAgreed,
    MediaMissing,
    MediaStarted,
    ModeRequested,
    Supervisor,
    SupervisorArrived,
    SupervisorCalled,
    Target,
    VolumesRequested,
)
from mixer.modes import Mode, Role
from tests.mediaserver.call.playbook import MEDIA, SUE, TOM, Playbook, arrives, supervised

AGAIN = 52
"""Sue's next leg."""
TOM_WHISPERS = ModeRequested(TOM, Mode.WHISPER, Role.AGENT, 9)


def back(mode: Mode = Mode.LISTEN) -> SupervisorArrived:
    """Sue dials in again."""
    return replace(arrives(AGAIN, mode=mode), supervisor=Supervisor(f"id-{SUE}", "sue", mode))


def speaking() -> Playbook:
    """Sue whispers, and was heard; Tom listens."""
    return supervised(Mode.WHISPER).whatever(MediaStarted(SUE), arrives(TOM), MediaAgreed(TOM, MEDIA))


@pytest.mark.parametrize("lost", [LegEnded(SUE, "transport"), LegEnded(SUE, "lost"), LegEnded(SUE, GOODBYE), MediaMissing(SUE, 60.0)])
def test_who_was_lost_comes_back_into_the_same_supervision_in_listen_whatever_he_asks_for(lost: Input) -> None:
    play = speaking().whatever(VolumesRequested(SUE, 0.5, 2.0, 7))
    play.after(60.0).whatever(lost)
    play.after(29.0).whatever(back(Mode.BARGE))
    assert play.did(SetMode) == [SetMode(AGAIN, Mode.LISTEN, Role.AGENT, None)]
    assert play.did(SetVolumes) == [SetVolumes(AGAIN, 0.5, 2.0, None)]
    assert play.leg(AGAIN).supervision == SUE
    assert play.detail("supervisor.joined")["resumes"] == str(SUE)


def test_a_phone_that_is_rung_again_comes_back_too() -> None:
    play = speaking().whatever(LegEnded(SUE, "transport"))
    play.whatever(SupervisorCalled(AGAIN, Supervisor(f"id-{SUE}", "sue", Mode.WHISPER), Target("uri", "sip:sue@192.0.2.9"), 4))
    assert (play.leg(AGAIN).supervision, play.leg(AGAIN).mode) == (SUE, Mode.LISTEN)


def test_he_is_the_same_one_after_several_losses() -> None:
    play = speaking().whatever(LegEnded(SUE, "transport"), back(), LegEnded(AGAIN, "transport"))
    play.whatever(replace(back(), leg=53))
    assert play.leg(53).supervision == SUE


def test_after_half_a_minute_he_is_somebody_new() -> None:
    play = speaking().whatever(LegEnded(SUE, "transport"))
    play.after(30.5).whatever(back(Mode.BARGE))
    assert (play.leg(AGAIN).supervision, play.leg(AGAIN).mode) == (AGAIN, Mode.BARGE)
    assert "resumes" not in play.detail("supervisor.joined")


@pytest.mark.parametrize("went", [LegEnded(SUE, "bye"), HangUpRequested(SUE, "left"), HangUpRequested(SUE, "ceiling")])
def test_who_left_or_had_to_go_comes_as_anybody_else(went: Input) -> None:
    play = speaking().whatever(went, back(Mode.BARGE))
    assert (play.leg(AGAIN).supervision, play.leg(AGAIN).mode) == (AGAIN, Mode.BARGE)


def test_another_one_is_not_taken_for_him() -> None:
    play = speaking().whatever(LegEnded(SUE, "transport"), arrives(AGAIN, mode=Mode.WHISPER))
    assert (play.leg(AGAIN).supervision, play.leg(AGAIN).mode) == (AGAIN, Mode.WHISPER)


def test_a_leg_of_his_that_fell_silent_makes_room_for_the_new_one() -> None:
    play = speaking()
    play.after(3.0).whatever(MediaMissing(SUE, 3.0), back(Mode.WHISPER))
    assert [leg.leg for leg in play.call.view().legs if leg.role is Role.SUPERVISOR] == [TOM, AGAIN]
    assert (play.leg(AGAIN).supervision, play.leg(AGAIN).mode) == (SUE, Mode.LISTEN)


def test_with_a_second_leg_beside_one_that_sends_nothing_is_resumed() -> None:
    play = speaking().whatever(back(Mode.BARGE))
    assert play.leg(SUE).mode is Mode.WHISPER
    assert (play.leg(AGAIN).supervision, play.leg(AGAIN).mode) == (AGAIN, Mode.BARGE)


def test_the_talk_of_who_falls_silent_is_free() -> None:
    play = speaking()
    play.after(2.0).whatever(MediaMissing(SUE, 2.0))
    assert play.detail("supervisor.mode") == {"mode": "listen", "target": "agent", "cause": "lost"}
    play.on(TOM_WHISPERS).does(SetMode(TOM, Mode.WHISPER, Role.AGENT, 9))


@pytest.mark.parametrize("quiet", [0.5, 1.9])
def test_a_short_silence_frees_nothing(quiet: float) -> None:
    play = speaking()
    play.after(quiet).on(MediaMissing(SUE, quiet)).does()
    assert play.leg(SUE).mode is Mode.WHISPER


def test_who_has_not_been_heard_yet_keeps_the_talk_that_he_came_with() -> None:
    play = supervised(Mode.WHISPER)
    play.after(5.0).on(MediaMissing(SUE, 5.0)).does()
    assert play.leg(SUE).mode is Mode.WHISPER


def test_a_phone_that_may_pause_in_silence_is_not_taken_for_lost() -> None:
    play = supervised(Mode.WHISPER).whatever(MediaAgreed(SUE, replace(MEDIA, receive_comfort_noise_payload_type=13)), MediaStarted(SUE))
    play.after(20.0).on(MediaMissing(SUE, 20.0)).does()
    assert play.leg(SUE).mode is Mode.WHISPER


def test_what_is_remembered_of_the_lost_does_not_grow() -> None:
    play = supervised(seats=64)
    for number in range(200, 260):
        play.after(31.0).whatever(arrives(number), MediaAgreed(number, MEDIA), LegEnded(number, "transport"))
    assert len(play.call._conversation.absences) == 1
