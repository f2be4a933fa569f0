"""Meters within one client's protocol: when nothing else is to be sent, the latest only, of the calls that the client views."""

import pytest

from control_api.encoding import Subprotocol, encode
from control_api.meters import SLOTS
from tests.control_api.clients import House, brief, hold
from tests.control_api.desk import BERT, call_model, meters_of


@pytest.fixture
def house() -> House:
    return House()


def a_period(house: House) -> None:
    """Every client is told of meters once."""
    for _ in range(SLOTS):
        house.feeds.meters.beat()


def test_meters_wait_until_there_is_nothing_else(house: House) -> None:
    client = house.client()
    house.desk.publish(meters_of(call_model(), -30))
    a_period(house)
    hold(house, 1)
    assert brief(client.read()) == ["hello", "snapshot", 1, "meters"]


def test_only_the_latest_meters_are_sent_and_the_others_counted(house: House) -> None:
    client = house.client()
    for level in (-30, -31, -32):
        house.desk.publish(meters_of(call_model(), level))
        a_period(house)
    frames = client.read()
    assert brief(frames) == ["hello", "snapshot", "meters"]
    assert frames[-1]["calls"]["c1"]["legs"]["1"]["level_dbov"] == -32
    assert client.session.counters.meters_skipped == 2
    assert client.read() == []


def test_meters_are_sent_once(house: House) -> None:
    client = house.client()
    house.desk.publish(meters_of(call_model("c1"), -30))
    house.desk.publish(meters_of(call_model("c2"), -30))
    a_period(house)
    client.read()
    house.desk.publish(meters_of(call_model("c2"), -40))
    a_period(house)
    assert list(client.read()[-1]["calls"]) == ["c2"]
    a_period(house)
    assert client.read() == []


def test_meters_from_before_the_connection_are_not_sent(house: House) -> None:
    house.desk.publish(meters_of(call_model(), -30))
    client = house.client()
    a_period(house)
    assert brief(client.read()) == ["hello", "snapshot"]


def test_who_wants_no_meters_gets_none(house: House) -> None:
    client = house.client(wants_meters=False)
    house.desk.publish(meters_of(call_model(), -30))
    a_period(house)
    assert brief(client.read()) == ["hello", "snapshot"]


def test_who_has_gone_is_not_told_of_meters(house: House) -> None:
    client = house.client()
    client.session.close()
    a_period(house)
    assert client.wakes == 0


@pytest.mark.parametrize("subprotocol", list(Subprotocol))
def test_a_client_is_sent_the_meters_of_the_calls_that_it_views(house: House, subprotocol: Subprotocol) -> None:
    client = house.client(subprotocol=subprotocol)
    client.session.receive(encode({"type": "view", "id": 1, "calls": ["c2", "c3", "gone"]}, subprotocol))
    for call in ("c1", "c2", "c3"):
        house.desk.publish(meters_of(call_model(call), -30))
    a_period(house)
    *_, reply, meters = client.read()
    assert reply == {"type": "reply", "id": 1, "ok": True, "result": {}}
    assert meters == {"type": "meters", "calls": {call: {"legs": {"1": {"level_dbov": -30, "speaks": True}}} for call in ("c2", "c3")}}


def test_a_view_can_be_taken_back(house: House) -> None:
    client = house.client()
    client.say(type="view", id=1, calls=[])
    client.say(type="view", id=2, calls=None)
    house.desk.publish(meters_of(call_model(), -30))
    a_period(house)
    assert brief(client.read())[-1] == "meters"


def test_a_view_shows_nothing_that_may_not_be_seen(house: House) -> None:
    client = house.client(BERT)
    client.say(type="view", id=1, calls=["c1"])
    house.desk.publish(meters_of(call_model("c1", agent="maria"), -30))
    a_period(house)
    assert "meters" not in brief(client.read())
