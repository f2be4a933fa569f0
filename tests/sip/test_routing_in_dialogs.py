"""Where requests inside a dialog go: routes, remote targets, NAT, connections."""

import pytest

from sip.message import Request, parse
from sip.transport.flow import Flow
from tests.sip.caller import Callee
from tests.sip.network import OFFER, Network
from tests.sip.peer import PEER, Peer


def sent(peer: Peer) -> tuple[Request, Flow]:
    """Bob's BYE, and the flow by which it left."""
    peer.heard()
    agent = peer.bob.agent
    agent.end(peer.called if isinstance(peer, Callee) else peer.session, peer.network.now)
    ((data, flow),) = agent.outgoing()
    request = parse(data)
    assert isinstance(request, Request)
    return request, flow


def test_the_callers_contact_is_the_target() -> None:
    peer = Peer()
    peer.confirm(contact="<sip:desk@192.0.2.78:5080>")
    bye, flow = sent(peer)
    assert bye.uri == "sip:desk@192.0.2.78:5080"
    assert flow.remote == ("192.0.2.78", 5080)


def test_a_caller_behind_nat_is_reached_where_he_came_from() -> None:
    peer = Peer(address=("203.0.113.9", 40000))
    peer.confirm(via="10.0.0.5:5060;rport", contact="<sip:desk@10.0.0.5:5060>")
    bye, flow = sent(peer)
    assert bye.uri == "sip:desk@10.0.0.5:5060"
    assert flow.remote == ("203.0.113.9", 40000)


def test_a_private_contact_of_a_public_peer_is_not_tried() -> None:
    peer = Peer(address=("203.0.113.9", 5060))
    peer.confirm(via="203.0.113.9:5060", contact="<sip:desk@192.168.1.5:5060>")
    assert sent(peer)[1].remote == ("203.0.113.9", 5060)


def test_a_contact_by_name_goes_back_over_the_flow() -> None:
    peer = Peer()
    peer.confirm(contact="<sip:desk@phones.example.net>")
    assert sent(peer)[1].remote == PEER


def test_a_peer_who_moves_is_followed() -> None:
    peer = Peer(address=("203.0.113.9", 40000))
    tag = peer.confirm(via="10.0.0.5:5060;rport", contact="<sip:desk@10.0.0.5:5060>")
    peer.address = ("203.0.113.9", 50000)
    peer.say("INFO", cseq=2, to_tag=tag, via="10.0.0.5:5060;rport")
    assert sent(peer)[1].remote == ("203.0.113.9", 50000)


def test_the_callers_record_routes_are_the_route_in_order() -> None:
    peer = Peer()
    peer.say("INVITE", headers=("Record-Route: <sip:192.0.2.80;lr>, <sip:192.0.2.81:5081;lr>",), body=b"")
    peer.bob.agent.accept(peer.session, OFFER, peer.network.now)
    peer.say("ACK", to_tag=peer.tag_of(peer.heard()))
    bye, flow = sent(peer)
    assert bye.values("Route") == ("<sip:192.0.2.80;lr>", "<sip:192.0.2.81:5081;lr>")
    assert bye.uri == "sip:peer@192.0.2.77:5070"
    assert flow.remote == ("192.0.2.80", 5060)


def test_the_callees_record_routes_are_the_route_reversed() -> None:
    peer = Callee()
    peer.accept(headers=("Record-Route: <sip:192.0.2.80;lr>", "Record-Route: <sip:192.0.2.81:5081;lr>"))
    bye, flow = sent(peer)
    assert bye.values("Route") == ("<sip:192.0.2.81:5081;lr>", "<sip:192.0.2.80;lr>")
    assert flow.remote == ("192.0.2.81", 5081)


def test_a_strict_router_comes_into_the_request_uri() -> None:
    peer = Callee()
    peer.accept(headers=("Record-Route: <sip:192.0.2.80;lr>", "Record-Route: <sip:old@192.0.2.81>"))
    bye, flow = sent(peer)
    assert bye.uri == "sip:old@192.0.2.81"
    assert bye.values("Route") == ("<sip:192.0.2.80;lr>", "<sip:peer@192.0.2.77:5070>")
    assert flow.remote == ("192.0.2.81", 5060)


def test_a_registered_phone_behind_nat_is_reached_over_its_flow() -> None:
    peer = Callee(request_uri="sip:peer@10.0.0.5:5060")
    peer.accept(contact="<sip:peer@10.0.0.5:5060>")
    bye, flow = sent(peer)
    assert bye.uri == "sip:peer@10.0.0.5:5060"
    assert flow.remote == PEER


def test_tcp_reuses_the_peers_connection() -> None:
    peer = Peer(Network(transport="tcp"))
    peer.confirm(contact="<sip:desk@192.0.2.78:5080;transport=tcp>")
    assert sent(peer)[1] == peer.flow


def test_after_a_lost_connection_a_new_one_is_opened_to_the_target() -> None:
    peer = Peer(Network(transport="tcp"))
    peer.confirm(contact="<sip:desk@192.0.2.78:5080;transport=tcp>")
    peer.bob.agent.flow_lost(peer.flow, peer.network.now)
    assert sent(peer)[1] == Flow("tcp", ("192.0.2.2", 0), ("192.0.2.78", 5080))


@pytest.mark.parametrize("nonsense", ["<sip:>", "<mailto:a@b>", "<sip:a b@c>"])
def test_a_contact_of_nonsense_in_an_answer_goes_back_over_the_flow(nonsense: str) -> None:
    peer = Callee()
    peer.accept(contact=nonsense)
    bye, flow = sent(peer)
    assert bye.uri == peer.invite.uri
    assert flow.remote == PEER


def test_addresses_in_via_and_contact_are_the_advertised_ones() -> None:
    peer = Peer(advertised=lambda flow: ("198.51.100.7", 15060))
    peer.say("INVITE")
    peer.bob.agent.accept(peer.session, OFFER, peer.network.now)
    answer = peer.heard()[-1]
    assert answer.contacts[0].uri == "sip:198.51.100.7:15060"
    peer.say("ACK", to_tag=answer.to.tag)
    bye, _ = sent(peer)
    assert bye.via.sent_by == ("198.51.100.7", 15060)
