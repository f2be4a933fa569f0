"""Who may see a call is told when a leg of it gets bad, and how every leg sounded when it is over."""

from dataclasses import replace
from typing import Any, cast

from structlog.testing import capture_logs

from config.settings import QualitySettings
from control_api.messages import CallModel, EventMessage
from control_api.ports import HouseEvent
from mediaserver.link.quality import LegQuality, Way
from mediaserver.signalling.calls.records import MOST_RECORDS, keep
from mediaserver.signalling.desk.quality import QualityWatch
from mediaserver.signalling.media.workers import Media
from tests.mediaserver.signalling.test_leftovers import House

GOOD = Way(0.0, 0, 0.002, 92.0, 4.38, 4.3, 4.1)
UNKNOWN = Way(0.0, 0, 0.0, 0.0, 0.0, 0.0, 0.0)
FINE = LegQuality(GOOD, GOOD, 0.024, 3, 0.12, 7)


class Watched:
    """An answered call whose legs sound as the test says."""

    def __init__(self, **settings: float) -> None:
        self.house = House()
        self.customers, _ = self.house.answered()
        exchange = self.house.exchange
        self.rows = {str(leg.role): leg.row for entry in exchange.switchboard.calls for leg in entry.legs.values()}
        calls, media = exchange.switchboard.calls, cast(Media, exchange.media)
        self.watch = QualityWatch(QualitySettings(**settings), calls, media, exchange.house.publisher, exchange.counters)

    def sounds(self, role: str, *, up: float = 4.38, down: float = 4.38) -> None:
        """A leg sounds so from now on, and somebody looks."""
        quality = replace(FINE, up=replace(GOOD, mos=up), down=replace(GOOD, mos=down))
        self.house.exchange.media.qualities[self.rows[role]] = quality
        self.watch.look()

    def told(self) -> list[HouseEvent]:
        """What was told of quality."""
        return [event for event in self.house.exchange.heard if event.kind.startswith("quality.")]


def test_a_leg_that_gets_bad_is_told_once_and_so_is_its_recovery() -> None:
    watched = Watched()
    for score in (4.3, 3.2, 3.0, 2.5, 3.2, 3.4, 3.0, 3.6, 3.2):
        watched.sounds("customer", up=score)
    told = watched.told()
    assert [event.kind for event in told] == ["quality.dropped", "quality.recovered"]
    assert [event.body["detail"]["mos"] for event in told] == [3.0, 3.6]
    assert {event.body["detail"]["way"] for event in told} == {"up"}
    assert watched.house.exchange.counters.value("quality_events", "dropped_up") == 1


def test_both_ways_of_both_legs_are_watched_for_themselves() -> None:
    watched = Watched()
    watched.sounds("customer", up=2.0, down=2.0)
    watched.sounds("agent", down=2.0)
    assert watched.watch.bad == 3
    told = [(event.body["leg"], event.body["detail"]["way"]) for event in watched.told()]
    customer, agent = (watched.house.exchange.leg(role) for role in ("customer", "agent"))
    assert told == [(customer, "up"), (customer, "down"), (agent, "down")]


def test_a_leg_of_which_nothing_is_known_is_not_bad() -> None:
    watched = Watched()
    watched.sounds("customer", up=0.0, down=0.0)
    assert (watched.told(), watched.watch.bad) == ([], 0)


def test_nothing_is_told_where_that_is_set() -> None:
    watched = Watched(poor=0.0)
    watched.sounds("customer", up=1.0, down=1.0)
    assert watched.told() == []


def test_a_leg_that_ended_is_no_longer_bad() -> None:
    watched = Watched()
    watched.sounds("customer", up=2.0)
    watched.house.trunk.hangs_up(watched.customers)
    watched.watch.look()
    assert watched.watch.bad == 0


def test_the_event_is_as_its_model_says() -> None:
    watched = Watched()
    watched.sounds("customer", up=2.0)
    (event,) = watched.told()
    body: dict[str, Any] = event.body
    message = EventMessage.model_validate({"sequence": 1, "kind": event.kind, "call_id": event.call, "at": "", **body})
    assert message.call is not None
    (quality,) = message.call.quality.values()
    assert quality.up is not None
    assert quality.up.mos == 2.0
    assert (quality.role, quality.live, quality.round_trip_ms) == ("customer", True, 24.0)


def test_a_call_is_told_at_its_end_with_how_each_leg_sounded() -> None:
    watched = Watched()
    watched.sounds("customer", up=3.9)
    watched.sounds("agent")
    watched.house.trunk.hangs_up(watched.customers)
    (ended,) = [event for event in watched.house.exchange.heard if event.kind == "call.ended"]
    call = CallModel.model_validate(ended.body["call"])
    assert {quality.role: quality.live for quality in call.quality.values()} == {"customer": False, "agent": False}
    assert call.legs == ()
    (customer,) = [quality for quality in call.quality.values() if quality.role == "customer"]
    assert customer.up is not None
    assert (customer.up.mos, customer.up.mos_average, customer.up.mos_least) == (3.9, 4.3, 4.1)
    assert (customer.late, customer.concealed_ms, customer.dropped, customer.codec) == (3, 120, 7, "PCMU")


def test_a_way_of_which_nothing_was_heard_is_null() -> None:
    watched = Watched()
    watched.house.exchange.media.qualities[watched.rows["customer"]] = LegQuality(GOOD, UNKNOWN, 0.0, 0, 0.0, 0)
    watched.house.trunk.hangs_up(watched.customers)
    (ended,) = [event for event in watched.house.exchange.heard if event.kind == "call.ended"]
    (quality,) = ended.body["call"]["quality"].values()
    assert (quality["down"], quality["round_trip_ms"]) == (None, None)


def test_a_call_that_ended_is_remembered_with_its_quality() -> None:
    watched = Watched()
    watched.sounds("customer")
    call = watched.house.exchange.view.call
    watched.house.trunk.hangs_up(watched.customers)
    records = watched.house.exchange.switchboard.calls.ended_records(call)
    assert [record.role for record in records.values()] == ["customer"]


def test_one_line_of_the_log_says_all_of_a_call_that_is_over() -> None:
    watched = Watched()
    watched.sounds("customer", up=3.9)
    with capture_logs() as logs:
        watched.house.trunk.hangs_up(watched.customers)
    (line,) = [log for log in logs if log["event"] == "call.record"]
    assert (line["caller"], line["trunk"], line["cause"]) == ("4930123", "carrier", "hang_up")
    (leg,) = line["legs"]
    assert (leg["role"], leg["up"]["mos"], leg["round_trip_ms"]) == ("customer", 3.9, 24.0)


def test_a_call_remembers_so_many_ended_legs_and_no_more() -> None:
    house = House()
    house.answered()
    exchange = house.exchange
    (entry,) = exchange.switchboard.calls
    living = next(iter(entry.legs.values()))
    for number in range(1000, 1000 + MOST_RECORDS + 6):
        exchange.media.qualities[number] = FINE
        keep(cast(Media, exchange.media), entry, replace(living, leg=number, row=number), exchange.house.ended_legs)
    assert list(entry.records) == list(range(1006, 1006 + MOST_RECORDS))
