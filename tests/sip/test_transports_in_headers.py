"""How each transport is spelt in Via and Contact, and where requests in dialogs go when its connection is gone."""

import pytest

from sip.session.core import Core
from sip.session.settings import UserAgentSettings
from sip.transport.flow import Flow
from tests.sip.network import BOB, OFFER, Network, seeded_entropy
from tests.sip.peer import PEER, Peer

SPELT = {
    "udp": ("SIP/2.0/UDP", "<sip:192.0.2.2:5060>"),
    "tcp": ("SIP/2.0/TCP", "<sip:192.0.2.2:5060;transport=tcp>"),
    "tls": ("SIP/2.0/TLS", "<sip:192.0.2.2:5060;transport=tls>"),
    "ws": ("SIP/2.0/WS", "<sip:192.0.2.2:5060;transport=ws>"),
    "wss": ("SIP/2.0/WSS", "<sip:192.0.2.2:5060;transport=ws>"),
}


@pytest.mark.parametrize("transport", SPELT)
def test_via_and_contact_name_the_transport(transport: str) -> None:
    core = Core(UserAgentSettings(), seeded_entropy(1))
    flow = Flow(transport, BOB, PEER)
    assert (core.via(flow)[1].split(" ")[0], core.contact(flow)[1]) == SPELT[transport]


@pytest.mark.parametrize("transport", SPELT)
def test_datagrams_alone_are_unreliable(transport: str) -> None:
    assert Flow(transport, BOB, PEER).is_reliable == (transport != "udp")


@pytest.mark.parametrize(
    ("transport", "contact"),
    [("tls", "sips:192.0.2.2:5060"), ("wss", "sips:192.0.2.2:5060;transport=ws"), ("tcp", "sip:192.0.2.2:5060;transport=tcp")],
)
def test_a_sips_request_gets_a_sips_contact_where_the_hop_is_secure(transport: str, contact: str) -> None:
    peer = Peer(Network(transport=transport))
    peer.say("INVITE", uri="sips:bob@192.0.2.2")
    peer.bob.agent.accept(peer.session, OFFER, peer.network.now)
    assert peer.heard()[-1].contacts[0].uri == contact


def test_a_sips_record_route_asks_for_a_sips_contact() -> None:
    peer = Peer(Network(transport="tls"))
    peer.say("INVITE", headers=("Record-Route: <sips:192.0.2.9;lr>",))
    peer.bob.agent.accept(peer.session, OFFER, peer.network.now)
    assert peer.heard()[-1].contacts[0].uri == "sips:192.0.2.2:5060"


def bye_after_loss(peer: Peer, contact: str) -> Flow:
    """The flow of Bob's BYE after the connection of the call is gone."""
    peer.confirm(contact=contact)
    peer.bob.agent.flow_lost(peer.flow, peer.network.now)
    peer.bob.agent.end(peer.session, peer.network.now)
    data, flow = peer.bob.agent.outgoing()[-1]
    assert data.startswith(b"BYE ")
    return flow


@pytest.mark.parametrize(
    "contact", ["<sip:desk@192.0.2.78:5081;transport=tls>", "<sips:desk@192.0.2.78:5081>", "<sip:desk@192.0.2.78:5081;transport=tcp>"]
)
def test_a_lost_tls_connection_is_followed_by_tls_to_the_target(contact: str) -> None:
    peer = Peer(Network(transport="tls"))
    assert bye_after_loss(peer, contact) == Flow("tls", ("192.0.2.2", 0), ("192.0.2.78", 5081), "192.0.2.78")


def test_a_tls_target_without_a_port_has_the_port_of_tls() -> None:
    peer = Peer(Network(transport="tls"))
    assert bye_after_loss(peer, "<sips:desk@192.0.2.78>").remote == ("192.0.2.78", 5061)


@pytest.mark.parametrize("transport", ["ws", "wss"])
def test_a_browser_whose_connection_is_lost_is_not_connected_to(transport: str) -> None:
    peer = Peer(Network(transport=transport))
    assert bye_after_loss(peer, "<sip:desk@df7jal23ls0d.invalid;transport=ws>") == peer.flow


@pytest.mark.parametrize("transport", ["ws", "wss"])
def test_requests_to_a_browser_go_back_over_its_connection(transport: str) -> None:
    peer = Peer(Network(transport=transport))
    peer.confirm(contact="<sip:desk@df7jal23ls0d.invalid;transport=ws>", via="df7jal23ls0d.invalid")
    peer.bob.agent.end(peer.session, peer.network.now)
    assert peer.bob.agent.outgoing()[-1][1] == peer.flow
