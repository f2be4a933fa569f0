"""A coach whose control session is lost frees his talk at once; a mode that was chosen at the phone stays."""

from collections.abc import Coroutine
from typing import Any

import pytest

from control_api.acting import Acting, acting
from control_api.permissions import Refusal
from mixer.modes import Mode, Role
from tests.mediaserver.signalling.desk.test_intervening import Desk
from tests.mediaserver.signalling.exchange import EVE


class Console:
    """Somebody's client."""

    def __init__(self, desk: Desk, user: str, *, is_there: bool = True) -> None:
        self.desk, self.who = desk, Acting(desk.who(user), "api", "192.0.2.1")
        if is_there:
            desk.exchange.desk.came(self.who)

    def does(self, command: Coroutine[Any, Any, object]) -> None:
        """A command of this client."""
        with acting(self.who):
            self.desk.asks(command)

    def sets(self, leg: int, mode: Mode) -> None:
        """It chooses a mode."""
        assert self.who.identity is not None
        self.does(self.desk.exchange.desk.set_mode(self.who.identity, leg=leg, mode=mode, target=Role.AGENT))

    def goes(self) -> None:
        """Its connection is cut."""
        self.desk.exchange.desk.parted(self.who)


def test_the_talk_that_a_client_took_is_free_when_it_is_gone() -> None:
    desk = Desk()
    eves, larss = Console(desk, "eve"), Console(desk, "lars")
    eves.sets(desk.eve, Mode.WHISPER)
    eves.goes()
    assert desk.exchange.mode(desk.eve) == "listen"
    larss.sets(desk.lars, Mode.WHISPER)
    assert desk.exchange.mode(desk.lars) == "whisper"


def test_a_call_that_was_taken_over_is_the_agents_again() -> None:
    desk = Desk()
    eves = Console(desk, "eve")
    eves.does(desk.exchange.desk.take_over(desk.who("eve"), leg=desk.eve))
    assert not desk.exchange.admitted(desk.agents)
    eves.goes()
    assert desk.exchange.mode(desk.eve) == "listen"
    assert desk.exchange.admitted(desk.agents)


def test_another_client_of_the_same_person_that_is_gone_frees_nothing() -> None:
    desk = Desk()
    first, second = Console(desk, "eve"), Console(desk, "eve")
    first.sets(desk.eve, Mode.WHISPER)
    second.goes()
    assert desk.exchange.mode(desk.eve) == "whisper"
    first.goes()
    assert desk.exchange.mode(desk.eve) == "listen"


def test_who_chose_last_holds_the_talk() -> None:
    desk = Desk()
    first, second = Console(desk, "eve"), Console(desk, "eve")
    first.sets(desk.eve, Mode.WHISPER)
    second.sets(desk.eve, Mode.BARGE)
    first.goes()
    assert desk.exchange.mode(desk.eve) == "barge"


def test_a_mode_that_was_chosen_at_the_phone_stays() -> None:
    desk = Desk()
    eves = Console(desk, "eve")
    eves.sets(desk.eve, Mode.WHISPER)
    desk.exchange.press(desk.eve, desk.exchange.house.settings.doors.digits.barge)
    eves.goes()
    assert desk.exchange.mode(desk.eve) == "barge"


def test_a_request_without_a_connection_leaves_its_mode() -> None:
    desk = Desk()
    request = Console(desk, "eve", is_there=False)
    request.sets(desk.eve, Mode.WHISPER)
    request.goes()
    assert desk.exchange.mode(desk.eve) == "whisper"


@pytest.mark.parametrize("takes_over", [False, True])
def test_what_is_refused_leaves_a_leg_to_the_client_that_steers_it(takes_over: bool) -> None:
    desk = Desk()
    eves, larss, request = Console(desk, "eve"), Console(desk, "lars"), Console(desk, "eve", is_there=False)
    larss.sets(desk.lars, Mode.BARGE)
    eves.sets(desk.eve, Mode.WHISPER)
    who, of = desk.who("eve"), desk.exchange.desk
    asked = of.take_over(who, leg=desk.eve) if takes_over else of.set_mode(who, leg=desk.eve, mode=Mode.BARGE, target=Role.AGENT)
    with pytest.raises(Refusal, match="lars barges"):
        request.does(asked)
    assert desk.exchange.mode(desk.eve) == "whisper"
    eves.goes()
    assert desk.exchange.mode(desk.eve) == "listen"


def hands_over(giver: Console, leg: int, to: int) -> None:
    """It whispers, and its talk becomes another's."""
    giver.sets(leg, Mode.WHISPER)
    assert giver.who.identity is not None
    giver.does(giver.desk.exchange.desk.hand_over(giver.who.identity, leg=leg, to=to))


def assert_talk_goes_with(last: Console, *, after: Console) -> None:
    """Lars whispers on when one client is gone, and listens when the other one is."""
    house = last.desk
    after.goes()
    assert house.exchange.mode(house.lars) == "whisper"
    last.goes()
    assert house.exchange.mode(house.lars) == "listen"


def test_a_talk_that_was_handed_over_is_free_when_the_newest_client_of_its_holder_is_gone() -> None:
    desk = Desk()
    eves, before, larss = Console(desk, "eve"), Console(desk, "lars"), Console(desk, "lars")
    before.goes()
    hands_over(eves, desk.eve, desk.lars)
    assert_talk_goes_with(larss, after=eves)


def test_a_talk_that_was_handed_over_goes_with_the_client_by_which_its_holder_entered() -> None:
    desk = Desk()
    eves, first = Console(desk, "eve"), Console(desk, "lars")
    first.sets(desk.lars, Mode.LISTEN)
    second = Console(desk, "lars")
    hands_over(eves, desk.eve, desk.lars)
    assert_talk_goes_with(first, after=second)


def test_who_is_there_by_his_phone_alone_keeps_a_talk_that_was_handed_over() -> None:
    desk = Desk()
    eves = Console(desk, "eve")
    hands_over(eves, desk.eve, desk.lars)
    eves.goes()
    assert desk.exchange.mode(desk.lars) == "whisper"


@pytest.mark.parametrize("times", [1, 200])
def test_what_is_known_of_a_client_does_not_grow(times: int) -> None:
    desk = Desk()
    eves = Console(desk, "eve")
    steering = desk.exchange.desk._steering
    with acting(eves.who):
        for leg in range(10_000, 10_000 + times):
            steering.takes(leg)
    assert len(steering._client) <= 65
    eves.goes()
    assert (steering._client, steering._whose) == ({}, {})


def test_a_talk_is_free_though_its_holder_was_rung_into_the_call_with_it() -> None:
    desk = Desk()
    desk.exchange.phone(EVE).register("eve", "e")
    eves = Console(desk, "eve")
    desk.asks(desk.exchange.desk.leave(desk.who("lars"), leg=desk.lars))
    ask = desk.exchange.desk.supervise(desk.who("eve"), call=desk.call, agent=None, mode=Mode.BARGE, target=Role.AGENT, phone=None)
    eves.does(ask)
    assert [view.mode for view in desk.exchange.view.legs][-1] is Mode.BARGE
    eves.goes()
    assert [view.mode for view in desk.exchange.view.legs][-1] is Mode.LISTEN
