"""From the INVITE to the answer: targets in turn, what the caller is told, who plays which role."""

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
    ProgressLeg,
    RejectLeg,
)
from mediaserver.call.ending import ENDINGS, Cause
from mediaserver.call.hunting import MOST_CONTACTS
from mediaserver.call.inputs import Accepted, Invited, LegEnded, Rejected, Target
from mediaserver.call.view import CallState, LegState
from mixer.modes import Role
from tests.mediaserver.call.playbook import (
    AGENT,
    ANNA,
    BEN,
    CUSTOMER,
    HOTEL,
    LAST,
    MEDIA,
    NEXT,
    Playbook,
    answered,
    invited,
    published,
    ringing,
    talking,
)


def test_a_call_rings_is_answered_and_bridged() -> None:
    play = Playbook()
    play.on(invited(ANNA)).does(
        OpenLeg(CUSTOMER, Role.CUSTOMER),
        published("call.started", CUSTOMER),
        OpenLeg(AGENT, Role.AGENT),
        PlaceLeg(AGENT, ANNA, like=CUSTOMER),
    )
    play.on(ringing()).does(published("call.ringing", AGENT), ProgressLeg(CUSTOMER, 180))
    play.on(answered()).does(
        ChooseFork(AGENT, "a"),
        AcceptLeg(CUSTOMER, like=AGENT),
        Admit(CUSTOMER, True),
        Admit(AGENT, True),
        published("call.answered", AGENT),
    )
    assert play.call.view().state is CallState.ANSWERED
    assert [leg.state for leg in play.call.view().legs] == [LegState.ANSWERED, LegState.ANSWERED]


def test_an_answer_without_ringing_is_an_answer() -> None:
    play = Playbook(quietly=True).whatever(invited())
    play.on(answered()).does(ChooseFork(AGENT, "a"), AcceptLeg(CUSTOMER, like=AGENT), Admit(CUSTOMER, True), Admit(AGENT, True))


def test_nobody_hears_anybody_before_media_was_agreed() -> None:
    play = Playbook().whatever(invited())
    play.on(ringing()).does(published("call.ringing", AGENT), ProgressLeg(CUSTOMER, 180))
    assert play.did(Admit) == []


def test_metadata_caller_and_agent_are_kept_and_shown() -> None:
    play = Playbook().whatever(invited(ANNA, metadata={"queue": "support"}))
    view = play.call.view()
    assert (view.caller, view.called, view.agent, view.team) == ("0301234", "1000", "anna", "sales")
    assert (view.tenant, view.trunk, view.metadata) == ("default", "pbx", {"queue": "support"})
    assert [leg.party for leg in view.legs] == ["0301234", "anna"]


@pytest.mark.parametrize("status", [486, 480, 408, 503, 404, 403, 302])
def test_a_target_that_fails_gives_way_to_the_next(status: int) -> None:
    play = Playbook(quietly=True).whatever(invited(ANNA, HOTEL))
    play.on(Rejected(AGENT, status)).does(CloseLeg(AGENT), OpenLeg(NEXT, Role.OUTSIDE), PlaceLeg(NEXT, HOTEL, like=CUSTOMER))
    play.on(answered(NEXT)).does(ChooseFork(NEXT, "a"), AcceptLeg(CUSTOMER, like=NEXT), Admit(CUSTOMER, True), Admit(NEXT, True))


def test_a_target_that_rings_too_long_is_cancelled() -> None:
    play = Playbook(quietly=True, ring_timeout=20.0).whatever(invited(ANNA, BEN), ringing())
    play.after(19.9).does()
    play.after(0.1).does(
        EndLeg(AGENT, 'SIP;cause=480;text="no answer"'),
        CloseLeg(AGENT),
        OpenLeg(NEXT, Role.AGENT),
        PlaceLeg(NEXT, BEN, like=CUSTOMER),
    )
    play.after(20.0).does(
        EndLeg(NEXT, 'SIP;cause=480;text="no answer"'),
        CloseLeg(NEXT),
        RejectLeg(CUSTOMER, 480, 'SIP;cause=480;text="no answer"'),
        CloseLeg(CUSTOMER),
    )
    assert play.call.is_over


def test_a_target_may_ring_as_long_as_its_route_says() -> None:
    play = Playbook(quietly=True, ring_timeout=20.0).whatever(invited(Target("agent", "anna", ring_timeout=5.0)))
    play.after(4.9).does()
    play.after(0.1)
    assert play.did(EndLeg) == [EndLeg(AGENT, ENDINGS[Cause.NO_ANSWER].reason)]


def test_an_answered_target_rings_no_longer() -> None:
    play = talking(ring_timeout=20.0)
    play.after(3600.0).does()


def test_a_target_whose_signalling_dies_gives_way_to_the_next() -> None:
    play = Playbook(quietly=True).whatever(invited(ANNA, BEN), ringing())
    play.on(LegEnded(AGENT, "transport")).does(CloseLeg(AGENT), OpenLeg(NEXT, Role.AGENT), PlaceLeg(NEXT, BEN, like=CUSTOMER))


@pytest.mark.parametrize("status", [600, 603, 604, 606])
def test_a_global_failure_stops_the_hunt(status: int) -> None:
    play = Playbook(quietly=True).whatever(invited(ANNA, BEN))
    play.on(Rejected(AGENT, status))
    assert play.did(PlaceLeg) == []
    assert play.call.is_over


def test_contacts_of_a_redirection_come_before_the_other_targets() -> None:
    play = Playbook(quietly=True).whatever(invited(ANNA, BEN))
    play.on(Rejected(AGENT, 302, (Target("uri", "sip:a@host"), Target("uri", "sip:b@host"))))
    assert play.did(PlaceLeg) == [PlaceLeg(NEXT, Target("uri", "sip:a@host"), like=CUSTOMER)]
    play.whatever(Rejected(NEXT, 486))
    assert play.did(PlaceLeg) == [PlaceLeg(LAST, Target("uri", "sip:b@host"), like=CUSTOMER)]
    play.whatever(Rejected(LAST, 486))
    assert play.did(PlaceLeg) == [PlaceLeg(LAST + 1, BEN, like=CUSTOMER)]


def test_a_redirected_call_has_no_agent_to_whisper_to() -> None:
    play = Playbook().whatever(invited(ANNA), Rejected(AGENT, 302, (Target("uri", "sip:somebody@host"),)))
    assert play.leg(NEXT).role is Role.OUTSIDE
    assert play.call.view().agent == ""


def test_a_known_agent_behind_a_redirection_is_the_agent() -> None:
    play = Playbook().whatever(invited(ANNA), Rejected(AGENT, 302, (BEN,)))
    assert play.leg(NEXT).role is Role.AGENT
    assert play.call.view().agent == "ben"


def test_redirections_in_a_ring_end() -> None:
    play = Playbook().whatever(invited(ANNA))
    for leg, contact in zip(range(AGENT, AGENT + 3), ("sip:a@host", "sip:b@host", "sip:a@host"), strict=True):
        play.whatever(Rejected(leg, 302, (Target("uri", contact),)))
    assert play.call.is_over
    assert Count("contacts_refused", "3xx") in play.last


def test_only_so_many_contacts_are_followed() -> None:
    play = Playbook().whatever(invited(ANNA), Rejected(AGENT, 300, tuple(Target("uri", f"sip:{n}@host") for n in range(50))))
    for leg in range(NEXT, NEXT + MOST_CONTACTS):
        assert not play.call.is_over
        play.whatever(Rejected(leg, 486))
    assert play.call.is_over


@pytest.mark.parametrize(
    ("statuses", "told"),
    [
        ((486,), 486),
        ((600,), 486),
        ((480,), 480),
        ((487,), 480),
        ((603,), 603),
        ((403,), 603),
        ((404,), 404),
        ((484,), 404),
        ((488,), 488),
        ((401,), 480),
        ((407,), 480),
        ((500,), 480),
        ((503,), 480),
        ((302,), 480),
        ((699,), 480),
        ((404, 486, 503), 486),
        ((503, 480), 480),
        ((404, 403), 603),
    ],
)
def test_final_codes_of_the_inner_side_are_mapped(statuses: tuple[int, ...], told: int) -> None:
    play = Playbook().whatever(invited(*([ANNA] * len(statuses))))
    for leg, status in enumerate(statuses, AGENT):
        play.whatever(Rejected(leg, status))
    assert [action.status for action in play.did(RejectLeg)] == [told]
    assert play.call.is_over


def test_without_a_target_the_number_does_not_exist() -> None:
    play = Playbook(quietly=True)
    play.on(Invited(CUSTOMER, "030", "1000", ())).does(
        OpenLeg(CUSTOMER, Role.CUSTOMER),
        RejectLeg(CUSTOMER, 404, ENDINGS[Cause.NOT_FOUND].reason),
        CloseLeg(CUSTOMER),
    )


def test_no_free_port_for_a_target_is_our_own_shortage() -> None:
    play = Playbook(quietly=True).whatever(invited(ANNA, BEN))
    play.on(Rejected(AGENT, 503, is_ours=True)).does(
        CloseLeg(AGENT),
        RejectLeg(CUSTOMER, 503, 'Q.850;cause=34;text="no free media port"', retry_after=5),
        CloseLeg(CUSTOMER),
    )


def test_no_free_port_for_the_caller_is_our_own_shortage() -> None:
    play = Playbook(quietly=True).whatever(invited(ANNA))
    play.on(Rejected(CUSTOMER, 503, is_ours=True))
    assert [(action.status, action.retry_after) for action in play.did(RejectLeg)] == [(503, 5)]
    assert play.did(EndLeg) == [EndLeg(AGENT, ENDINGS[Cause.NO_RESOURCES].reason)]


# what the caller is told while it rings


def test_each_kind_of_ringing_is_told_once() -> None:
    play = Playbook(quietly=True).whatever(invited())
    play.on(ringing(status=183)).does(ProgressLeg(CUSTOMER, 183))
    play.on(ringing(status=180)).does(ProgressLeg(CUSTOMER, 180))
    play.on(ringing(status=180)).does()
    play.on(ringing(status=182)).does()


def test_a_status_without_meaning_for_the_caller_is_not_told_and_is_no_ringing() -> None:
    play = Playbook().whatever(invited())
    play.on(ringing(status=199)).does()
    assert play.call.view().state is CallState.ROUTING


def test_the_next_target_rings_without_a_second_180() -> None:
    play = Playbook(quietly=True).whatever(invited(ANNA, BEN), ringing(), Rejected(AGENT, 486))
    play.on(ringing(NEXT)).does()
    assert play.call.view().state is CallState.RINGING


# roles


@pytest.mark.parametrize(
    ("first", "target", "role"),
    [
        (Role.CUSTOMER, Target("agent", "anna"), Role.AGENT),
        (Role.CUSTOMER, Target("trunk", "pbx/1001", agent="anna"), Role.AGENT),
        (Role.CUSTOMER, Target("uri", "sip:1001@pbx", agent="anna"), Role.AGENT),
        (Role.CUSTOMER, Target("trunk", "pbx/9999"), Role.OUTSIDE),
        (Role.CUSTOMER, Target("uri", "sip:x@y"), Role.OUTSIDE),
        (Role.AGENT, Target("trunk", "provider/030"), Role.CUSTOMER),
        (Role.AGENT, Target("uri", "sip:x@y"), Role.CUSTOMER),
        (Role.AGENT, Target("agent", "ben"), Role.OUTSIDE),
    ],
)
def test_the_role_is_settled_before_it_rings(first: Role, target: Target, role: Role) -> None:
    play = Playbook().whatever(invited(target, role=first, agent="carl" if first is Role.AGENT else None))
    assert OpenLeg(AGENT, role) in play.last


def test_a_call_has_one_agent_at_most() -> None:
    play = Playbook().whatever(invited(BEN, role=Role.AGENT, agent="carl", team="support"), answered())
    assert [leg.role for leg in play.call.view().legs] == [Role.AGENT, Role.OUTSIDE]
    assert [leg.party for leg in play.call.view().legs] == ["carl", "ben"]
    assert (play.call.view().agent, play.call.view().team) == ("carl", "support")


def test_an_agent_recognised_when_he_answers_is_the_calls_agent_but_not_whispered_to() -> None:
    play = Playbook().whatever(invited(HOTEL), Accepted(AGENT, "a", MEDIA, agent="anna", team="sales"))
    assert (play.call.view().agent, play.call.view().team) == ("anna", "sales")
    assert play.leg(AGENT).role is Role.OUTSIDE
