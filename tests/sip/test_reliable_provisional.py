"""Reliable provisional answers and PRACK (RFC 3262), as the one who is called."""

from typing import Any

import pytest

from sip.errors import UnsafeValue
from sip.events import Acknowledged, OfferReceived, ProvisionalAcknowledged, SessionEnded
from sip.message import Request, Response
from tests.sip.network import ANSWER, OFFER, Network
from tests.sip.peer import SDP_ANSWER, SDP_OFFER, Peer, statuses

CAN = ("Supported: 100rel",)
MUST = ("Require: 100rel",)


def invited(headers: tuple[str, ...] = CAN, *, body: bytes = SDP_OFFER, network: Network | None = None, **settings: Any) -> Peer:
    """Bob was told of an INVITE of the peer's."""
    peer = Peer(network, **settings)
    peer.say("INVITE", headers=headers, body=body, branch="z9hG4bKinvite")
    return peer


def progress(peer: Peer, status: int = 183, description: Any = ANSWER) -> list[Request | Response]:
    """Bob says 18x; what leaves."""
    peer.bob.agent.progress(peer.session, status, peer.network.now, description=description)
    return peer.heard()


def prack(peer: Peer, answer: Request | Response, *, cseq: int = 2, body: bytes = b"", rack: str = "") -> list[Request | Response]:
    """PRACK a reliable answer."""
    rack = rack or f"{answer.header('RSeq')} 1 INVITE"
    return peer.say("PRACK", cseq=cseq, to_tag=answer.to.tag, headers=(f"RAck: {rack}",), body=body)


def is_reliable(message: Request | Response) -> bool:
    return message.header("RSeq") is not None and "100rel" in message.items("Require")


@pytest.mark.parametrize(
    ("headers", "setting", "description", "reliably"),
    [
        (CAN, "auto", ANSWER, True),
        (CAN, "auto", None, False),
        (MUST, "auto", None, True),
        (MUST, "auto", ANSWER, True),
        ((), "auto", ANSWER, False),
        (CAN, "required", None, True),
        ((), "required", ANSWER, False),
        (CAN, "never", ANSWER, False),
    ],
)
def test_who_gets_18x_reliably(headers: tuple[str, ...], setting: str, description: Any, reliably: bool) -> None:
    peer = invited(headers, reliable_provisional=setting)
    (answer,) = progress(peer, description=description)
    assert is_reliable(answer) is reliably
    assert answer.body == (SDP_ANSWER if description else b"")


def test_where_it_is_never_done_it_cannot_be_required() -> None:
    peer = Peer(reliable_provisional="never")
    (refusal,) = peer.say("INVITE", headers=MUST, body=SDP_OFFER)
    assert (statuses([refusal]), refusal.header("Unsupported")) == ([420], "100rel")


def test_100_is_never_reliable() -> None:
    peer = invited(MUST)
    (trying,) = peer.wait(0.05)
    assert not is_reliable(trying)


def test_it_is_sent_again_twice_as_late_each_time_until_its_prack() -> None:
    peer = invited()
    (answer,) = progress(peer)
    assert [statuses(peer.wait(wait)) for wait in (0.4, 0.2, 0.8, 0.2)] == [[], [183], [], [183]]
    assert statuses(prack(peer, answer)) == [200]
    assert statuses(peer.wait(40)) == []


def test_without_a_prack_the_call_is_refused_after_64_t1() -> None:
    peer = invited()
    progress(peer)
    assert 504 not in statuses(peer.wait(31.9))
    assert statuses(peer.wait(0.2)) == [504]
    assert [event.cause for event in peer.bob.told_of(SessionEnded)] == ["no_prack"]
    assert peer.bob.agent.counters["retransmitted_provisional"] == 6
    peer.wait(70)
    assert peer.bob.agent.leftovers() == 0


def test_one_waits_for_the_prack_of_the_one_before_it_and_numbers_rise_by_one() -> None:
    peer = invited(MUST)
    (first,) = progress(peer, 180, None)
    assert progress(peer, 182, None) == progress(peer, 183) == []
    okay, second = prack(peer, first)
    assert (statuses([okay, second]), int(second.header("RSeq") or 0)) == ([200, 182], int(first.header("RSeq") or 0) + 1)
    okay, third = prack(peer, second, cseq=3)
    assert (statuses([okay, third]), third.body) == ([200, 183], SDP_ANSWER)


def test_those_that_wait_are_bounded() -> None:
    peer = invited(MUST)
    for _ in range(12):
        progress(peer, 180, None)
    assert peer.bob.agent.counters["provisional_dropped"] == 3


@pytest.mark.parametrize("rack", ["999999 1 INVITE", "{rseq} 2 INVITE", "{rseq} 1 UPDATE"])
def test_a_prack_of_nothing_gets_481(rack: str) -> None:
    peer = invited()
    (answer,) = progress(peer)
    assert statuses(prack(peer, answer, rack=rack.format(rseq=answer.header("RSeq")))) == [481]


def test_a_second_prack_of_the_same_gets_481_and_the_same_prack_again_its_200() -> None:
    peer = invited()
    (answer,) = progress(peer)
    again: dict[str, Any] = {"cseq": 2, "to_tag": answer.to.tag, "headers": (f"RAck: {answer.header('RSeq')} 1 INVITE",)}
    assert statuses(peer.say("PRACK", branch="z9hG4bKsame", **again)) == [200]
    assert statuses(peer.say("PRACK", branch="z9hG4bKsame", **again)) == [200]
    assert statuses(prack(peer, answer, cseq=3)) == [481]


@pytest.mark.parametrize("rack", ["", "1", "1 2", "x 1 INVITE", "1 x INVITE", "99999999999 1 INVITE"])
def test_a_prack_that_cannot_be_read_gets_400(rack: str) -> None:
    peer = invited()
    (answer,) = progress(peer)
    assert statuses(peer.say("PRACK", cseq=2, to_tag=answer.to.tag, headers=(f"RAck: {rack}",))) == [400]
    assert peer.wait(0.5) != [], "it goes on waiting for a PRACK"


def test_a_prack_outside_of_any_call_gets_481() -> None:
    assert statuses(Peer().say("PRACK", to_tag="nobody", headers=("RAck: 1 1 INVITE",))) == [481]


def test_a_prack_in_a_confirmed_call_that_we_made_gets_481() -> None:
    peer = Peer()
    tag = peer.confirm()
    assert statuses(peer.say("PRACK", cseq=2, to_tag=tag, headers=("RAck: 1 1 INVITE",))) == [481]


def test_the_success_waits_for_the_prack_of_a_description_and_does_not_repeat_it() -> None:
    peer = invited()
    (answer,) = progress(peer)
    peer.bob.agent.accept(peer.session, ANSWER, peer.network.now)
    assert peer.heard() == []
    okay, success = prack(peer, answer)
    assert statuses([okay, success]) == [200, 200]
    assert (success.cseq.method, success.body) == ("INVITE", b"")
    peer.say("ACK", to_tag=answer.to.tag)
    assert len(peer.bob.told_of(Acknowledged)) == 1
    peer.wait(40)
    assert peer.bob.told_of(SessionEnded) == []


def test_the_success_does_not_wait_for_the_prack_of_bare_ringing() -> None:
    peer = invited(MUST)
    (ringing,) = progress(peer, 180, None)
    peer.bob.agent.accept(peer.session, ANSWER, peer.network.now)
    (success,) = peer.heard()
    assert (statuses([success]), success.body) == ([200], SDP_ANSWER)
    assert statuses(prack(peer, ringing)) == [200], "it was on its way already"
    peer.say("ACK", to_tag=success.to.tag)
    assert statuses(peer.wait(40)) == []


def test_a_call_that_was_accepted_may_still_be_cancelled_or_given_up_while_it_waits() -> None:
    peer = invited()
    progress(peer)
    peer.bob.agent.accept(peer.session, ANSWER, peer.network.now)
    peer.bob.agent.accept(peer.session, ANSWER, peer.network.now)
    assert peer.bob.agent.counters["command_too_late"] == 1
    assert statuses(peer.say("CANCEL", branch="z9hG4bKinvite")) == [200, 487]
    assert [event.cause for event in peer.bob.told_of(SessionEnded)] == ["cancelled"]
    other = invited()
    progress(other)
    other.bob.agent.accept(other.session, ANSWER, other.network.now)
    other.bob.agent.end(other.session, other.network.now)
    assert statuses(other.heard()) == [480]


def test_a_refusal_waits_for_no_prack() -> None:
    peer = invited()
    progress(peer)
    peer.bob.agent.reject(peer.session, 486, peer.network.now)
    assert statuses(peer.heard()) == [486]
    assert 183 not in statuses(peer.wait(10))


def test_an_offer_of_ours_in_18x_is_answered_by_the_prack() -> None:
    peer = invited(body=b"")
    (offer,) = progress(peer, description=OFFER)
    assert (is_reliable(offer), offer.body) == (True, SDP_OFFER)
    assert statuses(prack(peer, offer, body=SDP_ANSWER)) == [200]
    assert [event.answer for event in peer.bob.told_of(ProvisionalAcknowledged)] == [ANSWER]
    peer.bob.agent.accept(peer.session, None, peer.network.now)
    (success,) = peer.heard()
    assert (statuses([success]), success.body) == ([200], b"")
    peer.say("ACK", to_tag=success.to.tag)
    assert [event.answer for event in peer.bob.told_of(Acknowledged)] == [None]


def test_a_caller_without_an_offer_gets_no_18x_that_would_have_to_make_it() -> None:
    peer = invited(MUST, body=b"")
    assert progress(peer, 180, None) == []
    assert peer.bob.agent.counters["provisional_without_offer"] == 1


def test_an_unreliable_18x_makes_no_offer() -> None:
    peer = invited((), body=b"")
    (ringing,) = progress(peer, description=OFFER)
    assert ringing.body == b""


def test_an_offer_in_the_prack_is_told_and_answered_in_its_success() -> None:
    peer = invited()
    (answer,) = progress(peer)
    assert prack(peer, answer, body=SDP_OFFER) == []
    assert [event.offer for event in peer.bob.told_of(OfferReceived)] == [OFFER]
    peer.bob.agent.accept(peer.session, ANSWER, peer.network.now)
    (okay,) = peer.heard()
    assert (statuses([okay]), okay.cseq.method, okay.body) == ([200], "PRACK", SDP_ANSWER)
    peer.bob.agent.accept(peer.session, None, peer.network.now)
    assert [message.cseq.method for message in peer.heard()] == ["INVITE"]


def test_an_offer_in_a_prack_that_cannot_be_borne_ends_the_call() -> None:
    peer = invited()
    (answer,) = progress(peer)
    prack(peer, answer, body=SDP_OFFER)
    peer.bob.agent.reject(peer.session, 488, peer.network.now)
    assert [(message.cseq.method, statuses([message])) for message in peer.heard()] == [("PRACK", [200]), ("INVITE", [488])]
    assert [event.cause for event in peer.bob.told_of(SessionEnded)] == ["unacceptable"]


def test_an_offer_in_a_prack_before_the_first_one_is_answered_gets_491() -> None:
    peer = invited(MUST)
    (ringing,) = progress(peer, 180, None)
    assert statuses(prack(peer, ringing, body=SDP_OFFER)) == [491]


def test_a_description_is_said_reliably_once() -> None:
    peer = invited()
    (first,) = progress(peer)
    prack(peer, first)
    (second,) = progress(peer)
    assert (is_reliable(second), second.body) == (False, b"")


def test_what_was_acknowledged_is_repeated_as_news_lest_proxies_give_up() -> None:
    peer = invited(MUST)
    (first,) = progress(peer, 180, None)
    prack(peer, first)
    assert statuses(peer.wait(149)) == []
    (again,) = peer.wait(1.2)
    assert (statuses([again]), int(again.header("RSeq") or 0)) == ([180], int(first.header("RSeq") or 0) + 1)


def test_a_header_that_would_smuggle_is_refused_before_anything_waits() -> None:
    peer = invited()
    evil = [("X-Evil", "a\r\nVia: b")]
    with pytest.raises(UnsafeValue):
        peer.bob.agent.progress(peer.session, 183, peer.network.now, description=ANSWER, headers=evil)
    (answer,) = progress(peer)
    with pytest.raises(UnsafeValue):
        peer.bob.agent.accept(peer.session, ANSWER, peer.network.now, headers=evil)
    peer.bob.agent.accept(peer.session, ANSWER, peer.network.now)
    assert statuses(prack(peer, answer)) == [200, 200]


def test_over_tcp_it_is_sent_again_as_well() -> None:
    peer = invited(network=Network(transport="tcp"))
    progress(peer)
    assert statuses(peer.wait(0.6)) == [183]
