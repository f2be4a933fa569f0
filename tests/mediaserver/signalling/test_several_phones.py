"""An agent with several phones: all are rung, one has the call."""

import pytest

from mediaserver.call.view import CallState
from mediaserver.signalling.routing.contacts import branches_of
from sip.events import Accepted, InviteReceived, Rejected, SessionEnded
from sip.message import Request
from sip.registrar import Binding
from sip.transport.flow import Address, Flow
from tests.mediaserver.signalling.exchange import MARIA, ROBERT, TRUNK, Exchange, Phone

AT_HOME: Address = ("127.0.2.9", 5060)


class House:
    """Robert with two phones, Maria, and a trunk."""

    def __init__(self) -> None:
        self.exchange = Exchange()
        self.desk = self.exchange.phone(ROBERT).register("robert", "r")
        self.home = self.exchange.phone(AT_HOME).register("robert", "r")
        self.maria = self.exchange.phone(MARIA).register("maria", "m")
        self.trunk = self.exchange.phone(TRUNK)

    def rings_both(self, number: str = "100") -> int:
        """A call from the trunk; both of Robert's phones ring."""
        session = self.trunk.dial(number)
        for phone in (self.desk, self.home):
            phone.rings()
        return session

    def cancels(self) -> list[Request]:
        """CANCELs that the server sent."""
        messages = [carried.message for carried in self.exchange.network.carried]
        return [message for message in messages if isinstance(message, Request) and message.method == "CANCEL"]


@pytest.mark.parametrize("answering", ["desk", "home"])
def test_whichever_phone_answers_has_the_call(answering: str) -> None:
    house = House()
    customer = house.rings_both()
    phone: Phone = getattr(house, answering)
    other = house.home if phone is house.desk else house.desk
    phone.answers()
    assert house.exchange.view.state is CallState.ANSWERED
    assert [cancel.header("Reason") for cancel in house.cancels()] == ['SIP;cause=200;text="Call completed elsewhere"']
    assert [event.cause for event in other.told(SessionEnded)] == ["cancelled"]
    assert len(house.trunk.told(Accepted)) == 1
    house.trunk.hangs_up(customer)
    assert [event.cause for event in phone.told(SessionEnded)] == ["bye"]
    assert house.exchange.ports.lent == 0


def test_both_phones_are_one_leg_of_the_call() -> None:
    house = House()
    house.rings_both()
    assert [leg.role for leg in house.exchange.view.legs] == ["customer", "agent"]


def test_two_phones_answered_at_once_leave_one_with_the_call() -> None:
    house = House()
    house.rings_both()
    now = house.exchange.network.now
    for phone in (house.desk, house.home):
        session = phone.ringing.session
        phone.station.agent.accept(session, phone.ringing.offer, now)
    house.exchange.run()
    ended = [phone for phone in (house.desk, house.home) if phone.told(SessionEnded)]
    assert len(ended) == 1
    assert house.exchange.view.state is CallState.ANSWERED


def test_a_busy_phone_leaves_the_other_ringing() -> None:
    house = House()
    house.trunk.dial("100")
    house.desk.refuses(486)
    assert house.trunk.told(Rejected) == []
    house.home.answers()
    assert house.exchange.view.state is CallState.ANSWERED


def test_where_both_are_busy_the_next_target_is_rung() -> None:
    house = House()
    house.trunk.dial("200")
    house.maria.refuses(486)
    for phone in (house.desk, house.home):
        phone.refuses(486)
    assert [event.status for event in house.trunk.told(Rejected)] == [486]


def test_who_declines_on_one_phone_declines_on_all() -> None:
    house = House()
    house.rings_both()
    house.home.refuses(603)
    assert [event.cause for event in house.desk.told(SessionEnded)] == ["cancelled"]
    assert [event.status for event in house.trunk.told(Rejected)] == [603]


def test_a_caller_who_gives_up_stops_both_phones() -> None:
    house = House()
    session = house.rings_both()
    house.trunk.hangs_up(session)
    assert [len(phone.told(SessionEnded)) for phone in (house.desk, house.home)] == [1, 1]
    assert len(house.exchange.switchboard.calls) == 0


def test_each_phone_is_rung_once() -> None:
    house = House()
    house.rings_both()
    assert [len(phone.told(InviteReceived)) for phone in (house.desk, house.home)] == [1, 1]


def binding(host: str, transport: str = "udp") -> Binding:
    """A phone at an address."""
    return Binding(f"sip:robert@{host}", Flow(transport, ("192.0.2.1", 5060), (host, 5060)), 3600, 1.0, "c", 1)


def test_phones_that_one_offer_cannot_serve_are_left_out() -> None:
    inside, outside, browser = binding("10.0.0.1"), binding("198.51.100.1"), binding("10.0.0.2", "wss")

    def media_address(remote: str) -> str:
        return "10.0.0.9" if remote.startswith("10.") else "192.0.2.1"

    assert [branch.request_uri for branch in branches_of([inside, outside, browser], media_address)] == [inside.uri]
    assert [branch.request_uri for branch in branches_of([browser, inside], media_address)] == [browser.uri]
    assert [branch.request_uri for branch in branches_of([outside, inside], media_address)] == [outside.uri]


def test_several_flows_of_one_phone_are_one_branch_by_the_route_of_the_best() -> None:
    def flow_of(number: int, instance: str) -> Binding:
        flow = Flow("udp", ("192.0.2.1", 5060), (f"10.0.0.{number}", 5060))
        path = (f"<sip:edge{number}.example;lr>",)
        return Binding("sip:robert@10.0.0.9", flow, 100.0, 1.0, "c", 1, path=path, instance=instance, reg_id=number)

    first, second, other = flow_of(1, "<urn:uuid:a>"), flow_of(2, "<urn:uuid:a>"), flow_of(3, "<urn:uuid:b>")
    branches = branches_of([first, other, second], lambda address: "192.0.2.1")
    assert [(branch.flows, branch.route) for branch in branches] == [
        ((first.flow, second.flow), ("<sip:edge1.example;lr>",)),
        ((other.flow,), ("<sip:edge3.example;lr>",)),
    ]
