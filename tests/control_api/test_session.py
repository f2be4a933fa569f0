"""One client's protocol: hello, snapshot, events in order, resuming, slowness."""

import pytest

from control_api.encoding import Subprotocol
from control_api.permissions import Identity
from control_api.ports import HouseEvent
from control_api.repertoire import commands_of
from control_api.session import Position
from tests.control_api.clients import House, brief, hold
from tests.control_api.desk import ANNA, BERT, call_model

OTHER_TENANT = Identity("otto", "second", ANNA.ceiling)


@pytest.fixture
def house() -> House:
    return House()


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
    assert frames[0]["commands"] == commands_of(ANNA)
    assert client.session.counters.too_slow == 0
    assert brief(other.read()) == []
    assert house.client(resume=Position("stream", 3)).read()[1]["reason"] == "not_resumable"
    assert brief(house.client(resume=Position("stream", 4)).read()) == ["hello", 5]
    hold(house, 1)
    assert brief(client.read()) == [6]


def test_where_the_policy_switches_a_command_off_clients_are_told_what_they_may_ask_now(house: House) -> None:
    client = house.client()
    assert "ask_help" in client.read()[0]["commands"]
    house.desk.switched_off = ("ask_help",)
    house.feeds.publish(HouseEvent("policy.changed", "default", "", "", "", lambda: {"detail": {"offers_otherwise": True}}), 0.0)
    (fresh,) = client.read()
    assert (fresh["type"], fresh["reason"]) == ("snapshot", "policy_changed")
    assert set(commands_of(ANNA)) - set(fresh["commands"]) == {"ask_help"}


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
