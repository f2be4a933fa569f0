"""RTCP that is not a leg's, or not RTCP: counted by reason, and without any effect on what is sent."""

import os

import pytest

from mediaserver.link.messages import OpenReports
from rtp.rtcp.building import build
from rtp.rtcp.packets import ReceiverReport, SourceDescription
from tests.mediaserver.worker.reporting import muxed_call, reports_to, run
from tests.mediaserver.worker.simulated import House, Phone

REPORT = build([ReceiverReport(7), SourceDescription(((7, b"x"),))])


@pytest.mark.parametrize(
    ("datagram", "reason"),
    [
        ("80c90001 000000", "size"),
        ("40c90001 00000001", "version"),
        ("80c90001 00000001 80400001 00000001", "type"),
        ("a0c90001 00000000", "padding"),
        ("80c90002 00000001", "length"),
        ("81ca0002 00000009 01ff6162", "content"),
    ],
)
def test_malformed_rtcp_in_a_muxed_stream_is_counted_by_reason(datagram: str, reason: str) -> None:
    house, customer, agent = muxed_call()
    house.run(0.2)
    house.arrive(customer, bytes.fromhex(datagram))
    house.run(0.2)
    counters = house.memory.counters(customer.row)
    assert counters[f"dropped_rtcp_{reason}"] == 1
    assert counters["rtcp_received"] == 0
    assert [packet.payload for packet in agent.got] == customer.said[: len(agent.got)]


def test_rtcp_where_it_was_not_negotiated_is_dropped_without_effect() -> None:
    house = House()
    customer, agent = house.join(1, 10, "customer"), house.join(2, 10, "agent")
    house.run(0.2)
    house.arrive(customer, REPORT)
    house.run(0.2)
    counters = house.memory.counters(customer.row)
    assert (counters["dropped_rtcp"], counters["rtcp_received"]) == (1, 0)
    assert [packet.payload for packet in agent.got] == customer.said[: len(agent.got)]


def test_rtcp_in_a_muxed_stream_takes_no_packet_with_it() -> None:
    house, customer, agent = muxed_call()
    house.run(0.2)
    for _ in range(5):
        house.arrive(customer, REPORT)
        house.run(0.1)
    house.run(0.2)
    assert house.memory.counters(customer.row)["rtcp_received"] == 5
    for hearer, speaker in ((agent, customer), (customer, agent)):
        assert [packet.payload for packet in hearer.got] == speaker.said[: len(hearer.got)]
        assert len(hearer.got) >= len(speaker.said) - 1


def apart() -> tuple[House, Phone]:
    """A leg with a port of its own for RTCP, which its phone wants at 127.0.0.1:40003."""
    house = House()
    customer = house.join(1, 10, "customer", rtcp_address="127.0.0.1", rtcp_port=40_003)
    house.join(2, 10, "agent")
    house.command(OpenReports(1), descriptors=(os.open("/dev/null", os.O_RDONLY),))
    return house, customer


def destinations(house: House, phone: Phone, seconds: float) -> set[tuple[str, int] | None]:
    """Where a phone's reports go."""
    found = set()
    until = house.now + seconds
    while house.now < until:
        house.run(0.1)
        found |= {departure.address for departure in house.turn.reports.outgoing if departure.row == phone.row}
        house.turn.reports.outgoing.clear()
    return found


def latched(house: House, phone: Phone, host: str, port: int) -> None:
    """RTP of the phone really comes from here, as the sockets find out."""
    leg = house.roster.by_row[phone.row]
    assert leg is not None
    leg.latch.source = (host, port)


def test_reports_go_where_they_were_signalled() -> None:
    house, customer = apart()
    assert destinations(house, customer, 12.0) == {("127.0.0.1", 40_003)}


def test_a_leg_with_no_port_for_them_gets_none() -> None:
    house = House()
    customer = house.join(1, 10, "customer", rtcp_address="127.0.0.1", rtcp_port=40_003)
    house.join(2, 10, "agent")
    assert not reports_to(customer, run(house, 12.0))


def test_where_rtp_comes_from_elsewhere_reports_wait_for_rtcp_from_there() -> None:
    house, customer = apart()
    latched(house, customer, "198.51.100.7", 5004)
    assert destinations(house, customer, 12.0) == set()
    house.turn.reports.take_from(customer.row, ("198.51.100.7", 6001), REPORT, house.now)
    assert destinations(house, customer, 12.0) == {("198.51.100.7", 6001)}


def test_rtcp_from_another_host_than_the_legs_is_a_strangers() -> None:
    house, customer = apart()
    house.run(0.2)
    house.turn.reports.take_from(customer.row, ("203.0.113.9", 40_003), REPORT, house.now)
    counters = house.memory.counters(customer.row)
    assert (counters["dropped_rtcp_stranger"], counters["rtcp_received"]) == (1, 0)
    assert destinations(house, customer, 12.0) == {("127.0.0.1", 40_003)}


def test_what_is_not_rtcp_moves_nothing() -> None:
    house, customer = apart()
    house.run(0.2)
    house.turn.reports.take_from(customer.row, ("127.0.0.1", 9), b"nonsense", house.now)
    assert house.memory.counters(customer.row)["dropped_rtcp_version"] == 1
    assert destinations(house, customer, 12.0) == {("127.0.0.1", 40_003)}


def test_a_secured_legs_rtcp_is_opened_before_it_is_read_and_closed_before_it_goes() -> None:
    house, customer, _ = muxed_call()
    reports = house.turn.reports
    reports.unprotect = lambda row, datagram: datagram[:-4] if datagram.endswith(b"seal") else None
    reports.protect = lambda row, datagram: None if row != customer.row else datagram + b"seal"
    house.run(0.2)
    house.arrive(customer, REPORT + b"seal")
    house.run(0.1)
    house.arrive(customer, REPORT)
    house.run(6.0)
    counters = house.memory.counters(customer.row)
    assert (counters["rtcp_received"], counters["dropped_rtcp_unproven"]) == (1, 1)
    assert reports.outgoing
    assert all(departure.row == customer.row and departure.datagram.endswith(b"seal") for departure in reports.outgoing)
