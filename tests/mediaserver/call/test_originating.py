"""Calls that the server makes for an agent: he is rung first, then whom he wants."""

from mediaserver.call.actions import Admit, ChooseFork, CloseLeg, EndLeg, OpenLeg, PlaceLeg, PlaySound, StopSound
from mediaserver.call.ending import ENDINGS, Cause
from mediaserver.call.inputs import LegEnded, Originated, Rejected, Target
from mediaserver.call.view import CallState
from mixer.modes import Role
from tests.mediaserver.call.playbook import AGENT, ANNA, MEDIA, Playbook, answered, ringing

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
