"""The registrar and what lies between it and the phone: Path, outbound, proxies; and contacts that lead nowhere good."""

import pytest

from sip.events import Registered
from sip.guard import GuardSettings
from sip.message import Request, Response
from sip.registrar import FLOW_TIMER, Binding, Outcome, Registrar
from sip.transport.flow import Flow
from tests.sip.network import BOB, Network
from tests.sip.peer import PEER, statuses
from tests.sip.test_hostile_sources import Phone

US = ("192.0.2.1", 5060)
PROXY = Flow("udp", US, ("192.0.2.10", 5060))
PHONE = Flow("udp", US, ("198.51.100.7", 40_000))
CONNECTION = Flow("tcp", US, ("198.51.100.7", 40_000))
PATH = ("Path", "<sip:192.0.2.10;lr;received=sip:198.51.100.7:40000>")
CONTACT = "<sip:alice@10.0.0.7:5062>"
INSTANCE = "<urn:uuid:00000000-0000-1000-8000-000a95a0e128>"
OUTBOUND = ("Supported", "path, outbound")


def flow_of(number: int, contact: str = CONTACT) -> str:
    """A contact of a phone with outbound."""
    return f'{contact};reg-id={number};+sip.instance="{INSTANCE}"'


class House:
    """A registrar and its clock."""

    def __init__(self) -> None:
        self.registrar = Registrar(30, 3600, 5)
        self.now = 100.0
        self._sent = 0

    def send(
        self, *contacts: str, flow: Flow = PHONE, headers: tuple[tuple[str, str], ...] = (), vias: int = 1, trusted: bool = False
    ) -> Outcome:
        self._sent += 1
        via = [("Via", f"SIP/2.0/UDP 10.0.0.{number};branch=z9hG4bK{self._sent}") for number in range(vias)]
        names = [("From", "<sip:alice@house>;tag=1"), ("To", "<sip:alice@house>"), ("Call-ID", "one"), ("CSeq", f"{self._sent} REGISTER")]
        request = Request("REGISTER", "sip:house", [*via, *names, *[("Contact", contact) for contact in contacts], *headers])
        return self.registrar.register("alice", request, flow, self.now, own=(US, ("203.0.113.1", 5060)), is_trusted=trusted)

    @property
    def bindings(self) -> list[Binding]:
        """Alice's."""
        return self.registrar.contacts("alice", self.now)


@pytest.fixture
def house() -> House:
    return House()


# -- Path


def test_a_path_is_kept_in_its_order_and_told_to_a_phone_that_knows_it(house: House) -> None:
    outcome = house.send(CONTACT, headers=(PATH, ("Path", "<sip:edge.example;lr>"), ("Supported", "path")), vias=3)
    assert [value for name, value in outcome.headers if name == "Path"] == [PATH[1], "<sip:edge.example;lr>"]
    (binding,) = house.bindings
    assert binding.path == (PATH[1], "<sip:edge.example;lr>")


def test_a_path_is_kept_but_not_told_to_a_phone_that_does_not_know_it(house: House) -> None:
    outcome = house.send(CONTACT, headers=(PATH,), vias=2)
    assert [name for name, _ in outcome.headers] == ["Contact"]
    assert house.bindings[0].path == (PATH[1],)


def test_a_path_from_anybody_leads_by_the_flow_of_its_register(house: House) -> None:
    house.send(CONTACT, headers=(PATH,), vias=2)
    (binding,) = house.bindings
    assert (binding.flow, binding.goes_by_route) == (PHONE, False)


def test_a_path_from_a_trusted_proxy_leads_to_where_it_says(house: House) -> None:
    house.send(CONTACT, flow=PHONE, headers=(PATH,), vias=2, trusted=True)
    (binding,) = house.bindings
    assert (binding.flow, binding.goes_by_route) == (PROXY, True)


@pytest.mark.parametrize(
    ("path", "flow", "way"),
    [
        ("<sip:192.0.2.10;lr>", CONNECTION, CONNECTION),
        ("<sip:192.0.2.10;lr;transport=tcp>", CONNECTION, Flow("tcp", (US[0], 0), ("192.0.2.10", 5060))),
        ("<sip:192.0.2.10:5070;lr;transport=tcp>", PHONE, Flow("tcp", (US[0], 0), ("192.0.2.10", 5070))),
        ("<sips:192.0.2.10;lr>", PHONE, Flow("tls", (US[0], 0), ("192.0.2.10", 5061), "192.0.2.10")),
        ("<sip:198.51.100.7:40000;lr;transport=tcp>", CONNECTION, CONNECTION),
        ("<sip:proxy.example;lr>", PHONE, PHONE),
        ("<sip:[2001:db8::1];lr>", PHONE, Flow("udp", US, ("2001:db8::1", 5060))),
        ("<sip:192.0.2.10;lr;transport=ws>", PHONE, PHONE),
    ],
)
def test_the_way_to_a_trusted_proxy(house: House, path: str, flow: Flow, way: Flow) -> None:
    house.send(CONTACT, flow=flow, headers=(("Path", path),), vias=2, trusted=True)
    assert house.bindings[0].flow == way


def test_a_binding_behind_a_trusted_proxy_outlives_its_connection_and_others_do_not(house: House) -> None:
    house.send(CONTACT, flow=CONNECTION, headers=(("Path", "<sip:198.51.100.7:40000;lr;transport=tcp>"),), vias=2, trusted=True)
    assert house.registrar.lose_flow(CONNECTION) == []
    house.send(CONTACT, flow=CONNECTION)
    assert house.registrar.lose_flow(CONNECTION) == ["alice"]
    assert not house.registrar.is_bound(CONNECTION)


@pytest.mark.parametrize("path", ["nonsense", "<mailto:x@y>", "<sip:a b;lr>"])
def test_a_path_that_cannot_be_read_is_refused(house: House, path: str) -> None:
    assert house.send(CONTACT, headers=(("Path", path),)).status in (400, 416)
    assert house.bindings == []


def test_a_path_has_a_bounded_length(house: House) -> None:
    assert house.send(CONTACT, headers=tuple(("Path", f"<sip:192.0.2.{number};lr>") for number in range(9))).status == 400


# -- outbound


def test_a_flow_of_a_phone_replaces_the_same_flow_whatever_its_contact_says(house: House) -> None:
    house.send(flow_of(1), headers=(OUTBOUND,))
    house.send(flow_of(1, "<sip:alice@10.0.0.9:9999>"), flow=CONNECTION, headers=(OUTBOUND,))
    assert [(binding.uri, binding.flow, binding.reg_id) for binding in house.bindings] == [("sip:alice@10.0.0.9:9999", CONNECTION, 1)]


def test_two_flows_of_a_phone_are_two_bindings_of_one_contact(house: House) -> None:
    house.send(flow_of(1), headers=(OUTBOUND,))
    outcome = house.send(flow_of(2), flow=CONNECTION, headers=(OUTBOUND,))
    assert [binding.reg_id for binding in house.bindings] == [2, 1]
    assert outcome.headers[0] == ("Contact", f'{CONTACT};expires=3600;reg-id=2;+sip.instance="{INSTANCE}"')
    assert outcome.headers[-2:] == (("Require", "outbound"), ("Flow-Timer", str(FLOW_TIMER)))
    house.send(flow_of(1) + ";expires=0", headers=(OUTBOUND,))
    assert [binding.reg_id for binding in house.bindings] == [2]


def test_without_outbound_a_reg_id_means_nothing(house: House) -> None:
    outcome = house.send(flow_of(1))
    assert [name for name, _ in outcome.headers] == ["Contact"]
    house.send(flow_of(2))
    assert [binding.reg_id for binding in house.bindings] == [0]


@pytest.mark.parametrize("parameters", [";reg-id=1", f';+sip.instance="{INSTANCE}"', f';reg-id=0;+sip.instance="{INSTANCE}"', ";reg-id=x"])
def test_a_contact_that_names_half_of_it_is_an_ordinary_one(house: House, parameters: str) -> None:
    outcome = house.send(CONTACT + parameters, headers=(OUTBOUND,))
    assert [name for name, _ in outcome.headers] == ["Contact"]
    assert house.bindings[0].reg_id == 0


def test_behind_a_proxy_without_outbound_it_is_refused_where_required_and_done_without_where_not(house: House) -> None:
    required = house.send(flow_of(1), headers=(("Require", "outbound"), PATH), vias=2)
    assert required.status == 439
    assert house.send(flow_of(1), headers=(OUTBOUND, PATH), vias=2).status == 200
    assert house.bindings[0].reg_id == 0


def test_behind_a_proxy_with_outbound_it_counts(house: House) -> None:
    house.send(flow_of(1), headers=(("Require", "outbound"), ("Path", "<sip:token@edge.example;lr;ob>")), vias=2)
    assert house.bindings[0].reg_id == 1


# -- contacts that lead nowhere good


@pytest.mark.parametrize(
    ("contact", "status"),
    [
        ("<sip:alice@192.0.2.1>", 403),
        ("<sip:bob@192.0.2.1:5060;transport=tcp>", 403),
        ("<sip:alice@203.0.113.1>", 403),
        ("<sip:alice@224.0.1.75>", 400),
        ("<sip:alice@[ff02::1]>", 400),
        ("<sip:alice@0.0.0.0>", 400),
        ("<sip:alice@255.255.255.255>", 400),
        ("<sip:alice@10.0.0.7?Route=%3Csip:victim%3E>", 400),
        ("<tel:+4930123>", 400),
        (f"<sip:{'a' * 600}@10.0.0.7>", 400),
    ],
)
def test_a_contact_that_leads_nowhere_good_is_refused(house: House, contact: str, status: int) -> None:
    assert house.send(contact).status == status
    assert house.bindings == []


@pytest.mark.parametrize("contact", ["<sip:alice@192.0.2.1:5062>", "<sip:alice@10.0.0.7>", "<sip:alice@phone.invalid;transport=ws>"])
def test_a_contact_may_name_any_other_host_since_the_flow_leads_to_it(house: House, contact: str) -> None:
    assert house.send(contact).status == 200
    assert house.bindings[0].flow == PHONE


# -- the whole user agent


def test_a_refused_contact_is_counted_and_path_and_outbound_are_supported() -> None:
    phone = Phone()
    challenge = phone.challenge()
    (refused,) = phone.asks("REGISTER", "alice", phone.proof(challenge, "wonderland"), "Contact: <sip:alice@192.0.2.2>")
    assert isinstance(refused, Response)
    assert refused.status == 403
    assert phone.bob.agent.counters["register_403"] == 1
    assert {"path", "outbound"} <= set(refused.items("Supported"))
    assert "gruu" not in refused.items("Supported")


def test_requiring_path_and_outbound_is_no_bad_extension_and_gruu_is() -> None:
    assert statuses(Phone().asks("REGISTER", "alice", "Require: path, outbound")) == [401]
    (answer,) = Phone().asks("REGISTER", "alice", "Require: gruu")
    assert isinstance(answer, Response)
    assert (answer.status, answer.header("Unsupported")) == (420, "gruu")


def test_a_lost_connection_ends_its_registration_and_it_is_told() -> None:
    phone = Phone(network=Network(transport="tcp"))
    phone.registers()
    phone.bob.agent.flow_lost(Flow("tcp", BOB, PEER), phone.network.now)
    phone.heard()
    assert phone.bob.told_of(Registered)[-1] == Registered("alice", ())


def test_a_trusted_proxys_path_is_the_way_back_to_its_phones() -> None:
    phone = Phone(GuardSettings(trusted=(PEER[0],)))
    phone.asks("REGISTER", "alice", phone.proof(phone.challenge(), "wonderland"), "Path: <sip:192.0.2.88;lr>")
    (binding,) = phone.bob.agent.contacts("alice", phone.network.now)
    assert (binding.flow.remote, binding.path) == (("192.0.2.88", 5060), ("<sip:192.0.2.88;lr>",))
