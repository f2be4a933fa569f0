"""Bytes in both subprotocols, whatever they hold."""

import json
from contextlib import suppress
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_api.encoding import Encoded, Subprotocol, Unreadable, decode, encode
from control_api.session import Order, Refused
from tests.control_api.clients import House

NUMBERS = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
)
MESSAGES = st.dictionaries(TEXT.filter(lambda key: key != "sequence"), VALUES, min_size=1, max_size=20)
FIELDS = st.sampled_from(["id", "key", "call", "agent", "leg", "mode", "phone", "hears", "muted"])
SUBPROTOCOLS = st.sampled_from(Subprotocol)


@given(MESSAGES, SUBPROTOCOLS)
def test_what_is_encoded_is_what_is_decoded(message: dict[str, Any], subprotocol: Subprotocol) -> None:
    assert decode(encode(message, subprotocol), subprotocol) == message


@given(MESSAGES, SUBPROTOCOLS, st.integers(0, 2**53))
def test_a_number_is_put_into_what_was_encoded_once(message: dict[str, Any], subprotocol: Subprotocol, sequence: int) -> None:
    assert decode(Encoded.of(message).numbered(sequence, subprotocol), subprotocol) == {"sequence": sequence} | message


@given(st.binary(max_size=200), SUBPROTOCOLS)
def test_any_bytes_are_a_message_or_unreadable(data: bytes, subprotocol: Subprotocol) -> None:
    with suppress(Unreadable):
        assert isinstance(decode(data, subprotocol), dict)


@given(
    st.dictionaries(st.sampled_from(["type", "id", "key", "call", "agent", "leg", "mode", "phone", "hears", "muted"]), VALUES), st.data()
)
def test_any_message_is_an_order_or_gets_one_reply(message: dict[str, Any], data: st.DataObject) -> None:
    message["type"] = data.draw(st.sampled_from(["list", "get", "supervise", "set_mode", "mute", "volumes", "end"]) | VALUES)
    client = House().client()
    client.read()
    match client.session.receive(json.dumps(message)):
        case Order():
            assert client.read() == []
        case Refused(_, refusal):
            (reply,) = client.read()
            assert (reply["ok"], reply["error"]["code"]) == (False, refusal.code)
        case None:
            pytest.fail("no key was used before")


@pytest.mark.parametrize("subprotocol", list(Subprotocol))
def test_half_a_surrogate_pair_goes_out_as_a_question_mark(subprotocol: Subprotocol) -> None:
    assert decode(encode({"a": "x\udcffy"}, subprotocol), subprotocol) == {"a": "x?y"}
    assert decode(Encoded.of({"a": ["x\udcffy"]}).numbered(1, subprotocol), subprotocol) == {"sequence": 1, "a": ["x?y"]}


def test_json_is_short_and_plain_utf_8() -> None:
    assert encode({"a": ["é", 1]}, Subprotocol.JSON) == '{"a":["é",1]}'.encode()


def test_a_text_frame_is_no_msgpack() -> None:
    with pytest.raises(Unreadable, match="send binary frames"):
        decode("{}", Subprotocol.MSGPACK)


def test_msgpacks_own_types_do_not_come_through_as_commands() -> None:
    message = decode(msgpack.packb({"type": msgpack.ExtType(5, b"x")}), Subprotocol.MSGPACK)
    client = House().client(subprotocol=Subprotocol.MSGPACK)
    assert isinstance(client.session.receive(msgpack.packb(message)), Refused)
