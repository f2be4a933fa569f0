"""Which address peers are told."""

import pytest

from mediaserver.signalling.addresses import Addresses

LOCAL = ("127.0.0.0/8", "10.0.0.0/8")


def test_a_peer_outside_is_told_the_advertised_address() -> None:
    assert Addresses("0.0.0.0", "203.0.113.5", LOCAL).toward("198.51.100.7") == "203.0.113.5"


def test_a_peer_in_a_local_network_is_told_the_local_address() -> None:
    assert Addresses("0.0.0.0", "203.0.113.5", LOCAL).toward("127.0.0.1") == "127.0.0.1"


def test_a_bound_address_is_told_as_it_is() -> None:
    assert Addresses("127.0.0.3", "", LOCAL).toward("127.0.0.1") == "127.0.0.3"


def test_the_routed_address_is_remembered() -> None:
    addresses = Addresses("0.0.0.0", "", LOCAL)
    assert [addresses.toward("127.0.0.9") for _ in range(2)] == ["127.0.0.1", "127.0.0.1"]


def test_what_is_no_address_is_not_exempt() -> None:
    assert Addresses("0.0.0.0", "203.0.113.5", LOCAL).toward("phone.invalid") == "203.0.113.5"


@pytest.mark.parametrize(
    ("bind", "host", "is_ours"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("192.0.2.1", "203.0.113.5", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "127.0.0.1", False),
        ("0.0.0.0", "127.0.0.1", True),
        ("0.0.0.0", "127.9.9.9", True),
        ("::", "::1", True),
        ("0.0.0.0", "198.51.100.7", False),
        ("0.0.0.0", "phone.invalid", False),
    ],
)
def test_an_address_is_ours_where_packets_to_it_come_to_us(bind: str, host: str, is_ours: bool) -> None:
    assert Addresses(bind, "203.0.113.5", LOCAL).is_ours(host) is is_ours


def test_who_seems_to_be_here_is_told_where_we_are_found_from_outside_too() -> None:
    assert Addresses("127.0.0.3", "203.0.113.5", LOCAL).others("127.0.0.1") == ("203.0.113.5",)


def test_who_is_outside_is_told_nothing_of_our_own_networks() -> None:
    assert Addresses("10.0.0.1", "203.0.113.5", LOCAL).others("198.51.100.7") == ()


def test_a_bound_address_is_all_there_is() -> None:
    assert Addresses("127.0.0.3", "", LOCAL).others("127.0.0.1") == ()
