"""However a call or a supervisor ends, nothing is left of it: no port, row, session, timer, request or call."""

import asyncio
import gc
from collections.abc import Iterator
from dataclasses import replace
from traceback import clear_frames
from typing import Any
from weakref import WeakSet

import pytest

from config.settings import Settings
from control_api.permissions import Refusal
from mediaserver.call.machine import Call
from mediaserver.link.messages import OpenLeg, Play, Refused, SetMode
from mediaserver.signalling.desk.steps import APPLIED_WITHIN
from mixer.modes import Mode, Role
from sip.events import Accepted, Rejected, SessionEnded
from sip.session.session import Session
from tests.interop.tools import SERVERS_MEDIA, free_port
from tests.mediaserver.signalling.exchange import EVE, LARS, MARIA, ROBERT, SETTINGS, TRUNK, Exchange, description
from tests.mediaserver.signalling.leftovers import leftovers
from tests.mediaserver.signalling.test_supervision import meanwhile
from tests.sip.network import Carried


@pytest.fixture(autouse=True)
def _without_a_collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Calls and sessions that are over are gone: what knows itself by way of its parts would wait for a look at all there is."""
    made: WeakSet[Call | Session] = WeakSet()

    def marks(kind: type[Call | Session]) -> None:
        begin: Any = kind.__init__

        def mark(self: Call | Session, *told: object, **wishes: object) -> None:
            begin(self, *told, **wishes)
            made.add(self)

        monkeypatch.setattr(kind, "__init__", mark)

    marks(Call)
    marks(Session)
    gc.disable()
    yield
    kept = [type(each).__name__ for each in made if each.is_over]
    gc.enable()
    assert not kept


class House:
    """A customer on the trunk, robert and maria registered, eve's phone."""

    def __init__(self, settings: Settings = SETTINGS, **roberts: object) -> None:
        self.exchange = Exchange(settings)
        self.robert = self.exchange.phone(ROBERT, **roberts).register("robert", "r")
        self.maria = self.exchange.phone(MARIA).register("maria", "m")
        self.trunk = self.exchange.phone(TRUNK)
        self.eve = self.exchange.phone(EVE).register("eve", "e")

    @property
    def now(self) -> float:
        return self.exchange.network.now

    def lose(self, *, sender: tuple[str, int] | None = None, receiver: tuple[str, int] | None = None, what: str = "") -> None:
        """Lose every message of this kind from now on."""

        def loses(carried: Carried) -> bool:
            return (
                (sender is None or carried.sender == sender)
                and (receiver is None or carried.receiver == receiver)
                and (not what or carried.what == what)
            )

        self.exchange.network.loses = loses

    def answered(self) -> tuple[int, int]:
        """Customer and robert talk; their sessions."""
        return self.trunk.dial("100"), self.robert.answers()


def nothing_left(house: House) -> None:
    assert leftovers(house.exchange) == {}
    house.exchange.heard.clear()  # an event that was not written out yet holds its call


def test_cancel_before_the_target_says_anything() -> None:
    house = House()
    house.lose(receiver=ROBERT)
    session = house.trunk.dial("100")
    house.trunk.hangs_up(session)
    nothing_left(house)


def test_cancel_while_ringing() -> None:
    house = House()
    session = house.trunk.dial("100")
    house.robert.rings()
    house.trunk.hangs_up(session)
    nothing_left(house)


def test_cancel_crosses_the_answer() -> None:
    house = House()
    session = house.trunk.dial("100")
    house.robert.rings()
    house.trunk.station.agent.end(session, house.now)
    house.robert.station.agent.accept(house.robert.ringing.session, description(ROBERT, 4000), house.now)
    house.exchange.run()
    nothing_left(house)
    assert len(house.robert.told(SessionEnded)) == 1
    assert house.trunk.station.agent.live_sessions == house.robert.station.agent.live_sessions == 0


def test_the_answer_crosses_a_cancel_that_is_slow() -> None:
    house = House()
    session = house.trunk.dial("100")
    house.robert.rings()
    house.robert.station.agent.accept(house.robert.ringing.session, description(ROBERT, 4000), house.now)
    house.exchange.run(0.006)
    house.trunk.station.agent.end(session, house.now)
    house.exchange.run()
    nothing_left(house)
    assert house.trunk.station.agent.live_sessions == house.robert.station.agent.live_sessions == 0


def test_cancel_in_early_media() -> None:
    house = House()
    session = house.trunk.dial("100")
    house.robert.station.agent.progress(house.robert.ringing.session, 183, house.now, description=description(ROBERT, 4000))
    house.exchange.run()
    house.trunk.hangs_up(session)
    nothing_left(house)


def test_the_customer_never_acknowledges() -> None:
    house = House()
    house.lose(sender=TRUNK, what="ACK")
    house.answered()
    nothing_left(house)
    assert len(house.robert.told(SessionEnded)) == 1


def test_both_say_goodbye_at_once() -> None:
    house = House()
    customers, agents = house.answered()
    house.trunk.station.agent.end(customers, house.now)
    house.robert.station.agent.end(agents, house.now)
    house.exchange.run()
    nothing_left(house)


def test_nobody_answers_the_goodbye() -> None:
    house = House()
    customers, _ = house.answered()
    house.lose(receiver=ROBERT)
    house.trunk.hangs_up(customers)
    nothing_left(house)


def test_goodbye_while_a_reinvite_is_on_its_way() -> None:
    house = House()
    customers, agents = house.answered()
    house.robert.station.agent.reoffer(agents, description(ROBERT, 4000, direction="sendonly"), house.now)
    house.exchange.run()
    house.trunk.hangs_up(customers)
    nothing_left(house)


def test_goodbye_of_him_whose_hold_is_being_relayed() -> None:
    house = House()
    _, agents = house.answered()
    house.robert.station.agent.reoffer(agents, description(ROBERT, 4000, direction="sendonly"), house.now)
    house.exchange.run()
    house.robert.hangs_up(agents)
    nothing_left(house)


def test_a_reinvite_is_refused_and_the_call_goes_on() -> None:
    house = House()
    customers, agents = house.answered()
    house.robert.station.agent.reoffer(agents, description(ROBERT, 4000, direction="sendonly"), house.now)
    house.exchange.run()
    house.trunk.station.agent.reject(customers, 488, house.now)
    house.exchange.run(3)
    assert len(house.exchange.view.legs) == 2
    house.trunk.hangs_up(customers)
    nothing_left(house)


def test_an_agent_that_is_not_there_any_more() -> None:
    house = House()
    house.lose(receiver=ROBERT)
    house.trunk.dial("100")
    house.exchange.run(40)
    assert [event.status for event in house.trunk.told(Rejected)] == [480]
    nothing_left(house)


def test_an_agent_whose_host_refuses_datagrams() -> None:
    house = House()
    house.trunk.dial("100")
    flow = house.robert.station.flow_to(TRUNK)
    agent = house.exchange.server.agent
    agent.flow_lost(type(flow)("udp", ("127.0.0.1", 5060), ROBERT), house.now)
    house.exchange.network.settle()
    house.exchange.run()
    nothing_left(house)


@pytest.mark.parametrize("contacts", ["<sip:maria@127.0.2.2:5060>", "<mailto:x@y>", "<sip:>", "<sips:maria@127.0.2.2>", "<tel:+49301>", ""])
def test_a_redirection(contacts: str) -> None:
    house = House()
    session = house.trunk.dial("100")
    house.robert.station.agent.reject(house.robert.ringing.session, 302, house.now, headers=[("Contact", contacts)] if contacts else [])
    house.exchange.run()
    house.trunk.hangs_up(session)
    nothing_left(house)


def test_the_calls_supervisor_cancels_before_his_phone_is_let_in() -> None:
    house = House()
    house.answered()
    house.lose(sender=("127.0.0.1", 5060), what="200 INVITE")
    own = house.eve.dial("*1robert", user="eve", secret="e")
    house.eve.hangs_up(own)
    house.exchange.network.loses = lambda carried: False
    house.exchange.run(40)
    assert [leg.role for leg in house.exchange.view.legs] == ["customer", "agent"]
    house.trunk.hangs_up(house.trunk.told(Accepted)[0].session)
    nothing_left(house)


async def ring_eve(house: House, mode: Mode = Mode.WHISPER) -> int:
    eve = house.exchange.identity("eve")
    entered = await meanwhile(
        house.exchange, house.exchange.desk.supervise(eve, call=None, agent="robert", mode=mode, target=Role.AGENT, phone=None)
    )
    return entered.leg


async def refusal_of(house: House) -> str:
    """The code with which the desk refuses to ring eve."""
    with pytest.raises(ExceptionGroup) as refusals:
        await ring_eve(house)
    (refusal,) = refusals.value.exceptions
    assert isinstance(refusal, Refusal)
    clear_frames(refusal.__traceback__)  # the task group keeps the refusal, and that all that the frames knew by which it came
    return refusal.code


async def test_a_supervisors_phone_is_rung_where_it_registered_whatever_its_contact_is_called() -> None:
    """Browsers name hosts that do not exist, and many phones a user part of their own."""
    house = House()
    house.answered()
    browser = house.exchange.phone(("127.0.3.9", 5060)).register("eve", "e", contact="<sip:x7f3@qk2.invalid>")
    await ring_eve(house)
    assert browser.ringing.request.uri == "sip:x7f3@qk2.invalid"


async def test_a_rung_supervisor_never_answers() -> None:
    house = House()
    house.answered()
    await ring_eve(house)
    house.eve.rings()
    house.exchange.run(25)
    assert len(house.eve.told(SessionEnded)) == 1
    assert len(house.exchange.view.legs) == 2
    house.trunk.hangs_up(house.trunk.told(Accepted)[0].session)
    nothing_left(house)


@pytest.mark.parametrize("rings", [False, True])
async def test_the_call_ends_while_a_supervisor_is_rung(rings: bool) -> None:
    house = House()
    customers, _ = house.answered()
    await ring_eve(house)
    if rings:
        house.eve.rings()
    house.trunk.hangs_up(customers)
    nothing_left(house)
    assert house.eve.station.agent.live_sessions == 0


async def test_the_call_ends_as_the_rung_supervisor_answers() -> None:
    house = House()
    customers, _ = house.answered()
    await ring_eve(house)
    house.eve.rings()
    house.eve.station.agent.accept(house.eve.ringing.session, description(EVE, 4000), house.now)
    house.trunk.station.agent.end(customers, house.now)
    house.exchange.run()
    nothing_left(house)
    assert house.eve.station.agent.live_sessions == 0


@pytest.mark.parametrize("status", [302, 404, 486, 500, 603])
async def test_a_rung_supervisor_refuses(status: int) -> None:
    house = House()
    customers, _ = house.answered()
    await ring_eve(house)
    house.eve.refuses(status)
    assert len(house.exchange.view.legs) == 2
    house.trunk.hangs_up(customers)
    nothing_left(house)


async def test_a_rung_supervisor_whose_phone_is_gone() -> None:
    house = House()
    customers, _ = house.answered()
    house.lose(receiver=EVE)
    await ring_eve(house)
    house.exchange.run(40)
    assert len(house.exchange.view.legs) == 2
    house.trunk.hangs_up(customers)
    nothing_left(house)


async def test_a_rung_supervisor_answers_without_a_common_codec() -> None:
    house = House()
    customers, _ = house.answered()
    await ring_eve(house)
    house.eve.answers(codecs="18")
    assert len(house.exchange.view.legs) == 2
    assert len(house.eve.told(SessionEnded)) == 1
    house.trunk.hangs_up(customers)
    nothing_left(house)


async def test_the_call_cannot_be_joined_and_the_desk_says_so_at_once() -> None:
    house = House()
    customers, _ = house.answered()
    await ring_eve(house)
    await ring_eve(house, Mode.LISTEN)
    assert await refusal_of(house) == "too_many"
    house.trunk.hangs_up(customers)
    nothing_left(house)


async def test_there_is_no_port_for_the_supervisor_and_the_desk_says_so_at_once() -> None:
    first = free_port("127.0.0.1", SERVERS_MEDIA, 4)
    media = SETTINGS.media.model_copy(update={"first_port": first, "last_port": first + 3})
    house = House(SETTINGS.model_copy(update={"media": media}))
    customers, _ = house.answered()
    began = asyncio.get_running_loop().time()
    assert await refusal_of(house) == "unavailable"
    assert asyncio.get_running_loop().time() - began < APPLIED_WITHIN
    assert len(house.exchange.view.legs) == 2
    house.trunk.hangs_up(customers)
    nothing_left(house)


async def test_a_change_of_mode_while_the_leg_ends_is_answered() -> None:
    house = House()
    house.answered()
    session = house.eve.dial("*1robert", user="eve", secret="e")
    leg = house.exchange.leg("supervisor")
    eve = house.exchange.identity("eve")
    house.exchange.media.worker.silent_about = (SetMode,)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(house.exchange.desk.set_mode(eve, leg=leg, mode=Mode.BARGE, target=Role.AGENT))
        await asyncio.sleep(0)
        house.eve.hangs_up(session)
        house.exchange.media.worker.held_back.pop()()
    assert task.result().turn
    with pytest.raises(Refusal) as refusal:
        await house.exchange.desk.set_mode(eve, leg=leg, mode=Mode.LISTEN, target=Role.AGENT)
    assert refusal.value.code == "not_found"
    house.trunk.hangs_up(house.trunk.told(Accepted)[0].session)
    nothing_left(house)


def test_who_waits_with_his_pin_has_a_seat_so_that_the_parties_keep_theirs() -> None:
    house = House()
    customers, _ = house.answered()
    for port in (5081, 5082, 5083):
        house.exchange.phone((LARS[0], port)).dial("*1robert", user="lars", secret="l")
    assert len([told for told in house.exchange.media.worker.of(Play) if told.sound == "enter_pin"]) == 2
    house.trunk.hangs_up(customers)
    nothing_left(house)


def test_a_call_that_cannot_be_joined_any_more_when_the_pin_is_right() -> None:
    """The agent for whom it was made is alone again: his customer is still to be rung."""
    house = House()
    customers, _ = house.answered()
    lars = house.exchange.phone(LARS)
    lars.dial("*1robert", user="lars", secret="l")
    (play,) = house.exchange.media.worker.of(Play)
    (entry,) = house.exchange.switchboard.calls
    entry.machine._conversation.limits = replace(entry.machine._conversation.limits, seats=2)
    house.exchange.press(play.leg, "4711#")
    assert len(lars.told(SessionEnded)) == 1
    house.trunk.hangs_up(customers)
    nothing_left(house)
    assert lars.station.agent.live_sessions == 0


def test_nobody_gives_a_pin() -> None:
    house = House()
    customers, _ = house.answered()
    lars = house.exchange.phone(LARS)
    lars.dial("*1robert", user="lars", secret="l")
    house.exchange.run(31)
    assert len(lars.told(SessionEnded)) == 1
    house.trunk.hangs_up(customers)
    nothing_left(house)


def test_the_agent_changes_while_a_listener_gives_his_pin() -> None:
    """Lars may hear team north only."""
    routes = [{"trunk": "carrier", "number": "300", "targets": ["agent:robert", "agent:maria"]}]
    house = House(Settings.model_validate(SETTINGS.model_dump(mode="python") | {"routes": routes}))
    session = house.trunk.dial("300")
    house.robert.rings()
    lars = house.exchange.phone(LARS)
    lars.dial("*1robert", user="lars", secret="l")
    (play,) = [told for told in house.exchange.media.worker.of(Play) if told.sound == "enter_pin"]
    house.robert.refuses(486)
    house.maria.answers()
    house.exchange.press(play.leg, "4711#")
    assert house.exchange.view.agent == "maria"
    assert "supervisor" not in {str(leg.role) for leg in house.exchange.view.legs}
    assert len(lars.told(SessionEnded)) == 1
    house.trunk.hangs_up(session)
    nothing_left(house)


def test_a_delayed_offer_is_never_answered() -> None:
    house = House()
    house.trunk.dial("100", delayed=True)
    house.robert.answers()
    house.exchange.run(40)
    nothing_left(house)


def test_a_delayed_offer_is_acknowledged_without_an_answer() -> None:
    house = House()
    session = house.trunk.dial("100", delayed=True)
    house.robert.answers()
    acknowledge_without_answer(house, session)
    assert len(house.trunk.told(SessionEnded)) == len(house.robert.told(SessionEnded)) == 1
    nothing_left(house)


def test_a_delayed_offer_is_answered_without_a_common_codec() -> None:
    house = House()
    session = house.trunk.dial("100", delayed=True)
    house.robert.answers()
    house.trunk.station.agent.acknowledge(session, description(TRUNK, 4000, "18"), house.now)
    house.exchange.run()
    assert len(house.trunk.told(SessionEnded)) == len(house.robert.told(SessionEnded)) == 1
    nothing_left(house)


def acknowledge_without_answer(house: House, session: int) -> None:
    """What no user agent of ours does: the ACK to a 200 that made an offer, without a description."""
    found: Any = house.trunk.station.agent._core.sessions[session]
    found.acknowledge_in(found.dialog, found._invite)
    house.exchange.run()


def test_a_worker_refuses_the_targets_leg_and_its_phone_stops_ringing() -> None:
    house = House()
    _refuse_next_target(house)
    house.trunk.dial("100")
    house.robert.rings()
    house.exchange.run(1)
    assert [event.status for event in house.trunk.told(Rejected)] == [503]
    nothing_left(house)
    assert house.robert.station.agent.live_sessions == 0


def _refuse_next_target(house: House) -> None:
    media = house.exchange.media
    before = media.tell

    def tell(worker: Any, command: Any, *, lend: int = -1, replied: Any = None) -> None:
        if isinstance(command, OpenLeg) and command.role == "agent":
            before(worker, command, lend=lend)
            house.exchange.network.settle()
            replied(Refused(0, "no_row", "full"))
        else:
            before(worker, command, lend=lend, replied=replied)

    media.tell = tell  # type: ignore[method-assign]
