"""What is too large for a datagram goes by TCP first (RFC 3261 §18.1.1)."""

import pytest

from tests.sip.elsewhere import FIRST, SECOND, Ways, request_of, tcp, udp
from tests.sip.network import ANSWER

LARGE = (("X-Large", "x" * 1300),)
URI = "sip:peer@192.0.2.11"


def advertised_by_flow(udp_limit: int = 1300) -> Ways:
    """Bob, who says in Via which way he speaks."""
    return Ways(advertised=lambda flow: ("bob.example.com", 5060), udp_limit=udp_limit)


def test_a_large_request_goes_by_tcp_and_says_so() -> None:
    ways = advertised_by_flow()
    ways.invite(udp(FIRST), headers=LARGE, uri=URI)
    (carried,) = ways.sent()
    invite = request_of(carried)
    assert (carried.receiver, carried.transport) == (FIRST, "tcp")
    assert (invite.via.transport, invite.header("Contact")) == ("TCP", "<sip:bob.example.com:5060;transport=tcp>")
    assert ways.counters["large_request_by_tcp"] == 1


@pytest.mark.parametrize(("limit", "transport"), [(0, "udp"), (1300, "tcp"), (1000, "tcp"), (65_000, "udp")])
def test_the_limit_is_a_setting(limit: int, transport: str) -> None:
    ways = advertised_by_flow(udp_limit=limit)
    ways.invite(udp(FIRST), headers=LARGE, uri=URI)
    assert [carried.transport for carried in ways.sent()] == [transport]


def test_a_small_request_stays() -> None:
    ways = advertised_by_flow()
    ways.invite(udp(FIRST), uri=URI)
    assert [carried.transport for carried in ways.sent()] == ["udp"]


def test_where_tcp_is_refused_it_goes_by_udp_at_once() -> None:
    ways = advertised_by_flow()
    ways.invite(udp(FIRST), headers=LARGE, uri=URI)
    ways.sent()
    ways.lose(tcp(FIRST))
    (carried,) = ways.sent()
    invite = request_of(carried)
    assert (carried.receiver, carried.transport) == (FIRST, "udp")
    assert (invite.via.transport, invite.header("Contact")) == ("UDP", "<sip:bob.example.com:5060>")
    assert ways.counters["large_request_back_to_udp"] == 1


def test_where_tcp_does_not_come_about_it_goes_by_udp_soon() -> None:
    ways = advertised_by_flow()
    ways.invite(udp(FIRST), headers=LARGE, uri=URI)
    ways.sent()
    assert ways.wait(1.9).sent() == []
    assert [carried.transport for carried in ways.wait(0.2).sent()] == ["udp"]


def test_who_takes_no_tcp_is_not_asked_again_for_a_while() -> None:
    ways = advertised_by_flow()
    ways.invite(udp(FIRST), headers=LARGE, uri=URI)
    ways.lose(tcp(FIRST))
    ways.wait(60).sent()
    ways.invite(udp(FIRST), headers=LARGE, uri=URI)
    assert ways.sent()[0].transport == "udp"


def test_a_server_without_tcp_still_has_a_next_hop() -> None:
    ways = advertised_by_flow()
    ways.invite(udp(FIRST), udp(SECOND), headers=LARGE, uri="sip:peer@example.com")
    ways.lose(tcp(FIRST))
    ways.wait(4.1)
    assert [(carried.receiver, carried.transport) for carried in ways.sent()][-1] == (SECOND, "tcp")


def test_a_phone_behind_nat_is_asked_over_its_own_flow() -> None:
    ways = advertised_by_flow()
    ways.invite(udp(FIRST), headers=LARGE, uri="sip:peer@10.0.0.7:5060")
    assert [carried.transport for carried in ways.sent()] == ["udp"]


def test_credentials_can_make_a_request_large() -> None:
    ways = advertised_by_flow()
    ways.invite(udp(FIRST), headers=(("X-Large", "x" * 400),), uri=URI, user="bob")
    (carried,) = ways.sent()
    assert carried.transport == "udp"
    challenge = (("WWW-Authenticate", f'Digest realm="r", nonce="{"n" * 500}", algorithm=MD5'),)
    ways.answer(request_of(carried), 401, FIRST, headers=challenge)
    ack, again = ways.sent()
    assert (ack.what, ack.transport, again.what, again.transport) == ("ACK", "udp", "INVITE", "tcp")
    assert request_of(again).via.transport == "TCP"


def test_a_large_request_inside_a_dialog_goes_by_tcp_too() -> None:
    ways = advertised_by_flow()
    session = ways.invite(udp(FIRST), uri=URI)
    ways.answer(request_of(ways.sent()[0]), 200, FIRST)
    ways.sent()
    ways.bob.agent.info(session, "application/dtmf-relay", b"x" * 1300, ways.network.now)
    (carried,) = ways.sent()
    assert (carried.what, carried.transport, request_of(carried).via.transport) == ("INFO", "tcp", "TCP")
    ways.lose(tcp(FIRST))
    (carried,) = ways.sent()
    assert (carried.what, carried.transport, request_of(carried).via.transport) == ("INFO", "udp", "UDP")


def test_after_a_large_invite_the_dialog_keeps_the_connection() -> None:
    ways = advertised_by_flow()
    session = ways.invite(udp(FIRST), headers=LARGE, uri=URI)
    ways.answer(request_of(ways.sent()[0]), 200, FIRST, transport="tcp")
    assert [(carried.what, carried.transport) for carried in ways.sent()] == [("ACK", "tcp")]
    ways.bob.agent.reoffer(session, ANSWER, ways.network.now)
    assert [(carried.what, carried.transport) for carried in ways.sent()] == [("INVITE", "tcp")]
