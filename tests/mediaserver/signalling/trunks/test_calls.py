"""Calls from trunks and to them: who a trunk is, what it may carry, what is known and told of its callers."""

from typing import Any

import pytest

from mixer.modes import Role
from tests.mediaserver.signalling.exchange import TRUNK, Exchange, Phone
from tests.mediaserver.signalling.trunks.lines import CARRIER, ELSEWHERE, PBX, answered, asked, robert, settings, started

CARRIER_TRUNK: dict[str, Any] = {"addresses": ["127.0.1.1"], "host": "127.0.1.1"}
PBX_TRUNK: dict[str, Any] = {"name": "pbx", "addresses": ["127.0.4.1"], "host": "127.0.4.1"}
ANONYMOUS: dict[str, Any] = {"from_uri": "sip:anonymous@anonymous.invalid", "from_display": "Anonymous"}
PAI = ("P-Asserted-Identity", '"Carla" <sip:+4930123@carrier.internal>')


def dialled(exchange: Exchange, number: str = "100", **wishes: Any) -> tuple[Phone, Phone]:
    """A call from the carrier to an agent: both phones."""
    phone, carrier = robert(exchange), exchange.phone(TRUNK)
    carrier.dial(number, **wishes)
    return carrier, phone


# who a trunk is


def test_a_trunk_with_a_user_is_challenged_whatever_its_address() -> None:
    exchange = started(CARRIER_TRUNK | {"auth_user": "exchange"})
    robert(exchange)
    exchange.phone(TRUNK).dial("100")
    assert answered(exchange, TRUNK) == [401]
    assert len(exchange.switchboard.calls) == 0


@pytest.mark.parametrize("address", [CARRIER, ELSEWHERE])
def test_who_logs_in_as_a_trunk_is_that_trunk_from_anywhere(address: tuple[str, int]) -> None:
    exchange = started(CARRIER_TRUNK | {"auth_user": "exchange"})
    robert(exchange)
    exchange.phone(address).dial("100", user="exchange", secret="x", from_uri="sip:4930123@127.0.4.1")
    assert (exchange.view.trunk, exchange.view.caller) == ("carrier", "4930123")


def test_a_trunk_that_logs_in_opens_no_door() -> None:
    exchange = started(CARRIER_TRUNK | {"auth_user": "exchange"})
    exchange.phone(ELSEWHERE).dial("*1robert", user="exchange", secret="x")
    assert answered(exchange, ELSEWHERE) == [401, 404]


def test_calls_to_a_trunk_that_registered_go_to_its_contact() -> None:
    exchange = started({"auth_user": "exchange"})
    pbx = exchange.phone(PBX).register("exchange", "x")
    robert(exchange).dial("5550301", user="robert", secret="r")
    assert pbx.ringing.request.uri == "sip:0301@127.0.4.1:5060"


def test_a_trunk_that_did_not_register_gives_way_to_the_next_target() -> None:
    exchange = started({"auth_user": "exchange"})
    robert(exchange).dial("5550301", user="robert", secret="r")
    assert [request.request_uri.user for request in asked(exchange, "INVITE")] == ["robert"]


def test_a_client_certificate_is_a_trunk() -> None:
    exchange = Exchange(settings({"host": "127.0.1.1", "tls_names": ["PBX.example.com"]}))
    exchange.house.peer_names = lambda flow: ("pbx.example.com",) if flow.remote == ELSEWHERE else ()
    robert(exchange)
    exchange.phone(ELSEWHERE).dial("100")
    assert exchange.view.trunk == "carrier"


# what it may carry


def test_calls_at_once_are_capped() -> None:
    exchange = started(CARRIER_TRUNK | {"caps": {"calls_in": 1}})
    carrier, _ = dialled(exchange)
    carrier.dial("100")
    assert answered(exchange, TRUNK) == [503]
    assert exchange.counters.value("trunk_refused", "carrier in calls") == 1
    refusal = next(carried.message for carried in exchange.network.carried if carried.what == "503 INVITE")
    assert refusal.header("Retry-After") == "5"


def test_a_place_is_free_again_when_its_call_is_over() -> None:
    exchange = started(CARRIER_TRUNK | {"caps": {"calls_in": 1, "calls_out": 1}})
    carrier, phone = dialled(exchange)
    session = phone.answers()
    phone.hangs_up(session)
    exchange.run(1)
    carrier.dial("100")
    assert answered(exchange, TRUNK).count(503) == 0
    (line,) = exchange.trunks
    assert (line.caps.inward.calls, line.caps.outward.calls) == (1, 0)


def test_calls_a_second_are_capped() -> None:
    exchange = started(CARRIER_TRUNK | {"caps": {"rate_in": 1}})
    carrier, _ = dialled(exchange)
    carrier.dial("100")
    assert answered(exchange, TRUNK) == [503]
    exchange.run(1)
    carrier.dial("100")
    assert answered(exchange, TRUNK) == [503]
    assert len(exchange.switchboard.calls) == 2


def test_a_call_that_is_refused_for_another_reason_keeps_no_place() -> None:
    exchange = started(CARRIER_TRUNK | {"caps": {"calls_in": 1}})
    exchange.media.is_ready = False
    exchange.phone(TRUNK).dial("100")
    (line,) = exchange.trunks
    assert answered(exchange, TRUNK) == [503]
    assert line.caps.inward.calls == 0


def test_over_the_cap_the_next_target_is_called() -> None:
    exchange = started(CARRIER_TRUNK | {"caps": {"calls_out": 1}})
    exchange.phone(CARRIER)
    phone = robert(exchange)
    phone.dial("5550301", user="robert", secret="r")
    exchange.run(1)
    phone.dial("5550302", user="robert", secret="r")
    assert [request.request_uri.user for request in asked(exchange, "INVITE")] == ["0301", "robert"]
    assert exchange.counters.value("trunk_refused", "carrier out calls") == 1


# what is known of its callers


def test_a_tel_uri_is_called_and_calls() -> None:
    exchange = started(CARRIER_TRUNK)
    phone = robert(exchange)
    carrier = exchange.phone(TRUNK)
    carrier.dial("", to_uri="tel:100", request_uri="tel:1-0-0;phone-context=carrier.example", from_uri="tel:+49-30-123")
    assert (exchange.view.caller, exchange.view.called) == ("+4930123", "100")
    assert phone.ringing.request.from_.uri == "sip:+4930123@127.0.0.1:5060"


def test_numbers_are_written_as_the_house_does_before_a_route_is_looked_for() -> None:
    rules = [{"match": r"\+4930555(\d+)", "replace": r"\1"}]
    exchange = started(CARRIER_TRUNK | {"numbers": {"country": "49"}, "rewrite": rules})
    dialled(exchange, "030555100", from_uri="sip:0171222@127.0.1.1")
    assert (exchange.view.caller, exchange.view.called) == ("+49171222", "100")


def test_an_anonymous_caller_is_anonymous_to_everybody_in_the_house() -> None:
    exchange = started(CARRIER_TRUNK | {"trusted": True, "headers": {"P-Asserted-Identity": "who", "X-Queue": "queue"}})
    headers = (PAI, ("Privacy", "id"), ("X-Queue", "night"))
    _, phone = dialled(exchange, headers=headers, **ANONYMOUS)
    assert exchange.view.caller == "anonymous"
    assert exchange.view.metadata == {"queue": "night"}
    told = [event.body for event in exchange.heard]
    assert told
    assert "4930123" not in str(told)
    assert str(phone.ringing.request.from_).startswith('"Anonymous" <sip:anonymous@anonymous.invalid>')
    assert b"4930123" not in phone.ringing.request.serialize()


def test_an_untrusted_trunks_assertion_reaches_nobody() -> None:
    exchange = started(CARRIER_TRUNK)
    _, phone = dialled(exchange, headers=(PAI,))
    assert b"Carla" not in phone.ringing.request.serialize()
    assert exchange.view.caller == "4930123"


def test_a_wish_that_cannot_be_served_is_refused() -> None:
    exchange = started(CARRIER_TRUNK)
    dialled(exchange, headers=(("Privacy", "secret;critical"),))
    assert answered(exchange, TRUNK) == [500]


def test_between_trusted_trunks_assertion_and_wish_go_on() -> None:
    exchange = started(CARRIER_TRUNK | {"trusted": True}, PBX_TRUNK | {"trusted": True})
    exchange.phone(TRUNK).dial("7200", headers=(PAI, ("Privacy", "id")), **ANONYMOUS)
    (invite,) = asked(exchange, "INVITE", PBX)
    assert invite.from_.uri == "sip:anonymous@anonymous.invalid"
    assert invite.values("P-Asserted-Identity") == ('"Carla" <sip:+4930123@127.0.0.1>',)
    assert invite.values("Privacy") == ("id",)


def test_nothing_of_one_leg_reaches_the_other_but_what_is_named() -> None:
    exchange = started(CARRIER_TRUNK | {"pass_headers": ["X-Account"]}, PBX_TRUNK)
    kept = (("X-Account", "4711"), ("Diversion", "<sip:300@pbx.internal>;reason=no-answer"))
    left = (
        ("X-Secret", "internal-1"),
        ("Organization", "internal-2"),
        ("P-Charging-Vector", "icid-value=internal-3"),
        ("Call-Info", "<http://internal-4>"),
        ("Record-Route", "<sip:10.9.9.9;lr>"),
    )
    exchange.phone(TRUNK).dial("7200", headers=(*kept, *left), to_uri="sip:internal-5@carrier.internal")
    (invite,) = asked(exchange, "INVITE", PBX)
    assert invite.header("X-Account") == "4711"
    assert invite.values("Diversion") == ("<sip:300@127.0.0.1>;reason=no-answer;counter=1;privacy=off",)
    sent = invite.serialize()
    for word in (b"internal", b"10.9.9.9", b"127.0.1.1"):
        assert word not in sent


def test_a_phone_that_sends_a_call_on_is_named_as_its_diversion() -> None:
    exchange = started(CARRIER_TRUNK, PBX_TRUNK, transfers={"outside_uris": True})
    _, phone = dialled(exchange)
    contact = (("Contact", "<sip:other@127.0.4.1>"),)
    phone.station.agent.reject(phone.ringing.session, 302, exchange.network.now, headers=contact)
    exchange.run()
    (invite,) = asked(exchange, "INVITE", PBX)
    assert invite.values("Diversion") == ("<sip:100@127.0.0.1>;reason=deflection;counter=1;privacy=off",)


@pytest.mark.parametrize("name", ["Diversion", "History-Info", "P-Asserted-Identity"])
def test_a_header_of_the_way_here_that_cannot_be_read_costs_no_call(name: str) -> None:
    exchange = started(CARRIER_TRUNK | {"trusted": True})
    _, phone = dialled(exchange, headers=((name, '"open <sip:1@x>, <sip:2@y>'),))
    assert phone.ringing.request.values(name) == ()


# agents behind a PBX


@pytest.mark.parametrize(
    ("agents_by", "headers", "role"),
    [
        ("none", (), Role.CUSTOMER),
        ("from", (), Role.AGENT),
        ("asserted", (), Role.CUSTOMER),
        ("asserted", (("P-Asserted-Identity", "<sip:1001@pbx>"),), Role.AGENT),
    ],
)
def test_an_agent_who_calls_out_through_his_pbx_is_the_agent(agents_by: str, headers: tuple[tuple[str, str], ...], role: Role) -> None:
    exchange = started(CARRIER_TRUNK, PBX_TRUNK | {"trusted": True, "agents_by": agents_by})
    exchange.phone(PBX).dial("5550301", from_uri="sip:1001@127.0.4.1", headers=headers)
    first = exchange.view.legs[0]
    assert first.role is role
    assert (exchange.view.agent, exchange.view.team) == (("paula", "south") if role is Role.AGENT else ("", ""))
    assert [leg.role for leg in exchange.view.legs[1:]] == [Role.CUSTOMER if role is Role.AGENT else Role.OUTSIDE]


def test_a_customer_of_the_pbx_is_no_agent() -> None:
    exchange = started(CARRIER_TRUNK, PBX_TRUNK | {"trusted": True, "agents_by": "from"})
    exchange.phone(PBX).dial("71001", from_uri="sip:4930123@127.0.4.1")
    assert [leg.role for leg in exchange.view.legs] == [Role.CUSTOMER, Role.AGENT]


def test_the_pbx_gets_its_call_back_for_its_own_extension() -> None:
    exchange = started(CARRIER_TRUNK, PBX_TRUNK)
    pbx = exchange.phone(PBX)
    pbx.dial("71001", from_uri="sip:4930123@127.0.4.1")
    assert pbx.ringing.request.uri == "sip:1001@127.0.4.1"
    pbx.rings()
    pbx.answers()
    assert (exchange.view.agent, str(exchange.view.state)) == ("paula", "answered")


def test_a_pbx_that_sends_the_call_round_again_is_told_of_the_loop() -> None:
    exchange = started(PBX_TRUNK | {"name": "pbx"}, routes=[{"number": "71001", "targets": ["trunk:pbx/71001"]}])
    pbx = exchange.phone(PBX)
    pbx.dial("71001", from_uri="sip:4930123@127.0.4.1")
    path = pbx.ringing.request.header("X-Mediaserver-Path")
    assert path is not None
    pbx.dial("71001", from_uri="sip:4930123@127.0.4.1", headers=(("X-Mediaserver-Path", path),))
    assert 482 in answered(exchange, PBX)
