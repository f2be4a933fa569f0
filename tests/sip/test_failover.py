"""A request whose first hop is of no use goes to the next (RFC 3263 §4.3); nobody is left with half a call."""

import pytest

from sip.events import Accepted, Rejected
from tests.sip.elsewhere import FIRST, SECOND, THIRD, Ways, request_of, tcp, udp


def test_who_says_nothing_is_left_for_the_next_hop() -> None:
    ways = Ways()
    ways.invite(udp(FIRST), udp(SECOND))
    assert ways.what() == [("INVITE", FIRST)]
    assert ways.wait(3.9).what() == [("INVITE", FIRST)] * 3
    assert ways.wait(0.2).what() == [("INVITE", SECOND)]
    assert ways.counters["failover_timeout"] == 1


def test_each_hop_gets_a_branch_of_its_own_in_the_same_request() -> None:
    ways = Ways()
    ways.invite(udp(FIRST), udp(SECOND))
    (first,) = map(request_of, ways.sent())
    (second,) = [request_of(sent) for sent in ways.wait(4.1).sent() if sent.receiver == SECOND]
    assert first.via.branch != second.via.branch
    assert first.headers[1:] == second.headers[1:]
    assert first.body == second.body


@pytest.mark.parametrize("status", [100, 180, 183])
def test_who_says_anything_is_waited_for(status: int) -> None:
    ways = Ways()
    ways.invite(udp(FIRST), udp(SECOND))
    (invite,) = map(request_of, ways.sent())
    ways.answer(invite, status, FIRST)
    assert ways.wait(60).what() == []


def test_a_refused_connection_leads_to_the_next_hop_at_once() -> None:
    ways = Ways()
    ways.invite(tcp(FIRST), udp(SECOND))
    assert ways.what() == [("INVITE", FIRST)]
    ways.lose(tcp(FIRST))
    assert ways.what() == [("INVITE", SECOND)]
    assert ways.counters["failover_transport"] == 1


def test_a_503_leads_to_the_next_hop_at_once() -> None:
    ways = Ways()
    ways.invite(udp(FIRST), udp(SECOND))
    (invite,) = map(request_of, ways.sent())
    ways.answer(invite, 503, FIRST)
    assert ways.what() == [("ACK", FIRST), ("INVITE", SECOND)]
    assert ways.bob.told_of(Rejected) == []


@pytest.mark.parametrize("status", [404, 480, 486, 500, 603])
def test_any_other_failure_is_an_answer(status: int) -> None:
    ways = Ways()
    ways.invite(udp(FIRST), udp(SECOND))
    (invite,) = map(request_of, ways.sent())
    ways.answer(invite, status, FIRST)
    assert ways.what() == [("ACK", FIRST)]
    assert [event.status for event in ways.bob.told_of(Rejected)] == [status]


def test_a_503_speaks_for_all_transports_of_its_server() -> None:
    ways = Ways()
    ways.invite(udp(FIRST), tcp(FIRST), udp(SECOND))
    (invite,) = map(request_of, ways.sent())
    ways.answer(invite, 503, FIRST)
    assert ways.what() == [("ACK", FIRST), ("INVITE", SECOND)]


def test_the_last_hops_failure_is_the_calls() -> None:
    ways = Ways()
    ways.invite(tcp(FIRST), udp(SECOND))
    ways.lose(tcp(FIRST))
    invite = request_of(ways.sent()[-1])
    ways.answer(invite, 503, SECOND, headers=(("Retry-After", "7"),))
    (rejected,) = ways.bob.told_of(Rejected)
    assert (rejected.status, rejected.retry_after) == (503, 7)
    assert ways.wait(80).bob.agent.leftovers() == 0


def test_where_nobody_answers_the_last_hop_is_given_its_full_time() -> None:
    ways = Ways()
    ways.invite(udp(FIRST), udp(SECOND), udp(THIRD))
    ways.wait(8 + 31.9)
    assert ways.bob.told_of(Rejected) == []
    ways.wait(0.2)
    assert [event.status for event in ways.bob.told_of(Rejected)] == [408]
    assert ways.wait(60).bob.agent.leftovers() == 0


def test_the_time_to_wait_is_a_setting() -> None:
    ways = Ways(failover_after=1.0)
    ways.invite(udp(FIRST), udp(SECOND))
    assert ways.wait(1.1).what()[-1] == ("INVITE", SECOND)


def test_who_rings_after_he_was_left_is_cancelled() -> None:
    ways = Ways()
    ways.invite(udp(FIRST), udp(SECOND))
    (invite,) = map(request_of, ways.sent())
    ways.wait(4.1).sent()
    ways.answer(invite, 180, FIRST)
    (carried,) = ways.sent()
    cancel = request_of(carried)
    assert (cancel.method, carried.receiver, cancel.via.branch) == ("CANCEL", FIRST, invite.via.branch)
    ways.answer(invite, 180, FIRST)
    assert ways.what() == []


def test_who_answers_after_he_was_left_is_acknowledged_and_hung_up() -> None:
    ways = Ways()
    ways.invite(udp(FIRST), udp(SECOND))
    (invite,) = map(request_of, ways.sent())
    ways.wait(4.1).sent()
    ways.answer(invite, 200, FIRST)
    assert ways.what() == [("ACK", FIRST), ("BYE", FIRST)]
    ways.answer(invite, 200, FIRST)
    assert ways.what() == [("ACK", FIRST)]
    assert ways.bob.told_of(Accepted) == []


def test_the_next_hops_answer_is_the_calls() -> None:
    ways = Ways()
    ways.invite(udp(FIRST), udp(SECOND))
    invite = request_of(ways.wait(4.1).sent()[-1])
    ways.answer(invite, 200, SECOND)
    assert ways.what() == [("ACK", SECOND)]
    (accepted,) = ways.bob.told_of(Accepted)
    ways.bob.agent.end(accepted.session, ways.network.now)
    assert ways.what() == [("BYE", SECOND)]
    assert ways.wait(120).bob.agent.leftovers() == 0


def test_a_challenge_is_met_at_each_hop() -> None:
    challenge = (("WWW-Authenticate", 'Digest realm="r", nonce="n", algorithm=MD5'),)
    ways = Ways()
    ways.invite(udp(FIRST), udp(SECOND), user="bob")
    (invite,) = map(request_of, ways.sent())
    ways.answer(invite, 401, FIRST, headers=challenge)
    (_, retried) = map(request_of, ways.sent())
    assert retried.header("Authorization") is not None
    ways.answer(retried, 503, FIRST)
    (_, elsewhere) = map(request_of, ways.sent())
    ways.answer(elsewhere, 401, SECOND, headers=(("WWW-Authenticate", 'Digest realm="r", nonce="m", algorithm=MD5'),))
    assert ways.what() == [("ACK", SECOND), ("INVITE", SECOND)]


def test_a_call_that_was_ended_is_not_tried_elsewhere() -> None:
    ways = Ways()
    session = ways.invite(udp(FIRST), udp(SECOND))
    ways.bob.agent.end(session, ways.network.now)
    assert {receiver for _, receiver in ways.wait(60).what()} == {FIRST}
    assert ways.bob.agent.leftovers() == 0


def test_cancel_waits_for_the_next_hops_provisional_answer() -> None:
    ways = Ways()
    session = ways.invite(udp(FIRST), udp(SECOND))
    (invite,) = map(request_of, ways.sent())
    ways.answer(invite, 100, FIRST)
    ways.answer(invite, 503, FIRST)
    elsewhere = request_of(ways.sent()[-1])
    ways.bob.agent.end(session, ways.network.now)
    assert ways.what() == []
    ways.answer(elsewhere, 100, SECOND)
    assert ways.what() == [("CANCEL", SECOND)]


def test_a_hop_that_failed_is_tried_last_by_the_next_call() -> None:
    ways = Ways()
    ways.invite(udp(FIRST), udp(SECOND))
    ways.wait(4.1).sent()
    ways.invite(udp(FIRST), udp(SECOND))
    assert ways.what() == [("INVITE", SECOND)]
    ways.wait(30).sent()
    ways.invite(udp(FIRST), udp(SECOND))
    assert ways.what()[0] == ("INVITE", FIRST)


def test_retry_after_says_how_long_a_hop_is_tried_last() -> None:
    ways = Ways()
    ways.invite(udp(FIRST), udp(SECOND))
    (invite,) = map(request_of, ways.sent())
    ways.answer(invite, 503, FIRST, headers=(("Retry-After", "100"),))
    ways.wait(90).sent()
    ways.invite(udp(FIRST), udp(THIRD))
    assert ways.what() == [("INVITE", THIRD)]
    ways.wait(11).sent()
    ways.invite(udp(FIRST), udp(THIRD))
    assert ways.what()[0] == ("INVITE", FIRST)


def test_a_request_that_leaves_another_way_says_so_in_via_and_contact() -> None:
    ways = Ways(advertised=lambda flow: (f"{flow.transport}.example.com", 5060))
    ways.invite(udp(FIRST), tcp(SECOND))
    (first,) = map(request_of, ways.sent())
    (second,) = [request_of(sent) for sent in ways.wait(4.1).sent() if sent.receiver == SECOND]
    assert (first.via.transport, first.via.host, first.header("Contact")) == ("UDP", "udp.example.com", "<sip:udp.example.com:5060>")
    assert (second.via.transport, second.via.host) == ("TCP", "tcp.example.com")
    assert second.header("Contact") == "<sip:tcp.example.com:5060;transport=tcp>"
