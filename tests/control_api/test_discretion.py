"""Who may see who listens: a call without its hidden supervisors, in views, events and meters."""

import json
from dataclasses import replace
from typing import Any

import pytest

from control_api.discretion import Discretion, SeenBy
from control_api.encoding import Subprotocol
from control_api.feeds import Feeds
from control_api.meters import meters_message
from control_api.permissions import Ceiling, Identity, Right
from control_api.ports import HouseEvent
from mixer.modes import Mode, Role
from tests.control_api.desk import call_model, leg_model

HEARS = Ceiling(frozenset({"*"}), mode=Mode.BARGE)
EVE, LARS, TOM = (Identity(name, "default", HEARS) for name in ("eve", "lars", "tom"))
BOSS = Identity("boss", "default", Ceiling(frozenset({"*"}), mode=Mode.LISTEN, rights=frozenset({Right.SEE_LISTENERS})))
SUPERVISORS = {3: "eve", 4: "lars"}


def call() -> dict[str, Any]:
    """Eve and Lars supervise it."""
    supervisors = [leg_model(leg, Role.SUPERVISOR, name, identity=name, mode="listen") for leg, name in SUPERVISORS.items()]
    legs = [*call_model()["legs"], *supervisors]
    quality = {str(leg["leg"]): {"role": leg["role"]} for leg in legs} | {"9": {"role": "supervisor"}}
    return call_model(legs=legs, quality=quality, flags=[{"id": "0a", "label": "rude"}], help="a refund")


class House:
    """Feeds of four people, of a tenant with a policy."""

    def __init__(self, seen_by: SeenBy) -> None:
        self.seen_by = seen_by
        self.feeds = Feeds(20, lambda: "stream")
        self.people = {who.name: self.feeds.of(who) for who in (EVE, LARS, TOM, BOSS)}

    def tells(self, kind: str, leg: int | None = None, **detail: str) -> None:
        """Something happens to the call."""
        told = call()
        body = {"call": told, "leg": leg, "detail": detail}
        discretion = Discretion(self.seen_by, SUPERVISORS)
        self.feeds.publish(HouseEvent(kind, "default", "c1", "robert", "support", lambda: body, discretion=discretion), 0.0)

    def heard(self, name: str) -> list[dict[str, Any]]:
        """What somebody was told."""
        feed = self.people[name]
        return [json.loads(feed.event(number, Subprotocol.JSON)) for number in range(1, feed.sequence + 1)]

    def sees(self, name: str) -> set[int]:
        """The supervisors' legs in what he was told last."""
        return {leg["leg"] for leg in self.heard(name)[-1]["call"]["legs"] if leg["role"] == "supervisor"}


@pytest.mark.parametrize(
    ("seen_by", "eve", "tom"),
    [("everybody", {3, 4}, {3, 4}), ("supervisors", {3, 4}, set()), ("permitted", {3}, set())],
)
def test_the_policy_says_who_sees_the_supervisors_of_a_call(seen_by: SeenBy, eve: set[int], tom: set[int]) -> None:
    house = House(seen_by)
    house.tells("call.held", 2)
    assert (house.sees("eve"), house.sees("tom"), house.sees("boss")) == (eve, tom, {3, 4})


@pytest.mark.parametrize("seen_by", ["supervisors", "permitted"])
def test_nothing_but_the_call_is_told_to_who_does_not_see_them(seen_by: SeenBy) -> None:
    house = House(seen_by)
    for kind in ("supervisor.ringing", "supervisor.joined", "supervisor.mode", "supervisor.left", "quality.dropped"):
        house.tells(kind, 3, mode="listen")
    assert house.heard("tom") == []
    assert len(house.heard("eve")) == len(house.heard("boss")) == 5


def test_what_a_hidden_one_did_to_the_call_is_told_without_him() -> None:
    house = House("permitted")
    house.tells("call.taken_over", 3, agent="robert")
    told = house.heard("tom")[-1]
    assert (told["kind"], told["leg"], told["detail"]) == ("call.taken_over", None, {})
    assert house.heard("boss")[-1]["leg"] == 3


def test_how_a_hidden_leg_sounds_or_sounded_is_not_told() -> None:
    house = House("permitted")
    house.tells("call.held", 2)
    assert house.heard("tom")[-1]["call"]["quality"].keys() == {"1", "2"}
    assert house.heard("eve")[-1]["call"]["quality"].keys() == {"1", "2", "3"}
    assert house.heard("boss")[-1]["call"]["quality"].keys() == {"1", "2", "3", "4", "9"}


def test_numbers_have_no_holes_where_something_is_hidden() -> None:
    house = House("permitted")
    house.tells("supervisor.joined", 3)
    house.tells("call.held", 2)
    assert [told["sequence"] for told in house.heard("tom")] == [1]


def test_a_call_for_help_is_told_to_who_may_enter_the_call() -> None:
    house = House("everybody")
    reader = house.people["reader"] = house.feeds.of(Identity("reader", "default", Ceiling(frozenset({"*"}))))
    house.tells("call.help", None, text="a refund", by="robert")
    assert [told["kind"] for told in house.heard("tom")] == ["call.help"]
    assert reader.sequence == 0


@pytest.mark.parametrize(("seen_by", "listeners"), [("everybody", {3, 4}), ("permitted", set())])
def test_what_is_said_of_a_call_is_not_told_to_a_guest(seen_by: SeenBy, listeners: set[int]) -> None:
    house = House(seen_by)
    house.people["guest"] = house.feeds.of(
        replace(TOM, name="eve/link-1", ceiling=replace(HEARS, mode=Mode.LISTEN, calls=frozenset({"c1"})))
    )
    for kind in ("call.note", "call.flag", "call.unflag", "call.help", "call.help_over", "call.held"):
        house.tells(kind, None, text="a refund")
    (told,) = house.heard("guest")
    assert (told["sequence"], told["kind"]) == (1, "call.held")
    assert (told["call"]["flags"], told["call"]["help"]) == ([], None)
    assert house.sees("guest") == listeners
    told = house.heard("boss")[-1]
    assert (told["sequence"], len(told["call"]["flags"]), told["call"]["help"]) == (6, 1, "a refund")


@pytest.mark.parametrize(("name", "legs"), [("tom", {"1"}), ("eve", {"1", "3"}), ("boss", {"1", "3", "4"})])
def test_meters_of_hidden_legs_are_not_told(name: str, legs: set[str]) -> None:
    house = House("permitted")
    body = {"legs": {leg: {"level_dbov": -20.0, "speaks": True} for leg in ("1", "3", "4")}}
    told = HouseEvent("meters", "default", "c1", "robert", "support", lambda: body, discretion=Discretion("permitted", SUPERVISORS))
    house.feeds.publish(told, 0.0)
    feed = house.people[name]
    message = json.loads(meters_message(feed.readings(None, 0), Subprotocol.JSON, feed.identity))
    assert message["calls"]["c1"]["legs"].keys() == legs
