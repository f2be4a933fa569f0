"""Following an agent, a team, or chance: one leg, many calls; and who may follow whom."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

from config.settings import Settings
from control_api.permissions import Refusal
from mediaserver.link.messages import Admit, CloseLeg, MoveLeg, OpenLeg, Play, SetMedia, SetMode
from mediaserver.signalling.calls.live import CallEntry
from mixer.modes import Role
from sip.events import InviteReceived, SessionEnded
from tests.mediaserver.signalling.calls.test_transferring import settings
from tests.mediaserver.signalling.desk.page import Page
from tests.mediaserver.signalling.exchange import EVE, LARS, MARIA, ROBERT, TRUNK, Exchange
from tests.mediaserver.signalling.referring import Referral

T = TypeVar("T")
TAKES = {"agents": ["*"], "mode": "barge", "rights": ["take_over"]}


class Floor:
    """Robert of team north and Maria of team south at their phones; eve, and lars who may listen to team north, at theirs."""

    def __init__(self, chosen: Settings | None = None) -> None:
        self.exchange = Exchange(chosen or settings())
        self.robert = self.exchange.phone(ROBERT).register("robert", "r")
        self.maria = self.exchange.phone(MARIA).register("maria", "m")
        self.trunk = self.exchange.phone(TRUNK)
        self.eve = self.exchange.phone(EVE).register("eve", "e")
        self.lars = self.exchange.phone(LARS).register("lars", "l")

    def asks(self, request: Coroutine[Any, Any, T]) -> T:
        """What the desk says."""

        async def work() -> T:
            async with asyncio.TaskGroup() as tasks:
                task = tasks.create_task(request)
                await asyncio.sleep(0)
                self.exchange.run()
            return task.result()

        return asyncio.run(work())

    def follows(self, user: str = "eve", **wanted: Any) -> dict[str, Any]:
        """Somebody follows, and his phone is answered."""
        made = self.asked(user, **wanted)
        (self.eve if user == "eve" else self.lars).answers()
        return made

    def asked(self, user: str = "eve", **wanted: Any) -> dict[str, Any]:
        """Somebody asks to follow."""
        usual: dict[str, Any] = {
            "agent": None,
            "team": None,
            "pick": "next",
            "calls": None,
            "current": True,
            "seconds": 60.0,
            "phone": None,
            "offer": None,
            "remote": "127.0.0.1",
        }
        return self.asks(self.exchange.desk.follow(self.exchange.identity(user), **usual | wanted))

    def calls(self, number: str = "100", *, answered: bool = True) -> int:
        """A customer calls, and the agent answers; the customer's session."""
        session = self.trunk.dial(number)
        if answered:
            (self.robert if number == "100" else self.maria).answers()
        return session

    def shown(self, user: str = "eve") -> list[tuple[str, str]]:
        """State and call of what somebody follows."""
        return [(one["state"], one["call"]) for one in self.exchange.desk.follows(self.exchange.identity(user))]

    @property
    def newest(self) -> str:
        """The newest call's id."""
        return self.entry.view.call

    @property
    def agents(self) -> int:
        """The agent's leg of the newest call."""
        (leg,) = (view.leg for view in self.entry.view.legs if view.role is Role.AGENT)
        return leg

    @property
    def entry(self) -> CallEntry:
        """The newest call."""
        return list(self.exchange.switchboard.calls.conversations())[-1]

    def told(self) -> list[str]:
        """What the follower's clients were told."""
        return [event.kind for event in self.exchange.heard if event.kind.startswith("follow.")]


def test_who_follows_waits_with_the_comfort_tone_and_nobody_sees_where() -> None:
    floor = Floor()
    made = floor.follows(agent="robert")
    assert made["state"] == "ringing"
    assert floor.shown() == [("waiting", "")]
    assert [told.sound for told in floor.exchange.media.worker.of(Play, made["leg"])] == ["comfort"]
    assert floor.exchange.desk.calls(floor.exchange.identity("eve")) == []
    assert len(floor.exchange.switchboard.calls) == 0
    assert {event.kind for event in floor.exchange.heard} == {"follow.ringing", "follow.waiting"}


def test_each_new_call_is_joined_in_listen_by_the_same_leg_in_the_turn_of_its_answer() -> None:
    floor = Floor()
    leg = floor.follows(agent="robert")["leg"]
    worker = floor.exchange.media.worker
    for number in range(3):
        customer = floor.calls(answered=False)
        moves, admits = len(worker.of(MoveLeg, leg)), len(worker.of(Admit))
        floor.robert.answers()
        assert floor.shown() == [("joined", floor.newest)]
        assert len(worker.of(MoveLeg, leg)) == moves + 1
        assert len(worker.of(Admit)) > admits
        assert floor.exchange.mode(leg) == "listen"
        assert floor.exchange.admitted(leg)
        floor.trunk.hangs_up(customer)
        assert floor.shown() == [("waiting", "")]
        assert len(floor.eve.told(InviteReceived)) == 1, f"rung once, and not again for call {number}"
    assert [kind for kind in floor.told() if kind == "follow.joined"] == ["follow.joined"] * 3
    assert not floor.eve.told(SessionEnded)
    assert len(worker.of(OpenLeg, leg)) == 1


def test_a_call_that_is_transferred_to_the_agent_is_joined_and_one_that_he_transfers_away_is_left() -> None:
    floor = Floor()
    floor.follows(agent="maria")
    floor.calls("100")
    assert floor.shown() == [("waiting", "")]
    Referral(floor.exchange, floor.robert, floor.robert.ringing.session, "sip:300@127.0.0.1")
    floor.maria.answers()
    assert floor.shown() == [("joined", floor.newest)]
    other = Floor()
    other.follows(agent="robert")
    other.calls("100")
    assert other.shown() == [("joined", other.newest)]
    Referral(other.exchange, other.robert, other.robert.ringing.session, "sip:300@127.0.0.1")
    other.maria.answers()
    assert other.shown() == [("waiting", "")]


def test_after_so_many_calls_it_is_over() -> None:
    floor = Floor()
    leg = floor.follows(agent="robert", calls=2)["leg"]
    for _ in range(2):
        customer = floor.calls()
        assert [state for state, _ in floor.shown()] == ["joined"]
        floor.trunk.hangs_up(customer)
    assert floor.shown() == []
    assert leg in floor.exchange.closed()
    assert len(floor.eve.told(SessionEnded)) == 1
    assert floor.told()[-1] == "follow.over"
    assert floor.exchange.ports.lent == 0
    assert list(floor.exchange.switchboard.calls) == []


def test_the_call_that_the_agent_has_counts_unless_the_next_one_is_wanted() -> None:
    floor = Floor()
    customer = floor.calls()
    floor.follows(agent="robert", current=False)
    floor.follows("lars", agent="robert")
    assert floor.shown() == [("waiting", "")]
    assert floor.shown("lars") == [("joined", floor.newest)]
    floor.trunk.hangs_up(customer)
    floor.calls()
    assert floor.shown() == [("joined", floor.newest)]


def test_a_team_is_followed_from_its_next_call_on() -> None:
    floor = Floor()
    floor.follows(team="south", calls=1)
    first = floor.calls("100")
    assert floor.shown() == [("waiting", "")]
    floor.calls("200")
    assert floor.shown() == [("joined", floor.newest)]
    floor.trunk.hangs_up(first)
    assert [state for state, _ in floor.shown()] == ["joined"]


def test_chance_goes_from_call_to_call() -> None:
    floor = Floor()
    floor.calls("100")
    first = floor.newest
    floor.calls("200")
    second = floor.newest
    floor.follows(pick="random", seconds=5.0)
    seen = [floor.shown()[0][1]]
    floor.exchange.run(5.5)
    seen.append(floor.shown()[0][1])
    assert sorted(seen) == sorted([first, second])
    floor.exchange.run(5.5)
    assert floor.shown() == [("waiting", "")], "both were heard"


def test_only_what_the_ceiling_covers_is_joined() -> None:
    floor = Floor()
    floor.follows("lars", pick="random")
    floor.calls("200")
    assert floor.shown("lars") == [("waiting", "")]
    floor.calls("100")
    assert floor.shown("lars") == [("joined", floor.newest)]


@pytest.mark.parametrize(
    ("user", "wanted", "code"),
    [
        ("lars", {"agent": "maria"}, "not_found"),
        ("lars", {"team": "south"}, "not_found"),
        ("eve", {"agent": "nobody"}, "not_found"),
    ],
)
def test_who_may_not_listen_may_not_follow(user: str, wanted: dict[str, Any], code: str) -> None:
    floor = Floor()
    with pytest.raises(ExceptionGroup) as failures:
        floor.follows(user, **wanted)
    (failure,) = failures.value.exceptions
    assert isinstance(failure, Refusal)
    assert failure.code == code
    assert list(floor.exchange.switchboard.calls) == []


def test_a_phone_that_is_not_answered_leaves_nothing_behind() -> None:
    floor = Floor()
    floor.asked(agent="robert")
    floor.eve.refuses(486)
    assert floor.shown() == []
    assert list(floor.exchange.switchboard.calls) == []
    assert floor.exchange.ports.lent == 0


@pytest.mark.parametrize("is_joined", [True, False])
def test_who_hangs_up_follows_no_more(is_joined: bool) -> None:
    floor = Floor()
    floor.follows(agent="robert")
    if is_joined:
        floor.calls()
    floor.eve.hangs_up(floor.eve.ringing.session)
    assert floor.shown() == []
    assert sum(entry.is_lounge for entry in floor.exchange.switchboard.calls) == 0


def test_leave_ends_it_also_in_the_lounge_and_others_legs_there_are_hidden() -> None:
    floor = Floor()
    leg = floor.follows("lars", agent="robert")["leg"]
    with pytest.raises(ExceptionGroup):
        floor.asks(floor.exchange.desk.leave(floor.exchange.identity("eve"), leg=leg))
    floor.asks(floor.exchange.desk.leave(floor.exchange.identity("lars"), leg=leg))
    assert floor.shown("lars") == []
    assert leg in floor.exchange.closed()


def test_who_unfollows_in_a_call_stays_to_its_end() -> None:
    floor = Floor()
    made = floor.follows(agent="robert")
    customer = floor.calls()
    floor.asks(floor.exchange.desk.unfollow(floor.exchange.identity("eve"), follow=made["follow"]))
    assert floor.shown() == []
    assert made["leg"] not in floor.exchange.closed()
    floor.trunk.hangs_up(customer)
    assert made["leg"] in floor.exchange.closed()
    assert floor.exchange.ports.lent == 0


def test_a_mode_that_was_set_in_one_call_does_not_go_to_the_next() -> None:
    floor = Floor()
    leg = floor.follows(agent="robert")["leg"]
    customer = floor.calls()
    floor.exchange.press(leg, "6")
    assert floor.exchange.mode(leg) == "barge"
    floor.trunk.hangs_up(customer)
    floor.calls()
    assert floor.exchange.mode(leg) == "listen"
    assert [told.mode for told in floor.exchange.media.worker.of(SetMode, leg)][-1] == "listen"
    assert leg not in {told.leg for told in floor.exchange.media.worker.of(CloseLeg)}


def test_each_call_that_is_joined_is_written_down_and_none_is_where_that_cannot_be(monkeypatch: pytest.MonkeyPatch) -> None:
    floor = Floor()
    leg = floor.follows(agent="robert")["leg"]
    written: list[tuple[str, int]] = []
    monkeypatch.setattr(floor.exchange.house.recorder, "follows", lambda entry, who: written.append((entry.view.call, who)))
    customer = floor.calls()
    assert written == [(floor.newest, leg)]
    floor.trunk.hangs_up(customer)

    def full(entry: CallEntry, who: int) -> None:
        raise Refusal("unavailable", "nobody new may supervise: the disk is full")

    monkeypatch.setattr(floor.exchange.house.recorder, "follows", full)
    floor.calls()
    assert floor.shown() == [("waiting", "")]


def test_chance_takes_the_next_call_that_is_answered_where_all_were_heard() -> None:
    floor = Floor()
    floor.calls("100")
    floor.follows(pick="random", seconds=5.0)
    floor.exchange.run(5.5)
    assert floor.shown() == [("waiting", "")]
    floor.calls("200")
    assert floor.shown() == [("joined", floor.newest)]


def test_one_call_of_a_team_is_waited_for_and_left_with_its_end() -> None:
    floor = Floor()
    floor.calls("100")
    leg = floor.follows(team="south", calls=1)["leg"]
    assert floor.shown() == [("waiting", "")]
    customer = floor.calls("200")
    assert floor.shown() == [("joined", floor.newest)]
    floor.trunk.hangs_up(customer)
    assert floor.shown() == []
    assert leg in floor.exchange.closed()


def test_a_browser_follows_with_one_leg_that_stays_up_between_calls() -> None:
    floor = Floor()
    page = Page(floor.exchange)
    made = floor.asked(agent="robert", offer=page.offer())
    page.leg = made["leg"]
    page.take(made["answer"])
    page.checks()
    worker = floor.exchange.media.worker
    assert made["state"] == "waiting"
    assert [told.sound for told in worker.of(Play, page.leg)] == ["comfort"]
    assert floor.eve.told(InviteReceived) == []
    for _ in range(2):
        customer = floor.calls()
        assert floor.shown() == [("joined", floor.newest)]
        assert floor.exchange.mode(page.leg) == "listen"
        assert floor.exchange.admitted(page.leg)
        floor.trunk.hangs_up(customer)
        assert floor.shown() == [("waiting", "")]
        page.checks()
    assert len(worker.of(OpenLeg, page.leg)) == 1
    page.says_goodbye()
    assert floor.shown() == []
    assert list(floor.exchange.switchboard.calls) == []
    page.close()


def test_a_browser_whose_offer_is_of_no_use_follows_nobody_and_leaves_nothing_behind() -> None:
    floor = Floor()
    with pytest.raises(ExceptionGroup) as failures:
        floor.asked(agent="robert", offer="no description")
    (failure,) = failures.value.exceptions
    assert isinstance(failure, Refusal)
    assert failure.code == "bad_request"
    assert floor.shown() == []
    assert list(floor.exchange.switchboard.calls) == []
    assert floor.exchange.ports.lent == 0


def test_a_browser_that_follows_goes_where_a_call_is_already() -> None:
    floor = Floor()
    floor.calls()
    page = Page(floor.exchange)
    made = floor.asked(agent="robert", offer=page.offer())
    page.leg = made["leg"]
    page.take(made["answer"])
    page.checks()
    assert floor.shown() == [("joined", floor.newest)]
    assert floor.exchange.media.worker.of(SetMedia, page.leg)[-1].remote_receives
    page.says_goodbye()
    page.close()


def crowded(floor: Floor) -> int:
    """Robert's call with Eve and a guest in it, so that no seat is free; the guest's session."""
    floor.calls()
    floor.eve.dial("*1robert", user="eve", secret="e")
    floor.asks(floor.exchange.desk.invite(floor.exchange.identity("eve"), call=floor.newest, number="300"))
    return floor.maria.answers()


def test_a_call_whose_last_seat_is_a_guests_is_joined_when_the_guest_has_left_it() -> None:
    floor = Floor()
    guest = crowded(floor)
    floor.follows("lars", agent="robert")
    assert floor.shown("lars") == [("waiting", "")]
    floor.exchange.run(5.0)
    assert floor.told().count("follow.waiting") == 1
    floor.maria.hangs_up(guest)
    assert floor.shown("lars") == [("joined", floor.newest)]


def test_whom_a_call_sends_home_against_what_is_known_rests_a_second_before_he_tries_again(monkeypatch: pytest.MonkeyPatch) -> None:
    floor = Floor()
    guest = crowded(floor)
    monkeypatch.setattr(floor.exchange.switchboard, "is_full", lambda entry: False)
    leg = floor.follows("lars", agent="robert")["leg"]
    counters = floor.exchange.counters
    assert floor.shown("lars") == [("waiting", "")]
    assert counters.value("supervisors_moved", "full") == 1
    floor.exchange.run(3.5)
    assert counters.value("supervisors_moved", "full") == 4
    assert floor.exchange.mode(leg) == "listen"
    floor.maria.hangs_up(guest)
    floor.exchange.run(1.5)
    assert floor.shown("lars") == [("joined", floor.newest)]


def test_chance_does_not_go_back_to_a_call_because_somebody_leaves_it() -> None:
    floor = Floor()
    floor.calls()
    session = floor.eve.dial("*1robert", user="eve", secret="e")
    floor.follows("lars", pick="random", seconds=5.0)
    floor.exchange.run(5.5)
    floor.eve.hangs_up(session)
    assert floor.shown("lars") == [("waiting", "")]


@pytest.mark.parametrize("wanted", [{"agent": "robert"}, {"team": "north"}])
def test_a_call_that_its_agent_marked_private_is_joined_again_when_he_takes_that_back_and_counts_once(wanted: dict[str, str]) -> None:
    floor = Floor(settings(policies=[{"may_mark_private": True}]))
    floor.follows(**wanted, calls=2)
    floor.calls()
    agent = floor.agents
    floor.exchange.press(agent, "*77")
    assert floor.shown() == [("waiting", "")]
    floor.exchange.press(agent, "*77")
    assert floor.shown() == [("joined", floor.newest)]
    assert [one["left"] for one in floor.exchange.desk.follows(floor.exchange.identity("eve"))] == [1]


def test_a_call_that_is_private_when_somebody_begins_to_follow_is_joined_when_it_is_not() -> None:
    floor = Floor(settings(policies=[{"may_mark_private": True}]))
    floor.calls()
    agent = floor.agents
    floor.exchange.press(agent, "*77")
    floor.follows(agent="robert")
    assert floor.shown() == [("waiting", "")]
    floor.exchange.press(agent, "*77")
    assert floor.shown() == [("joined", floor.newest)]


def test_who_follows_an_agent_leaves_the_call_from_which_he_was_dropped_and_does_not_come_back() -> None:
    users = [*settings().model_dump()["users"][:2], *({"name": name, "secret": name[0], "ceiling": TAKES} for name in ("eve", "lars"))]
    floor = Floor(settings(users=users))
    floor.follows("lars", agent="robert")
    eves = floor.follows(agent="robert")["leg"]
    customer = floor.calls()
    first = floor.newest
    floor.asks(floor.exchange.desk.take_over(floor.exchange.identity("eve"), leg=eves, drops_agent=True))
    assert (floor.shown(), floor.shown("lars")) == ([("joined", first)], [("waiting", "")])
    floor.calls()
    second = floor.newest
    assert (floor.shown(), floor.shown("lars")) == ([("joined", first)], [("joined", second)])
    floor.trunk.hangs_up(customer)
    assert floor.shown() == [("joined", second)]


def test_whom_chance_sent_to_a_call_that_would_not_have_him_goes_to_another_when_he_has_rested(monkeypatch: pytest.MonkeyPatch) -> None:
    floor = Floor()
    crowded(floor)
    closed = floor.newest
    floor.calls()
    monkeypatch.setattr(floor.exchange.switchboard, "is_full", lambda entry: False)
    monkeypatch.setattr(floor.exchange.house, "entropy", bytes)
    floor.follows("lars", pick="random", seconds=60.0)
    assert floor.exchange.counters.value("supervisors_moved", "full") == 1
    monkeypatch.undo()
    floor.exchange.run(1.5)
    assert floor.shown("lars") == [("joined", floor.newest)]
    assert floor.newest != closed
