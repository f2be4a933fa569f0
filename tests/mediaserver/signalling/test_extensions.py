"""Extensions of SIP through the server: early offers, UPDATE, session refresh, Session-ID, Reason, phones that answer by themselves."""

from typing import Any

import pytest

from mediaserver.signalling.routing.auto_answer import STYLES
from mixer.modes import Mode, Role
from sip.events import Accepted, OfferAnswered, OfferReceived, OfferRejected, Progressed, Rejected, SessionEnded
from sip.message import Request
from sip.session_id import NIL
from tests.mediaserver.signalling.exchange import ROBERT, SETTINGS, TRUNK, description
from tests.mediaserver.signalling.test_leftovers import House, nothing_left
from tests.mediaserver.signalling.test_supervision import meanwhile
from tests.sip.network import Carried


def progress(house: House, status: int, port: int | None = None) -> None:
    """Robert's phone says 18x."""
    early = None if port is None else description(ROBERT, port, "0 101")
    house.robert.station.agent.progress(house.robert.ringing.session, status, house.now, description=early)
    house.exchange.run()


def carried(house: House, what: str, sender: tuple[str, int] | None = None) -> list[Carried]:
    """Messages of a kind that were on the wire."""
    return [item for item in house.exchange.network.carried if item.what == what and sender in (None, item.sender)]


def port_of(house: House, role: str) -> int:
    """Where a leg is sent its media."""
    (entry,) = house.exchange.switchboard.calls
    (leg,) = [leg for leg in entry.legs.values() if leg.role == role]
    assert leg.media is not None
    return leg.media.port


# early media and offers


def test_early_media_is_reliable_on_both_legs_and_said_once() -> None:
    house = House()
    customers = house.trunk.dial("100")
    progress(house, 183, 5100)
    assert len(carried(house, "PRACK")) == 2
    house.robert.station.agent.accept(house.robert.ringing.session, None, house.now)
    house.exchange.run()
    assert port_of(house, "agent") == 5100
    assert [event.description for event in house.trunk.told(Accepted)] == [None]
    house.trunk.hangs_up(customers)
    nothing_left(house)


def test_early_media_may_move_by_update_before_the_answer() -> None:
    house = House()
    customers = house.trunk.dial("100")
    progress(house, 183, 5100)
    session = house.robert.ringing.session
    house.robert.station.agent.reoffer(session, description(ROBERT, 5300, "0 101"), house.now)
    house.exchange.run()
    assert len(house.robert.told(OfferAnswered)) == 1
    assert port_of(house, "agent") == 5300
    house.robert.station.agent.accept(session, None, house.now)
    house.exchange.run()
    assert port_of(house, "agent") == 5300
    house.trunk.hangs_up(customers)
    nothing_left(house)


def test_a_caller_may_change_his_media_by_update_before_and_after_the_answer() -> None:
    house = House()
    customers = house.trunk.dial("100")
    progress(house, 183, 5100)
    for port in (4700, 4800):
        house.trunk.station.agent.reoffer(customers, description(TRUNK, port, "0 101"), house.now)
        house.exchange.run()
        assert port_of(house, "customer") == port
        if port == 4700:
            house.robert.answers()
    assert len(house.trunk.told(OfferAnswered)) == 2
    house.trunk.hangs_up(customers)
    nothing_left(house)


def dial_without_offer(house: House, *headers: tuple[str, str]) -> int:
    return house.trunk.dial("100", delayed=True, headers=headers)


def test_a_caller_without_an_offer_who_demands_18x_reliably_is_made_one_and_answers_it() -> None:
    house = House()
    customers = dial_without_offer(house, ("Require", "100rel"))
    progress(house, 180)
    (progressed,) = house.trunk.told(Progressed)
    assert progressed.answer is not None
    house.trunk.station.agent.acknowledge(customers, description(TRUNK, 4600, "0 101"), house.now, fork=progressed.fork)
    house.exchange.run()
    assert port_of(house, "customer") == 4600
    house.robert.answers()
    assert [event.description for event in house.trunk.told(Accepted)] == [None]
    assert house.exchange.view.state == "answered"
    house.trunk.hangs_up(customers)
    nothing_left(house)


def test_a_caller_without_an_offer_hears_early_media_where_he_can() -> None:
    house = House()
    customers = dial_without_offer(house)
    progress(house, 180)
    assert [event.answer for event in house.trunk.told(Progressed)] == [None]
    progress(house, 183, 5100)
    early = house.trunk.told(Progressed)[-1]
    assert early.answer is not None
    house.trunk.station.agent.acknowledge(customers, description(TRUNK, 4600, "0 101"), house.now, fork=early.fork)
    house.exchange.run()
    assert port_of(house, "customer") == 4600
    house.robert.answers()
    house.trunk.hangs_up(customers)
    nothing_left(house)


def test_a_prack_that_never_comes_ends_the_call() -> None:
    house = House(SETTINGS.model_copy(update={"limits": SETTINGS.limits.model_copy(update={"ring_timeout": 60.0})}))
    dial_without_offer(house, ("Require", "100rel"))
    house.exchange.network.loses = lambda item: item.what == "PRACK"
    progress(house, 180)
    house.exchange.run(33)
    assert [event.status for event in house.trunk.told(Rejected)] == [504]
    nothing_left(house)


# session timers


def serves_no_update(house: House) -> None:
    """As if robert's phone had said so."""
    for session in house.exchange.server.agent._core.sessions.values():
        if session.dialog is not None and session.dialog.flow.remote == ROBERT:
            session.dialog.allow = frozenset({"INVITE", "ACK", "BYE"})


def test_a_phone_without_update_is_refreshed_by_an_offer_that_says_the_same() -> None:
    house = House(session_timers="refuse")
    house.answered()
    robert = house.robert.ringing.session
    serves_no_update(house)
    house.robert.station.react = lambda event: (
        house.robert.station.agent.accept(robert, description(ROBERT, 4000), house.now) if isinstance(event, OfferReceived) else None
    )
    house.exchange.run(1000)
    assert len(house.robert.told(OfferReceived)) == 1
    (entry,) = house.exchange.switchboard.calls
    assert not any(leg.is_refreshing for leg in entry.legs.values())
    assert house.exchange.view.state == "answered"


def test_a_phone_that_refuses_its_refresh_keeps_its_call() -> None:
    house = House(session_timers="refuse")
    house.answered()
    serves_no_update(house)
    robert = house.robert.ringing.session
    house.robert.station.react = lambda event: (
        house.robert.station.agent.reject(robert, 488, house.now) if isinstance(event, OfferReceived) else None
    )
    house.exchange.run(2000)
    assert len(house.robert.told(OfferReceived)) == 2
    assert [name for name, _, _ in house.exchange.counters.items() if name == "reoffers_refused"] == []
    assert house.exchange.view.state == "answered"


def test_who_is_gone_without_a_word_is_noticed_by_the_session_timer() -> None:
    house = House()
    house.answered()
    house.exchange.network.loses = lambda item: ROBERT in (item.sender, item.receiver)
    house.exchange.run(1800)
    assert [event.cause for event in house.trunk.told(SessionEnded)] == ["bye"]


# Session-ID


def halves(item: Carried) -> tuple[str, str]:
    local, _, remote = (item.message.header("Session-ID") or "").partition(";remote=")
    return local, remote


def test_both_ends_see_the_uuid_of_the_other_through_the_server() -> None:
    house = House()
    customers = house.trunk.dial("100")
    house.robert.rings()
    house.robert.answers()
    house.trunk.hangs_up(customers)
    customer, _ = halves(carried(house, "INVITE", TRUNK)[0])
    robert, seen = halves(carried(house, "180 INVITE", ROBERT)[0])
    assert seen == customer
    ringing, answer = carried(house, "180 INVITE")[-1], carried(house, "200 INVITE")[-1]
    assert halves(ringing) == halves(answer) == (robert, customer)
    assert halves(carried(house, "BYE", TRUNK)[0]) == (customer, robert)
    (to_robert,) = [item for item in carried(house, "BYE") if item.receiver == ROBERT]
    assert halves(to_robert) == (customer, robert)
    assert halves(carried(house, "INVITE", TRUNK)[0])[1] == NIL


# Reason


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Q.850;cause=31", 'Q.850;cause=31;text="normal, unspecified"'),
        ('SIP;cause=600, Q.850;cause=17;text="inner secret"', 'Q.850;cause=17;text="user busy"'),
        ("", 'Q.850;cause=16;text="normal clearing"'),
        ("X.inner;cause=7", 'Q.850;cause=16;text="normal clearing"'),
    ],
)
def test_why_one_hangs_up_is_told_to_the_other_where_it_concerns_him(said: str, told: str) -> None:
    house = House()
    customers, _ = house.answered()
    house.trunk.station.agent.end(customers, house.now, reason=said)
    house.exchange.run()
    assert [event.reason for event in house.robert.told(SessionEnded)] == [told]


def test_completed_elsewhere_reaches_the_phone_that_rings() -> None:
    house = House()
    customers = house.trunk.dial("100")
    house.robert.rings()
    house.trunk.station.agent.end(customers, house.now, reason='SIP;cause=200;text="Call completed elsewhere"')
    house.exchange.run()
    assert [(event.cause, event.reason) for event in house.robert.told(SessionEnded)] == [
        ("cancelled", 'SIP;cause=200;text="Call completed elsewhere"')
    ]


def test_the_cause_of_a_refusal_reaches_the_caller() -> None:
    house = House()
    house.trunk.dial("100")
    house.robert.station.agent.reject(house.robert.ringing.session, 480, house.now, reason="Q.850;cause=18")
    house.exchange.run()
    assert [(event.status, event.reason) for event in house.trunk.told(Rejected)] == [(480, 'Q.850;cause=18;text="no user responding"')]


# answering by itself


def answering(**users: Any) -> Any:
    """Settings in which eve's phone, or every phone, has its own way to answer by itself."""
    settings = SETTINGS.model_dump(exclude_unset=True)
    settings["users"] = [{**user, **(users if user["name"] == "eve" else {})} for user in settings["users"]]
    return SETTINGS.model_validate(settings)


@pytest.mark.parametrize(
    ("settings", "answer_mode", "alert"),
    [
        (answering(), "Auto", "<http://localhost>;info=alert-autoanswer;delay=0"),
        (answering(auto_answer=("ring-answer",)), None, "Ring Answer"),
        (answering(auto_answer=()), None, None),
    ],
)
async def test_a_phone_rung_by_the_api_is_told_to_answer_in_its_own_way(settings: Any, answer_mode: str | None, alert: str | None) -> None:
    house = House(settings)
    house.answered()
    desk = house.exchange.desk
    wanted = desk.supervise(house.exchange.identity("eve"), call=None, agent="robert", mode=Mode.LISTEN, target=Role.AGENT, phone=None)
    await meanwhile(house.exchange, wanted)
    request = house.eve.ringing.request
    assert (request.header("Answer-Mode"), request.header("Alert-Info")) == (answer_mode, alert)


def test_every_style_is_a_header_that_can_be_sent() -> None:
    request = Request("INVITE", "sip:a@b", list(STYLES.values()))
    assert all(value in request.serialize().decode() for _, value in STYLES.values())


def test_offers_of_both_parties_at_once_are_both_answered() -> None:
    house = House()
    customers, roberts = house.answered()
    house.trunk.station.agent.reoffer(customers, description(TRUNK, 4900, "0 101"), house.now)
    house.robert.station.agent.reoffer(roberts, description(ROBERT, 5900, "0 101"), house.now)
    house.exchange.run()
    assert [*house.trunk.told(OfferRejected), *house.robert.told(OfferRejected)] == []
    assert (port_of(house, "customer"), port_of(house, "agent")) == (4900, 5900)
