"""REFER inside a dialog: what is asked, what is answered, and what the one who asked is told (RFC 3515, 3892, 4488)."""

import pytest

from sip.events import ReferReceived, SessionEnded
from sip.message import Request, Response
from sip.refer.referrals import MOST_IN_SESSION, PATIENCE
from sip.replaces import Replaces
from tests.sip.caller import Callee
from tests.sip.network import Network
from tests.sip.peer import methods, statuses

CAROL = "Refer-To: <sip:carol@192.0.2.3>"


def called(network: Network | None = None) -> Callee:
    """Bob in a confirmed call with the peer."""
    peer = Callee(network)
    peer.accept()
    peer.heard()
    return peer


def refer(peer: Callee, *headers: str, cseq: int = 1) -> list[Request | Response]:
    """The peer asks Bob to call somebody."""
    return peer.ask("REFER", cseq=cseq, headers=headers)


def accepted(peer: Callee, *headers: str, cseq: int = 1) -> tuple[int, Request]:
    """A REFER that Bob accepted: its number and the first NOTIFY."""
    refer(peer, *(headers or (CAROL,)), cseq=cseq)
    event = peer.bob.told_of(ReferReceived)[-1]
    peer.bob.agent.accept_refer(peer.called, event.refer, peer.network.now)
    (notify,) = peer.requests()
    return event.refer, notify


def report(peer: Callee, number: int, status: int) -> list[Request]:
    """Bob says how far it is."""
    peer.bob.agent.notify_refer(peer.called, number, status, peer.network.now)
    return peer.requests()


def test_whom_to_call_is_told() -> None:
    peer = called()
    assert refer(peer, CAROL, "Referred-By: Peer <sip:peer@192.0.2.77>;cid=x@y") == []
    (event,) = peer.bob.told_of(ReferReceived)
    assert (event.session, event.target, event.replaces) == (peer.called, "sip:carol@192.0.2.3", None)
    assert event.referred_by == "<sip:peer@192.0.2.77>"


def test_an_attended_transfer_brings_the_dialog_and_no_other_header() -> None:
    peer = called()
    refer(peer, "r: <sip:carol@192.0.2.3;transport=tcp;method=INVITE?Replaces=one%40x%3Bto-tag%3Dt%3Bfrom-tag%3Df&Route=%3Csip:evil%3E>")
    (event,) = peer.bob.told_of(ReferReceived)
    assert (event.target, event.replaces) == ("sip:carol@192.0.2.3;transport=tcp", Replaces("one@x", "t", "f"))


@pytest.mark.parametrize("target", ["tel:+4930123;phone-context=x", "sips:carol@example.com"])
def test_other_schemes_that_we_call_are_served(target: str) -> None:
    peer = called()
    refer(peer, f"Refer-To: <{target}>")
    assert [event.target for event in peer.bob.told_of(ReferReceived)] == [target]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ((), 400),
        ((CAROL, CAROL), 400),
        (("Refer-To: <sip:a@b>, <sip:c@d>",), 400),
        (("Refer-To: nonsense",), 400),
        (("Refer-To: <sip:carol@192.0.2.3?Replaces=nonsense>",), 400),
        ((CAROL, "Referred-By: <sip:a@b>", "Referred-By: <sip:a@b>"), 400),
        (("Refer-To: <http://example.com>",), 416),
        (("Refer-To: <sip:carol@192.0.2.3;method=BYE>",), 403),
        ((CAROL, "Require: multiple-refer"), 420),
    ],
)
def test_what_cannot_be_served_is_refused_and_not_told(headers: tuple[str, ...], status: int) -> None:
    peer = called()
    assert statuses(refer(peer, *headers)) == [status]
    assert peer.bob.told_of(ReferReceived) == []


def test_a_refer_outside_a_dialog_is_refused() -> None:
    peer = called()
    assert statuses(peer.say("REFER", call_id="elsewhere", headers=(CAROL,))) == [403]
    assert statuses(peer.say("REFER", call_id="elsewhere", to_tag="unknown", headers=(CAROL,))) == [481]


def test_accepted_is_202_and_the_first_notify_says_trying() -> None:
    peer = called()
    refer(peer, CAROL)
    peer.bob.agent.accept_refer(peer.called, 1, peer.network.now)
    answer, notify = peer.heard()
    assert isinstance(answer, Response)
    assert (answer.status, answer.header("Contact")) == (202, "<sip:192.0.2.2:5060>")
    assert isinstance(notify, Request)
    assert (notify.method, notify.header("Event"), notify.header("Subscription-State")) == ("NOTIFY", "refer", "active;expires=180")
    assert (notify.header("Content-Type"), notify.body) == ("message/sipfrag;version=2.0", b"SIP/2.0 100 Trying\r\n")
    assert (notify.call_id, notify.to.tag, notify.cseq.number) == (peer.invite.call_id, "fork", peer.invite.cseq.number + 1)


def test_the_end_is_told_and_ends_the_subscription() -> None:
    peer = called()
    number, notify = accepted(peer)
    peer.answer(notify, 200)
    (ringing,) = report(peer, number, 180)
    peer.answer(ringing, 200)
    (last,) = report(peer, number, 200)
    assert (last.header("Subscription-State"), last.body) == ("terminated;reason=noresource", b"SIP/2.0 200 OK\r\n")
    peer.answer(last, 200)
    assert report(peer, number, 486) == []
    assert peer.bob.agent.counters["command_too_late"] == 1


def test_notifies_go_one_at_a_time_and_the_newest_state_waits() -> None:
    peer = called()
    number, notify = accepted(peer)
    assert report(peer, number, 180) == report(peer, number, 183) == report(peer, number, 486) == []
    (last,) = peer.answer(notify, 200)
    assert isinstance(last, Request)
    assert last.body == b"SIP/2.0 486 Busy Here\r\n"
    assert last.cseq.number == notify.cseq.number + 1
    assert peer.answer(last, 200) == []


def test_the_same_provisional_status_is_told_once() -> None:
    peer = called()
    number, notify = accepted(peer)
    peer.answer(notify, 200)
    (ringing,) = report(peer, number, 180)
    peer.answer(ringing, 200)
    assert report(peer, number, 180) == []


def test_refused_is_the_status_alone() -> None:
    peer = called()
    refer(peer, CAROL)
    peer.bob.agent.reject_refer(peer.called, 1, 603, peer.network.now)
    assert statuses(peer.heard()) == [603]
    assert report(peer, 1, 200) == []


def test_an_owner_who_says_nothing_is_answered_for() -> None:
    peer = called()
    refer(peer, CAROL)
    assert statuses(peer.wait(PATIENCE + 0.1)) == [500]


def test_without_a_subscription_nothing_is_told() -> None:
    peer = called()
    refer(peer, CAROL, "Refer-Sub: false", "Require: norefersub")
    peer.bob.agent.accept_refer(peer.called, 1, peer.network.now)
    (answer,) = peer.heard()
    assert isinstance(answer, Response)
    assert (answer.status, answer.header("Refer-Sub")) == (202, "false")
    assert report(peer, 1, 200) == []


def test_a_second_refer_in_the_dialog_is_known_by_its_number() -> None:
    peer = called()
    accepted(peer, cseq=7)
    _, notify = accepted(peer, cseq=9)
    assert notify.header("Event") == "refer;id=9"


def test_refers_in_one_call_are_bounded() -> None:
    peer = called()
    for cseq in range(1, MOST_IN_SESSION + 1):
        assert refer(peer, CAROL, cseq=cseq) == []
    (refusal,) = refer(peer, CAROL, cseq=99)
    assert isinstance(refusal, Response)
    assert (refusal.status, refusal.header("Retry-After")) == (503, "10")


@pytest.mark.parametrize("status", [481, 489, 500])
def test_a_notify_that_is_refused_ends_the_subscription_and_not_the_call(status: int) -> None:
    peer = called()
    number, notify = accepted(peer)
    peer.answer(notify, status)
    assert report(peer, number, 200) == []
    assert peer.bob.told_of(SessionEnded) == []


def test_a_notify_that_is_never_answered_ends_the_subscription() -> None:
    peer = called()
    number, _ = accepted(peer)
    peer.wait(33)
    assert report(peer, number, 200) == []
    assert peer.bob.agent.counters["refer_subscription_lost"] == 1


def test_a_referrer_who_asks_for_a_pause_is_told_the_newest_state_after_it() -> None:
    peer = called()
    number, notify = accepted(peer)
    peer.answer(notify, 503, headers=("Retry-After: 5",))
    assert report(peer, number, 180) == []
    assert methods(peer.wait(4.9)) == []
    (ringing,) = [message for message in peer.wait(0.2) if isinstance(message, Request)]
    assert ringing.body == b"SIP/2.0 180 Ringing\r\n"


def test_a_reference_that_comes_to_no_end_runs_out() -> None:
    peer = called()
    _, notify = accepted(peer)
    peer.answer(notify, 200)
    (last,) = [message for message in peer.wait(181) if isinstance(message, Request)][:1]
    assert (last.header("Subscription-State"), last.body) == ("terminated;reason=timeout", b"SIP/2.0 100 Trying\r\n")


def test_who_hangs_up_after_referring_is_told_all_the_same() -> None:
    peer = called()
    number, notify = accepted(peer)
    peer.answer(notify, 200)
    assert statuses(peer.ask("BYE", cseq=2)) == [200]
    (last,) = report(peer, number, 200)
    peer.answer(last, 200)
    peer.wait(70)
    assert peer.bob.agent.leftovers() == 0


def test_a_lost_notify_is_sent_again() -> None:
    network = Network()
    network.loses = lambda carried: carried.what == "NOTIFY" and sum(one.what == "NOTIFY" for one in network.carried) == 0
    peer = called(network)
    number, notify = accepted(peer)
    (again,) = peer.wait(0.6)
    assert isinstance(again, Request)
    assert again.serialize() == notify.serialize()
    peer.answer(again, 200)
    assert [request.method for request in report(peer, number, 200)] == ["NOTIFY"]


def test_a_refer_that_comes_again_is_told_once_and_answered_the_same() -> None:
    peer = called()
    for branch in ("z9hG4bKsame", "z9hG4bKsame"):
        peer.say("REFER", call_id=peer.invite.call_id, from_tag="fork", to_tag=peer.invite.from_.tag, branch=branch, headers=(CAROL,))
    (event,) = peer.bob.told_of(ReferReceived)
    peer.bob.agent.accept_refer(peer.called, event.refer, peer.network.now)
    first, notify = peer.heard()
    assert isinstance(notify, Request)
    (again,) = peer.say("REFER", call_id=peer.invite.call_id, from_tag="fork", to_tag=peer.invite.from_.tag, branch="z9hG4bKsame")
    assert again.serialize() == first.serialize()


def test_who_referred_may_take_the_subscription_back() -> None:
    peer = called()
    number, notify = accepted(peer)
    peer.answer(notify, 200)
    answer, last = peer.ask("SUBSCRIBE", cseq=2, headers=("Event: refer", "Expires: 0"))
    assert isinstance(answer, Response)
    assert (answer.status, answer.header("Expires")) == (200, "0")
    assert last.header("Subscription-State") == "terminated;reason=timeout"
    peer.answer(last, 200)  # type: ignore[arg-type]
    assert report(peer, number, 200) == []
    assert statuses(peer.ask("SUBSCRIBE", cseq=3, headers=("Event: refer",))) == [481]


def test_who_referred_may_ask_for_more_time() -> None:
    peer = called()
    _, notify = accepted(peer, cseq=5)
    peer.answer(notify, 200)
    peer.wait(170)
    answer, again = peer.ask("SUBSCRIBE", cseq=6, headers=("Event: refer;id=5", "Expires: 100"))
    assert statuses([answer]) == [200]
    assert again.header("Subscription-State") == "active;expires=100"
    peer.answer(again, 200)  # type: ignore[arg-type]
    assert peer.wait(99) == []
    assert [message.header("Subscription-State") for message in peer.wait(2)][:1] == ["terminated;reason=timeout"]


def test_another_event_in_the_dialog_of_a_call_gets_489() -> None:
    peer = called()
    assert statuses(peer.ask("SUBSCRIBE", headers=("Event: dialog",))) == [489]
