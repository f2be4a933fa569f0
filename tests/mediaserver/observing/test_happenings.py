"""Events are counted by kind; calls and joins are timed."""

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.registry import Collector

from control_api.ports import HouseEvent
from mediaserver.call.actions import Publish
from mediaserver.call.inputs import LegId
from mediaserver.call.view import CallState, CallView
from mediaserver.observing.counters import Counters
from mediaserver.observing.happenings import Happenings


def view(answered: float | None = 103.0) -> CallView:
    """A call from second 100 to 200."""
    return CallView("c1", "default", CallState.ENDED, "1", "2", "robert", "", "", {}, 100.0, answered, 200.0, "bye", ())


class Watched:
    """Happenings on a clock that is set."""

    def __init__(self) -> None:
        self.now = 0.0
        self.counters = Counters()
        self.seen = Happenings(self.counters, lambda: self.now)

    def happens(self, kind: str, leg: int | None = None, at: float = 0.0, of: CallView | None = None) -> None:
        self.now = at
        self.seen.happened(of or view(), Publish(kind, None if leg is None else LegId(leg)))

    def text(self) -> str:
        """As Prometheus gets it."""

        class Once(Collector):
            def collect(_) -> object:  # type: ignore[override]  # noqa: N805 - the other self is meant
                return self.seen.metrics()

        registry = CollectorRegistry()
        registry.register(Once())
        return generate_latest(registry).decode()


def test_a_call_is_timed_from_its_invite_to_its_answer_and_from_there_to_its_end() -> None:
    watched = Watched()
    watched.happens("call.ended")
    assert "mediaserver_call_answer_seconds_sum 3.0" in watched.text()
    assert 'mediaserver_call_length_seconds_bucket{le="120.0"} 1.0' in watched.text()


def test_a_call_that_nobody_answered_is_not_timed() -> None:
    watched = Watched()
    watched.happens("call.ended", of=view(answered=None))
    assert "mediaserver_call_answer_seconds_count" not in watched.text()


def test_a_join_is_timed_from_when_the_phone_rings() -> None:
    watched = Watched()
    watched.happens("supervisor.ringing", 3, at=10.0)
    watched.happens("supervisor.joined", 3, at=10.4)
    assert 'mediaserver_supervision_join_seconds_bucket{le="0.5"} 1.0' in watched.text()


def test_a_phone_that_nobody_answers_is_forgotten_and_so_are_those_of_an_ended_call() -> None:
    watched = Watched()
    for leg, end in ((3, "supervisor.left"), (4, "call.ended")):
        watched.happens("supervisor.ringing", leg)
        watched.happens(end, leg)
        watched.happens("supervisor.joined", leg)
    assert "mediaserver_supervision_join_seconds_count" not in watched.text()


def test_events_are_counted_by_kind_and_meters_are_none() -> None:
    watched = Watched()
    for kind in ("supervisor.joined", "supervisor.joined", "quality.dropped", "meters"):
        watched.seen.told(HouseEvent(kind, "default", "c1", "robert", "", dict))
    assert watched.counters.items() == [("events", "supervisor.joined", 2), ("events", "quality.dropped", 1)]
