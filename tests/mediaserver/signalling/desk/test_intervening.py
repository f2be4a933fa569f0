"""Stepping in, on the wire: the talk, calls taken over, guests, and calls for help; each needs its right, and nothing changes without."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, TypeVar

import pytest

from config.settings import Settings
from control_api.permissions import Identity, Refusal, Right
from mediaserver.link.messages import Admit, SetMode
from mixer.modes import Mode, Role
from sip.events import InviteReceived, SessionEnded
from tests.mediaserver.signalling.exchange import EVE, LARS, MARIA, ROBERT, SETTINGS, TRUNK, Exchange

T = TypeVar("T")
RIGHTS = ["take_over", "originate", "outside_numbers"]
SUPERVISORS = [
    {"name": "eve", "secret": "e", "ceiling": {"agents": ["*"], "mode": "barge", "rights": RIGHTS}},
    {"name": "lars", "secret": "l", "ceiling": {"teams": ["north"], "mode": "barge"}},
    {"name": "low", "secret": "w", "ceiling": {"teams": ["north"], "mode": "listen", "rights": RIGHTS}},
    {"name": "south", "secret": "s", "ceiling": {"teams": ["south"], "mode": "barge", "rights": RIGHTS}},
]


def settings(**policy: Any) -> Settings:
    """The exchange's, with supervisors of several rights."""
    dumped = SETTINGS.model_dump()
    agents = [user for user in dumped["users"] if user["name"] in ("robert", "maria")]
    return Settings.model_validate(dumped | {"users": [*agents, *SUPERVISORS], "policies": [policy] if policy else []})


class Desk:
    """Robert's call with a customer, eve and lars in it."""

    def __init__(self, **policy: Any) -> None:
        self.exchange = Exchange(settings(**policy))
        self.robert = self.exchange.phone(ROBERT).register("robert", "r")
        self.maria = self.exchange.phone(MARIA).register("maria", "m")
        self.trunk = self.exchange.phone(TRUNK)
        self.customer = self.trunk.dial("100")
        self.roberts = self.robert.answers()
        self.eve = self._enters(EVE, "eve", "e")
        self.lars = self._enters(LARS, "lars", "l")
        self.call = self.exchange.view.call
        self.agents = self.exchange.leg("agent")

    def _enters(self, address: tuple[str, int], user: str, secret: str) -> int:
        before = {leg.leg for leg in self.exchange.view.legs}
        self.exchange.phone(address).dial("*1robert", user=user, secret=secret)
        (leg,) = {leg.leg for leg in self.exchange.view.legs} - before
        return leg

    def who(self, name: str) -> Identity:
        """A supervisor."""
        return self.exchange.identity(name)

    def asks(self, request: Coroutine[Any, Any, T]) -> T:
        """What the desk says; a refusal is raised."""

        async def work() -> T:
            task = asyncio.ensure_future(request)
            await asyncio.sleep(0)
            self.exchange.run()
            return await task

        return asyncio.run(work())

    def turns(self, *commands: object) -> set[int]:
        """The turns in which these were told last."""
        worker = self.exchange.media.worker
        return {turn for command in commands for told, turn in zip(worker.told, worker.told_in, strict=True) if told == command}


def test_a_talk_that_another_has_is_refused_with_his_name() -> None:
    desk = Desk()
    desk.asks(desk.exchange.desk.set_mode(desk.who("eve"), leg=desk.eve, mode=Mode.WHISPER, target=Role.AGENT))
    with pytest.raises(Refusal, match="eve whispers") as refused:
        desk.asks(desk.exchange.desk.set_mode(desk.who("lars"), leg=desk.lars, mode=Mode.WHISPER, target=Role.AGENT))
    assert refused.value.code == "conflict"
    assert desk.exchange.mode(desk.lars) == "listen"


def test_handed_over_both_gains_change_in_one_turn() -> None:
    desk = Desk()
    desk.asks(desk.exchange.desk.set_mode(desk.who("eve"), leg=desk.eve, mode=Mode.WHISPER, target=Role.AGENT))
    applied = desk.asks(desk.exchange.desk.hand_over(desk.who("eve"), leg=desk.eve, to=desk.lars))
    told = desk.exchange.media.worker.told[-2:]
    assert told == [SetMode(desk.eve, "listen", "agent"), SetMode(desk.lars, "whisper", "agent")]
    assert len(set(desk.exchange.media.worker.told_in[-2:])) == 1
    assert applied.turn == desk.exchange.media.worker.told_in[-1] + 1


def test_a_talk_is_not_handed_to_somebody_hidden_and_nobody_learns_that_he_is_there() -> None:
    desk = Desk(listeners_seen_by="permitted")
    house, lars = desk.exchange.desk, desk.who("lars")
    desk.asks(house.set_mode(lars, leg=desk.lars, mode=Mode.WHISPER, target=Role.AGENT))
    told = []
    for to in (desk.eve, desk.eve + 1000):
        with pytest.raises(Refusal) as refused:
            desk.asks(house.hand_over(lars, leg=desk.lars, to=to))
        told.append(refused.value.shape | {"text": refused.value.text.replace(f" {to} ", "")})
    assert told[0] == told[1]
    assert (desk.exchange.mode(desk.eve), desk.exchange.mode(desk.lars)) == ("listen", "whisper")


def test_the_legs_of_hidden_supervisors_are_nobodys_to_who_asks_for_them() -> None:
    desk = Desk(listeners_seen_by="permitted")
    house = desk.exchange.desk
    nosy = replace(desk.who("lars"), ceiling=replace(desk.who("lars").ceiling, rights=frozenset({Right.HANG_UP, Right.ADMIN})))
    nobody = desk.eve + 1000
    for who in (desk.who("lars"), nosy):
        told: dict[int, list[str]] = {desk.eve: [], nobody: []}
        for leg, kept in told.items():
            for asked in (
                house.leave(who, leg=leg),
                house.mute(who, leg=leg, muted=True),
                house.set_mode(who, leg=leg, mode=Mode.BARGE, target=Role.AGENT),
                house.hang_up(who, call=desk.call, leg=leg),
            ):
                with pytest.raises(Refusal) as refused:
                    desk.asks(asked)
                kept.append(f"{refused.value.code} {refused.value.text}".replace(f" leg {leg}", ""))
        assert told[desk.eve] == told[nobody]
    assert desk.eve not in desk.exchange.closed()
    sees = replace(nosy, ceiling=replace(nosy.ceiling, rights=nosy.ceiling.rights | {Right.SEE_LISTENERS}))
    desk.asks(house.hang_up(sees, call=desk.call, leg=desk.eve))
    assert desk.eve in desk.exchange.closed()


def test_a_call_is_taken_over_in_one_turn_and_given_back_in_one() -> None:
    desk = Desk()
    desk.asks(desk.exchange.desk.take_over(desk.who("eve"), leg=desk.eve))
    assert len(desk.turns(Admit(desk.agents, False), SetMode(desk.eve, "barge", "agent"))) == 1
    shown = {leg["leg"]: leg for leg in desk.exchange.desk.call(desk.who("eve"), desk.call)["legs"]}
    assert shown[desk.eve]["taken_over"]
    assert shown[desk.agents]["aside"]
    desk.asks(desk.exchange.desk.give_back(desk.who("eve"), leg=desk.eve))
    assert desk.exchange.admitted(desk.agents)
    assert desk.exchange.mode(desk.eve) == "listen"


def test_the_agent_is_dropped_and_the_customer_stays_until_the_supervisor_leaves() -> None:
    desk = Desk()
    desk.asks(desk.exchange.desk.take_over(desk.who("eve"), leg=desk.eve, drops_agent=True))
    assert len(desk.robert.told(SessionEnded)) == 1
    assert not desk.trunk.told(SessionEnded)
    assert desk.exchange.view.agent == "robert"
    desk.asks(desk.exchange.desk.leave(desk.who("eve"), leg=desk.eve))
    assert len(desk.trunk.told(SessionEnded)) == 1
    assert list(desk.exchange.switchboard.calls) == []
    assert desk.exchange.ports.lent == 0


def dropped() -> Desk:
    """Eve has robert's first call without him; then he has another one."""
    desk = Desk()
    desk.asks(desk.exchange.desk.take_over(desk.who("eve"), leg=desk.eve, drops_agent=True))
    desk.trunk.dial("100")
    desk.robert.answers()
    return desk


def test_whom_an_agents_name_means_has_not_been_dropped() -> None:
    desk = dropped()
    (first, second) = [entry.view.call for entry in desk.exchange.switchboard.calls]
    (shown,) = [one for one in desk.exchange.desk.agents(desk.who("eve")) if one["agent"] == "robert"]
    assert shown["calls"] == [second]
    asked = desk.exchange.desk.supervise(
        desk.who("low"), call=None, agent="robert", mode=Mode.LISTEN, target=Role.AGENT, phone="sip:x@127.0.3.9"
    )
    desk.asks(asked)
    assert [len(entry.view.legs) for entry in desk.exchange.switchboard.calls] == [3, 3], "he is in the second one"
    assert desk.asks(desk.exchange.desk.ask_help(desk.who("eve"), call=None, agent="robert", text="")) == second
    assert first in [one["call"] for one in desk.exchange.desk.calls(desk.who("low"))], "who might supervise it still may"


def test_an_agent_who_was_dropped_is_idle() -> None:
    desk = Desk()
    desk.asks(desk.exchange.desk.take_over(desk.who("eve"), leg=desk.eve, drops_agent=True))
    (shown,) = [one for one in desk.exchange.desk.agents(desk.who("eve")) if one["agent"] == "robert"]
    assert (shown["state"], shown["calls"]) == ("idle", [])


def test_a_guest_is_rung_and_hears_and_is_heard() -> None:
    desk = Desk()
    desk.asks(desk.exchange.desk.leave(desk.who("lars"), leg=desk.lars))
    leg = desk.asks(desk.exchange.desk.invite(desk.who("eve"), call=desk.call, number="900123"))
    assert desk.trunk.told(InviteReceived)[-1].request.uri.startswith("sip:00123@")
    assert not desk.exchange.admitted(leg)
    session = desk.trunk.answers()
    assert desk.exchange.admitted(leg)
    assert [view.role for view in desk.exchange.view.legs if view.leg == leg] == [Role.OUTSIDE]
    desk.trunk.hangs_up(session)
    assert leg in desk.exchange.closed()
    assert [kind for kind in desk.exchange.kinds() if kind.startswith("guest.")] == ["guest.ringing", "guest.joined", "guest.left"]
    assert desk.exchange.view.state == "answered"


Asked = Callable[[Desk], Coroutine[Any, Any, Any]]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (lambda d: d.exchange.desk.take_over(d.who("lars"), leg=d.lars), "forbidden"),
        (lambda d: d.exchange.desk.take_over(d.who("lars"), leg=d.eve), "forbidden"),
        (lambda d: d.exchange.desk.take_over(d.who("south"), leg=d.eve), "not_found"),
        (lambda d: d.exchange.desk.give_back(d.who("lars"), leg=d.eve), "forbidden"),
        (lambda d: d.exchange.desk.hand_over(d.who("lars"), leg=d.eve, to=d.lars), "forbidden"),
        (lambda d: d.exchange.desk.hand_over(d.who("eve"), leg=d.eve, to=d.agents), "not_found"),
        (lambda d: d.exchange.desk.invite(d.who("lars"), call=d.call, number="900123"), "forbidden"),
        (lambda d: d.exchange.desk.invite(d.who("low"), call=d.call, number="900123"), "forbidden"),
        (lambda d: d.exchange.desk.invite(d.who("south"), call=d.call, number="900123"), "not_found"),
        (lambda d: d.exchange.desk.invite(d.who("eve"), call=d.call, number="nowhere"), "not_found"),
        (lambda d: d.exchange.desk.ask_help(d.who("south"), call=d.call, agent=None, text=""), "not_found"),
    ],
)
def test_what_is_beyond_the_ceiling_is_refused_and_nothing_changes(asked: Asked, code: str) -> None:
    desk = Desk()
    before, events = len(desk.exchange.media.worker.told), len(desk.exchange.heard)
    with pytest.raises(Refusal) as refused:
        desk.asks(asked(desk))
    assert refused.value.code == code
    assert len(desk.exchange.media.worker.told) == before
    assert len(desk.exchange.heard) == events


def test_a_talk_is_not_handed_beyond_the_receivers_rights() -> None:
    desk = Desk()
    desk.asks(desk.exchange.desk.take_over(desk.who("eve"), leg=desk.eve))
    with pytest.raises(Refusal) as refused:
        desk.asks(desk.exchange.desk.hand_over(desk.who("eve"), leg=desk.eve, to=desk.lars))
    assert refused.value.code == "forbidden"
    assert desk.exchange.mode(desk.eve) == "barge"


def test_an_agent_asks_for_help_by_himself_without_any_ceiling() -> None:
    desk = Desk()
    robert = Identity("robert's desk", "default", desk.who("south").ceiling, user="robert")
    assert desk.asks(desk.exchange.desk.ask_help(robert, call=None, agent=None, text="a refund")) == desk.call
    assert desk.exchange.desk.call(desk.who("lars"), desk.call)["help"] == "a refund"
    assert desk.exchange.kinds()[-1] == "call.help"
    told = desk.exchange.heard[-1]
    assert (told.agent, told.team) == ("robert", "north"), "so it goes to whose ceiling covers him"
    desk.asks(desk.exchange.desk.ask_help(robert, call=None, agent=None, text=None))
    assert desk.exchange.desk.call(desk.who("lars"), desk.call)["help"] is None
