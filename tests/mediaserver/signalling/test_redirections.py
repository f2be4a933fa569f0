"""302 on the wire: whom an answered INVITE may send us on to. A redirection costs what a call costs, so it needs the right to call."""

from typing import Any

import pytest

from config.settings import Settings
from mixer.modes import Role
from sip.events import InviteReceived
from tests.mediaserver.signalling.calls.test_transferring import ROUTES, settings
from tests.mediaserver.signalling.exchange import MARIA, ROBERT, SETTINGS, TRUNK, Exchange, Phone

ELSEWHERE = ("127.0.9.9", 5060)
OUTWARD = ["<sip:9900@127.0.0.1>", "<tel:9900>", "<sip:9900@127.0.0.1;user=phone>"]


def with_numbers(*routes: dict[str, Any], **changes: object) -> Settings:
    """More routes for the carrier's calls: 210 rings maria, 211 robert, 212 a URI elsewhere, 213 an agent behind the carrier."""
    numbers = {"210": "agent:maria", "211": "agent:robert", "212": "sip:lcr@127.0.9.9", "213": "trunk:carrier/1001"}
    rung = [{"trunk": "carrier", "number": number, "targets": [target]} for number, target in numbers.items()]
    agents = [*(agent.model_dump() for agent in SETTINGS.agents), {"name": "nora", "extension": "1001"}]
    return settings(routes=[*ROUTES, *rung, *routes], agents=agents, **changes)


def called(phone: Phone) -> list[str]:
    """The users of the URIs under which a phone was called."""
    return [event.request.request_uri.user for event in phone.told(InviteReceived)]


class Sent:
    """A call to a number whose first target sends it on to a contact."""

    def __init__(self, number: str, contact: str, chosen: Settings | None = None) -> None:
        self.exchange = Exchange(chosen or with_numbers())
        self.robert = self.exchange.phone(ROBERT).register("robert", "r")
        self.maria = self.exchange.phone(MARIA).register("maria", "m")
        self.trunk, self.other = self.exchange.phone(TRUNK), self.exchange.phone(ELSEWHERE)
        if number == "9555":
            self.robert.dial(number, user="robert", secret="r")
        else:
            self.trunk.dial(number)
        rung = {"210": self.maria, "211": self.robert, "212": self.other}.get(number, self.trunk)
        rung.station.agent.reject(rung.ringing.session, 302, self.exchange.network.now, headers=[("Contact", contact)])
        self.exchange.run()


@pytest.mark.parametrize("contact", OUTWARD)
def test_an_agent_who_may_not_call_sends_nobody_outside(contact: str) -> None:
    sent = Sent("210", contact)
    assert called(sent.trunk) == []
    assert sent.exchange.counters.value("contacts_refused", "forbidden") == 1
    assert len(sent.exchange.switchboard.calls) == 0


@pytest.mark.parametrize("contact", OUTWARD)
def test_one_who_may_does(contact: str) -> None:
    sent = Sent("211", contact)
    assert called(sent.trunk) == ["900"]
    assert [leg.role for leg in sent.exchange.view.legs] == [Role.CUSTOMER, Role.OUTSIDE]


@pytest.mark.parametrize("contact", OUTWARD)
def test_whom_we_called_outside_cannot_make_us_call_another_number(contact: str) -> None:
    assert called(Sent("9555", contact).trunk) == ["555"]


@pytest.mark.parametrize("contact", OUTWARD)
def test_nor_can_a_host_that_a_route_names(contact: str) -> None:
    assert called(Sent("212", contact).trunk) == []


def test_an_agent_behind_a_trunk_is_trusted_as_with_his_transfers() -> None:
    assert called(Sent("213", OUTWARD[0]).trunk) == ["1001", "900"]


@pytest.mark.parametrize("number", ["210", "211", "9555"])
def test_other_hosts_are_not_called(number: str) -> None:
    assert called(Sent(number, "<sip:x@127.0.9.9>").other) == []


def test_but_where_that_is_set_by_who_may_call() -> None:
    chosen = with_numbers(transfers={"outside_uris": True})
    assert called(Sent("211", "<sip:x@127.0.9.9>", chosen).other) == ["x"]
    assert called(Sent("9555", "<sip:x@127.0.9.9>", chosen).other) == ["x"]
    assert called(Sent("210", "<sip:x@127.0.9.9>", chosen).other) == []


def test_a_trunk_and_a_host_of_a_route_may_send_us_on_to_themselves() -> None:
    assert called(Sent("9555", "<sip:556@127.0.1.1>").trunk) == ["555", "556"]
    assert called(Sent("212", "<sip:second@127.0.9.9>").other) == ["lcr", "second"]


@pytest.mark.parametrize("number", ["211", "212", "9555"])
@pytest.mark.parametrize("contact", ["<sip:maria@127.0.0.1>", "<sip:maria@127.0.2.2:5060>"])
def test_anybody_may_send_a_call_on_to_an_agent(number: str, contact: str) -> None:
    assert called(Sent(number, contact).maria) == ["maria"]


def test_phones_of_another_tenant_are_not_reached_by_their_contacts() -> None:
    users = [user.model_dump() | ({"tenant": "other"} if user.name == "maria" else {}) for user in SETTINGS.users]
    agents = [agent.model_dump() for agent in SETTINGS.agents if agent.name != "maria"]
    routes = [{"trunk": "carrier", "number": "211", "targets": ["agent:robert"]}]
    chosen = Settings.model_validate(SETTINGS.model_dump() | {"users": users, "agents": agents, "routes": routes})
    assert called(Sent("211", "<sip:maria@127.0.2.2:5060>", chosen).maria) == []


def test_a_user_who_has_an_agents_name_is_not_that_agent() -> None:
    """Maria the user is nobody's agent here; maria the agent is at home in a PBX."""
    agents = [{"name": "robert", "team": "north", "user": "robert"}, {"name": "maria", "team": "south", "extension": "1002"}]
    chosen = Settings.model_validate(with_numbers().model_dump() | {"agents": agents})
    sent = Sent("211", "<sip:maria@127.0.2.2:5060>", chosen)
    assert called(sent.maria) == ["maria"]
    assert [leg.role for leg in sent.exchange.view.legs] == [Role.CUSTOMER, Role.OUTSIDE]
