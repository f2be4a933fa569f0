"""The port pool: bound, rested, bounded."""

import socket

import pytest

from mediaserver.signalling.media.ports import NoFreePort, PortPool
from tests.interop.tools import own_address

HERE = own_address()
"""Servers that other tests start have ports at the usual address."""


def pool(first: int = 61000, last: int = 61009, rest: float = 2.0) -> PortPool:
    return PortPool(HERE, first, last, dscp=46, rest=rest)


def test_even_ports_of_the_range_are_lent_and_no_others() -> None:
    ports = pool(61001, 61007)
    lent = [ports.lend(0.0) for _ in range(3)]
    assert [one.port for one in lent] == [61002, 61004, 61006]
    for one in lent:
        ports.give_back(one, 0.0)


def test_a_full_range_is_refused_until_a_port_has_rested() -> None:
    ports = pool(61020, 61021)
    lent = ports.lend(0.0)
    with pytest.raises(NoFreePort, match="1 lent"):
        ports.lend(1.0)
    ports.give_back(lent, 10.0)
    with pytest.raises(NoFreePort, match="1 resting"):
        ports.lend(11.9)
    again = ports.lend(12.0)
    assert again.port == 61020
    ports.give_back(again, 12.0)


def test_a_port_that_another_program_holds_is_passed_over_and_counted() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((HERE, 61030))
        ports = pool(61030, 61033)
        lent = ports.lend(0.0)
        assert (lent.port, ports.taken_by_others) == (61032, 1)
        ports.give_back(lent, 0.0)


def test_a_check_tells_an_address_that_is_not_ours_and_takes_nothing() -> None:
    with pytest.raises(NoFreePort, match=r"192\.0\.2\.1"):
        PortPool("192.0.2.1", 61050, 61053, dscp=46).check()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((HERE, 61060))
        ports = pool(61060, 61063)
        ports.check()
        assert (ports.lent, ports.taken_by_others) == (0, 0)
        lent = ports.lend(0.0)
        assert lent.port == 61062
        ports.give_back(lent, 0.0)


def test_giving_a_port_back_twice_changes_nothing() -> None:
    ports = pool(61040, 61041)
    lent = ports.lend(0.0)
    ports.give_back(lent, 0.0)
    ports.give_back(lent, 0.0)
    assert ports.lent == 0


def test_a_lent_socket_lets_the_worker_bind_the_same_port_and_marks_its_packets() -> None:
    ports = pool(61050, 61051)
    lent = ports.lend(0.0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as second:
        second.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        second.bind(lent.socket.getsockname())
    assert lent.socket.getsockopt(socket.IPPROTO_IP, socket.IP_TOS) == 46 << 2
    ports.give_back(lent, 0.0)


def test_the_port_above_is_lent_too_for_rtcp_and_given_back() -> None:
    ports = pool(61070, 61071)
    lent = ports.lend(0.0)
    assert lent.reports is not None
    assert lent.reports.getsockname() == (HERE, 61071)
    ports.give_back(lent, 0.0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((HERE, 61071))


def test_a_pair_is_passed_over_whose_upper_port_another_program_holds() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((HERE, 61081))
        ports = pool(61080, 61083)
        lent = ports.lend(0.0)
        assert (lent.port, ports.taken_by_others) == (61082, 1)
        ports.give_back(lent, 0.0)
        other.close()
        free = pool(61080, 61081).lend(0.0)
        assert free.port == 61080
        free.socket.close()


def test_a_range_that_ends_with_an_even_port_lends_it_without_rtcp() -> None:
    ports = pool(61090, 61090)
    lent = ports.lend(0.0)
    assert lent.reports is None
    ports.give_back(lent, 0.0)
    assert ports.lent == 0
