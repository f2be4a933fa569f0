"""A call as it is shown to many who ask at once."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import pytest

from mediaserver.call.actions import Publish
from mediaserver.call.inputs import LegId
from mediaserver.call.view import CallState, CallView
from mediaserver.signalling.calls.records import LegRecord
from mediaserver.signalling.desk import publishing
from mediaserver.signalling.desk.publishing import FRESH, Publisher

NOW: Final = 1000.0
VIEW: Final = CallView("c1", "default", CallState.ANSWERED, "+4930", "100", "robert", "", "pbx", {}, NOW - 9, NOW - 5, None, "", ())


class Shown:
    """The publisher, its clock, and how often it was looked up how legs sound."""

    def __init__(self) -> None:
        self.now = NOW
        self.looks = 0
        self.publisher = Publisher(lambda: self.now, lambda: self.now + 1_900_000_000)

    def show(self, view: CallView = VIEW) -> float:
        """The duration that is shown."""
        model = self.publisher.live_model(view, self._records)
        assert model == self.publisher.call_model(view, {})
        return float(model["duration"])

    def _records(self) -> Mapping[LegId, LegRecord]:
        self.looks += 1
        return {}


def test_how_legs_sound_is_looked_up_once_for_all_who_ask_within_a_moment() -> None:
    shown = Shown()
    assert [shown.show() for _ in range(3)] == [5.0] * 3
    assert shown.looks == 1


def test_the_duration_is_that_of_now() -> None:
    shown = Shown()
    shown.show()
    shown.now += FRESH / 2
    assert shown.show() == 5.0 + FRESH / 2
    assert shown.looks == 1


def test_after_a_moment_it_is_looked_up_again() -> None:
    shown = Shown()
    shown.show()
    shown.now += FRESH
    shown.show()
    assert shown.looks == 2


def test_a_call_that_has_changed_is_shown_as_it_is() -> None:
    shown = Shown()
    shown.show()
    shown.show(replace(VIEW, agent="maria"))
    assert shown.looks == 2


def test_of_a_call_that_ended_nothing_is_kept() -> None:
    shown = Shown()
    shown.show()
    shown.publisher.publish(VIEW, Publish("call.ended"), dict)
    shown.show()
    assert shown.looks == 2


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "MOST_SHOWN", 2)
    shown = Shown()
    for call in ("c1", "c2", "c3", "c1"):
        shown.show(replace(VIEW, call=call))
    assert shown.looks == 4
