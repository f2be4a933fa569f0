"""Commands within one client's protocol: orders, replies, messages that are none, keys."""

from typing import Any

import msgpack
import pytest

from control_api.commands import failed, succeeded
from control_api.encoding import Subprotocol
from control_api.permissions import Refusal
from control_api.session import MAX_UNANSWERED, Refused
from tests.control_api.clients import House, brief, hold
from tests.control_api.desk import BERT, call_model, event_of


@pytest.fixture
def house() -> House:
    return House()


def test_a_command_is_an_order_and_its_outcome_the_reply(house: House) -> None:
    client = house.client()
    order = client.order(type="mute", id=7, leg=3, unheard_of="ignored")
    client.session.finish(order, succeeded({"turn": 5}))
    assert client.read()[-1] == {"type": "reply", "id": 7, "ok": True, "result": {"turn": 5}}


def test_a_refusal_has_the_one_error_shape(house: House) -> None:
    client = house.client()
    client.session.finish(client.order(type="end", id="x", call="c1"), failed(Refusal("forbidden", "no", "ask")))
    assert client.read()[-1] == {"type": "reply", "id": "x", "ok": False, "error": {"code": "forbidden", "text": "no", "hint": "ask"}}


def test_a_reply_comes_after_the_events_before_it_and_before_those_after_it(house: House) -> None:
    client = house.client()
    order = client.order(type="mute", id=1, leg=3)
    hold(house, 2)
    client.session.finish(order, succeeded({}))
    hold(house, 1)
    assert brief(client.read()) == ["hello", "snapshot", 1, 2, "reply", 3]


def test_a_reply_is_not_lost_when_events_are(house: House) -> None:
    client = house.client()
    client.read()
    order = client.order(type="mute", id=1, leg=3)
    client.session.finish(order, succeeded({}))
    hold(house, 11)
    assert brief(client.read()) == ["reply", "snapshot"]
    hold(house, 11)
    client.session.finish(client.order(type="mute", id=2, leg=3), succeeded({}))
    assert brief(client.read()) == ["snapshot", "reply"]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("{", "not json"),
        ("[]", "a message is an object with a type"),
        ("5", "a message is an object with a type"),
        ("[" * 60_000, "not json"),
        ('{"id": %s}' % ("1" * 5000), "not json"),
        ("{}", "unknown command None"),
        ('{"type": 5}', "unknown command 5"),
        ('{"type": "\\ud800"}', "unknown command '\\ud800'"),
        ('{"type": "get", "call": "\\ud800", "id": 1}', "get: call: "),
    ],
)
def test_an_unreadable_message_gets_an_error_and_the_connection_stays(house: House, data: str, text: str) -> None:
    client = house.client()
    client.read()
    assert isinstance(client.session.receive(data), Refused)
    (reply,) = client.read()
    assert reply["ok"] is False
    assert reply["error"]["code"] == "bad_request"
    assert reply["error"]["text"].startswith(text)
    client.order(type="list", id=1)


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x91" * 3000, msgpack.packb({1: 2}), msgpack.packb("list"), "text", b"\xd9\x02\xff\xff"])
def test_unreadable_msgpack_gets_an_error_as_well(house: House, data: bytes | str) -> None:
    client = house.client(subprotocol=Subprotocol.MSGPACK)
    client.read()
    assert isinstance(client.session.receive(data), Refused)
    (reply,) = client.read()
    assert (reply["ok"], reply["id"], reply["error"]["code"]) == (False, None, "bad_request")


def test_an_unknown_command_is_told_the_nearest_known_one(house: House) -> None:
    client = house.client()
    client.say(type="hangup", id=3, call="c1", leg=1)
    reply = client.read()[-1]
    assert (reply["id"], reply["error"]["text"]) == (3, "unknown command 'hangup'")
    assert reply["error"]["hint"] == "did you mean hang_up?"


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"type": "get"}, "get: call: Field required"),
        ({"type": "set_mode", "leg": 1, "mode": "scream"}, "set_mode: mode: Input should be 'listen', 'whisper' or 'barge'"),
        ({"type": "set_mode", "leg": 1, "mode": "whisper", "target": "outside"}, "set_mode: target: Input should be 'agent' or 'customer'"),
        ({"type": "set_mode", "leg": "x", "mode": "whisper"}, "set_mode: leg: Input should be a valid integer"),
        ({"type": "supervise"}, "supervise: name either the call or the agent"),
        ({"type": "supervise", "call": "c", "agent": "a"}, "supervise: name either the call or the agent"),
        ({"type": "supervise", "call": "c", "phone": "sip:a@b\r\nX: y"}, "supervise: phone: String should match"),
        ({"type": "originate", "agent": "a", "number": "<1>"}, "originate: number: String should match"),
        ({"type": "message", "agent": "a", "text": "\x1b[2J"}, "message: text: String should match"),
        ({"type": "message", "agent": "a", "text": "ü" * 651}, "message: text: 1302 octets of UTF-8; at most 1300 are sent"),
        ({"type": "message", "text": "a"}, "message: name either the call or the agent"),
        ({"type": "volumes", "leg": 1}, "volumes: give hears, heard or both"),
        ({"type": "volumes", "leg": 1, "hears": 4.5}, "volumes: hears: Input should be less than or equal to 4"),
        ({"type": "volumes", "leg": 1, "heard": float("nan")}, "volumes: heard: Input should be "),
        ({"type": "list", "key": ""}, "list: key: String should have at least 1 character"),
    ],
)
def test_a_wrong_field_is_named_with_what_would_be_right(house: House, message: dict[str, Any], text: str) -> None:
    client = house.client()
    refused = client.say(**({"id": 1} | message))
    assert isinstance(refused, Refused)
    assert refused.command == message["type"]
    reply = client.read()[-1]
    assert reply["id"] == 1
    assert reply["error"]["text"].startswith(text)


def test_a_command_without_a_request_id_is_refused(house: House) -> None:
    client = house.client()
    client.say(type="list")
    assert client.read()[-1]["id"] is None


@pytest.mark.parametrize(
    ("alias", "mode"), [("spy", "listen"), ("monitor", "listen"), ("coach", "whisper"), ("join", "barge"), ("barge", "barge")]
)
def test_other_words_for_the_modes_are_understood(house: House, alias: str, mode: str) -> None:
    order = house.client().order(type="set_mode", id=1, leg=1, mode=alias)
    assert order.command.mode == mode  # type: ignore[union-attr]


# Sent twice, done once


def keyed(identifier: int, key: str = "k", leg: int = 3) -> dict[str, Any]:
    return {"type": "mute", "id": identifier, "key": key, "leg": leg}


def test_a_key_that_was_used_gets_the_same_reply_and_no_second_order(house: House) -> None:
    client = house.client()
    client.session.finish(client.order(**keyed(1)), succeeded({"turn": 5}))
    assert client.say(**keyed(2)) is None
    replies = [frame for frame in client.read() if frame["type"] == "reply"]
    assert replies == [{"type": "reply", "id": number, "ok": True, "result": {"turn": 5}} for number in (1, 2)]


def test_a_refusal_is_the_same_reply_too(house: House) -> None:
    client = house.client()
    client.session.finish(client.order(**keyed(1)), failed(Refusal("not_found", "gone")))
    client.say(**keyed(2))
    assert [frame["ok"] for frame in client.read()[2:]] == [False, False]


def test_a_second_one_waits_for_the_first_ones_outcome(house: House) -> None:
    client, other = house.client(), house.client()
    order = client.order(**keyed(1))
    assert other.say(**keyed(9)) is None
    assert brief(other.read()) == ["hello", "snapshot"]
    client.session.finish(order, succeeded({"turn": 5}))
    assert other.read() == [{"type": "reply", "id": 9, "ok": True, "result": {"turn": 5}}]


def test_a_command_sent_again_after_a_cut_gets_the_reply_that_was_missed(house: House) -> None:
    client = house.client()
    order = client.order(**keyed(1))
    client.session.close()
    client.session.finish(order, succeeded({"turn": 5}))
    again = house.client()
    assert again.say(**keyed(1)) is None
    assert again.read()[-1]["result"] == {"turn": 5}


def test_a_key_for_another_command_is_a_conflict(house: House) -> None:
    client = house.client()
    client.order(**keyed(1))
    refused = client.say(**keyed(2, leg=4))
    assert isinstance(refused, Refused)
    assert refused.refusal.code == "conflict"


def test_keys_of_different_identities_have_nothing_to_do_with_each_other(house: House) -> None:
    house.client().order(**keyed(1))
    house.client(BERT).order(**keyed(1))


@pytest.mark.parametrize("kind", ["list", "history", "listening", "identities", "policy", "ice_servers"])
def test_a_key_on_a_question_is_not_remembered(house: House, kind: str) -> None:
    client = house.client()
    for number in (1, 2):
        client.order(type=kind, id=number, key="k")


def test_a_client_with_too_much_unanswered_is_full_until_it_reads(house: House) -> None:
    client = house.client()
    orders = [client.order(type="list", id=number) for number in range(MAX_UNANSWERED)]
    assert client.session.is_full
    for order in orders:
        client.session.finish(order, succeeded({}))
    assert client.session.is_full
    client.read()
    assert not client.session.is_full


def test_every_kind_of_end_frees_the_place_of_a_command(house: House) -> None:
    client = house.client()
    client.session.finish(client.order(**keyed(1)), succeeded({}))
    for number in range(MAX_UNANSWERED):
        client.say(**keyed(2))
        client.say(**keyed(3, leg=4))
        client.say(type="nonsense", id=number)
        client.read()
    assert not client.session.is_full


def test_a_reply_to_a_closed_session_goes_nowhere(house: House) -> None:
    client = house.client()
    order = client.order(type="list", id=1)
    client.read()
    client.session.close()
    client.session.finish(order, succeeded({}))
    assert client.read() == []


def test_the_event_of_a_command_and_its_reply_come_in_the_order_in_which_they_happened(house: House) -> None:
    client = house.client()
    client.read()
    order = client.order(type="end", id=1, call="c1")
    house.desk.publish(event_of("call.ended", call_model()))
    client.session.finish(order, succeeded({}))
    assert brief(client.read()) == [1, "reply"]
