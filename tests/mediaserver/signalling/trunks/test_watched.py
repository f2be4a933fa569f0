"""Targets of a trunk that are asked whether they are there, and where calls go then."""

from typing import Any

from tests.mediaserver.signalling.exchange import Exchange
from tests.mediaserver.signalling.trunks.lines import CARRIER, SECOND, THIRD, asked, reply, robert, started, told
from tests.sip.network import Carried

TARGETS = [{"host": "127.0.1.1"}, {"host": "127.0.1.2", "priority": 1}]
WATCHED: dict[str, Any] = {"targets": TARGETS, "keepalive": {"interval": 10, "timeout": 2, "down_after": 2}}


def up(exchange: Exchange) -> dict[str, bool]:
    """Which targets are up."""
    return {place.name: place.watch.is_up for line in exchange.trunks for place in line.places}


def dead(*addresses: tuple[str, int]) -> Any:
    """A network that loses what goes to these."""

    def loses(carried: Carried) -> bool:
        return carried.receiver in addresses

    return loses


def watched(**keys: Any) -> Exchange:
    """A server whose trunk has two targets, both there."""
    exchange = started(WATCHED | keys)
    for address in (CARRIER, SECOND):
        exchange.network.station(address)
    return exchange


def call(exchange: Exchange) -> None:
    """An agent calls out through the trunk."""
    robert(exchange).dial("5550301", user="robert", secret="r")


def test_each_target_is_asked_again_and_again() -> None:
    exchange = watched()
    exchange.run(61)
    for target in (CARRIER, SECOND):
        assert 6 <= len({request.call_id for request in asked(exchange, "OPTIONS", target)}) <= 7
    assert up(exchange) == {"127.0.1.1": True, "127.0.1.2": True}
    assert told(exchange, "trunk.down") == []


def test_targets_are_not_all_asked_in_one_moment() -> None:
    exchange = watched()
    exchange.run(2)
    moments = [carried.at for carried in exchange.network.carried if carried.what == "OPTIONS"]
    assert len(set(moments)) == 2


def test_a_silent_target_goes_down_and_comes_back_and_watchers_hear_it() -> None:
    exchange = watched()
    exchange.network.loses = dead(CARRIER)
    exchange.run(30)
    assert up(exchange) == {"127.0.1.1": False, "127.0.1.2": True}
    (event,) = told(exchange, "trunk.down")
    assert event.body["detail"] == {"trunk": "carrier", "target": "127.0.1.1", "status": 408, "is_up": True}
    exchange.network.loses = dead()
    exchange.run(20)
    assert up(exchange)["127.0.1.1"]
    assert [event.body["detail"]["status"] for event in told(exchange, "trunk.up")] == [200]


def test_any_other_answer_shows_that_somebody_is_there() -> None:
    exchange = started({"host": "127.0.1.3", "keepalive": {"interval": 10, "timeout": 2, "down_after": 1}})
    for status in (404, 405, 500, 481):
        exchange.run(10)
        reply(exchange, asked(exchange, "OPTIONS", THIRD)[-1], status)
    assert up(exchange) == {"127.0.1.3": True}
    exchange.run(10)
    reply(exchange, asked(exchange, "OPTIONS", THIRD)[-1], 503)
    assert up(exchange) == {"127.0.1.3": False}


def test_a_call_goes_to_the_target_of_the_lowest_priority() -> None:
    exchange = watched()
    exchange.run(2)
    call(exchange)
    assert [request.uri for request in asked(exchange, "INVITE")] == ["sip:0301@127.0.1.1"]


def test_a_target_that_is_down_is_not_called() -> None:
    exchange = watched()
    exchange.network.loses = dead(CARRIER)
    exchange.run(30)
    call(exchange)
    assert [request.uri for request in asked(exchange, "INVITE")] == ["sip:0301@127.0.1.2"]


def test_a_target_that_says_nothing_gives_way_to_the_next_under_its_own_address() -> None:
    exchange = started({"targets": TARGETS})
    second = exchange.phone(SECOND)
    call(exchange)
    exchange.run(5)
    assert second.ringing.request.uri == "sip:0301@127.0.1.2"
    assert len(exchange.switchboard.calls) == 1


def test_where_all_targets_are_down_the_next_target_of_the_route_is_tried_at_once() -> None:
    exchange = watched()
    exchange.network.loses = dead(CARRIER, SECOND)
    exchange.run(30)
    call(exchange)
    assert asked(exchange, "INVITE", CARRIER) == []
    assert [request.request_uri.user for request in asked(exchange, "INVITE")] == ["robert"]


def test_a_stopped_server_asks_no_more() -> None:
    exchange = watched()
    exchange.run(5)
    exchange.trunks.stop()
    seen = len(asked(exchange, "OPTIONS"))
    exchange.run(60)
    assert len(asked(exchange, "OPTIONS")) == seen


def test_trunks_without_an_interval_are_never_asked_and_count_as_up() -> None:
    exchange = started({"host": "127.0.1.3"})
    exchange.run(100)
    assert asked(exchange, "OPTIONS") == []
    assert up(exchange) == {"127.0.1.3": True}
