"""Hold and resume, from either side, at once, and through glare."""

import pytest

from mediaserver.call.actions import Count, PlaySound, Publish, RelayInfo, ReofferLeg, StopSound
from mediaserver.call.holding import MOST_GLARES
from mediaserver.call.inputs import InfoRelayed, MediaAgreed, MediaMissing, MediaStarted, ReofferFailed
from mediaserver.call.view import CallState, LegState
from sip.negotiated import Direction
from tests.mediaserver.call.playbook import (
    AGENT,
    CUSTOMER,
    Playbook,
    agrees,
    answered,
    invited,
    media,
    published,
    ringing,
    talking,
)

SENDRECV, SENDONLY, RECVONLY, INACTIVE = Direction.SENDRECV, Direction.SENDONLY, Direction.RECVONLY, Direction.INACTIVE
MUSIC_FOR_CUSTOMER = PlaySound(CUSTOMER, "music", loop=True)


def held(by: Direction = SENDONLY) -> Playbook:
    """The agent holds, and the customer was told and agreed."""
    return talking().whatever(agrees(AGENT, by), agrees(CUSTOMER, RECVONLY))


def test_a_holder_who_sends_his_own_music_is_heard_by_the_held_party() -> None:
    play = talking(quietly=False)
    play.on(agrees(AGENT, SENDONLY)).does(published("call.held", AGENT), ReofferLeg(CUSTOMER, SENDONLY))
    play.on(agrees(CUSTOMER, RECVONLY)).does()
    play.on(agrees(AGENT, SENDRECV)).does(published("call.resumed", AGENT), ReofferLeg(CUSTOMER, SENDRECV))
    play.on(agrees(CUSTOMER, SENDRECV)).does()


def test_a_holder_who_sends_nothing_leaves_the_held_party_with_music() -> None:
    play = talking()
    play.on(agrees(AGENT, INACTIVE)).does(ReofferLeg(CUSTOMER, SENDONLY), MUSIC_FOR_CUSTOMER)
    play.on(agrees(CUSTOMER, RECVONLY)).does()
    play.on(agrees(AGENT, SENDRECV)).does(ReofferLeg(CUSTOMER, SENDRECV), StopSound(CUSTOMER))


def test_a_held_phone_that_answers_inactive_does_not_hold_in_turn() -> None:
    play = talking()
    play.on(agrees(AGENT, INACTIVE)).does(ReofferLeg(CUSTOMER, SENDONLY), MUSIC_FOR_CUSTOMER)
    play.on(agrees(CUSTOMER, INACTIVE)).does(StopSound(CUSTOMER))
    assert play.leg(CUSTOMER).state is LegState.ANSWERED
    play.on(agrees(AGENT, SENDRECV)).does(ReofferLeg(CUSTOMER, SENDRECV))
    play.on(agrees(CUSTOMER, SENDRECV)).does()
    assert play.call.view().state is CallState.ANSWERED


def test_unless_it_offers_that_itself() -> None:
    play = talking()
    play.on(agrees(AGENT, SENDONLY)).does(ReofferLeg(CUSTOMER, SENDONLY))
    play.on(agrees(CUSTOMER, INACTIVE)).does()
    play.on(agrees(CUSTOMER, INACTIVE)).does(ReofferLeg(AGENT, SENDONLY))
    assert play.leg(CUSTOMER).state is LegState.HELD


def test_or_with_silence_where_that_is_configured() -> None:
    play = talking(hold="silence")
    play.on(agrees(AGENT, INACTIVE)).does(ReofferLeg(CUSTOMER, SENDONLY))


def test_the_customer_may_hold_as_well() -> None:
    play = talking()
    play.on(agrees(CUSTOMER, INACTIVE)).does(ReofferLeg(AGENT, SENDONLY), PlaySound(AGENT, "music", loop=True))
    assert play.leg(CUSTOMER).state is LegState.HELD
    assert play.leg(AGENT).state is LegState.ANSWERED


def test_an_address_of_zeros_is_a_hold() -> None:
    play = talking()
    play.on(MediaAgreed(AGENT, media(address="0.0.0.0"))).does(ReofferLeg(CUSTOMER, SENDONLY))
    assert play.call.view().state is CallState.HELD


def test_a_holder_who_says_he_sends_and_does_not_is_covered_by_music() -> None:
    play = held(SENDONLY)
    play.after(1.0).does()
    play.on(MediaMissing(AGENT, 0.4)).does()
    play.on(MediaMissing(AGENT, 0.6)).does(MUSIC_FOR_CUSTOMER)
    play.on(MediaMissing(AGENT, 1.6)).does()
    play.on(MediaStarted(AGENT)).does(StopSound(CUSTOMER))


def test_a_customer_who_holds_without_sending_is_covered_by_music_for_the_agent() -> None:
    play = talking().whatever(agrees(CUSTOMER, SENDONLY), agrees(AGENT, RECVONLY))
    play.after(1.0).on(MediaMissing(CUSTOMER, 0.5)).does(PlaySound(AGENT, "music", loop=True))
    play.on(MediaStarted(CUSTOMER)).does(StopSound(AGENT))


def test_silence_from_before_the_hold_does_not_bring_music() -> None:
    play = talking()
    play.after(10.0).whatever(agrees(AGENT, SENDONLY))
    play.on(MediaMissing(AGENT, 9.0)).does()


def test_a_gap_in_a_conversation_is_no_hold() -> None:
    play = talking()
    play.after(10.0).does()
    play.on(MediaMissing(AGENT, 5.0)).does()


def test_a_hold_said_twice_is_relayed_once() -> None:
    play = held(SENDONLY)
    play.on(agrees(AGENT, SENDONLY)).does()
    play.on(agrees(AGENT, INACTIVE)).does(MUSIC_FOR_CUSTOMER)
    assert play.call.view().state is CallState.HELD


def test_a_codec_change_is_no_hold() -> None:
    play = talking()
    play.on(agrees(AGENT, SENDRECV)).does()


def test_both_hold_and_resume_in_either_order() -> None:
    play = held(INACTIVE)
    play.on(agrees(CUSTOMER, INACTIVE)).does(ReofferLeg(AGENT, SENDONLY), StopSound(CUSTOMER))
    play.on(agrees(AGENT, INACTIVE)).does()
    assert play.call.view().state is CallState.HELD

    # The agent resumes; our answer to him is sendonly, since the customer still holds.
    play.on(agrees(AGENT, RECVONLY)).does(ReofferLeg(CUSTOMER, SENDRECV), PlaySound(AGENT, "music", loop=True))
    play.on(agrees(CUSTOMER, INACTIVE)).does()
    assert play.call.view().state is CallState.HELD
    play.on(agrees(CUSTOMER, SENDRECV)).does(ReofferLeg(AGENT, SENDRECV), StopSound(AGENT))
    play.on(agrees(AGENT, SENDRECV)).does()
    assert play.call.view().state is CallState.ANSWERED


def test_the_call_is_held_until_the_last_holder_resumes() -> None:
    play = held(SENDONLY).whatever(agrees(CUSTOMER, INACTIVE), agrees(AGENT, RECVONLY))
    assert play.call.view().state is CallState.HELD
    assert [action.kind for action in play.did(Publish)] == ["call.resumed"]
    play.whatever(agrees(CUSTOMER, SENDRECV))
    assert play.call.view().state is CallState.ANSWERED


def test_an_agent_who_answers_on_hold_holds() -> None:
    play = Playbook(quietly=True).whatever(invited(), ringing(), answered(agreed=media(INACTIVE)))
    assert play.call.view().state is CallState.HELD
    assert play.did(ReofferLeg) == [ReofferLeg(CUSTOMER, SENDONLY)]
    assert play.did(PlaySound) == [MUSIC_FOR_CUSTOMER]


# one offer at a time


def test_a_resume_while_the_hold_is_still_offered_waits_for_its_answer() -> None:
    play = talking()
    play.on(agrees(AGENT, SENDONLY)).does(ReofferLeg(CUSTOMER, SENDONLY))
    play.on(agrees(AGENT, SENDRECV)).does()
    play.on(agrees(CUSTOMER, RECVONLY)).does(ReofferLeg(CUSTOMER, SENDRECV))
    play.on(agrees(CUSTOMER, SENDRECV)).does()


def test_a_glare_is_tried_again_after_its_time() -> None:
    play = talking()
    play.on(agrees(AGENT, SENDONLY)).does(ReofferLeg(CUSTOMER, SENDONLY))
    play.on(ReofferFailed(CUSTOMER, retry_in=2.1)).does()
    play.after(2.0).does()
    play.after(0.1).does(ReofferLeg(CUSTOMER, SENDONLY))
    play.on(agrees(CUSTOMER, RECVONLY)).does()
    play.after(60.0).does()


def test_another_agreement_does_not_shorten_the_time_after_a_glare() -> None:
    play = talking().whatever(agrees(AGENT, SENDONLY), ReofferFailed(CUSTOMER, retry_in=2.0))
    play.after(1.0).on(agrees(CUSTOMER, SENDRECV)).does()
    play.after(0.9).does()
    play.after(0.1).does(ReofferLeg(CUSTOMER, SENDONLY))


def test_after_a_glare_the_wish_of_that_time_is_asked_for() -> None:
    play = talking().whatever(agrees(AGENT, SENDONLY), ReofferFailed(CUSTOMER, retry_in=2.0), agrees(AGENT, SENDRECV))
    play.after(2.0).does(ReofferLeg(CUSTOMER, SENDRECV))
    play.on(agrees(CUSTOMER, SENDRECV)).does()


def test_after_a_glare_their_own_offer_may_bring_what_we_wish() -> None:
    """Their re-INVITE, which ours met, was answered with our wish already."""
    play = talking().whatever(agrees(AGENT, SENDONLY), ReofferFailed(CUSTOMER, retry_in=2.0))
    play.on(agrees(CUSTOMER, RECVONLY)).does()
    play.after(60.0).does()


def test_after_a_glare_their_own_offer_may_bring_something_else() -> None:
    """An answer in an ACK that was on its way ends in what we said before."""
    play = talking().whatever(agrees(AGENT, SENDONLY), ReofferFailed(CUSTOMER, retry_in=2.0))
    play.on(agrees(CUSTOMER, SENDRECV)).does()
    play.after(2.0).does(ReofferLeg(CUSTOMER, SENDONLY))


def test_an_acks_answer_that_is_taken_for_the_offers_loses_no_hold() -> None:
    play = talking().whatever(agrees(AGENT, SENDONLY), agrees(CUSTOMER, SENDRECV))
    play.on(ReofferFailed(CUSTOMER, retry_in=0.5)).does()
    play.after(0.5).does(ReofferLeg(CUSTOMER, SENDONLY))


def test_a_refused_hold_leaves_the_call_alone() -> None:
    play = talking(quietly=False).whatever(agrees(AGENT, INACTIVE))
    play.on(ReofferFailed(CUSTOMER, retry_in=None)).does(Count("reoffers_refused", "caller"))
    play.after(60.0).does()
    assert play.call.view().state is CallState.HELD


def test_after_a_refused_hold_the_resume_is_relayed() -> None:
    play = talking().whatever(agrees(AGENT, SENDONLY), ReofferFailed(CUSTOMER, retry_in=None))
    play.on(agrees(AGENT, SENDRECV)).does(ReofferLeg(CUSTOMER, SENDRECV))


def test_glares_without_end_are_given_up() -> None:
    play = talking().whatever(agrees(AGENT, SENDONLY))
    for _ in range(MOST_GLARES):
        play.on(ReofferFailed(CUSTOMER, retry_in=1.0)).does()
        play.after(1.0).does(ReofferLeg(CUSTOMER, SENDONLY))
    play.on(ReofferFailed(CUSTOMER, retry_in=1.0)).does()
    play.after(60.0).does()


def test_a_hold_that_was_given_up_is_tried_again_when_the_leg_offers_something() -> None:
    play = talking().whatever(agrees(AGENT, SENDONLY), ReofferFailed(CUSTOMER, retry_in=None))
    play.on(agrees(CUSTOMER, SENDRECV)).does()
    play.after(0.0).does(ReofferLeg(CUSTOMER, SENDONLY))
    play.on(ReofferFailed(CUSTOMER, retry_in=None)).does()
    play.on(agrees(CUSTOMER, RECVONLY)).does()
    play.after(60.0).does()


def test_a_phone_that_answers_a_hold_with_sendrecv_is_not_asked_for_ever() -> None:
    play = talking().whatever(agrees(AGENT, SENDONLY))
    play.on(agrees(CUSTOMER, SENDRECV)).does()
    play.on(agrees(AGENT, SENDRECV)).does(ReofferLeg(CUSTOMER, SENDRECV))


@pytest.mark.parametrize("by", [SENDONLY, INACTIVE])
def test_fifty_holds_and_resumes_say_each_once(by: Direction) -> None:
    play = talking()
    for _ in range(50):
        play.whatever(agrees(AGENT, by))
        assert play.did(ReofferLeg) == [ReofferLeg(CUSTOMER, SENDONLY)]
        play.whatever(agrees(CUSTOMER, RECVONLY))
        assert play.did(ReofferLeg) == []
        play.whatever(agrees(AGENT, SENDRECV))
        assert play.did(ReofferLeg) == [ReofferLeg(CUSTOMER, SENDRECV)]
        play.whatever(agrees(CUSTOMER, SENDRECV))
        assert play.did(ReofferLeg) == []


# digits by INFO


def test_a_partys_info_goes_to_the_other_party() -> None:
    play = talking()
    play.on(InfoRelayed(CUSTOMER, "application/dtmf-relay", b"Signal=1")).does(RelayInfo(AGENT, "application/dtmf-relay", b"Signal=1"))
    play.on(InfoRelayed(AGENT, "application/dtmf", b"2")).does(RelayInfo(CUSTOMER, "application/dtmf", b"2"))


def test_an_info_with_nobody_to_take_it_is_counted() -> None:
    play = Playbook().whatever(invited(), ringing(status=183, early=media()))
    play.on(InfoRelayed(CUSTOMER, "application/dtmf", b"2")).does(Count("infos_dropped", "nobody_there"))
