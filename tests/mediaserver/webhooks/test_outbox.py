"""The queue of one webhook, on a virtual clock."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediaserver.webhooks import outbox
from mediaserver.webhooks.envelopes import Envelope
from mediaserver.webhooks.outbox import WAITS, Delivery, Outbox


def envelope(number: int, tenant: str = "default") -> Envelope:
    return Envelope(f"e{number}", "call.started", tenant, b"{}")


class Box(Outbox):
    """An outbox whose losses are counted."""

    def __init__(self, capacity: int = 3, give_up_after: float = 1000.0) -> None:
        self.lost: Counter[str] = Counter()
        self.forgotten: list[str] = []
        super().__init__(capacity, give_up_after, lambda reason: self.lost.update([reason]), self.forgotten.append)

    def taken(self, now: float) -> Delivery:
        delivery = self.due(now)
        assert delivery is not None
        return delivery


def test_what_was_put_is_due_at_once_in_its_order() -> None:
    box = Box()
    for number in range(3):
        box.put(envelope(number), 10.0)
    assert [box.taken(10.0).envelope.id for _ in range(3)] == ["e0", "e1", "e2"]
    assert box.due(10.0) is None


def test_a_failed_delivery_comes_again_under_its_id_after_growing_waits() -> None:
    box, now = Box(give_up_after=10**6), 0.0
    box.put(envelope(1), now)
    for wait in WAITS + WAITS[-1:]:
        delivery = box.taken(now)
        box.failed(delivery, now)
        assert box.next_time() == now + wait
        assert box.due(now + wait - 0.01) is None
        now += wait
        assert delivery.envelope.id == "e1"


@pytest.mark.parametrize(("asked", "waits"), [(20.0, 20.0), (0.0, WAITS[0]), (10**9, WAITS[-1])])
def test_the_other_side_may_ask_for_a_longer_wait_but_not_for_ever(asked: float, waits: float) -> None:
    box = Box(give_up_after=10**6)
    box.put(envelope(1), 0.0)
    box.failed(box.taken(0.0), 0.0, asked)
    assert box.next_time() == waits


def test_what_is_too_old_is_given_up_and_counted() -> None:
    box = Box(give_up_after=3.0)
    box.put(envelope(1), 0.0)
    box.failed(box.taken(0.0), 0.0)
    box.failed(box.taken(1.0), 1.0)
    assert (len(box), box.lost) == (0, {"too_old": 1})
    assert box.next_time() is None


def test_in_a_full_queue_the_oldest_makes_room_and_is_counted() -> None:
    box = Box(capacity=2)
    for number in range(5):
        box.put(envelope(number), 0.0)
    assert box.lost == {"full": 3}
    assert [box.taken(0.0).envelope.id for _ in range(2)] == ["e3", "e4"]


def test_a_failed_delivery_is_not_put_into_a_full_queue_beside_the_others() -> None:
    box = Box(capacity=2)
    box.put(envelope(1), 0.0)
    under_way = box.taken(0.0)
    box.put(envelope(2), 0.0)
    box.put(envelope(3), 0.0)
    box.failed(under_way, 0.0)
    assert (len(box), box.lost) == (2, {"full": 1})


@given(st.lists(st.sampled_from(["put", "due", "failed", "later"]), max_size=200))
def test_nothing_is_lost_uncounted_and_nothing_grows_beyond_its_bound(steps: list[str]) -> None:
    box, now, put, done = Box(capacity=4, give_up_after=50.0), 0.0, 0, 0
    under_way: list[Delivery] = []
    for step in steps:
        if step == "put":
            put += 1
            box.put(envelope(put), now)
        elif step == "due" and (delivery := box.due(now)) is not None:
            if len(under_way) < 3:
                under_way.append(delivery)
            else:
                done += 1
        elif step == "failed" and under_way:
            box.failed(under_way.pop(), now)
        elif step == "later":
            now += 7.0
        assert len(box) <= 4
        assert len(box._times) <= 9
        assert put == done + len(under_way) + len(box) + box.lost.total()


def test_what_was_given_up_and_what_waits_is_sent_again_with_all_its_time() -> None:
    box = Box(give_up_after=10.0)
    for number in range(2):
        box.put(envelope(number), 0.0)
    box.give_up(box.taken(0.0), "gone")
    box.failed(box.taken(0.0), 9.5)
    assert (box.lost["gone"], box.lost["too_old"], box.due(100.0)) == (1, 1, None)
    assert box.again("default", 100.0) == 2
    assert [box.taken(100.0).envelope.id for _ in range(2)] == ["e0", "e1"]
    assert box.forgotten == []


def test_what_was_given_up_and_finds_no_room_is_not_lost_by_being_asked_for() -> None:
    box = Box(capacity=2)
    for number in range(3):
        box.put(envelope(number), 0.0)
        box.give_up(box.taken(0.0), "gone")
    box.put(envelope(3), 0.0)
    assert (box.again("default", 1.0), box.lost["full"], box.forgotten) == (2, 0, [])
    assert [box.taken(1.0).envelope.id for _ in range(2)] == ["e0", "e3"]
    assert (box.again("default", 1.0), [box.taken(1.0).envelope.id for _ in range(2)]) == (2, ["e1", "e2"])


def test_an_event_of_an_earlier_life_is_due_at_once_and_keeps_its_age() -> None:
    box = Box(give_up_after=10.0)
    box.restore(envelope(1), -9.5, 0.0)
    box.restore(envelope(2), -11.0, 0.0)
    delivery = box.taken(0.0)
    box.failed(delivery, 0.0)
    assert (delivery.envelope.id, box.lost, len(box)) == ("e1", {"too_old": 1}, 0)
    assert box.again("default", 0.0) == 2


def test_what_makes_room_is_forgotten() -> None:
    box = Box(capacity=1)
    for number in range(3):
        box.put(envelope(number), 0.0)
    assert (box.forgotten, box.lost["full"]) == (["e0", "e1"], 2)


def test_only_the_last_of_what_was_given_up_can_be_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "MOST_GIVEN_UP", 1)
    box = Box()
    for number in range(2):
        box.put(envelope(number), 0.0)
        box.give_up(box.taken(0.0), "gone")
    assert (box.forgotten, box.again("default", 0.0)) == (["e0"], 1)


def test_of_a_webhook_of_all_tenants_each_has_his_own_events_sent_again() -> None:
    box = Box(capacity=10)
    for number, tenant in enumerate(("default", "second", "default", "second")):
        box.put(envelope(number, tenant), 0.0)
    box.give_up(box.taken(0.0), "gone")
    box.give_up(box.taken(0.0), "gone")
    for _ in range(2):
        box.failed(box.taken(0.0), 0.0)
    assert box.again("second", 0.5) == 2
    assert [box.taken(0.5).envelope.id for _ in range(2)] == ["e1", "e3"]
    assert (box.due(0.5), len(box), box.again("default", 0.5)) == (None, 1, 2)


def test_asking_again_and_again_leaves_nothing_behind() -> None:
    box = Box()
    box.put(envelope(1), 0.0)
    for second in range(100):
        box.failed(box.taken(float(second)), float(second), 3600.0)
        assert box.again("default", float(second)) == 1
    assert len(box._times) == 1
