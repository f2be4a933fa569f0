"""Where each leg's RTCP goes, as its worker is told: by rule on the port above, where it was said, in the RTP stream, or nowhere."""

from mediaserver.link.messages import CloseLeg, OpenReports, SetMedia
from tests.mediaserver.signalling.exchange import TRUNK
from tests.mediaserver.signalling.leftovers import leftovers
from tests.mediaserver.signalling.test_leftovers import House
from tests.mediaserver.signalling.test_secured import described, dial, media, secured

PLAIN = ("m=audio 4000 RTP/AVP 0 101", "a=rtpmap:101 telephone-event/8000")


def lent(house: House, role: str) -> int:
    """How often the worker was lent a port for a leg's RTCP."""
    return len(house.exchange.media.worker.of(OpenReports, house.exchange.leg(role)))


def where(told: SetMedia) -> tuple[bool, str, int]:
    """Where a leg's RTCP goes."""
    return told.rtcp_mux, told.rtcp_address, told.rtcp_port


def test_by_rule_rtcp_goes_to_the_port_above_rtp_and_has_one_of_its_own_here() -> None:
    house = House()
    customers, _ = house.answered()
    for role in ("customer", "agent"):
        told = media(house, role)
        assert where(told) == (False, told.address, told.port + 1)
        assert lent(house, role) == 1
    house.trunk.hangs_up(customers)
    assert leftovers(house.exchange) == {}


def test_a_port_that_the_offer_names_is_taken() -> None:
    house = House()
    dial(house, described(house.trunk, *PLAIN, "a=rtcp:4711"))
    house.robert.answers()
    assert where(media(house, "customer")) == (False, TRUNK[0], 4711)


def test_an_address_that_the_offer_names_is_taken() -> None:
    house = House()
    dial(house, described(house.trunk, *PLAIN, "a=rtcp:4711 IN IP4 192.0.2.77"))
    house.robert.answers()
    assert where(media(house, "customer")) == (False, "192.0.2.77", 4711)


def test_who_offers_one_port_for_both_is_lent_no_other() -> None:
    house = House()
    dial(house, described(house.trunk, *PLAIN, "a=rtcp-mux"))
    house.robert.answers()
    assert where(media(house, "customer")) == (True, "", 0)
    assert (lent(house, "customer"), lent(house, "agent")) == (0, 1)


def test_a_leg_that_agreed_on_srtp_gets_its_rtcp_with_the_keys_to_close_it() -> None:
    house = House()
    dial(house, secured(house.trunk))
    house.robert.answers()
    told = media(house, "customer")
    assert where(told)[1:] != ("", 0)
    assert told.srtp_suite
    assert told.srtp_send_key


def test_a_port_is_lent_once_however_often_media_is_agreed() -> None:
    house = House()
    customers, _ = house.answered()
    house.trunk.hangs_up(customers)
    told = house.exchange.media.worker.told
    for leg in {each.leg for each in told if isinstance(each, CloseLeg)}:
        assert len(house.exchange.media.worker.of(OpenReports, leg)) == 1
