"""The port pool: bound, rested, bounded."""

import socket

import pytest

from mediaserver.signalling.media.ports import NoFreePort, PortPool
from tests.interop.tools import own_address

HERE = own_address()
"""Servers that other tests start have ports at the usual address."""


def pool(first: int = 41000, last: int = 41009, rest: float = 2.0) -> PortPool:
    return PortPool(HERE, first, last, dscp=46, rest=rest)


def test_even_ports_of_the_range_are_lent_and_no_others() -> None:
    ports = pool(41001, 41007)
    lent = [ports.lend(0.0) for _ in range(3)]
    assert [one.port for one in lent] == [41002, 41004, 41006]
    for one in lent:
        ports.give_back(one, 0.0)


def test_a_full_range_is_refused_until_a_port_has_rested() -> None:
    ports = pool(41020, 41021)
    lent = ports.lend(0.0)
    with pytest.raises(NoFreePort, match="1 lent"):
        ports.lend(1.0)
    ports.give_back(lent, 10.0)
    with pytest.raises(NoFreePort, match="1 resting"):
        ports.lend(11.9)
    again = ports.lend(12.0)
    assert again.port == 41020
    ports.give_back(again, 12.0)


def test_a_port_that_another_program_holds_is_passed_over_and_counted() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((HERE, 41030))
        ports = pool(41030, 41033)
        lent = ports.lend(0.0)
        assert (lent.port, ports.taken_by_others) == (41032, 1)
        ports.give_back(lent, 0.0)


def test_a_check_tells_an_address_that_is_not_ours_and_takes_nothing() -> None:
    with pytest.raises(NoFreePort, match=r"192\.0\.2\.1"):
        PortPool("192.0.2.1", 41050, 41053, dscp=46).check()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((HERE, 41060))
        ports = pool(41060, 41063)
        ports.check()
        assert (ports.lent, ports.taken_by_others) == (0, 0)
        lent = ports.lend(0.0)
        assert lent.port == 41062
        ports.give_back(lent, 0.0)


def test_giving_a_port_back_twice_changes_nothing() -> None:
    ports = pool(41040, 41041)
    lent = ports.lend(0.0)
    ports.give_back(lent, 0.0)
    ports.give_back(lent, 0.0)
    assert ports.lent == 0


def test_a_lent_socket_lets_the_worker_bind_the_same_port_and_marks_its_packets() -> None:
    ports = pool(41050, 41051)
    lent = ports.lend(0.0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as second:
        second.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        second.bind(lent.socket.getsockname())
    assert lent.socket.getsockopt(socket.IPPROTO_IP, socket.IP_TOS) == 46 << 2
    ports.give_back(lent, 0.0)


def test_the_port_above_is_lent_too_for_rtcp_and_given_back() -> None:
    ports = pool(41070, 41071)
    lent = ports.lend(0.0)
    assert lent.reports is not None
    assert lent.reports.getsockname() == (HERE, 41071)
    ports.give_back(lent, 0.0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((HERE, 41071))


def test_a_pair_is_passed_over_whose_upper_port_another_program_holds() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((HERE, 41081))
        ports = pool(41080, 41083)
        lent = ports.lend(0.0)
        assert (lent.port, ports.taken_by_others) == (41082, 1)
        ports.give_back(lent, 0.0)
        other.close()
        free = pool(41080, 41081).lend(0.0)
        assert free.port == 41080
        free.socket.close()


def test_a_range_that_ends_with_an_even_port_lends_it_without_rtcp() -> None:
    ports = pool(41090, 41090)
    lent = ports.lend(0.0)
    assert lent.reports is None
    ports.give_back(lent, 0.0)
    assert ports.lent == 0
