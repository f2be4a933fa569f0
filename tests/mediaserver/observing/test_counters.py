"""Counters and their bound."""

from mediaserver.observing.counters import Counters


def test_counters_add_up_by_label() -> None:
    counters = Counters()
    counters.add("calls_ended", "busy")
    counters.add("calls_ended", "busy", 2)
    counters.add("refusals")
    assert sorted(counters.items()) == [("calls_ended", "busy", 3), ("refusals", "", 1)]


def test_labels_beyond_the_bound_are_counted_as_other() -> None:
    counters = Counters()
    for number in range(300):
        counters.add("odd", str(number))
    assert counters.value("odd", "other") == 44
    assert len(counters.items()) == 257
