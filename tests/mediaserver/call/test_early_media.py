"""Media before the answer: what a caller hears while it rings, and which fork he hears."""

from mediaserver.call.actions import AcceptLeg, Admit, ChooseFork, CloseLeg, OpenLeg, PlaceLeg, PlaySound, ProgressLeg, StopSound
from mediaserver.call.inputs import Rejected
from mediaserver.call.view import LegState
from mixer.modes import Role
from tests.mediaserver.call.playbook import (
    A_LAW,
    AGENT,
    ANNA,
    BEN,
    CUSTOMER,
    MEDIA,
    NEXT,
    Playbook,
    answered,
    invited,
    published,
    ringing,
)


def test_a_183_with_media_is_bridged() -> None:
    play = Playbook().whatever(invited())
    play.on(ringing(status=183, early=MEDIA)).does(
        published("call.ringing", AGENT),
        ChooseFork(AGENT, "a"),
        ProgressLeg(CUSTOMER, 183, like=AGENT),
        Admit(CUSTOMER, True),
        Admit(AGENT, True),
    )
    assert [leg.state for leg in play.call.view().legs] == [LegState.EARLY, LegState.EARLY]


def test_a_180_with_media_is_bridged_too() -> None:
    play = Playbook(quietly=True).whatever(invited(), ringing())
    play.on(ringing(status=180, early=MEDIA)).does(
        ChooseFork(AGENT, "a"), ProgressLeg(CUSTOMER, 180, like=AGENT), Admit(CUSTOMER, True), Admit(AGENT, True)
    )


def test_the_answer_after_early_media_admits_nobody_twice() -> None:
    play = Playbook(quietly=True).whatever(invited(), ringing(status=183, early=MEDIA))
    play.on(answered()).does(AcceptLeg(CUSTOMER, like=AGENT))


def test_among_forks_the_first_media_wins() -> None:
    play = Playbook(quietly=True).whatever(invited(), ringing(fork="a", status=183, early=MEDIA))
    play.on(ringing(fork="b", status=183, early=A_LAW)).does()
    assert play.leg(AGENT).codec == "PCMU"


def test_the_fork_that_answers_wins_over_the_one_that_was_heard() -> None:
    play = Playbook(quietly=True).whatever(invited(), ringing(fork="a", status=183, early=MEDIA))
    play.on(answered(fork="b", agreed=A_LAW)).does(ChooseFork(AGENT, "b"), AcceptLeg(CUSTOMER, like=AGENT))
    assert play.leg(AGENT).codec == "PCMA"


def test_ringing_after_early_media_is_not_told() -> None:
    play = Playbook(quietly=True).whatever(invited(), ringing(status=183, early=MEDIA))
    play.on(ringing(fork="b", status=180)).does()


def test_the_next_target_rings_by_our_tone_where_the_caller_heard_media_already() -> None:
    play = Playbook(quietly=True).whatever(invited(ANNA, BEN), ringing(status=183, early=MEDIA))
    play.on(Rejected(AGENT, 486)).does(
        CloseLeg(AGENT),
        OpenLeg(NEXT, Role.AGENT),
        PlaceLeg(NEXT, BEN, like=CUSTOMER),
        PlaySound(CUSTOMER, "ringback", loop=True),
    )
    play.on(ringing(NEXT)).does()
    play.on(answered(NEXT)).does(ChooseFork(NEXT, "a"), AcceptLeg(CUSTOMER, like=NEXT), Admit(NEXT, True), StopSound(CUSTOMER))


def test_the_next_targets_early_media_takes_the_tones_place() -> None:
    play = Playbook(quietly=True).whatever(invited(ANNA, BEN), ringing(status=183, early=MEDIA), Rejected(AGENT, 486))
    play.on(ringing(NEXT, status=183, early=MEDIA)).does(ChooseFork(NEXT, "a"), Admit(NEXT, True), StopSound(CUSTOMER))
