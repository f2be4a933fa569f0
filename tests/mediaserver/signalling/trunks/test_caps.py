"""Caps of a trunk, and whether its targets are up."""

import pytest

from config.trunks import CapSettings, KeepaliveSettings, TrunkSettings
from mediaserver.signalling.trunks.caps import Caps
from mediaserver.signalling.trunks.places import addresses_of, in_order, places_of
from mediaserver.signalling.trunks.watch import Watch
from tests.sip.network import seeded_entropy


def test_so_many_calls_at_once() -> None:
    caps = Caps(CapSettings(calls_in=2))
    leases = [caps.lease(caps.inward) for _ in range(2) if not caps.inward.refusal(0)]
    assert caps.inward.refusal(0) == "calls"
    assert caps.outward.refusal(0) == ""
    leases[0].release()
    leases[0].release()
    assert caps.inward.calls == 1
    assert caps.inward.refusal(0) == ""


def test_so_many_calls_a_second() -> None:
    way = Caps(CapSettings(rate_out=5)).outward
    assert [way.refusal(10.0) for _ in range(6)] == ["", "", "", "", "", "rate"]
    assert [way.refusal(10.4) for _ in range(3)] == ["", "", "rate"]


def test_a_rate_under_one_lets_a_call_through_now_and_then() -> None:
    way = Caps(CapSettings(rate_in=0.1)).inward
    assert [way.refusal(now) for now in (0.0, 5.0, 10.0)] == ["", "rate", ""]


def test_without_caps_nothing_is_refused() -> None:
    caps = Caps(CapSettings())
    for _ in range(1000):
        assert caps.inward.refusal(0) == ""
        caps.lease(caps.inward)


@pytest.mark.parametrize(("statuses", "changes"), [([408, 503, 408], 1), ([408, 503, 200, 408, 408], 0), ([200, 404, 405, 401, 500], 0)])
def test_three_failures_in_a_row_put_a_target_down(statuses: list[int], changes: int) -> None:
    watch = Watch(KeepaliveSettings(interval=10, down_after=3))
    assert sum(watch.answered(status) for status in statuses) == changes
    assert watch.is_up == (changes == 0)


def test_so_many_answers_bring_it_up_again() -> None:
    watch = Watch(KeepaliveSettings(interval=10, down_after=1, up_after=2))
    assert [watch.answered(status) for status in (408, 200, 408, 404, 200)] == [True, False, False, False, True]
    assert watch.is_up


TARGETS = [
    {"host": "a.example", "weight": 3},
    {"host": "b.example", "weight": 1},
    {"host": "192.0.2.9", "port": 5080, "transport": "tcp", "priority": 5},
]


def test_targets_are_shared_by_weight_and_the_rest_comes_after() -> None:
    places = places_of(TrunkSettings.model_validate({"name": "carrier", "targets": TARGETS}))
    entropy = seeded_entropy(3)
    orders = [in_order(places, lambda bound: int.from_bytes(entropy(4), "big") % bound) for _ in range(400)]
    assert all(order[2].name == "192.0.2.9:5080" for order in orders)
    first = sum(order[0].name == "a.example" for order in orders)
    assert 200 < first < 360


def test_targets_that_are_down_are_left_out() -> None:
    places = places_of(TrunkSettings.model_validate({"name": "carrier", "targets": TARGETS, "keepalive": {"interval": 9, "down_after": 1}}))
    for place in places[:2]:
        place.watch.answered(408)
    assert [place.name for place in in_order(places, lambda bound: 0)] == ["192.0.2.9:5080"]


def test_the_short_form_is_one_target() -> None:
    (place,) = places_of(TrunkSettings(name="pbx", host="[2001:db8::1]:5070", transport="tcp"))
    assert place.name == "[2001:db8::1]:5070"
    assert place.address("1001") == "sip:1001@[2001:db8::1]:5070;transport=tcp"


def test_an_address_with_colons_needs_no_brackets() -> None:
    (place,) = places_of(TrunkSettings.model_validate({"name": "pbx", "targets": [{"host": "2001:db8::1"}]}))
    assert place.address("10#", (("user", "phone"),)) == "sip:10%23@[2001:db8::1];user=phone"


def test_a_trunk_is_where_its_settings_say_in_addresses() -> None:
    trunk = {
        "name": "carrier",
        "addresses": ["192.0.2.0/24"],
        "user": "1",
        "targets": [{"host": "198.51.100.1"}, {"host": "sbc.example"}, {"host": "2001:db8::1"}],
        "registration": {"registrar": "203.0.113.1:5070"},
    }
    assert addresses_of(TrunkSettings.model_validate(trunk)) == ("192.0.2.0/24", "198.51.100.1", "2001:db8::1", "203.0.113.1")


def test_a_registrar_that_is_the_first_target_is_said_once() -> None:
    trunk = {"name": "carrier", "host": "198.51.100.1", "user": "1", "registration": {}}
    assert addresses_of(TrunkSettings.model_validate(trunk)) == ("198.51.100.1",)
