"""Meters are read from the workers' memory for whoever watches, and for nobody else."""

from types import SimpleNamespace
from typing import Any, cast

from control_api.ports import HouseEvent
from mediaserver.link.memory import Memory
from mediaserver.signalling.calls.live import Calls
from mediaserver.signalling.desk.meters import PARTS, MeterRounds
from mediaserver.signalling.desk.publishing import Publisher


def tell_meters(calls: Calls, publisher: Publisher) -> None:
    """One round."""
    rounds = MeterRounds(calls, publisher)
    for _ in range(PARTS):
        rounds.step()


def one_call(memory: Memory) -> Calls:
    """A call with a leg in row 1, and one that has no row yet."""
    legs = {4: SimpleNamespace(leg=4, row=1), 5: SimpleNamespace(leg=5, row=-1)}
    view = SimpleNamespace(tenant="t", call="c", agent="ann", team="sales")
    return cast("Calls", [SimpleNamespace(number=7, is_lounge=False, worker=SimpleNamespace(memory=memory), view=view, legs=legs)])


def test_who_watches_is_told_level_flag_and_scores_of_each_leg() -> None:
    memory, publisher = Memory.create(2, 1, 2), Publisher()
    heard: list[HouseEvent] = []
    publisher.subscribe(heard.append)
    memory.view("worker.now")[0] = memory.view("meter.last_packet")[1] = 5.0
    memory.view("meter.level")[1], memory.view("meter.speech")[1], memory.view("quality.mos_up")[1] = -20.5, 1, 4.25
    tell_meters(one_call(memory), publisher)
    wanted: dict[str, Any] = {"legs": {"4": {"level_dbov": -20.5, "speaks": True, "mos_up": 4.25, "mos_down": None}}}
    assert [event.body for event in heard] == [wanted]


def test_a_leg_that_sends_nothing_is_silent_whatever_was_measured_last() -> None:
    memory, publisher = Memory.create(2, 1, 2), Publisher()
    heard: list[HouseEvent] = []
    publisher.subscribe(heard.append)
    memory.view("worker.now")[0], memory.view("meter.level")[1], memory.view("meter.speech")[1] = 5.0, -20.5, 1
    tell_meters(one_call(memory), publisher)
    (leg,) = heard[0].body["legs"].values()
    assert (leg["level_dbov"], leg["speaks"]) == (-127.0, False)


def test_nothing_is_read_while_nobody_wants_meters() -> None:
    memory, publisher = Memory.create(2, 1, 2), Publisher()
    heard: list[HouseEvent] = []
    leave = publisher.subscribe(heard.append, lambda: False)
    tell_meters(one_call(memory), publisher)
    assert not heard
    leave()
    assert not publisher.has_watchers


def test_a_round_comes_to_every_call_once_a_few_at_a_time() -> None:
    publisher = Publisher()
    heard: list[str] = []
    publisher.subscribe(lambda event: heard.append(event.call))
    calls = [
        SimpleNamespace(number=number, is_lounge=False, view=SimpleNamespace(tenant="t", call=f"{number}", agent="", team=""))
        for number in range(100)
    ]
    for call in calls:
        call.legs = {1: SimpleNamespace(row=0)}
    rounds, sizes = MeterRounds(cast("Calls", calls), publisher), []
    for _ in range(PARTS):
        before = len(heard)
        rounds.step()
        sizes.append(len(heard) - before)
    assert sorted(heard, key=int) == [f"{number}" for number in range(100)]
    assert max(sizes) <= 100 // PARTS + 1
