"""Which event goes into which identity's feed, and how it is numbered and kept."""

import json
from dataclasses import replace
from itertools import count
from typing import Any

import msgpack
import pytest

from control_api import feeds as feeds_module
from control_api.encoding import Encoded, Subprotocol
from control_api.feeds import Feed, Feeds
from control_api.permissions import Ceiling, Identity, Right
from control_api.ports import HouseEvent
from mixer.modes import Mode
from tests.control_api.desk import ANNA, BERT, STRANGER, call_model, event_of

TEAM_LEAD = Identity("lead", "default", Ceiling(frozenset(), frozenset({"support"}), Mode.LISTEN))


@pytest.fixture
def feeds() -> Feeds:
    numbers = count(1)
    return Feeds(4, lambda: f"stream-{next(numbers)}")


def events(feed: Feed, first: int = 1) -> list[dict[str, Any]]:
    """The feed's events from this number on."""
    return [json.loads(feed.event(number, Subprotocol.JSON)) for number in range(first, feed.sequence + 1)]


def kinds(feed: Feed) -> list[str]:
    return [event["kind"] for event in events(feed)]


def publish(feeds: Feeds, kind: str, call: dict[str, Any]) -> None:
    feeds.publish(event_of(kind, call), 1_900_000_000.25)


def test_an_event_carries_its_kind_its_time_and_the_whole_call(feeds: Feeds) -> None:
    feed = feeds.of(ANNA)
    publish(feeds, "call.started", call_model())
    assert events(feed) == [
        {
            "sequence": 1,
            "type": "event",
            "kind": "call.started",
            "call_id": "c1",
            "at": "2030-03-17T17:46:40.250Z",
            "call": call_model(),
        }
    ]


def test_both_subprotocols_say_the_same(feeds: Feeds) -> None:
    feed = feeds.of(ANNA)
    publish(feeds, "call.started", call_model())
    assert msgpack.unpackb(feed.event(1, Subprotocol.MSGPACK)) == json.loads(feed.event(1, Subprotocol.JSON))


def test_a_body_cannot_forge_the_envelope(feeds: Feeds) -> None:
    feed = feeds.of(ANNA)
    body = {"sequence": 99, "kind": "x", "type": "reply", "call_id": "c2", "at": "never"}
    feeds.publish(HouseEvent("call.started", "default", "c1", "robert", "support", lambda: body), 0.0)
    (event,) = events(feed)
    assert (event["sequence"], event["kind"], event["type"], event["call_id"]) == (1, "call.started", "event", "c1")


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Every message that is encoded for many."""
    made: list[dict[str, Any]] = []
    original = Encoded.of

    def of(message: dict[str, Any]) -> Encoded:
        made.append(message)
        return original(message)

    monkeypatch.setattr(Encoded, "of", of)
    return made


def test_an_event_is_encoded_once_for_all_feeds(feeds: Feeds, encoded: list[dict[str, Any]]) -> None:
    for identity in (ANNA, BERT, TEAM_LEAD):
        feeds.of(identity)
    publish(feeds, "call.started", call_model())
    assert len(encoded) == 1


def test_an_event_that_nobody_reads_is_not_encoded(feeds: Feeds, encoded: list[dict[str, Any]]) -> None:
    feeds.of(STRANGER)
    publish(feeds, "call.started", call_model())
    assert encoded == []


def test_what_one_may_not_see_leaves_no_hole_in_the_numbers(feeds: Feeds) -> None:
    bert = feeds.of(BERT)
    publish(feeds, "call.started", call_model("c1", "robert"))
    publish(feeds, "call.started", call_model("c2", "maria"))
    publish(feeds, "call.held", call_model("c1", "robert"))
    assert [(event["sequence"], event["call_id"]) for event in events(bert)] == [(1, "c1"), (2, "c1")]


def test_another_tenant_sees_nothing_even_with_the_same_agent_names(feeds: Feeds) -> None:
    stranger, anna = feeds.of(STRANGER), feeds.of(ANNA)
    publish(feeds, "call.started", call_model("c1", "robert"))
    assert (stranger.sequence, anna.sequence) == (0, 1)


def test_a_team_is_covered_as_well(feeds: Feeds) -> None:
    lead = feeds.of(TEAM_LEAD)
    publish(feeds, "call.started", call_model("c1", "maria", team="support"))
    publish(feeds, "call.started", call_model("c2", "maria", team="sales"))
    assert [event["call_id"] for event in events(lead)] == ["c1"]


def test_a_call_whose_agent_is_known_after_the_answer_appears_whole(feeds: Feeds) -> None:
    bert = feeds.of(BERT)
    publish(feeds, "call.started", call_model(agent="", state="ringing"))
    publish(feeds, "call.answered", call_model())
    (event,) = events(bert)
    assert event["kind"] == "call.answered"
    assert event["call"] == call_model()


def test_a_call_that_goes_to_another_agent_is_hidden_from_who_may_not_see_it_any_more(feeds: Feeds) -> None:
    bert = feeds.of(BERT)
    publish(feeds, "call.answered", call_model())
    publish(feeds, "call.answered", call_model(agent="maria"))
    publish(feeds, "call.held", call_model(agent="maria"))
    shown, hidden = events(bert)
    assert shown["kind"] == "call.answered"
    assert hidden["kind"] == "call.hidden"
    assert hidden["call_id"] == "c1"
    assert "maria" not in json.dumps(hidden)


def test_a_hidden_call_appears_again_when_it_comes_back(feeds: Feeds) -> None:
    bert = feeds.of(BERT)
    for agent in ("robert", "maria", "robert"):
        publish(feeds, "call.answered", call_model(agent=agent))
    assert kinds(bert) == ["call.answered", "call.hidden", "call.answered"]


def test_hiding_works_for_a_feed_that_began_while_the_call_was_live(feeds: Feeds) -> None:
    publish(feeds, "call.answered", call_model())
    bert = feeds.of(BERT)
    publish(feeds, "call.answered", call_model(agent="maria"))
    assert kinds(bert) == ["call.hidden"]


def test_an_ended_call_is_forgotten(feeds: Feeds) -> None:
    bert = feeds.of(BERT)
    publish(feeds, "call.answered", call_model())
    publish(feeds, "call.ended", call_model())
    publish(feeds, "call.started", call_model(agent="maria"))
    assert kinds(bert) == ["call.answered", "call.ended"]


def test_the_table_of_calls_is_bounded(feeds: Feeds, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds_module, "MAX_CALLS", 2)
    bert = feeds.of(BERT)
    for number in range(3):
        publish(feeds, "call.answered", call_model(f"c{number}"))
    for number in range(3):
        publish(feeds, "call.answered", call_model(f"c{number}", agent="maria"))
    assert kinds(bert).count("call.hidden") < 3


def test_the_ring_keeps_the_last_events_only(feeds: Feeds) -> None:
    feed = feeds.of(ANNA)
    for _ in range(6):
        publish(feeds, "call.held", call_model())
    assert [feed.holds_after(sequence) for sequence in range(8)] == [False, False, True, True, True, True, True, False]
    assert [event["sequence"] for event in events(feed, 3)] == [3, 4, 5, 6]


def test_one_identity_has_one_feed_and_another_has_another(feeds: Feeds) -> None:
    assert feeds.of(ANNA) is feeds.of(ANNA)
    assert feeds.of(ANNA).stream != feeds.of(BERT).stream


def test_idle_feeds_are_dropped_the_oldest_first(feeds: Feeds, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds_module, "MAX_IDLE_FEEDS", 2)
    read = feeds.of(ANNA)
    read.readers.add(lambda: None)
    first = feeds.of(BERT).stream
    for name in ("x", "y"):
        feeds.of(Identity(name, "default", Ceiling()))
    assert feeds.of(ANNA) is read
    assert feeds.of(BERT).stream != first


def test_readers_are_woken_by_an_event(feeds: Feeds) -> None:
    woken = []
    feeds.of(ANNA).readers.add(lambda: woken.append(1))
    publish(feeds, "call.started", call_model())
    assert woken == [1]


def test_a_person_reads_by_whichever_ceiling_he_came(feeds: Feeds) -> None:
    lower = replace(ANNA, ceiling=Ceiling(frozenset({"robert"}), frozenset(), Mode.LISTEN))
    feeds.of(lower)
    assert not feeds.has_reader_of(ANNA)
    feeds.of(lower).readers.add(lambda: None)
    assert feeds.has_reader_of(ANNA)
    assert not feeds.has_reader_of(BERT)
    assert not feeds.has_reader_of(replace(ANNA, tenant=STRANGER.tenant))


def test_what_a_trunk_does_is_for_administrators_of_its_tenant(feeds: Feeds) -> None:
    admin = Identity("admin", "default", Ceiling(rights=frozenset({Right.ADMIN})))
    other = Identity("other", "second", Ceiling(rights=frozenset({Right.ADMIN})))
    everybody = [feeds.of(identity) for identity in (admin, other, ANNA, TEAM_LEAD)]
    feeds.publish(HouseEvent("trunk.down", "default", "", "", "", lambda: {"detail": {"trunk": "carrier"}}), 0.0)
    assert [kinds(feed) for feed in everybody] == [["trunk.down"], [], [], []]
    assert events(everybody[0])[0]["detail"] == {"trunk": "carrier"}
