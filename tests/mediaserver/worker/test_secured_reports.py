"""RTCP of secured legs: closed and opened like their RTP, under indexes of its own, which an heir counts on."""

from collections.abc import Sequence

import pytest
from pylibsrtp import Error

from rtp.rtcp.building import build
from rtp.rtcp.packets import Packet, ReceiverReport, SourceDescription
from rtp.rtcp.parsing import parse
from rtp.srtp.suites import NUMBERS, SUITES
from tests.mediaserver.worker.secured import PROFILES, Line, SecuredHouse, line_of
from tests.mediaserver.worker.simulated import TURN, Phone
from tests.mediaserver.worker.succession import Told


class Reported:
    """A secured customer who wants his RTCP in his RTP stream, and a plain agent."""

    def __init__(self, suite: str = "AES_CM_128_HMAC_SHA1_80") -> None:
        self.house = SecuredHouse()
        self.line = line_of(suite)
        self.customer: Phone = self.house.join_secured(1, 7, "customer", self.line, rtcp_mux=True, ptime_ms=60)
        self.house.join(2, 7, "agent", ptime_ms=60)
        self.sent: list[bytes] = []

    def run(self, seconds: float) -> None:
        """Turn, and keep the RTCP that leaves for the customer."""
        until = self.house.now + seconds
        while self.house.now < until:
            self.house.run(TURN)
            self.sent += [one.datagram for one in self.house.turn.reports.outgoing if one.row == self.customer.row]
            self.house.turn.reports.outgoing.clear()

    def say(self) -> bytes:
        """The customer sends a report; the datagram, as it was sent."""
        packets: Sequence[Packet] = (ReceiverReport(self.customer.ssrc, ()), SourceDescription(((self.customer.ssrc, b"phone"),)))
        datagram = self.line.shutting.protect_rtcp(build(packets))
        self.house.arrive_as_it_is(self.customer, datagram)
        self.run(3 * TURN)
        return datagram

    def counted(self, name: str) -> int:
        """A counter of the customer."""
        return self.house.memory.counters(self.customer.row)[name]

    def indexes(self) -> list[int]:
        """Of what was sent."""
        suite = SUITES[NUMBERS[self.line.suite] - 1]
        end = None if suite.index_is_last else -suite.report_tag
        start = -4 if end is None else end - 4
        return [int.from_bytes(datagram[start:end], "big") & 0x7FFF_FFFF for datagram in self.sent]


@pytest.mark.parametrize("suite", sorted(PROFILES))
def test_reports_leave_closed_and_can_be_opened(suite: str) -> None:
    call = Reported(suite)
    call.run(12.0)
    assert len(call.sent) >= 2
    for datagram in call.sent:
        assert parse(call.line.opening.unprotect_rtcp(datagram))
    assert call.indexes() == list(range(1, len(call.sent) + 1))


@pytest.mark.parametrize("suite", sorted(PROFILES))
def test_reports_that_come_are_opened_and_once_only(suite: str) -> None:
    call = Reported(suite)
    call.run(0.3)
    datagrams = [call.say() for _ in range(3)]
    assert call.counted("rtcp_received") == 3
    for datagram in datagrams:
        call.house.arrive_as_it_is(call.customer, datagram)
        call.run(3 * TURN)
    assert (call.counted("rtcp_received"), call.counted("dropped_rtcp_unproven")) == (3, 3)


def test_a_report_may_be_the_first_that_comes() -> None:
    call = Reported()
    call.customer.talking = False
    call.say()
    call.customer.talking = True
    call.run(0.7)
    assert call.counted("rtcp_received") == 1
    assert call.counted("received") >= 10


def test_plain_and_forged_reports_are_counted_and_change_nothing() -> None:
    call = Reported()
    call.run(0.3)
    plain = build((ReceiverReport(call.customer.ssrc, ()),))
    forged = Line(call.line.suite, call.line.heard_under, call.line.said_under).shutting.protect_rtcp(plain)
    for datagram in (plain, forged, plain + bytes(40)):
        call.house.arrive_as_it_is(call.customer, datagram)
        call.run(3 * TURN)
    assert (call.counted("rtcp_received"), call.counted("dropped_rtcp_unproven")) == (0, 3)
    call.say()
    assert call.counted("rtcp_received") == 1


def test_an_heir_counts_on_and_takes_no_report_twice() -> None:
    call = Reported()
    call.run(12.0)
    old = call.say()
    told = Told(call.house)
    told.know()
    heir = told.bury()
    assert isinstance(heir, SecuredHouse)
    call.house = heir
    before = len(call.sent)
    call.run(12.0)
    assert len(call.sent) > before
    assert call.indexes() == list(range(1, len(call.sent) + 1))
    for datagram in call.sent:
        try:
            call.line.opening.unprotect_rtcp(datagram)
        except Error as error:
            raise AssertionError("a report of the heir cannot be opened") from error
    heir.arrive_as_it_is(call.customer, old)
    call.run(3 * TURN)
    assert call.counted("dropped_rtcp_unproven") == 1
    call.say()
    assert call.counted("dropped_rtcp_unproven") == 1


def test_a_report_without_an_agreed_stream_for_it_is_no_packet() -> None:
    house = SecuredHouse()
    customer = house.join_secured(1, 7, "customer", line_of())
    house.run(0.2)
    house.arrive_as_it_is(customer, house.lines[customer.row].shutting.protect_rtcp(build((ReceiverReport(1, ()),))))
    house.run(TURN)
    assert sum(house.counted(customer).values()) + house.memory.counters(customer.row)["dropped_rtcp"] == 1
