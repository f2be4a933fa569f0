"""Meters of calls: the latest of each, for those who may see it, in one message; clients told evenly over a period."""

import json
from collections.abc import Sequence
from itertools import product
from typing import Any

import msgpack
import pytest

from control_api import meters as meters_module
from control_api.encoding import Subprotocol
from control_api.feeds import Feeds
from control_api.meters import SLOTS, Meters, Reading, meters_message
from control_api.permissions import Ceiling, Identity, Subject, may_see
from control_api.ports import HouseEvent
from mixer.modes import Mode
from tests.control_api.desk import ANNA, BERT, STRANGER, call_model, event_of, meters_of

TEAM_LEAD = Identity("lead", "default", Ceiling(frozenset({"robert"}), frozenset({"support"}), Mode.LISTEN))
GUEST = Identity("anna/guest", "default", Ceiling(frozenset({"*"}), frozenset(), Mode.LISTEN, calls=frozenset({"c2"})))


@pytest.fixture
def feeds() -> Feeds:
    return Feeds(10, lambda: "stream")


def told(feeds: Feeds, identity: Identity, viewed: Sequence[str] | None = None, after: int = 0) -> list[str]:
    """The calls whose meters somebody is told."""
    return [reading.subject.call for reading in feeds.of(identity).readings(viewed, after)]


def test_a_message_holds_the_latest_of_each_call(feeds: Feeds) -> None:
    for event in (meters_of(call_model("c1"), -30), meters_of(call_model("c2"), -40), meters_of(call_model("c1"), -20)):
        feeds.publish(event, 0.0)
    readings = feeds.of(ANNA).readings(None, 0)
    message = json.loads(meters_message(readings, Subprotocol.JSON))
    assert message == {
        "type": "meters",
        "calls": {
            "c1": {"legs": {"1": {"level_dbov": -20, "speaks": True}}},
            "c2": {"legs": {"1": {"level_dbov": -40, "speaks": True}}},
        },
    }
    assert msgpack.unpackb(meters_message(readings, Subprotocol.MSGPACK)) == message


@pytest.mark.parametrize("count", [0, 1, 15, 16, 65_535, 65_536])
def test_a_message_of_any_size_is_msgpack(count: int) -> None:
    reading = Reading(Subject("default", "robert", "support", "c1"))
    reading.renew(1, lambda: {"legs": {}})
    unpacker = msgpack.Unpacker()
    unpacker.feed(meters_message([reading] * count, Subprotocol.MSGPACK))
    assert unpacker.read_map_header() == 2
    assert [unpacker.unpack() for _ in range(3)] == ["type", "meters", "calls"]
    assert unpacker.read_map_header() == count
    assert [unpacker.unpack() for _ in range(2 * count)] == ["c1", {"legs": {}}] * count


@pytest.mark.parametrize("identity", [ANNA, BERT, STRANGER, TEAM_LEAD, GUEST])
def test_everybody_is_told_of_what_he_may_see_and_of_nothing_else(feeds: Feeds, identity: Identity) -> None:
    owners = product(("robert", "maria", ""), ("default", "second"), ("support", "sales", ""))
    calls = [call_model(f"c{number}", agent, tenant, team=team) for number, (agent, tenant, team) in enumerate(owners)]
    for call in calls:
        feeds.publish(meters_of(call, -30), 0.0)
    subjects = [Subject(call["tenant"], call["agent"], call["team"], call["call"]) for call in calls]
    expected = {subject.call for subject in subjects if may_see(identity, subject)}
    assert set(told(feeds, identity)) == expected
    assert set(told(feeds, identity, [call["call"] for call in calls])) == expected


@pytest.mark.parametrize("last", [("call.ended", "robert"), ("call.answered", "maria")])
def test_meters_of_a_call_that_went_away_are_not_told_after_it(feeds: Feeds, last: tuple[str, str]) -> None:
    feeds.publish(event_of("call.answered", call_model()), 0.0)
    feeds.publish(meters_of(call_model(), -30), 0.0)
    feeds.publish(event_of(last[0], call_model(agent=last[1])), 0.0)
    assert told(feeds, BERT) == told(feeds, BERT, ["c1"]) == []


def test_meters_follow_a_call_to_another_agent(feeds: Feeds) -> None:
    assert told(feeds, BERT) == []
    for agent in ("maria", "robert", "maria", "robert"):
        feeds.publish(meters_of(call_model(agent=agent), -30), 0.0)
        assert told(feeds, BERT) == (["c1"] if agent == "robert" else [])


def test_meters_are_read_once_for_all_and_only_if_somebody_is_told(feeds: Feeds) -> None:
    read: list[int] = []

    def body() -> dict[str, Any]:
        read.append(1)
        return {"legs": {}}

    for _ in range(3):
        feeds.publish(HouseEvent("meters", "default", "c1", "robert", "support", body), 0.0)
    assert read == []
    for identity in (ANNA, BERT):
        for subprotocol in Subprotocol:
            meters_message(feeds.of(identity).readings(None, 0), subprotocol)
    assert read == [1]


def test_the_calls_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meters_module, "MAX_CALLS", 2)
    meters = Meters()
    for number in range(3):
        meters.put(meters_of(call_model(f"c{number}"), -30))
    assert [reading.subject.call for reading in meters.within("default", ANNA.ceiling)] == ["c1", "c2"]


def test_clients_are_told_evenly_over_a_period() -> None:
    meters = Meters()
    asked: list[int] = []
    for number in range(3 * SLOTS):
        meters.join(lambda number=number: asked.append(number))  # type: ignore[misc]
    beats = []
    for _ in range(SLOTS):
        before = len(asked)
        meters.beat()
        beats.append(len(asked) - before)
    assert beats == [3] * SLOTS
    assert sorted(asked) == list(range(3 * SLOTS))


def test_who_leaves_makes_room_in_his_slot() -> None:
    meters = Meters()
    asked: list[str] = []
    leave = meters.join(lambda: asked.append("first"))
    leave()
    meters.join(lambda: asked.append("second"))
    for _ in range(SLOTS):
        meters.beat()
    assert asked == ["second"]
