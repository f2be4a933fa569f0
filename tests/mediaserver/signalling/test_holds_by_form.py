"""Hold in every form that phones use, through the server: the other party is told in one, and music or silence follows."""

import pytest

from mediaserver.call.view import CallState
from sip.events import OfferAnswered, OfferRejected
from sip.negotiated import Direction
from sip.sdp import SessionDescription
from tests.mediaserver.signalling.exchange import Phone
from tests.mediaserver.signalling.test_leftovers import House
from tests.mediaserver.signalling.test_offers import answer_offer, asked, end, media, reoffer, state

HELD = {
    "sendonly": ("c=IN IP4 {address}", "m=audio 4000 RTP/AVP 0 8 101", "a=sendonly"),
    "inactive": ("c=IN IP4 {address}", "m=audio 4000 RTP/AVP 0 8 101", "a=inactive"),
    "zeros": ("c=IN IP4 0.0.0.0", "m=audio 4000 RTP/AVP 0 8 101"),
    "zeros of the line": ("c=IN IP4 {address}", "m=audio 4000 RTP/AVP 0 8 101", "c=IN IP4 0.0.0.0"),
    "zeros and inactive": ("c=IN IP4 0.0.0.0", "m=audio 4000 RTP/AVP 0 8 101", "a=inactive"),
    "zeros of the other family": ("c=IN IP6 ::", "m=audio 4000 RTP/AVP 0 8 101"),
    "sendonly of the session": ("c=IN IP4 {address}", "a=sendonly", "m=audio 4000 RTP/AVP 0 8 101"),
    "port zero": ("c=IN IP4 {address}", "m=audio 0 RTP/AVP 0 8 101"),
}


def offer(house: House, phone: Phone, session: int, *lines: str) -> None:
    """A phone's re-INVITE with these lines."""
    text = ["v=0", f"o=- 1 2 IN IP4 {phone.address[0]}", "s=-", "t=0 0", *lines, "a=rtpmap:101 telephone-event/8000"]
    body = "\r\n".join([*text, ""]).format(address=phone.address[0])
    phone.station.agent.reoffer(session, SessionDescription.parse(body.encode()), house.now)
    house.exchange.run()


@pytest.mark.parametrize("form", HELD)
def test_a_hold_in_any_form_is_relayed_and_taken_back(form: str) -> None:
    house = House()
    customers, agents = house.answered()
    offer(house, house.robert, agents, *HELD[form])
    answer_offer(house, house.trunk, customers, direction="recvonly")
    assert state(house) is CallState.HELD
    assert asked(house.trunk)[-1] in (Direction.SENDONLY, Direction.INACTIVE)
    assert not media(house, "agent").remote_receives
    reoffer(house, house.robert, agents)
    answer_offer(house, house.trunk, customers)
    assert state(house) is CallState.ANSWERED
    assert asked(house.trunk)[-1] is Direction.SENDRECV
    assert (media(house, "agent").remote_sends, media(house, "agent").remote_receives) == (True, True)
    end(house, customers)


@pytest.mark.parametrize("form", HELD)
def test_a_supervisor_stays_through_a_hold_in_any_form(form: str) -> None:
    house = House()
    customers, agents = house.answered()
    house.eve.dial("*2robert", user="eve", secret="e")
    supervisor = house.exchange.leg("supervisor")
    offer(house, house.robert, agents, *HELD[form])
    answer_offer(house, house.trunk, customers, direction="recvonly")
    assert house.exchange.mode(supervisor) == "whisper"
    reoffer(house, house.robert, agents)
    answer_offer(house, house.trunk, customers)
    assert house.exchange.mode(supervisor) == "whisper"
    end(house, customers)


def test_a_line_switched_off_is_answered_with_port_zero() -> None:
    house = House()
    customers, _ = house.answered()
    offer(house, house.trunk, customers, *HELD["port zero"])
    answers = [event.answer for event in house.trunk.told(OfferAnswered)]
    assert [[line.port for line in answer.media] for answer in answers if answer is not None] == [[0]]
    assert state(house) is CallState.HELD
    end(house, customers)


def test_packet_time_port_and_codec_change_at_once() -> None:
    house = House()
    customers, _ = house.answered()
    offer(house, house.trunk, customers, "c=IN IP4 127.0.1.99", "m=audio 4711 RTP/AVP 8 101", "a=ptime:40")
    told = media(house, "customer")
    assert (told.address, told.port, told.codec, told.ptime_ms) == ("127.0.1.99", 4711, "PCMA", 40)
    assert house.trunk.told(OfferRejected) == []
    end(house, customers)


def test_a_video_line_that_is_added_later_is_refused_in_its_place() -> None:
    house = House()
    customers, _ = house.answered()
    offer(house, house.trunk, customers, "c=IN IP4 {address}", "m=audio 4000 RTP/AVP 0", "m=video 4002 RTP/AVP 96")
    (event,) = house.trunk.told(OfferAnswered)
    assert event.answer is not None
    assert [(line.kind, line.port > 0) for line in event.answer.media] == [("audio", True), ("video", False)]
    assert house.robert.told(OfferAnswered) == []
    end(house, customers)
