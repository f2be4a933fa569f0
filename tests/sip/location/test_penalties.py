"""Hops that failed lately stand at the end of the line."""

from sip.location.penalties import LONGEST, Penalties
from sip.transport.flow import Flow

A, B, C = (Flow("udp", ("192.0.2.2", 5060), (f"192.0.2.{host}", 5060)) for host in (11, 12, 13))


def test_order_is_kept_where_nothing_failed() -> None:
    assert Penalties().ordered((B, A, C), 0) == [B, A, C]


def test_a_hop_that_failed_comes_last_until_its_time_is_over() -> None:
    penalties = Penalties()
    penalties.avoid(A, 30, 0)
    assert penalties.ordered((A, B, C), 29) == [B, C, A]
    assert penalties.ordered((A, B, C), 30) == [A, B, C]
    assert len(penalties) == 0


def test_where_all_failed_the_one_that_is_free_first_comes_first() -> None:
    penalties = Penalties()
    penalties.avoid(A, 30, 0)
    penalties.avoid(B, 10, 0)
    assert penalties.ordered((A, B), 1) == [B, A]


def test_who_answers_is_forgiven() -> None:
    penalties = Penalties()
    penalties.avoid(A, 30, 0)
    penalties.forgive(A)
    assert not penalties.is_avoided(A, 1)


def test_another_transport_to_the_same_address_is_another_hop() -> None:
    penalties = Penalties()
    penalties.avoid(A, 30, 0)
    assert not penalties.is_avoided(Flow("tcp", ("192.0.2.2", 0), A.remote), 1)


def test_our_own_port_makes_no_difference() -> None:
    penalties = Penalties()
    penalties.avoid(A, 30, 0)
    assert penalties.is_avoided(Flow("udp", ("192.0.2.2", 5070), A.remote), 1)


def test_nobody_can_ask_to_be_left_alone_for_ever() -> None:
    penalties = Penalties()
    penalties.avoid(A, 1e9, 0)
    assert not penalties.is_avoided(A, LONGEST)


def test_what_is_remembered_is_bounded() -> None:
    penalties = Penalties(limit=2)
    for flow in (A, B, C):
        penalties.avoid(flow, 30, 0)
    assert [penalties.is_avoided(flow, 1) for flow in (A, B, C)] == [False, True, True]
