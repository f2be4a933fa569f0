"""Calls that the server makes for an agent: he is rung first, then whom he wants."""

from mediaserver.call.actions import Admit, ChooseFork, CloseLeg, EndLeg, OpenLeg, PlaceLeg, PlaySound, RelayInfo, ReofferLeg, StopSound
from mediaserver.call.ending import ENDINGS, Cause
from mediaserver.call.inputs import (
    HangUpRequested,
    InfoRelayed,
    LegEnded,
    MediaMissing,
    MediaStarted,
    Originated,
    Rejected,
    ReofferFailed,
    Target,
)
from mediaserver.call.view import CallState
from mixer.modes import Role
from sip.negotiated import Direction
from tests.mediaserver.call.playbook import AGENT, ANNA, MEDIA, SUE, Playbook, agrees, answered, arrives, ringing

CARL = 7
NUMBER = Target("trunk", "provider/030")


def originated() -> Originated:
    """A call for Carl to a number outside."""
    return Originated(CARL, Target("agent", "carl", team="support"), "carl", "030", (NUMBER,), auto_answer=True)


def test_the_agent_is_rung_then_the_number() -> None:
    play = Playbook(quietly=True)
    play.on(originated()).does(OpenLeg(CARL, Role.AGENT), PlaceLeg(CARL, originated().target, None, auto_answer=True))
    play.on(ringing(CARL)).does()
    play.on(answered(CARL)).does(
        ChooseFork(CARL, "a"),
        Admit(CARL, True),
        OpenLeg(AGENT, Role.CUSTOMER),
        PlaceLeg(AGENT, NUMBER, like=CARL),
        PlaySound(CARL, "ringback", loop=True),
    )
    assert (play.call.view().agent, play.call.view().team) == ("carl", "support")
    play.on(ringing(AGENT)).does()
    play.on(answered(AGENT)).does(ChooseFork(AGENT, "a"), Admit(AGENT, True), StopSound(CARL))
    assert play.call.view().state is CallState.ANSWERED


def test_the_agent_hears_the_numbers_early_media() -> None:
    play = Playbook(quietly=True).whatever(originated(), answered(CARL))
    play.on(ringing(AGENT, 183, early=MEDIA)).does(ChooseFork(AGENT, "a"), Admit(AGENT, True), StopSound(CARL))


def test_an_agent_who_does_not_answer_ends_it() -> None:
    play = Playbook(quietly=True, ring_timeout=20.0).whatever(originated(), ringing(CARL))
    play.after(20.0).does(EndLeg(CARL, ENDINGS[Cause.NO_ANSWER].reason), CloseLeg(CARL))
    assert play.call.view().cause == "no_answer"


def test_an_agent_who_refuses_ends_it() -> None:
    play = Playbook(quietly=True).whatever(originated())
    play.on(Rejected(CARL, 486)).does(CloseLeg(CARL))
    assert play.call.view().cause == "busy"


def test_a_number_that_fails_hangs_up_on_the_agent() -> None:
    play = Playbook(quietly=True).whatever(originated(), answered(CARL))
    play.on(Rejected(AGENT, 404)).does(CloseLeg(AGENT), EndLeg(CARL, ENDINGS[Cause.NOT_FOUND].reason), CloseLeg(CARL))


def test_an_agent_who_hangs_up_cancels_the_number() -> None:
    play = Playbook(quietly=True).whatever(originated(), answered(CARL), ringing(AGENT))
    play.on(LegEnded(CARL, "bye")).does(EndLeg(AGENT, ENDINGS[Cause.HANG_UP].reason), CloseLeg(CARL), CloseLeg(AGENT))


def test_targets_of_an_agent_are_not_agents() -> None:
    play = Playbook().whatever(Originated(CARL, Target("agent", "carl"), "carl", "anna", (ANNA,)), answered(CARL))
    assert [leg.role for leg in play.call.view().legs] == [Role.AGENT, Role.OUTSIDE]


def test_a_call_that_is_made_can_be_joined_from_the_agents_ringing() -> None:
    play = Playbook().whatever(originated(), ringing(CARL), arrives())
    assert play.call.view().state is CallState.RINGING
    assert play.leg(SUE).party == "name-50"


def made() -> Playbook:
    """Carl and his customer in conversation."""
    return Playbook(quietly=True).whatever(originated(), answered(CARL), answered(AGENT))


def test_a_call_that_was_made_is_a_call_like_others() -> None:
    play = made()
    play.on(agrees(CARL, Direction.INACTIVE)).does(ReofferLeg(AGENT, Direction.SENDONLY), PlaySound(AGENT, "music", loop=True))
    play.on(agrees(AGENT, Direction.RECVONLY)).does()
    play.on(agrees(AGENT, Direction.INACTIVE)).does(ReofferLeg(CARL, Direction.SENDONLY), StopSound(AGENT))
    play.on(ReofferFailed(CARL, retry_in=2.0)).does()
    play.after(2.0).does(ReofferLeg(CARL, Direction.SENDONLY))
    play.on(InfoRelayed(CARL, "application/dtmf", b"1")).does(RelayInfo(AGENT, "application/dtmf", b"1"))


def test_an_agent_who_holds_without_sending_is_covered_by_music_until_he_sends() -> None:
    play = made().whatever(agrees(CARL, Direction.SENDONLY))
    play.after(1.0).on(MediaMissing(CARL, 1.0)).does(PlaySound(AGENT, "music", loop=True))
    play.on(MediaStarted(CARL)).does(StopSound(AGENT))


def test_a_call_that_was_made_ends_without_media_of_the_agent() -> None:
    play = made()
    play.after(60.0).whatever(MediaMissing(CARL, 60.0))
    assert play.call.view().cause == "no_rtp"


def test_hanging_up_the_agent_ends_the_call_that_was_made_for_him() -> None:
    play = made()
    play.on(HangUpRequested(CARL, "hung_up")).does(
        EndLeg(CARL, ENDINGS[Cause.REQUESTED].reason), EndLeg(AGENT, ENDINGS[Cause.REQUESTED].reason), CloseLeg(CARL), CloseLeg(AGENT)
    )
