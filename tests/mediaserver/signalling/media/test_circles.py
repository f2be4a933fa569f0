"""Peers that name the server's own media ports: two calls may face each other, but none hears itself again."""

from mediaserver.link.messages import SetMedia
from tests.mediaserver.signalling.exchange import ROBERT, SERVER, Phone, description
from tests.mediaserver.signalling.leftovers import leftovers
from tests.mediaserver.signalling.test_leftovers import House


def names(house: House, phone: Phone, session: int, port: int, host: str = SERVER[0]) -> None:
    """A phone wants its audio sent there."""
    phone.station.agent.reoffer(session, description((host, 0), port), house.now)
    house.exchange.run()


def legs(house: House) -> list[tuple[int, int]]:
    """Numbers and ports of all legs, eldest first."""
    return sorted((leg.leg, leg.port.port) for _, leg in house.exchange.switchboard.calls.legs())


def is_sent_to(house: House, leg: int) -> bool:
    """Whether the worker was last told to send a leg its audio."""
    return house.exchange.media.worker.of(SetMedia, leg)[-1].remote_receives


def test_a_party_that_names_the_others_port_is_sent_nothing_until_it_names_its_own_again() -> None:
    house = House()
    customers, agents = house.answered()
    (customer, customers_port), (agent, agents_port) = legs(house)
    names(house, house.trunk, customers, agents_port)
    names(house, house.robert, agents, customers_port)
    assert (is_sent_to(house, customer), is_sent_to(house, agent)) == (False, False)
    assert house.exchange.counters.value("media_circles") == 2
    names(house, house.robert, agents, 4000, ROBERT[0])
    assert (is_sent_to(house, customer), is_sent_to(house, agent)) == (False, True)
    house.trunk.hangs_up(customers)
    assert leftovers(house.exchange) == {}


def test_a_party_that_names_its_own_port_is_sent_nothing() -> None:
    house = House()
    customers, _ = house.answered()
    (customer, port), _ = legs(house)
    names(house, house.trunk, customers, port)
    assert not is_sent_to(house, customer)


def test_two_calls_face_each_other_until_that_would_close_a_circle() -> None:
    house = House()
    first = house.trunk.dial("100"), house.robert.answers()
    second = house.trunk.dial("200"), house.maria.answers()
    (customer, a), (agent, b), (other_customer, c), (other_agent, d) = legs(house)
    names(house, house.robert, first[1], c)
    names(house, house.trunk, second[0], b)
    assert (is_sent_to(house, agent), is_sent_to(house, other_customer)) == (True, True)
    names(house, house.maria, second[1], a)
    assert not is_sent_to(house, other_agent)
    names(house, house.trunk, first[0], d)
    assert not is_sent_to(house, customer)
    assert is_sent_to(house, agent)


def test_a_port_that_is_no_legs_and_a_host_that_is_not_ours_are_nothing_special() -> None:
    house = House()
    customers, _ = house.answered()
    (customer, port), _ = legs(house)
    names(house, house.trunk, customers, port + 20)
    assert is_sent_to(house, customer)
    names(house, house.trunk, customers, port, "192.0.2.9")
    assert is_sent_to(house, customer)
