"""Offers and answers through the whole signalling process: delayed, early, forked, refreshed, crossing, and on hold."""

from typing import Any

import pytest

from mediaserver.call.view import CallState
from mediaserver.link.messages import Admit, Play, SetMedia
from sip.events import Accepted, OfferAnswered, OfferReceived, OfferRejected, Progressed, Rejected, SessionEnded
from sip.message import Request, Response
from sip.negotiated import Direction
from tests.mediaserver.signalling.exchange import EVE, ROBERT, SERVER, TRUNK, Phone, description
from tests.mediaserver.signalling.leftovers import leftovers
from tests.mediaserver.signalling.test_leftovers import House, acknowledge_without_answer


def reoffer(house: House, phone: Phone, session: int, port: int = 4000, codecs: str = "0 8 101", direction: str = "sendrecv") -> None:
    """A phone changes its media."""
    phone.station.agent.reoffer(session, description(phone.address, port, codecs, direction), house.now)
    house.exchange.run()


def answer_offer(house: House, phone: Phone, session: int, **answer: Any) -> None:
    """A phone takes the server's newest re-INVITE."""
    phone.station.agent.accept(session, description(phone.address, phone.media_port, **answer), house.now)
    house.exchange.run()


def asked(phone: Phone) -> list[Direction]:
    """The directions of the server's re-INVITEs to a phone."""
    offers = [event.offer for event in phone.told(OfferReceived)]
    return [offer.direction_of(offer.media[0]) for offer in offers if offer is not None]


def state(house: House) -> CallState:
    """The call's state now."""
    return house.exchange.view.state


def media(house: House, role: str) -> SetMedia:
    """What the worker was told last of a leg."""
    return house.exchange.media.worker.of(SetMedia, house.exchange.leg(role))[-1]


def end(house: House, customers: int) -> None:
    """Hang up, and nothing is left."""
    house.trunk.hangs_up(customers)
    assert leftovers(house.exchange) == {}


def test_a_customers_delayed_offer_is_answered_in_his_ack() -> None:
    house = House()
    session = house.trunk.dial("100", delayed=True)
    house.robert.answers(codecs="8 101")
    (accepted,) = house.trunk.told(Accepted)
    assert accepted.description is not None
    assert accepted.description.media[0].formats[0] == "8"
    house.trunk.station.agent.acknowledge(session, description(TRUNK, 4400, "0 101"), house.now)
    house.exchange.run()
    assert (media(house, "customer").codec, media(house, "customer").port) == ("PCMU", 4400)
    assert state(house) is CallState.ANSWERED
    end(house, session)


def test_the_worker_is_told_where_each_legs_signalling_comes_from() -> None:
    house = House()
    customers = house.trunk.dial("100")
    house.robert.station.agent.progress(house.robert.ringing.session, 183, house.now, description=description(("192.168.1.7", 0), 4000))
    house.exchange.run()
    assert (media(house, "agent").address, media(house, "agent").peer) == ("192.168.1.7", ROBERT[0])
    house.robert.answers()
    house.eve.dial("*1robert", user="eve", secret="e")
    assert [media(house, role).peer for role in ("customer", "agent", "supervisor")] == [TRUNK[0], ROBERT[0], EVE[0]]
    end(house, customers)


def test_a_supervisors_delayed_offer_is_answered_in_his_ack() -> None:
    house = House()
    customers, _ = house.answered()
    session = house.eve.dial("*2robert", user="eve", secret="e", delayed=True)
    house.eve.station.agent.acknowledge(session, description(EVE, 4500, "8 101"), house.now)
    house.exchange.run()
    assert (media(house, "supervisor").codec, media(house, "supervisor").port) == ("PCMA", 4500)
    assert house.exchange.mode(house.exchange.leg("supervisor")) == "whisper"
    end(house, customers)


def test_a_reinvite_without_an_offer_gets_ours_and_its_ack_the_answer() -> None:
    house = House()
    customers, _ = house.answered()
    ask_for_an_offer(house, house.trunk, customers)
    found: Any = house.trunk.station.agent._core.sessions[customers]
    (answered,) = house.trunk.told(OfferAnswered)
    assert answered.answer is not None
    found.acknowledge_in(found.dialog, found._reinvite, description(TRUNK, 4600, "8 101").serialize())
    house.exchange.run()
    assert (media(house, "customer").codec, media(house, "customer").port) == ("PCMA", 4600)
    end(house, customers)


def ask_for_an_offer(house: House, phone: Phone, session: int) -> None:
    """A re-INVITE without a description, whose 200 is not acknowledged yet."""
    found: Any = phone.station.agent._core.sessions[session]
    acknowledge, found.acknowledge_in = found.acknowledge_in, lambda *_, **__: None
    found._reinvite = found.offers.ours = found.ask_in(
        found.dialog, found, "INVITE", house.now, [found.core.contact(found.dialog.next_hop())]
    )
    house.exchange.run()
    found.acknowledge_in = acknowledge


def test_a_reinvite_without_an_offer_whose_ack_brings_no_answer_changes_nothing_for_later_ones() -> None:
    house = House()
    customers, _ = house.answered()
    ask_for_an_offer(house, house.trunk, customers)
    found: Any = house.trunk.station.agent._core.sessions[customers]
    found.acknowledge_in(found.dialog, found._reinvite)
    house.exchange.run()
    assert media(house, "customer").port == 4000
    reoffer(house, house.trunk, customers, port=4700)
    assert house.trunk.told(OfferRejected) == []
    assert media(house, "customer").port == 4700
    end(house, customers)


def test_a_reinvite_without_a_common_codec_is_refused_and_the_next_one_is_taken() -> None:
    house = House()
    customers, _ = house.answered()
    reoffer(house, house.trunk, customers, codecs="18")
    assert [event.status for event in house.trunk.told(OfferRejected)] == [488]
    reoffer(house, house.trunk, customers, port=4800, codecs="8 101")
    assert (media(house, "customer").codec, media(house, "customer").port) == ("PCMA", 4800)
    end(house, customers)


def test_a_refresh_that_changes_nothing_gets_the_same_answer_and_asks_nobody_else() -> None:
    house = House()
    customers, _ = house.answered()
    (accepted,) = house.trunk.told(Accepted)
    for _ in range(3):
        reoffer(house, house.trunk, customers)
    answers = [event.answer for event in house.trunk.told(OfferAnswered)]
    assert answers == [accepted.description] * 3
    assert house.robert.told(OfferReceived) == []
    assert house.exchange.kinds().count("call.held") == 0
    end(house, customers)


def test_port_and_codec_change_while_a_supervisor_whispers() -> None:
    house = House()
    customers, agents = house.answered()
    house.eve.dial("*2robert", user="eve", secret="e")
    supervisor = house.exchange.leg("supervisor")
    told = len([one for one in house.exchange.media.worker.told if getattr(one, "leg", None) == supervisor])
    reoffer(house, house.robert, agents, port=4900, codecs="8 101")
    assert (media(house, "agent").codec, media(house, "agent").port) == ("PCMA", 4900)
    assert media(house, "customer").codec == "PCMU"
    assert len([one for one in house.exchange.media.worker.told if getattr(one, "leg", None) == supervisor]) == told
    assert house.exchange.mode(supervisor) == "whisper"
    assert house.eve.told(OfferReceived) == []
    end(house, customers)


def test_both_sides_hold_at_once_and_resume_one_after_the_other() -> None:
    house = House()
    customers, agents = house.answered()
    for phone, session in ((house.trunk, customers), (house.robert, agents)):
        phone.station.agent.reoffer(session, description(phone.address, 4000, direction="sendonly"), house.now)
    house.exchange.run()
    assert state(house) is CallState.HELD
    for _ in range(10):
        for phone, session in ((house.trunk, customers), (house.robert, agents)):
            if phone.station.agent._core.sessions[session].offers.theirs is not None:
                answer_offer(house, phone, session, direction="inactive")
        house.exchange.run(1.0)
    reoffer(house, house.trunk, customers)
    for _ in range(10):
        for phone, session, direction in ((house.trunk, customers, "sendrecv"), (house.robert, agents, "sendonly")):
            if phone.station.agent._core.sessions[session].offers.theirs is not None:
                answer_offer(house, phone, session, direction=direction)
        house.exchange.run(1.0)
    assert state(house) is CallState.HELD
    reoffer(house, house.robert, agents)
    for _ in range(10):
        for phone, session in ((house.trunk, customers), (house.robert, agents)):
            if phone.station.agent._core.sessions[session].offers.theirs is not None:
                answer_offer(house, phone, session)
        house.exchange.run(1.0)
    assert state(house) is CallState.ANSWERED
    for role in ("customer", "agent"):
        assert (media(house, role).remote_sends, media(house, role).remote_receives) == (True, True)
    end(house, customers)


@pytest.mark.parametrize("direction", ["sendonly", "inactive"])
def test_a_supervisor_joins_and_switches_while_the_agent_holds(direction: str) -> None:
    house = House()
    customers, agents = house.answered()
    reoffer(house, house.robert, agents, direction=direction)
    answer_offer(house, house.trunk, customers, direction="recvonly")
    house.eve.dial("*2robert", user="eve", secret="e")
    supervisor = house.exchange.leg("supervisor")
    assert [leg.inaudible for leg in house.exchange.view.legs if leg.leg == supervisor] == ["target_on_hold"]
    reoffer(house, house.robert, agents)
    assert [leg.inaudible for leg in house.exchange.view.legs if leg.leg == supervisor] == [""]
    assert house.exchange.mode(supervisor) == "whisper"
    end(house, customers)


def test_an_agent_who_answers_sendonly_holds_from_the_start() -> None:
    house = House()
    customers = house.trunk.dial("100")
    agents = house.robert.answers(direction="sendonly")
    assert state(house) is CallState.HELD
    house.exchange.run(4.0)  # his ACK comes first, and then the time of a 491
    answer_offer(house, house.trunk, customers, direction="recvonly")
    assert asked(house.trunk) == [Direction.SENDONLY]
    reoffer(house, house.robert, agents)
    answer_offer(house, house.trunk, customers)
    assert asked(house.trunk) == [Direction.SENDONLY, Direction.SENDRECV]
    assert state(house) is CallState.ANSWERED
    end(house, customers)


def early(house: House, phone: Phone, port: int, codecs: str = "0 101", status: int = 183) -> None:
    """A target says that it has media already."""
    phone.station.agent.progress(phone.ringing.session, status, house.now, description=description(phone.address, port, codecs))
    house.exchange.run()


def test_early_media_is_bridged_and_a_200_with_other_media_wins() -> None:
    house = House(reliable_provisional="never")
    customers = house.trunk.dial("100")
    early(house, house.robert, 5100)
    assert media(house, "agent").port == 5100
    assert [event.response.status for event in house.trunk.told(Progressed)] == [183]
    assert house.trunk.told(Progressed)[0].answer is not None
    house.robert.station.agent.accept(house.robert.ringing.session, description(ROBERT, 5200, "8 101"), house.now)
    house.exchange.run()
    assert (media(house, "agent").port, media(house, "agent").codec) == (5200, "PCMA")
    (accepted,) = house.trunk.told(Accepted)
    assert accepted.description is None, "the answer went reliably with the 183, and is not said again"
    end(house, customers)


def test_where_a_caller_of_early_media_sends_from_is_looked_for_again_when_he_is_answered() -> None:
    house = House(reliable_provisional="never")
    customers = house.trunk.dial("100")
    early(house, house.robert, 5100)
    told = house.exchange.media.worker.of(SetMedia, house.exchange.leg("customer"))
    house.robert.answers()
    again = house.exchange.media.worker.of(SetMedia, house.exchange.leg("customer"))[len(told) :]
    assert again == [told[-1]], "the worker's time for it begins anew"
    end(house, customers)


@pytest.mark.parametrize("has_media", [False, True])
def test_a_supervisor_joins_before_the_answer(has_media: bool) -> None:
    house = House()
    customers = house.trunk.dial("100")
    if has_media:
        early(house, house.robert, 5300)
    else:
        house.robert.rings()
    house.eve.dial("*3robert", user="eve", secret="e")
    supervisor = house.exchange.leg("supervisor")
    assert house.exchange.admitted(supervisor)
    house.robert.answers()
    assert house.exchange.mode(supervisor) == "barge"
    assert [leg.inaudible for leg in house.exchange.view.legs if leg.leg == supervisor] == [""]
    end(house, customers)


def test_the_call_cannot_be_joined_before_anything_rings() -> None:
    house = House()
    customers = house.trunk.dial("100")
    house.eve.dial("*3robert", user="eve", secret="e")
    assert [event.status for event in house.eve.told(Rejected)] == [404]
    house.trunk.hangs_up(customers)
    assert leftovers(house.exchange) == {}


def test_of_two_forks_the_first_media_is_heard_and_the_answer_of_the_other_wins() -> None:
    house = House()
    customers = house.trunk.dial("100")
    invite = next(
        carried.message
        for carried in house.exchange.network.carried
        if carried.receiver == ROBERT and isinstance(carried.message, Request) and carried.message.method == "INVITE"
    )
    assert isinstance(invite, Request)
    fork(house, invite, 183, "one", 5401)
    fork(house, invite, 183, "two", 5402)
    assert media(house, "agent").port == 5401
    fork(house, invite, 200, "two", 5402)
    assert media(house, "agent").port == 5402
    assert state(house) is CallState.ANSWERED
    before = len(house.exchange.network.carried)
    fork(house, invite, 200, "one", 5401)
    assert media(house, "agent").port == 5402
    sent = [carried.message for carried in house.exchange.network.carried[before:] if carried.sender == SERVER]
    assert [(one.method, one.to.tag) for one in sent if isinstance(one, Request)][:2] == [("ACK", "one"), ("BYE", "one")]
    house.trunk.hangs_up(customers)


def fork(house: House, invite: Request, status: int, tag: str, port: int) -> None:
    """An answer of one of the phones behind robert's address."""
    body = description(ROBERT, port, "0 101").serialize()
    copied = [header for header in invite.headers if header[0] in ("Via", "From", "Call-ID", "CSeq")]
    headers = [*copied, ("To", f"{invite.values('To')[0]};tag={tag}"), ("Contact", f"<sip:{tag}@127.0.2.1:5060>")]
    response = Response(status, [*headers, ("Content-Type", "application/sdp")], body)
    house.exchange.network.inject(response.serialize(), ROBERT, SERVER)
    house.exchange.run(0.001)


def test_an_early_answer_holds_where_the_200_brings_none() -> None:
    house = House()
    house.trunk.dial("100")
    invite = next(
        carried.message
        for carried in house.exchange.network.carried
        if carried.receiver == ROBERT and isinstance(carried.message, Request) and carried.message.method == "INVITE"
    )
    assert isinstance(invite, Request)
    fork(house, invite, 183, "one", 5501)
    copied = [header for header in invite.headers if header[0] in ("Via", "From", "Call-ID", "CSeq")]
    headers = [*copied, ("To", f"{invite.values('To')[0]};tag=one"), ("Contact", "<sip:one@127.0.2.1:5060>")]
    house.exchange.network.inject(Response(200, headers).serialize(), ROBERT, SERVER)
    house.exchange.run(0.001)
    assert state(house) is CallState.ANSWERED
    assert media(house, "agent").port == 5501


def test_a_supervisor_who_holds_falls_to_listen_and_the_parties_are_not_asked() -> None:
    house = House()
    customers, _ = house.answered()
    session = house.eve.dial("*3robert", user="eve", secret="e")
    supervisor = house.exchange.leg("supervisor")
    reoffer(house, house.eve, session, direction="sendonly")
    assert house.exchange.mode(supervisor) == "listen"
    house.exchange.press(supervisor, "6")
    assert house.exchange.mode(supervisor) == "listen"
    reoffer(house, house.eve, session)
    assert house.exchange.mode(supervisor) == "listen"
    house.exchange.press(supervisor, "6")
    assert house.exchange.mode(supervisor) == "barge"
    assert house.trunk.told(OfferReceived) == house.robert.told(OfferReceived) == []
    assert [told for told in house.exchange.media.worker.of(Play) if told.leg != supervisor] == []
    assert all(told.admitted for told in house.exchange.media.worker.of(Admit))
    end(house, customers)


def test_a_customer_who_never_gives_media_is_not_kept() -> None:
    house = House()
    session = house.trunk.dial("100", delayed=True)
    house.robert.answers()
    acknowledge_without_answer(house, session)
    assert len(house.robert.told(SessionEnded)) == 1
