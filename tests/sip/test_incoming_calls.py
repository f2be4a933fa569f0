"""Their INVITE: 100, answers, retransmissions, CANCEL, lost ACKs, refusals."""

from collections.abc import Callable

import pytest

from sip.errors import UnsafeValue
from sip.events import Acknowledged, InviteReceived, SessionEnded
from sip.message import Request, Response
from tests.sip.network import ANSWER, OFFER, Network
from tests.sip.peer import SDP_ANSWER, SDP_OFFER, Peer, methods, statuses


def test_trying_comes_where_the_owner_takes_his_time() -> None:
    peer = Peer()
    assert statuses(peer.say("INVITE", body=SDP_OFFER)) == []
    assert statuses(peer.wait(0.05)) == [100]


def test_a_challenge_is_not_preceded_by_trying() -> None:
    peer = Peer()
    peer.say("INVITE", body=SDP_OFFER)
    peer.bob.agent.challenge(peer.session, peer.network.now)
    (challenge,) = peer.heard()
    assert isinstance(challenge, Response)
    assert challenge.status == 401
    assert [value.split(",")[0] for value in challenge.values("WWW-Authenticate")] == ['Digest realm="mediaserver"'] * 2
    assert statuses(peer.say("ACK", branch="z9hG4bKpeer1", to_tag=challenge.to.tag)) == []
    assert statuses(peer.wait(40)) == []


def test_an_immediate_success_is_preceded_by_trying() -> None:
    peer = Peer()
    peer.say("INVITE", body=SDP_OFFER)
    peer.bob.agent.accept(peer.session, ANSWER, peer.network.now)
    assert statuses(peer.heard()) == [100, 200]


def test_a_retransmitted_invite_gets_the_newest_answer_again_and_is_told_once() -> None:
    peer = Peer()
    peer.say("INVITE", branch="z9hG4bKsame", body=SDP_OFFER)
    peer.bob.agent.progress(peer.session, 180, peer.network.now)
    peer.heard()
    assert statuses(peer.say("INVITE", branch="z9hG4bKsame", body=SDP_OFFER)) == [180]
    assert len(peer.bob.told_of(InviteReceived)) == 1


def test_the_answer_copies_via_from_call_id_and_record_route() -> None:
    peer = Peer()
    peer.say("INVITE", body=SDP_OFFER, headers=("Via: SIP/2.0/UDP 192.0.2.200;branch=z9hG4bKlower", "Record-Route: <sip:192.0.2.77;lr>"))
    peer.bob.agent.accept(peer.session, ANSWER, peer.network.now)
    answer = peer.heard()[-1]
    assert answer.values("Via")[1] == "SIP/2.0/UDP 192.0.2.200;branch=z9hG4bKlower"
    assert answer.values("Record-Route") == ("<sip:192.0.2.77;lr>",)
    assert answer.call_id == "call"
    assert answer.values("From") == ("<sip:peer@192.0.2.77>;tag=peer",)
    assert answer.body == SDP_ANSWER


def test_via_is_stamped_with_where_the_request_came_from() -> None:
    peer = Peer(address=("203.0.113.9", 40000))
    peer.say("INVITE", via="10.0.0.5:5060;rport", body=SDP_OFFER)
    answer = peer.wait()[-1]
    assert answer.via.parameters["received"] == "203.0.113.9"
    assert answer.via.parameters["rport"] == "40000"


def test_a_success_is_retransmitted_until_its_ack_comes() -> None:
    peer = Peer()
    tag = peer.confirm(ack=False)
    assert statuses(peer.wait(0.4)) == []
    assert statuses(peer.wait(0.2)) == [200]
    assert statuses(peer.wait(1.0)) == [200]
    peer.say("ACK", to_tag=tag)
    assert statuses(peer.wait(40)) == []
    assert len(peer.bob.told_of(Acknowledged)) == 1


def test_without_any_ack_the_call_is_ended_after_64_t1() -> None:
    peer = Peer()
    peer.confirm(ack=False)
    peer.wait(31.9)
    assert peer.bob.told_of(SessionEnded) == []
    assert methods(peer.wait(0.2)) == ["BYE"]
    assert [event.cause for event in peer.bob.told_of(SessionEnded)] == ["no_ack"]
    assert peer.bob.agent.counters["retransmitted_success"] == 10


def test_the_answer_to_our_offer_comes_with_the_ack() -> None:
    peer = Peer()
    peer.say("INVITE")
    (invite,) = peer.bob.told_of(InviteReceived)
    assert invite.offer is None
    peer.bob.agent.accept(peer.session, OFFER, peer.network.now)
    tag = peer.tag_of(peer.heard())
    peer.say("ACK", to_tag=tag, body=SDP_ANSWER)
    assert [event.answer for event in peer.bob.told_of(Acknowledged)] == [ANSWER]


def test_the_owner_may_end_before_the_ack_and_bye_waits_for_it() -> None:
    peer = Peer()
    tag = peer.confirm(ack=False)
    peer.bob.agent.end(peer.session, peer.network.now)
    assert methods(peer.heard()) == []
    assert methods(peer.say("ACK", to_tag=tag)) == ["BYE"]
    assert peer.bob.told_of(SessionEnded) == []


def test_a_failure_is_retransmitted_until_acknowledged() -> None:
    peer = Peer()
    peer.say("INVITE", branch="z9hG4bKbusy", body=SDP_OFFER)
    peer.bob.agent.reject(peer.session, 486, peer.network.now, reason="Q.850;cause=17", headers=[("Retry-After", "5")])
    (busy,) = peer.heard()
    assert busy.header("Reason") == "Q.850;cause=17"
    assert busy.header("Retry-After") == "5"
    assert statuses(peer.wait(1.6)) == [486, 486]
    peer.say("ACK", branch="z9hG4bKbusy", to_tag=busy.to.tag)
    assert statuses(peer.wait(40)) == []
    assert peer.bob.agent.leftovers() == 0


def test_an_ack_to_a_failure_is_known_even_with_a_branch_of_its_own() -> None:
    peer = Peer()
    peer.say("INVITE", body=SDP_OFFER)
    peer.bob.agent.reject(peer.session, 486, peer.network.now)
    peer.heard()
    peer.say("ACK", to_tag="whatever")
    assert statuses(peer.wait(40)) == []


def test_cancel_ends_a_ringing_call() -> None:
    peer = Peer()
    peer.ring(branch="z9hG4bKring")
    heard = peer.say("CANCEL", branch="z9hG4bKring", headers=('Reason: SIP;cause=200;text="Call completed elsewhere"',))
    assert statuses(heard) == [200, 487]
    (ended,) = peer.bob.told_of(SessionEnded)
    assert (ended.cause, ended.reason) == ("cancelled", 'SIP;cause=200;text="Call completed elsewhere"')


def test_cancel_after_the_answer_has_no_effect() -> None:
    peer = Peer()
    peer.confirm(branch="z9hG4bKdone")
    assert statuses(peer.say("CANCEL", branch="z9hG4bKdone")) == [200]
    assert peer.bob.told_of(SessionEnded) == []


def test_cancel_of_nothing_gets_481() -> None:
    assert statuses(Peer().say("CANCEL")) == [481]


def test_commands_after_a_cancel_are_counted_and_do_nothing() -> None:
    peer = Peer()
    peer.ring(branch="z9hG4bKring")
    session = peer.session
    peer.say("CANCEL", branch="z9hG4bKring")
    agent, now = peer.bob.agent, peer.network.now
    agent.accept(session, ANSWER, now)
    agent.progress(session, 180, now)
    agent.reject(session, 486, now)
    agent.challenge(session, now)
    agent.end(session, now)
    agent.info(session, "application/dtmf", b"5", now)
    agent.reoffer(session, OFFER, now)
    agent.acknowledge(session, ANSWER, now)
    assert peer.heard() == []
    assert agent.counters["command_too_late"] == 8


def test_the_caller_may_say_bye_while_it_rings() -> None:
    peer = Peer()
    tag = peer.ring()
    assert statuses(peer.say("BYE", cseq=2, to_tag=tag)) == [200, 487]
    assert [event.cause for event in peer.bob.told_of(SessionEnded)] == ["bye"]


def test_an_unanswered_call_is_refused_when_the_owner_ends_it() -> None:
    peer = Peer()
    peer.ring()
    peer.bob.agent.end(peer.session, peer.network.now, reason="Q.850;cause=19", status=408)
    (refusal,) = peer.heard()
    assert isinstance(refusal, Response)
    assert (refusal.status, refusal.header("Reason")) == (408, "Q.850;cause=19")


def test_a_lost_connection_ends_a_ringing_call() -> None:
    peer = Peer(Network(transport="tcp"))
    peer.ring()
    peer.bob.agent.flow_lost(peer.flow, peer.network.now)
    peer.network.settle()
    assert [event.cause for event in peer.bob.told_of(SessionEnded)] == ["transport"]


@pytest.mark.parametrize(
    ("headers", "body", "status", "names"),
    [
        (("Require: 100rel, nonsense",), SDP_OFFER, 420, ("Unsupported", "nonsense")),
        (("Content-Type: text/plain",), b"hello", 415, ("Accept", "application/sdp")),
        (("Content-Encoding: gzip",), SDP_OFFER, 415, ("Accept-Encoding", "identity")),
        (("Accept: text/html",), SDP_OFFER, 406, ("Server", "mediaserver")),
        (("Content-Type: application/sdp",), b"nonsense", 400, ("Server", "mediaserver")),
    ],
)
def test_an_invite_that_cannot_be_served_is_refused(headers: tuple[str, ...], body: bytes, status: int, names: tuple[str, str]) -> None:
    peer = Peer()
    (refusal,) = peer.say("INVITE", headers=headers, body=body)
    assert isinstance(refusal, Response)
    assert refusal.status == status
    assert refusal.header(names[0]) == names[1]
    assert peer.bob.told == []


def test_no_hops_left_means_483_for_a_call_and_nothing_for_options() -> None:
    peer = Peer()
    assert statuses(peer.say("INVITE", max_forwards="0", body=SDP_OFFER)) == [483]
    assert statuses(peer.say("OPTIONS", max_forwards="0", call_id="other")) == [200]


def test_a_request_that_came_by_two_ways_is_a_loop() -> None:
    peer = Peer()
    peer.say("INVITE", branch="z9hG4bKone", body=SDP_OFFER)
    assert statuses(peer.say("INVITE", branch="z9hG4bKtwo", body=SDP_OFFER)) == [482]


def test_sessions_are_bounded() -> None:
    peer = Peer(max_dialogs=2)
    for number in range(3):
        heard = peer.say("INVITE", call_id=f"call{number}", body=SDP_OFFER)
    (refusal,) = heard
    assert isinstance(refusal, Response)
    assert (refusal.status, refusal.header("Retry-After")) == (503, "5")


def test_transactions_are_bounded_but_a_bye_still_goes_through() -> None:
    peer = Peer(max_transactions=3)
    tag = peer.confirm()
    for number in range(3):
        peer.say("INVITE", call_id=f"call{number}", body=SDP_OFFER)
    assert statuses(peer.say("OPTIONS", call_id="one more")) == [503]
    assert statuses(peer.say("BYE", to_tag=tag, cseq=2)) == [200]


def test_an_sdp_inside_multipart_is_found() -> None:
    peer = Peer()
    parts = b"--b1\r\nContent-Type: application/isup\r\n\r\n\x00\x01\r\n--b1\r\nContent-Type: application/sdp\r\n\r\n" + SDP_OFFER
    peer.say("INVITE", headers=('Content-Type: multipart/mixed;boundary="b1"',), body=parts + b"\r\n--b1--\r\n")
    (invite,) = peer.bob.told_of(InviteReceived)
    assert invite.offer == OFFER


def test_a_stray_ack_is_a_counted_drop() -> None:
    peer = Peer()
    assert peer.say("ACK", to_tag="nobody") == []
    assert peer.bob.agent.counters == {"dropped_stray_ack": 1}


def test_a_provisional_answer_may_carry_media() -> None:
    peer = Peer()
    peer.say("INVITE", body=SDP_OFFER)
    peer.bob.agent.progress(peer.session, 183, peer.network.now, description=ANSWER, headers=[("X-Note", "early")])
    (early,) = peer.heard()
    assert not isinstance(early, Request)
    assert (early.status, early.body, early.header("X-Note")) == (183, SDP_ANSWER, "early")


@pytest.mark.parametrize(
    "header", ['Record-Route: "open', 'Require: "open,', 'Contact: "open', 'Content-Type: a/b;c="open', 'Accept: "open,']
)
def test_a_header_that_cannot_be_read_is_a_bad_request(header: str) -> None:
    assert statuses(Peer().say("INVITE", headers=(header,), body=SDP_OFFER)) == [400]


def test_a_via_that_cannot_be_read_is_answered_all_the_same() -> None:
    peer = Peer()
    via = b'Via: SIP/2.0/UDP h;x=",\r\n'
    request = b"OPTIONS sip:a@h SIP/2.0\r\n" + via + b"From: <sip:a@h>;tag=1\r\nTo: <sip:a@h>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n\r\n"
    peer.bob.agent.receive(request, peer.flow, peer.network.now)
    ((answer, flow),) = peer.bob.agent.outgoing()
    assert answer.startswith(b"SIP/2.0 400 Bad Request\r\n" + via)
    assert flow == peer.flow


def test_an_ack_with_a_body_that_cannot_be_read_is_still_an_ack() -> None:
    peer = Peer()
    tag = peer.confirm(ack=False)
    peer.say("ACK", to_tag=tag, headers=('Content-Type: a/b;c="open',), body=SDP_ANSWER)
    assert [event.answer for event in peer.bob.told_of(Acknowledged)] == [None]


def test_a_provisional_answer_is_repeated_every_minute() -> None:
    peer = Peer()
    peer.ring(branch="z9hG4bKlong")
    assert statuses(peer.wait(59)) == []
    assert statuses(peer.wait(62)) == [180, 180]
    peer.say("CANCEL", branch="z9hG4bKlong")
    assert 180 not in statuses(peer.wait(130))


def test_a_header_that_would_smuggle_is_refused_and_the_call_goes_on() -> None:
    peer = Peer()
    peer.ring()
    evil = [("X-Evil", "a\r\nVia: b")]
    agent, session, now = peer.bob.agent, peer.session, peer.network.now
    commands: list[Callable[[], None]] = [
        lambda: agent.progress(session, 183, now, headers=evil),
        lambda: agent.accept(session, ANSWER, now, headers=evil),
        lambda: agent.reject(session, 486, now, reason="a\nb"),
        lambda: agent.end(session, now, reason="a\nb"),
    ]
    for command in commands:
        with pytest.raises(UnsafeValue):
            command()
    assert peer.heard() == []
    agent.accept(session, ANSWER, now)
    assert statuses(peer.heard()) == [200]


def test_transactions_are_bounded_against_cancels_too() -> None:
    peer = Peer(max_transactions=1)
    heard = [statuses(peer.say("CANCEL", call_id=f"c{number}")) for number in range(21)]
    assert heard == [[481]] * 20 + [[503]]


def test_a_send_error_on_udp_does_not_move_the_dialog() -> None:
    peer = Peer()
    tag = peer.confirm()
    peer.bob.agent.flow_lost(peer.flow, peer.network.now)
    assert statuses(peer.say("BYE", cseq=2, to_tag=tag)) == [200]
    assert {carried.receiver for carried in peer.network.carried} == {peer.address}
