"""A trunk that we register with: kept registered, called back by the Contact that its registrar was told."""

from mediaserver.signalling.trunks.line import Line
from sip.headers import parse_address
from sip.uri import Uri
from tests.mediaserver.signalling.exchange import Exchange, Phone
from tests.mediaserver.signalling.trunks.lines import CARRIER, ELSEWHERE, SECOND, answered, asked, reply, robert, started, told
from tests.sip.network import Station

TRUNK = {"host": "127.0.1.1", "user": "alice", "secret": "wonderland", "registration": {"domain": "carrier.example", "expires": 60}}


def registered(**keys: object) -> tuple[Exchange, Station]:
    """A server and its registrar; user agents of the virtual wire know alice's secret."""
    exchange = started(TRUNK | keys)
    registrar = exchange.network.station(CARRIER)
    exchange.run()
    return exchange, registrar


def line(exchange: Exchange) -> Line:
    """The trunk."""
    (found,) = exchange.trunks
    return found


def contact(exchange: Exchange) -> Uri:
    """What the registrar was told last."""
    return Uri.parse(parse_address(asked(exchange, "REGISTER")[-1].values("Contact")[0]).uri)


def test_we_register_with_digest_and_say_so() -> None:
    exchange, registrar = registered()
    assert [binding.uri for binding in registrar.agent.contacts("alice", exchange.network.now)] == [str(contact(exchange))]
    assert [event.body["detail"] for event in told(exchange, "trunk.registered")] == [
        {"trunk": "carrier", "target": "127.0.1.1", "status": 200, "is_up": True}
    ]
    assert exchange.counters.value("trunk_registrations", "200") == 1
    assert asked(exchange, "REGISTER")[-1].uri == "sip:carrier.example"


def test_the_registration_is_renewed_for_as_long_as_we_live() -> None:
    exchange, registrar = registered()
    for _ in range(20):
        exchange.run(30)
        assert registrar.agent.contacts("alice", exchange.network.now)
    assert told(exchange, "trunk.unregistered") == []
    assert len({request.call_id for request in asked(exchange, "REGISTER")}) == 1


def test_a_registrar_that_falls_silent_is_told_and_asked_again() -> None:
    exchange, _ = registered()
    exchange.network.loses = lambda carried: carried.receiver == CARRIER
    exchange.run(120)
    assert len(told(exchange, "trunk.unregistered")) == 1
    exchange.network.loses = lambda carried: False
    exchange.run(600)
    assert len(told(exchange, "trunk.registered")) == 2


def test_stopping_takes_the_registration_back() -> None:
    exchange, registrar = registered()
    exchange.trunks.stop()
    exchange.run()
    assert registrar.agent.contacts("alice", exchange.network.now) == []
    seen = len(asked(exchange, "REGISTER"))
    exchange.run(600)
    assert len(asked(exchange, "REGISTER")) == seen


def test_a_wrong_secret_is_not_tried_faster_and_faster() -> None:
    exchange, _ = registered(secret="wrong")
    exchange.run(3600)
    assert told(exchange, "trunk.registered") == []
    assert len(asked(exchange, "REGISTER")) < 60


def test_a_call_to_our_contact_is_the_trunks_from_wherever_it_comes() -> None:
    exchange, _ = registered()
    phone = robert(exchange)
    caller = exchange.phone(ELSEWHERE)
    caller.dial(contact(exchange).user, to_uri="sip:100@carrier.example")
    assert phone.ringing.request.from_.uri.startswith("sip:4930123@")
    assert (exchange.view.trunk, exchange.view.called) == ("carrier", "100")


def test_the_proxys_word_on_who_was_called_counts_before_to() -> None:
    exchange, _ = registered()
    robert(exchange)
    headers = (("P-Called-Party-ID", "<sip:100@carrier.example>"),)
    exchange.phone(ELSEWHERE).dial(contact(exchange).user, to_uri="sip:group@carrier.example", headers=headers)
    assert exchange.view.called == "100"


def test_nobody_opens_a_door_by_our_contact() -> None:
    exchange, _ = registered()
    exchange.phone(ELSEWHERE).dial(contact(exchange).user, to_uri="sip:*1robert@carrier.example")
    assert answered(exchange, ELSEWHERE) == [404]


def test_a_contact_of_ours_that_was_guessed_is_challenged() -> None:
    exchange, _ = registered()
    exchange.phone(ELSEWHERE).dial("carrier-0000000000000000", to_uri="sip:100@carrier.example")
    assert answered(exchange, ELSEWHERE) == [401]


def test_the_registrars_own_address_is_the_trunk_while_we_are_registered() -> None:
    exchange, registrar = registered()
    robert(exchange)
    Phone(exchange, registrar, CARRIER).dial("100")
    assert exchange.view.trunk == "carrier"


def test_calls_go_out_under_the_registrars_domain() -> None:
    exchange, _ = registered()
    robert(exchange).dial("5550301", user="robert", secret="r")
    (invite,) = asked(exchange, "INVITE", CARRIER)[-1:]
    assert invite.uri == "sip:0301@127.0.1.1"
    assert invite.from_.uri == "sip:robert@carrier.example"


def test_calls_take_the_service_route() -> None:
    exchange = started(TRUNK)
    exchange.run()
    (register,) = asked(exchange, "REGISTER")
    contact = register.values("Contact")[0]
    reply(exchange, register, 200, ("Contact", contact), ("Service-Route", "<sip:127.0.1.2;lr>"))
    robert(exchange).dial("5550301", user="robert", secret="r")
    (invite,) = asked(exchange, "INVITE", SECOND)
    assert invite.uri == "sip:0301@127.0.1.1"
    assert invite.values("Route") == ("<sip:127.0.1.2;lr>",)


def test_what_a_registrar_answers_wrongly_is_survived() -> None:
    exchange = started(TRUNK)
    exchange.run()
    (register,) = asked(exchange, "REGISTER")
    reply(exchange, register, 200, ("Contact", "<sip:x"), ("Service-Route", '"'), ("Expires", "soon"))
    assert line(exchange).registering is not None
    assert len(told(exchange, "trunk.registered")) == 1


def test_outbound_names_the_same_instance_after_a_restart() -> None:
    instances = set()
    for _ in range(2):
        exchange = started(TRUNK | {"registration": {"outbound": True}})
        exchange.run()
        instances.add(parse_address(asked(exchange, "REGISTER")[0].values("Contact")[0]).parameters["+sip.instance"])
    (instance,) = instances
    assert instance is not None
    assert instance.startswith("<urn:uuid:")
