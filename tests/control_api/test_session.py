"""One client's protocol: hello, snapshot, events in order, resuming, slowness, replies, keys."""

import json
from typing import Any

import msgpack
import pytest

from control_api.commands import failed, succeeded
from control_api.encoding import Subprotocol, encode
from control_api.feeds import Feeds
from control_api.idempotency import KeyTable
from control_api.meters import SLOTS
from control_api.permissions import Identity, Refusal
from control_api.ports import HouseEvent
from control_api.repertoire import commands_of
from control_api.session import MAX_UNANSWERED, Order, Position, Refused, Session
from tests.control_api.desk import ANNA, BERT, FakeDesk, call_model, event_of, meters_of


class House:
    """Feeds, keys and a desk, and clients of them."""

    def __init__(self, capacity: int = 20, queue: int = 10) -> None:
        self.feeds = Feeds(capacity, lambda: "stream")
        self.keys = KeyTable()
        self.desk = FakeDesk()
        self.queue = queue
        self.desk.subscribe(lambda event: self.feeds.publish(event, 0.0))

    def client(
        self,
        identity: Identity = ANNA,
        resume: Position | None = None,
        subprotocol: Subprotocol = Subprotocol.JSON,
        wants_meters: bool = True,
    ) -> "Client":
        """A new connection."""
        return Client(self, identity, resume, subprotocol, wants_meters)


class Client:
    """The far end of a session: what it is sent, read."""

    def __init__(self, house: House, identity: Identity, resume: Position | None, subprotocol: Subprotocol, wants_meters: bool) -> None:
        self.wakes = 0
        self.session = Session(
            house.feeds.of(identity),
            house.keys,
            subprotocol,
            lambda: house.desk.calls(identity),
            self._wake,
            house.queue,
            resume,
            wants_meters,
        )

    def _wake(self) -> None:
        self.wakes += 1

    def read(self, limit: int = 1000) -> list[dict[str, Any]]:
        """What it is sent now."""
        frames: list[dict[str, Any]] = []
        while len(frames) < limit and (frame := self.session.next_frame()) is not None:
            frames.append(msgpack.unpackb(frame) if self.session.subprotocol is Subprotocol.MSGPACK else json.loads(frame))
        return frames

    def say(self, **message: Any) -> Order | Refused | None:
        """Send a message."""
        return self.session.receive(json.dumps(message))

    def order(self, **message: Any) -> Order:
        """Send a command that is to be carried out."""
        order = self.say(**message)
        assert isinstance(order, Order)
        return order


@pytest.fixture
def house() -> House:
    return House()


def brief(frames: list[dict[str, Any]]) -> list[Any]:
    """Events by number, anything else by type."""
    return [frame["sequence"] if frame["type"] == "event" else frame["type"] for frame in frames]


OTHER_TENANT = Identity("otto", "second", ANNA.ceiling)


def hold(house: House, times: int) -> None:
    for _ in range(times):
        house.desk.put(call_model(), "call.held")


def test_hello_and_a_snapshot_come_first(house: House) -> None:
    house.desk.put(call_model())
    hello, snapshot = house.client().read()
    assert hello == {
        "type": "hello",
        "version": 1,
        "identity": "anna",
        "tenant": "default",
        "ceiling": {"agents": ["*"], "teams": [], "mode": "barge", "rights": ["end", "hang_up", "originate"]},
        "commands": commands_of(ANNA),
        "stream": "stream",
        "sequence": 0,
        "resumed": False,
    }
    assert snapshot == {
        "type": "snapshot",
        "stream": "stream",
        "sequence": 0,
        "reason": "connected",
        "calls": [call_model()],
        "last": True,
    }


def test_msgpack_says_the_same(house: House) -> None:
    house.desk.put(call_model())
    packed = house.client(subprotocol=Subprotocol.MSGPACK)
    text = house.client()
    house.desk.put(call_model(), "call.held")
    assert packed.read() == text.read()


def test_a_snapshot_without_calls_is_one_message(house: House) -> None:
    assert brief(house.client().read()) == ["hello", "snapshot"]


def test_a_large_snapshot_comes_in_parts_of_one_sequence(house: House) -> None:
    for number in range(501):
        house.desk.live[f"c{number}"] = call_model(f"c{number}")
    client = house.client()
    client.read(2)
    house.desk.put(call_model("c0"), "call.held")
    parts = client.read()
    assert [part.get("last") for part in parts] == [False, True, None]
    assert {part["sequence"] for part in parts[:2]} == {0}
    assert parts[2]["sequence"] == 1


def test_a_snapshot_shows_only_what_the_identity_may_see(house: House) -> None:
    house.desk.put(call_model("c1", "robert"))
    house.desk.put(call_model("c2", "maria"))
    _, snapshot = house.client(BERT).read()
    assert [call["call"] for call in snapshot["calls"]] == ["c1"]


def test_events_follow_the_snapshot_in_order_and_without_holes(house: House) -> None:
    client = house.client()
    hold(house, 3)
    assert brief(client.read()) == ["hello", "snapshot", 1, 2, 3]


def test_what_the_snapshot_shows_does_not_come_again_as_an_event(house: House) -> None:
    house.client()
    house.desk.put(call_model())
    client = house.client()
    house.desk.put(call_model(), "call.held")
    hello, snapshot, event = client.read()
    assert (hello["sequence"], snapshot["sequence"], event["sequence"]) == (1, 1, 2)
    assert event["kind"] == "call.held"


def test_the_client_is_woken_by_an_event_until_it_is_closed(house: House) -> None:
    client = house.client()
    hold(house, 1)
    client.session.close()
    hold(house, 1)
    assert client.wakes == 1


# Coming back after a cut


def test_a_client_that_comes_back_gets_what_it_missed_once(house: House) -> None:
    first = house.client()
    hold(house, 5)
    seen = [frame for frame in first.read(5) if frame["type"] == "event"]
    first.session.close()
    hold(house, 2)
    again = house.client(resume=Position("stream", seen[-1]["sequence"]))
    hold(house, 1)
    frames = again.read()
    assert frames[0]["resumed"] is True
    assert frames[0]["sequence"] == 3
    assert brief(seen) + brief(frames[1:]) == [1, 2, 3, 4, 5, 6, 7, 8]


def test_nothing_missed_is_nothing_sent(house: House) -> None:
    house.client()
    hold(house, 2)
    assert brief(house.client(resume=Position("stream", 2)).read()) == ["hello"]


def test_a_call_that_was_hidden_during_the_cut_is_told(house: House) -> None:
    house.desk.put(call_model())
    house.client(BERT).session.close()
    house.desk.put(call_model(agent="maria"), "call.answered")
    frames = house.client(BERT, resume=Position("stream", 0)).read()
    assert [frame.get("kind") for frame in frames] == [None, "call.hidden"]


def test_a_client_that_comes_back_may_be_further_behind_than_its_queue(house: House) -> None:
    house.client()
    hold(house, 18)
    client = house.client(resume=Position("stream", 1))
    assert client.read(1)[0]["resumed"] is True
    hold(house, 1)
    assert brief(client.read()) == list(range(2, 20))
    assert client.session.counters.too_slow == 0


@pytest.mark.parametrize(
    "position",
    [Position("another", 2), Position("stream", 9), Position("stream", 25)],
    ids=["another stream", "out of the ring", "a number that was not yet given"],
)
def test_a_position_that_is_not_held_gets_a_snapshot_that_says_so(house: House, position: Position) -> None:
    if position.sequence == 9:
        house = House(capacity=10)
    house.client()
    hold(house, 20)
    frames = house.client(resume=position).read()
    assert brief(frames) == ["hello", "snapshot"]
    assert frames[0]["resumed"] is False
    assert (frames[1]["reason"], frames[1]["sequence"]) == ("not_resumable", 20)


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("stream:5", Position("stream", 5)),
        ("a:b:5", Position("a:b", 5)),
        ("", None),
        ("stream", None),
        (":5", None),
        ("stream:", None),
        ("stream:-1", None),
        ("stream:x", None),
        ("stream:²", None),
        ("stream:" + "9" * 5000, None),
    ],
)
def test_a_position_is_read_or_is_none(text: str, position: Position | None) -> None:
    assert Position.read(text) == position


def test_where_who_may_see_who_listens_changes_everybody_of_the_tenant_gets_a_fresh_picture(house: House) -> None:
    client, other = house.client(), house.client(OTHER_TENANT)
    hold(house, 3)
    client.read(3)
    other.read()
    changed = HouseEvent("policy.changed", "default", "", "", "", lambda: {"detail": {"shows_listeners_otherwise": True}})
    house.feeds.publish(changed, 0.0)
    hold(house, 1)
    frames = client.read()
    assert (brief(frames), frames[0]["reason"], frames[0]["sequence"]) == (["snapshot"], "policy_changed", 5)
    assert client.session.counters.too_slow == 0
    assert brief(other.read()) == []
    assert house.client(resume=Position("stream", 3)).read()[1]["reason"] == "not_resumable"
    assert brief(house.client(resume=Position("stream", 4)).read()) == ["hello", 5]
    hold(house, 1)
    assert brief(client.read()) == [6]


def test_another_change_of_the_policy_leaves_the_picture_as_it_is(house: House) -> None:
    client = house.client()
    client.read()
    changed = HouseEvent("policy.changed", "default", "", "", "", lambda: {"detail": {"shows_listeners_otherwise": False}})
    house.feeds.publish(changed, 0.0)
    assert client.read() == []


# Slowness


def test_a_client_that_is_too_slow_is_dropped_to_a_snapshot_and_counted(house: House) -> None:
    client = house.client()
    client.read()
    hold(house, 11)
    frames = client.read()
    assert brief(frames) == ["snapshot"]
    assert (frames[0]["reason"], frames[0]["sequence"]) == ("too_slow", 11)
    assert client.session.counters.too_slow == 1
    hold(house, 1)
    assert brief(client.read()) == [12]


def test_a_full_queue_is_not_yet_too_slow(house: House) -> None:
    client = house.client()
    client.read()
    hold(house, 10)
    assert brief(client.read()) == list(range(1, 11))


def test_a_slow_client_does_not_slow_another(house: House) -> None:
    slow, quick = house.client(), house.client()
    slow.read()
    quick.read()
    for number in range(1, 31):
        hold(house, 1)
        assert brief(quick.read()) == [number]
    assert brief(slow.read()) == ["snapshot"]


# Meters


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


# Commands


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


def test_a_key_on_a_question_is_not_remembered(house: House) -> None:
    client = house.client()
    for number in (1, 2):
        client.order(type="list", id=number, key="k")


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
