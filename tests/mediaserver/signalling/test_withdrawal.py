"""Access that is taken back ends what goes on by it, whichever door was used; access that has expired gives nothing new."""

import asyncio
from dataclasses import replace

import pytest

from control_api.permissions import Ceiling, Identity, Refusal, Right
from control_api.standing import Standing
from mediaserver.link.messages import Admit
from mixer.modes import Mode, Role
from sip.events import Rejected, SessionEnded
from tests.mediaserver.signalling.exchange import SETTINGS
from tests.mediaserver.signalling.test_reloading import reload, with_changes
from tests.mediaserver.signalling.test_supervision import Supervised

CHIEF = Identity("chief", "default", Ceiling(frozenset({"*"}), frozenset(), Mode.BARGE, frozenset({Right.ADMIN})))


PASSWORDS = {"identities": [{"name": "vera", "password": "v", "ceiling": {"agents": ["*"], "mode": "barge"}}]}


def dialled_in(mode: str = "*2robert") -> Supervised:
    supervised = Supervised()
    supervised.dials(mode)
    return supervised


def test_who_dialled_in_and_is_shut_out_is_gone_in_the_same_turn_and_does_not_come_back() -> None:
    supervised = dialled_in()
    exchange, leg = supervised.exchange, supervised.leg
    turn = exchange.media.worker.turn
    exchange.desk.shut_out(CHIEF, name="eve")
    assert exchange.media.worker.turn == turn + 1
    assert leg in exchange.closed()
    exchange.run()
    (ended,) = supervised.phone.told(SessionEnded)
    assert "withdrawn" in ended.reason
    supervised.dials("*1robert")
    assert [event.status for event in supervised.phone.told(Rejected)] == [404]
    exchange.desk.let_in(CHIEF, name="eve")
    supervised.dials("*1robert")
    assert exchange.admitted(supervised.leg)


def test_the_call_goes_on_without_him() -> None:
    supervised = dialled_in()
    exchange = supervised.exchange
    parties = [exchange.leg("customer"), exchange.leg("agent")]
    exchange.desk.shut_out(CHIEF, name="eve")
    assert [exchange.admitted(leg) for leg in parties] == [True, True]
    assert exchange.closed().isdisjoint(parties)


def test_who_still_gives_his_pin_is_turned_away_too() -> None:
    supervised = Supervised("lars", "l")
    supervised.dials("*1robert")
    exchange = supervised.exchange
    exchange.desk.shut_out(CHIEF, name="lars")
    exchange.run()
    assert len(supervised.phone.told(SessionEnded)) == 1
    assert [told for told in exchange.media.worker.of(Admit) if told.leg not in (exchange.leg("customer"), exchange.leg("agent"))] == []


def test_a_stranger_with_the_same_right_in_another_tenant_shuts_nobody_out() -> None:
    supervised = dialled_in()
    with pytest.raises(Refusal) as refused:
        supervised.exchange.desk.shut_out(replace(CHIEF, tenant="second"), name="eve")
    assert refused.value.code == "not_found"
    assert supervised.exchange.admitted(supervised.leg)


def test_a_ceiling_that_was_taken_away_in_the_configuration_ends_the_leg() -> None:
    supervised = dialled_in()
    users = [user.model_dump(exclude_none=True, exclude={"ceiling"} if user.name == "eve" else set()) for user in SETTINGS.users]
    leg = supervised.leg
    assert reload(supervised.exchange, with_changes(SETTINGS, users=users))
    assert leg in supervised.exchange.closed()


async def test_a_session_that_makes_room_for_another_takes_its_legs_along() -> None:
    settings = with_changes(SETTINGS, signing_in={"sessions_each": 1}, **PASSWORDS)
    supervised = Supervised(settings=settings)
    supervised.dials("*3robert")
    exchange, leg = supervised.exchange, supervised.leg
    _, own = exchange.switchboard.calls.of_leg(leg) or (None, None)
    assert own is not None
    own.identity = (await exchange.office.sign_in("default", "vera", "v", "192.0.2.1")).identity
    assert leg not in exchange.closed()
    await exchange.office.sign_in("default", "vera", "v", "192.0.2.1")
    assert leg in exchange.closed()
    assert exchange.counters.value("supervisors_withdrawn") == 1


def expired(supervised: Supervised) -> Identity:
    """Eve by a session whose access is over."""
    network = supervised.exchange.network
    return replace(supervised.exchange.identity("eve"), standing=Standing("session:x", until=network.now, clock=lambda: network.now))


async def test_expired_access_asks_for_nothing_new() -> None:
    supervised = dialled_in("*1robert")
    desk, eve = supervised.exchange.desk, expired(supervised)
    call = supervised.exchange.view.call
    for asked in (
        desk.supervise(eve, call=call, agent=None, mode=Mode.LISTEN, target=Role.AGENT, phone=None),
        desk.set_mode(eve, leg=supervised.leg, mode=Mode.BARGE, target=Role.AGENT),
        desk.end(eve, call=call),
        desk.originate(eve, agent="robert", number="100"),
    ):
        refused = await asyncio.gather(asked, return_exceptions=True)
        assert [getattr(problem, "code", "") for problem in refused] == ["unauthenticated"]
    assert supervised.exchange.mode(supervised.leg) == "listen"


def test_a_leg_whose_access_expires_goes_on_and_its_digits_give_nothing_new() -> None:
    supervised = dialled_in("*1robert")
    exchange = supervised.exchange
    _, leg = exchange.switchboard.calls.of_leg(supervised.leg) or (None, None)
    assert leg is not None
    leg.identity = expired(supervised)
    exchange.switchboard.dismiss_withdrawn()
    exchange.press(supervised.leg, "6")
    assert exchange.admitted(supervised.leg)
    assert exchange.mode(supervised.leg) == "listen"
