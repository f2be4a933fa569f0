"""Session timers (RFC 4028): who asks, who refreshes, what is refused, and what ends."""

from typing import Any

import pytest

from sip.events import Accepted, Event, InviteReceived, OfferRejected, RefreshDue, Rejected, SessionEnded
from sip.message import Request, Response
from tests.sip.caller import Callee
from tests.sip.network import ANSWER, OFFER, Call, Network
from tests.sip.peer import SDP_ANSWER, SDP_OFFER, Peer, methods, statuses

UPDATES = "Allow: INVITE, ACK, BYE, UPDATE"


def accepted(*headers: str, **settings: Any) -> tuple[Peer, Response]:
    """Bob's 200 to an INVITE with these headers, acknowledged."""
    peer = Peer(**settings)
    peer.say("INVITE", headers=headers, body=SDP_OFFER)
    peer.bob.agent.accept(peer.session, ANSWER, peer.network.now)
    success = peer.heard()[-1]
    assert isinstance(success, Response)
    peer.say("ACK", to_tag=success.to.tag)
    return peer, success


def called(*headers: str, **settings: Any) -> Callee:
    """A confirmed call of Bob's, whose 200 had these headers."""
    peer = Callee(**settings)
    peer.accept(headers=headers)
    return peer


# what is agreed


@pytest.mark.parametrize(
    ("asked", "granted", "requires"),
    [
        (("Supported: timer", "Session-Expires: 600;refresher=uac"), "600;refresher=uac", True),
        (("Supported: timer", "Session-Expires: 600;refresher=uas"), "600;refresher=uas", True),
        (("Supported: timer", "Session-Expires: 600"), "600;refresher=uas", True),
        (("k: timer", "x: 600"), "600;refresher=uas", True),
        (("Supported: timer",), "1800;refresher=uas", True),
        ((), "1800;refresher=uas", False),
        (("Session-Expires: 600",), "600;refresher=uas", False),
        (("Session-Expires: 20",), "90;refresher=uas", False),
        (("Supported: timer", "Session-Expires: 7200"), "1800;refresher=uas", True),
        (("Supported: timer", "Session-Expires: 7200", "Min-SE: 3000"), "3000;refresher=uas", True),
        (("Require: timer", "Session-Expires: 600;refresher=uac"), "600;refresher=uac", True),
    ],
)
def test_what_a_caller_is_granted(asked: tuple[str, ...], granted: str, requires: bool) -> None:
    _, success = accepted(*asked)
    assert success.header("Session-Expires") == granted
    assert ("timer" in success.items("Require")) is requires


@pytest.mark.parametrize(("asked", "granted"), [((), None), (("Supported: timer", "Session-Expires: 600"), "600;refresher=uas")])
def test_where_we_only_accept_the_other_side_has_to_ask(asked: tuple[str, ...], granted: str | None) -> None:
    _, success = accepted(*asked, session_timers="accept")
    assert success.header("Session-Expires") == granted
    assert Callee(session_timers="accept").invite.header("Session-Expires") is None


def test_where_we_refuse_we_know_nothing_of_it() -> None:
    _, success = accepted("Supported: timer", "Session-Expires: 20", session_timers="refuse")
    assert success.header("Session-Expires") is None
    assert "timer" not in success.items("Supported")
    (refusal,) = Peer(session_timers="refuse").say("INVITE", headers=("Require: timer",), body=SDP_OFFER)
    assert (statuses([refusal]), refusal.header("Unsupported")) == ([420], "timer")
    peer = called("Session-Expires: 100;refresher=uac", session_timers="refuse")
    assert peer.wait(200) == []


def test_our_invite_asks_and_leaves_who_refreshes_to_the_other_side() -> None:
    invite = Callee().invite
    assert (invite.header("Session-Expires"), invite.header("Min-SE")) == ("1800", None)
    assert "timer" in invite.items("Supported")
    invite = Callee(min_se=120, session_expires=600).invite
    assert (invite.header("Session-Expires"), invite.header("Min-SE")) == ("600", "120")


# 422


def test_an_interval_too_small_for_us_gets_422_with_what_we_bear() -> None:
    peer = Peer(min_se=120)
    (refusal,) = peer.say("INVITE", headers=("Supported: timer", "Session-Expires: 100"), body=SDP_OFFER)
    assert (statuses([refusal]), refusal.header("Min-SE")) == ([422], "120")
    assert peer.bob.told_of(InviteReceived) == []


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_so_does_one_inside_the_dialog(method: str) -> None:
    peer = called(min_se=120)
    (refusal,) = peer.ask(method, headers=("Supported: timer", "Session-Expires: 100"), body=SDP_OFFER)
    assert (statuses([refusal]), refusal.header("Min-SE")) == ([422], "120")


def test_422_to_ours_is_met_with_as_much_as_it_demands() -> None:
    peer = Callee()
    heard = peer.answer(peer.invite, 422, headers=("Min-SE: 2500",))
    assert methods(heard) == ["ACK", "INVITE"]
    again = heard[-1]
    assert isinstance(again, Request)
    assert (again.header("Session-Expires"), again.header("Min-SE")) == ("2500", "2500")
    assert (again.call_id, again.cseq.number, again.body) == (peer.invite.call_id, peer.invite.cseq.number + 1, SDP_OFFER)
    assert again.via.branch != peer.invite.via.branch
    peer.answer(again, 200, body=SDP_ANSWER)
    assert len(peer.bob.told_of(Accepted)) == 1


@pytest.mark.parametrize("headers", [(), ("Min-SE: 100",), ("Min-SE: x",)])
def test_422_without_a_greater_demand_is_a_refusal(headers: tuple[str, ...]) -> None:
    peer = Callee()
    peer.answer(peer.invite, 422, headers=headers)
    assert [event.status for event in peer.bob.told_of(Rejected)] == [422]


def test_a_peer_whose_demands_have_no_end_is_left() -> None:
    peer = Callee()
    invite: Any = peer.invite
    for demand in (2000, 3000, 4000):
        invite = peer.answer(invite, 422, headers=(f"Min-SE: {demand}",))[-1]
    peer.answer(invite, 422, headers=("Min-SE: 5000",))
    assert [event.status for event in peer.bob.told_of(Rejected)] == [422]


# we refresh


def test_we_refresh_by_update_at_half_the_interval() -> None:
    peer = called(UPDATES, "Require: timer", "Session-Expires: 200;refresher=uac")
    assert peer.wait(99) == []
    (update,) = peer.wait(1.2)
    assert isinstance(update, Request)
    assert (update.method, update.body) == ("UPDATE", b"")
    assert update.header("Session-Expires") == "200;refresher=uac"
    assert update.contacts
    peer.answer(update, 200, headers=("Require: timer", "Session-Expires: 200;refresher=uac"))
    assert peer.wait(99) == []
    assert methods(peer.wait(1.2)) == ["UPDATE"]


def test_a_called_one_refreshes_where_that_was_granted() -> None:
    peer, _ = accepted(UPDATES, "Supported: timer", "Session-Expires: 200;refresher=uas")
    assert methods(peer.wait(100.2)) == ["UPDATE"]


def test_where_the_peer_takes_no_update_the_owner_is_asked_for_an_offer() -> None:
    peer = called("Session-Expires: 200;refresher=uac")
    assert peer.wait(100.2) == []
    assert len(peer.bob.told_of(RefreshDue)) == 1
    peer.bob.agent.reoffer(peer.called, OFFER, peer.network.now)
    (reinvite,) = peer.requests()
    assert reinvite.header("Session-Expires") == "200;refresher=uac"
    peer.answer(reinvite, 200, headers=("Session-Expires: 200;refresher=uac",), body=SDP_ANSWER)
    peer.wait(100.2)
    assert len(peer.bob.told_of(RefreshDue)) == 2


@pytest.mark.parametrize("status", [405, 501])
def test_a_peer_that_says_it_takes_updates_and_does_not_is_asked_by_offer(status: int) -> None:
    peer = called(UPDATES, "Session-Expires: 200;refresher=uac")
    (update,) = peer.wait(100.2)
    assert isinstance(update, Request)
    peer.answer(update, status)
    assert len(peer.bob.told_of(RefreshDue)) == 1
    peer.bob.agent.reoffer(peer.called, OFFER, peer.network.now)
    assert methods(peer.heard()) == ["INVITE"]


def test_an_offer_under_way_is_a_refresh_itself() -> None:
    peer = called(UPDATES, "Session-Expires: 200;refresher=uac")
    peer.wait(99.9)
    peer.bob.agent.reoffer(peer.called, OFFER, peer.network.now)
    (reinvite,) = peer.requests()
    peer.answer(reinvite, 100, tag="")
    assert peer.wait(5) == []
    peer.answer(reinvite, 200, headers=("Session-Expires: 200;refresher=uac",), body=SDP_ANSWER)
    assert peer.wait(99) == []


def test_a_refused_refresh_is_tried_again_and_ends_nothing_before_its_time() -> None:
    peer = called(UPDATES, "Session-Expires: 200;refresher=uac")
    (update,) = peer.wait(100.2)
    assert isinstance(update, Request)
    peer.answer(update, 500)
    (again,) = peer.wait(50.2)
    assert isinstance(again, Request)
    peer.answer(again, 200, headers=("Session-Expires: 200;refresher=uac",))
    assert peer.wait(80) == []
    assert peer.bob.told_of(SessionEnded) == []


def test_a_peer_that_refuses_every_refresh_is_left_when_the_interval_is_over() -> None:
    peer = called("Session-Expires: 200;refresher=uac")

    def reoffer(event: Event) -> None:
        if isinstance(event, RefreshDue):
            peer.bob.agent.reoffer(peer.called, OFFER, peer.network.now)

    peer.bob.react = reoffer
    for _ in range(199):
        for reinvite in peer.wait(1):
            assert isinstance(reinvite, Request)
            peer.answer(reinvite, 488)
    assert peer.bob.told_of(SessionEnded) == []
    assert "BYE" in methods(peer.wait(1.2))
    assert [event.cause for event in peer.bob.told_of(SessionEnded)] == ["expired"]


@pytest.mark.parametrize("status", [408, 481])
def test_a_refresh_in_a_dialog_that_is_gone_ends_the_call(status: int) -> None:
    peer = called(UPDATES, "Session-Expires: 200;refresher=uac")
    (update,) = peer.wait(100.2)
    assert isinstance(update, Request)
    assert methods(peer.answer(update, status)) == ["BYE"]
    assert [event.cause for event in peer.bob.told_of(SessionEnded)] == ["timeout"]


def test_a_refresh_without_any_answer_ends_the_call() -> None:
    peer = called(UPDATES, "Session-Expires: 200;refresher=uac")
    heard = peer.wait(133)
    assert (methods(heard)[0], methods(heard)[-1]) == ("UPDATE", "BYE")
    assert [event.cause for event in peer.bob.told_of(SessionEnded)] == ["timeout"]


def test_422_to_a_refresh_is_met() -> None:
    peer = called(UPDATES, "Session-Expires: 200;refresher=uac")
    (update,) = peer.wait(100.2)
    assert isinstance(update, Request)
    (again,) = peer.answer(update, 422, headers=("Min-SE: 300",))
    assert (again.header("Session-Expires"), again.header("Min-SE")) == ("300;refresher=uac", "300")
    peer.answer(again, 200)  # type: ignore[arg-type]
    assert peer.wait(149) == []


# a peer that knows nothing of it


def test_a_phone_without_timers_is_refreshed_all_the_same() -> None:
    peer = called(UPDATES)
    (update,) = peer.wait(900.2)
    assert isinstance(update, Request)
    peer.answer(update, 200)
    assert methods(peer.wait(900.2)) == ["UPDATE"]


def test_a_phone_without_timers_that_refuses_shows_that_it_lives() -> None:
    peer = called()
    peer.wait(900.2)
    peer.bob.agent.reoffer(peer.called, OFFER, peer.network.now)
    (reinvite,) = peer.requests()
    peer.answer(reinvite, 488)
    assert [event.status for event in peer.bob.told_of(OfferRejected)] == [488]
    peer.wait(2000)
    assert peer.bob.told_of(SessionEnded) == []
    assert len(peer.bob.told_of(RefreshDue)) == 2


def test_a_phone_without_timers_that_is_dead_is_noticed() -> None:
    peer = called(UPDATES)
    peer.wait(940)
    assert [event.cause for event in peer.bob.told_of(SessionEnded)] == ["timeout"]


# they refresh


@pytest.mark.parametrize(("seconds", "ends_after"), [(90, 60.0), (300, 268.0)])
def test_a_session_that_they_should_have_refreshed_is_ended(seconds: int, ends_after: float) -> None:
    peer, _ = accepted("Supported: timer", f"Session-Expires: {seconds};refresher=uac")
    assert peer.wait(ends_after - 0.5) == []
    (bye,) = peer.wait(0.7)
    assert methods([bye]) == ["BYE"]
    assert bye.header("Reason") == 'SIP;cause=408;text="session timer expired"'
    assert [event.cause for event in peer.bob.told_of(SessionEnded)] == ["expired"]


@pytest.mark.parametrize("method", ["UPDATE", "INVITE"])
def test_each_refresh_of_theirs_begins_the_interval_anew(method: str) -> None:
    peer, success = accepted("Supported: timer", "Session-Expires: 90;refresher=uac")
    timed = ("Supported: timer", "Session-Expires: 90;refresher=uac")
    for number in range(2, 7):
        assert peer.wait(45) == []
        body = SDP_OFFER if method == "INVITE" else b""
        peer.say(method, cseq=number, to_tag=success.to.tag, headers=timed, body=body)
        if method == "INVITE":
            peer.bob.agent.accept(peer.session, ANSWER, peer.network.now)
        okay = peer.heard()[-1] if method == "INVITE" else peer.network.carried[-1].message
        assert okay.header("Session-Expires") == "90;refresher=uac"
        if method == "INVITE":
            peer.say("ACK", cseq=number, to_tag=success.to.tag)
    assert peer.bob.told_of(SessionEnded) == []
    assert methods(peer.wait(60.2)) == ["BYE"]


def test_roles_may_change_with_a_refresh() -> None:
    peer, success = accepted(UPDATES, "Supported: timer", "Session-Expires: 90;refresher=uac")
    peer.wait(30)
    peer.say("UPDATE", cseq=2, to_tag=success.to.tag, headers=("Supported: timer", "Session-Expires: 90;refresher=uas"))
    assert methods(peer.wait(45.2)) == ["UPDATE"]


def test_an_offer_of_ours_keeps_the_refreshing_with_them() -> None:
    peer = called("Session-Expires: 200;refresher=uas")
    peer.bob.agent.reoffer(peer.called, OFFER, peer.network.now)
    (reinvite,) = peer.requests()
    assert reinvite.header("Session-Expires") == "200;refresher=uas"


def test_an_early_update_begins_no_interval() -> None:
    peer = Peer()
    peer.say("INVITE", headers=("Supported: timer",), body=SDP_OFFER)
    peer.bob.agent.progress(peer.session, 180, peer.network.now)
    tag = peer.tag_of(peer.heard())
    (okay,) = peer.say("UPDATE", cseq=2, to_tag=tag, headers=("Supported: timer", "Session-Expires: 90;refresher=uac"))
    assert (statuses([okay]), okay.header("Session-Expires")) == ([200], None)


@pytest.mark.parametrize("value", ["x", "", "-1", "99999999999", '90;"'])
def test_an_interval_of_nonsense_is_a_bad_request(value: str) -> None:
    assert statuses(Peer().say("INVITE", headers=("Supported: timer", f"Session-Expires: {value}"), body=SDP_OFFER)) == [400]


def test_an_interval_of_nonsense_in_an_answer_is_none() -> None:
    peer = called("Session-Expires: x", UPDATES)
    assert methods(peer.wait(900.2)) == ["UPDATE"]


def test_a_call_that_is_over_leaves_no_timer() -> None:
    peer, success = accepted("Supported: timer", "Session-Expires: 90;refresher=uac")
    peer.say("BYE", cseq=2, to_tag=success.to.tag)
    peer.wait(40)
    assert peer.bob.agent.leftovers() == 0


@pytest.mark.parametrize("alice", ["originate", "accept", "refuse"])
@pytest.mark.parametrize("bob", ["originate", "accept", "refuse"])
def test_two_of_ours_talk_for_hours(alice: str, bob: str) -> None:
    network = Network()
    call = Call(network, alices={"session_timers": alice}, bobs={"session_timers": bob}).confirm()
    call.run(3 * 3600)
    assert call.alice.told_of(SessionEnded) == call.bob.told_of(SessionEnded) == []
    call.alice.agent.end(call.session, network.now)
    call.run(60)
    assert call.alice.agent.leftovers() == call.bob.agent.leftovers() == 0
