"""Supervisors: doors, PINs, digits, the desk, and what nobody may."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, TypeVar

import pytest

from config.settings import Settings, UserSettings
from control_api.permissions import Refusal, Right
from mediaserver.link.messages import Admit, CloseLeg, OpenLeg, Play, SetMode
from mixer.modes import Mode, Role
from sip.events import Accepted, Rejected, SessionEnded
from tests.mediaserver.signalling.exchange import EVE, MARIA, ROBERT, SETTINGS, TRUNK, Exchange, Phone

T = TypeVar("T")


class Supervised:
    """Robert's call with a customer, and a supervisor's phone."""

    def __init__(self, user: str = "eve", secret: str = "e", settings: Settings = SETTINGS) -> None:
        self.exchange = Exchange(settings)
        self.robert = self.exchange.phone(ROBERT).register("robert", "r")
        self.trunk = self.exchange.phone(TRUNK)
        self.trunk.dial("100")
        self.robert.answers()
        self.user, self.secret = user, secret
        self.phone = self.exchange.phone(EVE)

    def dials(self, number: str) -> int:
        """The supervisor dials."""
        return self.phone.dial(number, user=self.user, secret=self.secret)

    @property
    def refusals(self) -> list[int]:
        """What his phone was refused with."""
        return [event.status for event in self.phone.told(Rejected)]

    @property
    def leg(self) -> int:
        """His leg."""
        return self.exchange.leg("supervisor")


async def meanwhile(exchange: Exchange, request: Coroutine[Any, Any, T]) -> T:
    """Run a desk request with the wire."""
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(request)
        await asyncio.sleep(0)
        exchange.run()
    return task.result()


@pytest.mark.parametrize(("code", "mode"), [("*1robert", "listen"), ("*2robert", "whisper"), ("*3robert", "barge")])
def test_a_star_code_leads_into_the_agents_call_in_its_mode(code: str, mode: str) -> None:
    supervised = Supervised()
    supervised.dials(code)
    exchange = supervised.exchange
    assert exchange.mode(supervised.leg) == mode
    assert exchange.admitted(supervised.leg)
    assert len(supervised.phone.told(Accepted)) == 1


def test_the_mode_is_set_before_the_gate_opens() -> None:
    supervised = Supervised()
    supervised.dials("*1robert")
    told = [type(told) for told in supervised.exchange.media.worker.told if getattr(told, "leg", None) == supervised.leg]
    assert told.index(OpenLeg) < told.index(SetMode) < told.index(Admit)


def test_the_parties_hear_nothing_of_it_in_sip() -> None:
    supervised = Supervised()
    before = len([carried for carried in supervised.exchange.network.carried if carried.receiver in (ROBERT, TRUNK)])
    session = supervised.dials("*2robert")
    supervised.phone.hangs_up(session)
    after = len([carried for carried in supervised.exchange.network.carried if carried.receiver in (ROBERT, TRUNK)])
    assert after == before
    assert supervised.exchange.kinds()[-1] == "supervisor.left"


def test_a_calls_own_uri_leads_into_it() -> None:
    supervised = Supervised()
    supervised.dials(f"call-{supervised.exchange.view.call}")
    assert supervised.exchange.mode(supervised.leg) == "listen"


def test_who_has_no_ceiling_is_forbidden_and_whose_call_it_is_not_finds_nothing() -> None:
    supervised = Supervised("nobody", "n")
    supervised.dials("*1robert")
    supervised.user, supervised.secret = "eve", "e"
    supervised.dials("*1maria")
    supervised.dials("call-000000000000")
    assert supervised.refusals == [403, 404, 404]


def test_a_mode_beyond_the_ceiling_is_forbidden_at_the_door() -> None:
    supervised = Supervised("lars", "l")
    supervised.dials("*2robert*4711")
    assert supervised.refusals == [403]
    assert supervised.exchange.counters.value("refusals", "forbidden") == 1


def test_an_agent_with_two_calls_is_not_guessed() -> None:
    supervised = Supervised()
    supervised.trunk.dial("100")
    supervised.robert.answers()
    supervised.dials("*1robert")
    assert supervised.refusals == [485]


def test_or_he_is_told_by_an_announcement_where_that_is_set() -> None:
    doors = SETTINGS.doors.model_copy(update={"ambiguous": "announcement"})
    supervised = Supervised(settings=SETTINGS.model_copy(update={"doors": doors}))
    exchange = supervised.exchange
    supervised.trunk.dial("100")
    supervised.robert.answers()
    supervised.dials("*1robert")
    (play,) = exchange.media.worker.of(Play)
    assert play.sound == "several_calls"
    assert exchange.media.worker.of(Admit, play.leg) == []
    exchange.run(6.0)
    assert len(supervised.phone.told(SessionEnded)) == 1
    assert exchange.closed() == {play.leg}


def test_a_pin_is_asked_for_and_three_wrong_ones_lock() -> None:
    supervised = Supervised("lars", "l")
    exchange = supervised.exchange
    supervised.dials("*1robert")
    (play,) = exchange.media.worker.of(Play)
    assert play.sound == "enter_pin"
    assert "supervisor" not in {str(leg.role) for leg in exchange.view.legs}
    for _ in range(3):
        exchange.press(play.leg, "0000#")
    assert len(supervised.phone.told(SessionEnded)) == 1
    assert exchange.closed() == {play.leg}
    supervised.dials("*1robert*4711")
    assert supervised.refusals == [403]


@pytest.mark.parametrize("with_dialling", [False, True])
def test_the_right_pin_opens(with_dialling: bool) -> None:
    supervised = Supervised("lars", "l")
    exchange = supervised.exchange
    supervised.dials("*1robert*4711" if with_dialling else "*1robert")
    if not with_dialling:
        exchange.press(exchange.media.worker.of(Play)[0].leg, "4711#")
    assert exchange.admitted(supervised.leg)
    assert exchange.view.legs[-1].codec == "PCMU"


class SlowPins:
    """A thread that compares PINs when the test says so."""

    def __init__(self, exchange: Exchange) -> None:
        self.told: list[Callable[[bool | None], None]] = []
        exchange.entrance._pins._check = lambda kept, pin, told: self.told.append(told)


@pytest.mark.parametrize("with_dialling", [False, True])
def test_a_pin_may_take_its_time_and_digits_wait_for_it(with_dialling: bool) -> None:
    supervised = Supervised("lars", "l")
    exchange, pins = supervised.exchange, SlowPins(supervised.exchange)
    supervised.dials("*1robert*4711" if with_dialling else "*1robert")
    if not with_dialling:
        exchange.press(exchange.media.worker.of(Play)[0].leg, "4711#")
        exchange.press(exchange.media.worker.of(Play)[0].leg, "0000#")
    assert "supervisor" not in {str(leg.role) for leg in exchange.view.legs}
    (told,) = pins.told
    told(True)
    exchange.run()
    assert exchange.admitted(supervised.leg)


def test_a_wrong_pin_that_was_dialled_is_asked_for_again() -> None:
    supervised = Supervised("lars", "l")
    exchange, pins = supervised.exchange, SlowPins(supervised.exchange)
    supervised.dials("*1robert*4712")
    pins.told.pop()(False)
    exchange.run()
    (play,) = exchange.media.worker.of(Play)
    assert play.sound == "wrong_pin"
    exchange.press(play.leg, "4711#")
    pins.told.pop()(True)
    exchange.run()
    assert exchange.admitted(supervised.leg)


@pytest.mark.parametrize("is_right", [True, False, None])
def test_a_pin_judged_after_its_phone_has_gone_lets_nobody_in(is_right: bool | None) -> None:
    supervised = Supervised("lars", "l")
    exchange, pins = supervised.exchange, SlowPins(supervised.exchange)
    session = supervised.dials("*1robert*4711")
    supervised.phone.hangs_up(session)
    pins.told.pop()(is_right)
    exchange.run()
    assert "supervisor" not in {str(leg.role) for leg in exchange.view.legs}
    assert exchange.ports.lent == 2


def test_who_hangs_up_while_asked_for_his_pin_leaves_nothing_behind() -> None:
    supervised = Supervised("lars", "l")
    session = supervised.dials("*1robert")
    supervised.phone.hangs_up(session)
    assert supervised.exchange.ports.lent == 2


def test_a_call_that_ends_takes_those_at_the_door_with_it() -> None:
    supervised = Supervised("lars", "l")
    supervised.dials("*1robert")
    supervised.robert.hangs_up(supervised.robert.ringing.session)
    assert len(supervised.phone.told(SessionEnded)) == 1
    assert supervised.exchange.ports.lent == 0


def test_digits_switch_the_mode_as_far_as_the_ceiling_goes() -> None:
    supervised = Supervised()
    supervised.dials("*1robert")
    modes = []
    for digit in "5647":
        supervised.exchange.press(supervised.leg, digit)
        modes.append(supervised.exchange.mode(supervised.leg))
    assert modes == ["whisper", "barge", "listen", "listen"]


def test_digits_beyond_the_ceiling_change_nothing_and_are_counted() -> None:
    supervised = Supervised("lars", "l")
    supervised.dials("*1robert*4711")
    supervised.exchange.press(supervised.leg, "56")
    assert supervised.exchange.mode(supervised.leg) == "listen"
    assert supervised.exchange.counters.value("refusals", "forbidden") == 2


def test_a_partys_digits_switch_nothing() -> None:
    supervised = Supervised()
    supervised.dials("*1robert")
    supervised.exchange.press(supervised.exchange.leg("customer"), "6")
    assert supervised.exchange.mode(supervised.leg) == "listen"


def test_sip_info_switches_like_a_digit() -> None:
    supervised = Supervised()
    session = supervised.dials("*1robert")
    now = supervised.exchange.network.now
    supervised.phone.station.agent.info(session, "application/dtmf-relay", b"Signal=5\r\nDuration=160\r\n", now)
    supervised.exchange.run()
    assert supervised.exchange.mode(supervised.leg) == "whisper"


async def test_a_change_by_the_desk_is_answered_when_the_worker_says_that_it_is_heard() -> None:
    supervised = Supervised()
    supervised.dials("*1robert")
    exchange = supervised.exchange
    exchange.media.worker.silent_about = (SetMode,)
    eve = exchange.identity("eve")
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(exchange.desk.set_mode(eve, leg=supervised.leg, mode=Mode.WHISPER, target=Role.AGENT))
        await asyncio.sleep(0)
        exchange.run()
        await asyncio.sleep(0)
        assert not task.done()
        exchange.media.worker.held_back.pop()()
    assert task.result().turn > 0


async def test_the_desk_rings_the_supervisors_phone_into_a_call() -> None:
    supervised = Supervised()
    exchange = supervised.exchange
    supervised.phone.register("eve", "e")
    eve = exchange.identity("eve")
    entered = await meanwhile(
        exchange, exchange.desk.supervise(eve, call=None, agent="robert", mode=Mode.WHISPER, target=Role.AGENT, phone=None)
    )
    assert entered.state == "ringing"
    assert supervised.phone.ringing.request.header("Answer-Mode") == "Auto"
    supervised.phone.answers()
    assert exchange.mode(entered.leg) == "whisper"
    assert exchange.admitted(entered.leg)
    exchange.press(entered.leg, "4")
    assert exchange.mode(entered.leg) == "listen"


@pytest.mark.parametrize(
    ("call", "agent", "phone", "code"),
    [
        ("nonesuch", None, None, "not_found"),
        (None, "maria", None, "not_found"),
        (None, "robert", None, "unavailable"),
        (None, "robert", "sip:0900@127.0.1.1", "forbidden"),
    ],
)
async def test_what_the_desk_refuses_has_a_code_and_no_effect(call: str | None, agent: str | None, phone: str | None, code: str) -> None:
    supervised = Supervised()
    exchange = supervised.exchange
    with pytest.raises(Refusal) as refusal:
        await exchange.desk.supervise(exchange.identity("eve"), call=call, agent=agent, mode=Mode.LISTEN, target=Role.AGENT, phone=phone)
    assert refusal.value.code == code
    assert len(exchange.view.legs) == 2


async def test_a_listener_cannot_whisper_by_the_desk_nor_touch_anothers_leg() -> None:
    supervised = Supervised("lars", "l")
    exchange = supervised.exchange
    supervised.dials("*1robert*4711")
    leg = supervised.leg
    for mode in (Mode.WHISPER, Mode.BARGE):
        with pytest.raises(Refusal, match="beyond your ceiling"):
            await exchange.desk.set_mode(exchange.identity("lars"), leg=leg, mode=mode, target=Role.AGENT)
    with pytest.raises(Refusal, match="admin"):
        await exchange.desk.leave(exchange.identity("eve"), leg=leg)
    assert exchange.mode(leg) == "listen"


async def test_a_whisper_to_the_customer_needs_a_right_of_its_own() -> None:
    supervised = Supervised()
    supervised.dials("*1robert")
    with pytest.raises(Refusal, match="whisper_customer"):
        await supervised.exchange.desk.set_mode(
            supervised.exchange.identity("eve"), leg=supervised.leg, mode=Mode.WHISPER, target=Role.CUSTOMER
        )


async def test_mute_and_volumes_reach_the_mix_and_the_view() -> None:
    supervised = Supervised()
    supervised.dials("*2robert")
    exchange, eve = supervised.exchange, supervised.exchange.identity("eve")
    await meanwhile(exchange, exchange.desk.mute(eve, leg=supervised.leg, muted=True))
    await meanwhile(exchange, exchange.desk.volumes(eve, leg=supervised.leg, hears=0.5, heard=2.0))
    (leg,) = [leg for leg in exchange.view.legs if leg.role == "supervisor"]
    assert (leg.muted, leg.hears, leg.heard) == (True, 0.5, 2.0)


async def test_ending_hanging_up_and_leaving_need_their_rights() -> None:
    supervised = Supervised()
    exchange = supervised.exchange
    eve, lars = exchange.identity("eve"), exchange.identity("lars")
    supervised.dials("*1robert")
    call = exchange.view.call
    for refused in (exchange.desk.end(lars, call=call), exchange.desk.hang_up(lars, call=call, leg=exchange.leg("agent"))):
        with pytest.raises(Refusal):
            await refused
    await exchange.desk.leave(eve, leg=supervised.leg)
    exchange.run()
    assert len(exchange.view.legs) == 2
    await exchange.desk.end(eve, call=call)
    exchange.run()
    assert len(supervised.robert.told(SessionEnded)) == 1
    assert exchange.desk.call(eve, call)["state"] == "ended"


async def test_originate_rings_the_agent_and_then_the_number() -> None:
    supervised = Supervised()
    exchange = supervised.exchange
    maria = exchange.phone(MARIA).register("maria", "m")
    eve = exchange.identity("eve")
    with pytest.raises(Refusal, match="outside_numbers"):
        await exchange.desk.originate(eve, agent="maria", number="9555")
    with pytest.raises(Refusal, match="no route"):
        await exchange.desk.originate(eve, agent="maria", number="555")
    assert maria.station.told == []


def test_who_may_not_see_a_call_does_not_find_it_listed() -> None:
    supervised = Supervised()
    exchange = supervised.exchange
    maria = exchange.phone(MARIA).register("maria", "m")
    supervised.trunk.dial("200")
    maria.answers()
    agents = {user: {call["agent"] for call in exchange.desk.calls(exchange.identity(user))} for user in ("eve", "lars")}
    assert agents == {"eve": {"robert", "maria"}, "lars": {"robert"}}


def test_a_phone_that_dials_in_beyond_the_seats_is_refused() -> None:
    supervised = Supervised()
    for port in (5071, 5072):
        Phone(supervised.exchange, supervised.exchange.network.station((EVE[0], port)), (EVE[0], port)).dial(
            "*1robert", user="eve", secret="e"
        )
    supervised.dials("*1robert")
    assert supervised.refusals == [486]
    assert supervised.exchange.ports.lent == 4


@pytest.mark.parametrize("phone", ["tel:+4930123", "sips:anna@127.0.3.1", "sip:anna@127.0.3.1;transport=tls", "sip:"])
async def test_a_phone_to_which_there_is_no_way_is_refused_at_once(phone: str) -> None:
    supervised = Supervised()
    exchange = supervised.exchange
    eve = replace(exchange.identity("eve"), numbers=frozenset({phone}))
    with pytest.raises(Refusal) as refusal:
        await exchange.desk.supervise(eve, call=None, agent="robert", mode=Mode.LISTEN, target=Role.AGENT, phone=phone)
    assert refusal.value.code == "unavailable"
    assert exchange.ports.lent == 2


async def test_an_administrator_cannot_lift_another_supervisor_above_his_ceiling() -> None:
    supervised = Supervised("lars", "l")
    exchange = supervised.exchange
    supervised.dials("*1robert*4711")
    eve = exchange.identity("eve")
    admin = replace(eve, ceiling=replace(eve.ceiling, rights=frozenset({Right.ADMIN})))
    with pytest.raises(Refusal, match="beyond your ceiling"):
        await exchange.desk.set_mode(admin, leg=supervised.leg, mode=Mode.BARGE, target=Role.AGENT)
    await meanwhile(exchange, exchange.desk.mute(admin, leg=supervised.leg, muted=True))
    assert exchange.mode(supervised.leg) == "listen"


def test_a_mistyped_code_does_not_bring_its_pin_into_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    supervised = Supervised()
    supervised.robert.dial("*7robert*4711", user="robert", secret="r")
    assert [event.status for event in supervised.robert.told(Rejected)] == [404]
    logged = "".join(capsys.readouterr())
    assert "no_route" in logged
    assert "4711" not in logged


@pytest.mark.parametrize(
    ("is_draining", "ready", "calls", "code"),
    [(True, True, 9, "unavailable"), (False, False, 9, "unavailable"), (False, True, 1, "too_many")],
)
async def test_no_call_is_made_where_none_is_taken(is_draining: bool, ready: bool, calls: int, code: str) -> None:
    limits = SETTINGS.limits.model_copy(update={"calls": calls})
    supervised = Supervised(settings=SETTINGS.model_copy(update={"limits": limits}))
    exchange = supervised.exchange
    exchange.switchboard.is_draining, exchange.media.is_ready = is_draining, ready
    eve = exchange.identity("eve")
    eve = replace(eve, ceiling=replace(eve.ceiling, rights=eve.ceiling.rights | {Right.OUTSIDE_NUMBERS}))
    with pytest.raises(Refusal) as refusal:
        await exchange.desk.originate(eve, agent="maria", number="9555")
    assert refusal.value.code == code


def test_all_whom_a_new_agent_turns_away_leave_in_one_turn() -> None:
    south = {"teams": ["south"], "mode": "listen"}
    users = [
        *SETTINGS.users,
        UserSettings.model_validate({"name": "pia", "secret": "p", "pin": "4711", "ceiling": south}),
        UserSettings.model_validate({"name": "sue", "secret": "s", "ceiling": south}),
    ]
    exchange = Exchange(SETTINGS.model_copy(update={"users": tuple(users)}))
    maria, robert = exchange.phone(MARIA).register("maria", "m"), exchange.phone(ROBERT).register("robert", "r")
    exchange.phone(TRUNK).dial("200")
    maria.rings()
    for port, user, secret in ((5081, "pia", "p"), (5082, "sue", "s")):
        exchange.phone((EVE[0], port)).dial("*1maria", user=user, secret=secret)
    supervisors = {told.leg for told in exchange.media.worker.of(OpenLeg) if told.role == "supervisor"}
    assert len(supervisors) == 2
    maria.refuses(486)
    assert robert.ringing
    worker = exchange.media.worker
    left_in = {
        turn for told, turn in zip(worker.told, worker.told_in, strict=True) if isinstance(told, CloseLeg) and told.leg in supervisors
    }
    assert len(left_in) == 1
    assert exchange.closed() >= supervisors
