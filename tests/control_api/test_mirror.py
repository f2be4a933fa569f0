"""A client's picture of the calls, and what its watchers are told."""

from typing import Any

import pytest

from control_api.messages import EventMessage, HelloMessage, MetersMessage, SnapshotMessage
from control_api.mirror import Inbox, Mirror, OutOfStep, Update
from tests.control_api.desk import call_model


def snapshot(sequence: int, *calls: str, last: bool = True) -> SnapshotMessage:
    return SnapshotMessage.model_validate(
        {"stream": "s", "sequence": sequence, "reason": "connected", "calls": [call_model(call) for call in calls], "last": last}
    )


def event(sequence: int, kind: str = "call.held", call: str = "c1", **changes: Any) -> EventMessage:
    model = None if kind == "call.hidden" else call_model(call, **changes)
    return EventMessage.model_validate({"sequence": sequence, "kind": kind, "call_id": call, "at": "now", "call": model})


def hello(resumed: bool) -> HelloMessage:
    ceiling: dict[str, Any] = {"agents": [], "teams": [], "mode": None, "rights": []}
    fields = {"identity": "anna", "tenant": "default", "ceiling": ceiling, "stream": "s", "sequence": 5, "resumed": resumed}
    return HelloMessage.model_validate(fields)


@pytest.fixture
def mirror() -> Mirror:
    mirror = Mirror()
    mirror.take(snapshot(5, "c1", "c2"))
    return mirror


def test_a_new_mirror_has_no_position() -> None:
    assert Mirror().position == ""


def test_a_snapshot_sets_calls_and_position(mirror: Mirror) -> None:
    assert list(mirror.calls) == ["c1", "c2"]
    assert mirror.position == "s:5"


def test_a_snapshot_in_parts_is_one_update() -> None:
    mirror = Mirror()
    assert mirror.take(snapshot(5, "c1", last=False)) is None
    assert mirror.position == ""
    update = mirror.take(snapshot(5, "c2"))
    assert isinstance(update, SnapshotMessage)
    assert [call.call for call in update.calls] == ["c1", "c2"]


def test_parts_of_an_interrupted_snapshot_are_forgotten() -> None:
    mirror = Mirror()
    mirror.take(snapshot(5, "c1", last=False))
    mirror.greet(hello(resumed=False))
    mirror.take(snapshot(7, "c2"))
    assert list(mirror.calls) == ["c2"]


def test_an_event_replaces_the_call_and_moves_the_position(mirror: Mirror) -> None:
    update = mirror.take(event(6, state="held"))
    assert isinstance(update, EventMessage)
    assert mirror.calls["c1"].state == "held"
    assert mirror.position == "s:6"


@pytest.mark.parametrize("kind", ["call.ended", "call.hidden"])
def test_a_call_that_ended_or_was_hidden_is_gone(mirror: Mirror, kind: str) -> None:
    mirror.take(event(6, kind))
    assert list(mirror.calls) == ["c2"]


def test_an_event_of_a_kind_from_the_future_is_passed_on(mirror: Mirror) -> None:
    assert mirror.take(event(6, "call.levitated")) is not None


def test_an_event_that_was_seen_is_not_told_again(mirror: Mirror) -> None:
    assert mirror.take(event(5)) is None


def test_a_missing_event_is_an_error(mirror: Mirror) -> None:
    with pytest.raises(OutOfStep, match="event 7 after 5"):
        mirror.take(event(7))


def test_a_connection_that_does_not_resume_has_no_position_until_its_snapshot(mirror: Mirror) -> None:
    mirror.greet(hello(resumed=True))
    assert mirror.position == "s:5"
    mirror.greet(hello(resumed=False))
    assert mirror.position == ""


def read(inbox: Inbox) -> list[Update]:
    updates = []
    while (update := inbox.get()) is not None:
        updates.append(update)
    return updates


@pytest.fixture
def woken() -> list[int]:
    return []


@pytest.fixture
def inbox(mirror: Mirror, woken: list[int]) -> Inbox:
    return Inbox(mirror, 2, lambda: woken.append(1))


def test_a_watcher_begins_with_a_snapshot_of_what_is(inbox: Inbox, mirror: Mirror) -> None:
    assert read(inbox) == [mirror.snapshot("connected")]


def test_what_happens_before_that_snapshot_is_read_is_in_it(inbox: Inbox, mirror: Mirror) -> None:
    update = mirror.take(event(6))
    assert update is not None
    inbox.put(update)
    assert read(inbox) == [mirror.snapshot("connected")]


def test_updates_come_in_order_and_wake_the_watcher(inbox: Inbox, woken: list[int]) -> None:
    read(inbox)
    inbox.put(event(6))
    inbox.put(event(7))
    assert read(inbox) == [event(6), event(7)]
    assert woken == [1, 1]


def test_a_watcher_that_is_too_slow_gets_a_snapshot_and_it_is_counted(inbox: Inbox, mirror: Mirror) -> None:
    read(inbox)
    for number in (6, 7, 8, 9):
        update = mirror.take(event(number))
        assert update is not None
        inbox.put(update)
    (update,) = read(inbox)
    assert isinstance(update, SnapshotMessage)
    assert (update.reason, update.sequence) == ("too_slow", 9)
    assert inbox.overruns == 1


def test_a_snapshot_replaces_what_was_not_read(inbox: Inbox) -> None:
    read(inbox)
    inbox.put(event(6))
    inbox.put(snapshot(9))
    assert read(inbox) == [snapshot(9)]


def test_meters_are_passed_on(inbox: Inbox) -> None:
    read(inbox)
    inbox.put(MetersMessage(calls={}))
    assert read(inbox) == [MetersMessage(calls={})]


def test_a_supervisors_leg_that_left_is_known_until_the_events_are_numbered_anew(mirror: Mirror) -> None:
    mirror.take(event(6, "supervisor.left").model_copy(update={"leg": 7}))
    mirror.greet(hello(resumed=True))
    assert list(mirror.left) == [7]
    mirror.greet(hello(resumed=False))
    assert not mirror.left
