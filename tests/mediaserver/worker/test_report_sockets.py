"""RTCP of a real worker over loopback: on a port of its own, and in the RTP stream; the goodbye before the sockets close."""

import os
import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest

from mediaserver.link.messages import Applied, CloseLeg, OpenReports, Refused
from rtp.rtcp.building import build
from rtp.rtcp.packets import Goodbye, Packet, ReceiverReport, ReportBlock, SenderReport, SourceDescription
from rtp.rtcp.parsing import parse
from rtp.rtcp.times import middle
from tests.mediaserver.worker.real import RealLeg, RealWorker, udp


@pytest.fixture(scope="module")
def worker() -> Iterator[RealWorker]:
    """One process for all tests of this file; each has a call of its own."""
    with RealWorker() as running:
        yield running


def talking(worker: RealWorker, call: int) -> tuple[RealLeg, RealLeg]:
    """Two parties who have heard each other."""
    customer, agent = worker.join(call + 1, call, "customer"), worker.join(call + 2, call, "agent")
    exchange(worker, customer, agent)
    return customer, agent


def exchange(worker: RealWorker, customer: RealLeg, agent: RealLeg) -> None:
    """Each says something that the other hears."""
    for speaker, hearer in ((customer, agent), (agent, customer)):
        relayed(worker, speaker, hearer)


def relayed(worker: RealWorker, speaker: RealLeg, hearer: RealLeg) -> None:
    """Say something and wait until it was heard."""
    payload = os.urandom(160)
    speaker.say(payload)
    worker.wait(lambda: payload in hearer.listen())


def open_files(worker: RealWorker) -> int:
    """How many files the worker has open."""
    return len(os.listdir(f"/proc/{worker.process.pid}/fd"))


def is_due(worker: RealWorker, leg: RealLeg) -> None:
    """A leg's next report is due now."""
    worker.memory.view("report.next_at")[leg.row] = 0.0


def heard(worker: RealWorker, end: socket.socket) -> list[Packet]:
    """The next compound that comes to a phone, RTP left out."""
    found: list[list[Packet]] = []

    def comes() -> bool:
        try:
            while not found:
                datagram = end.recv(2000)
                if datagram[1] >= 192:
                    found.append(parse(datagram))
        except BlockingIOError:
            pass
        return bool(found)

    worker.wait(comes)
    return found[0]


def test_reports_go_between_ports_of_their_own(worker: RealWorker) -> None:
    customer, agent = talking(worker, 100)
    with udp() as lent, udp() as phone:
        host, port = phone.getsockname()
        (opened, _) = worker.command(
            OpenReports(customer.leg),
            replace(worker.media(customer), rtcp_address=host, rtcp_port=port),
            descriptors=(lent.fileno(),),
        )
        assert isinstance(opened, Applied)
        exchange(worker, customer, agent)
        is_due(worker, customer)
        first, *_ = heard(worker, phone)
        assert isinstance(first, SenderReport)
        assert first.blocks[0].ssrc == customer.leg
        highest = worker.memory.view("sender.sequence")[customer.row]
        block = ReportBlock(first.ssrc, 0, 0, highest, 0, middle(first.ntp), 0)
        phone.sendto(build([ReceiverReport(customer.leg, (block,)), SourceDescription(((customer.leg, b"x"),))]), lent.getsockname())
        worker.wait(lambda: bool(worker.memory.view("report.round_trip")[customer.row] > 0.0))
        assert worker.memory.view("report.round_trip")[customer.row] < 5.0
        assert worker.memory.counters(customer.row)["rtcp_received"] == 1
        worker.command(CloseLeg(customer.leg))
        assert heard(worker, phone)[-1] == Goodbye((first.ssrc,))


def test_reports_go_in_the_stream_where_that_was_agreed(worker: RealWorker) -> None:
    customer, agent = talking(worker, 200)
    worker.command(replace(worker.media(agent), rtcp_mux=True))
    exchange(worker, customer, agent)
    is_due(worker, agent)
    first, *_ = heard(worker, agent.phone)
    assert isinstance(first, SenderReport)
    agent.phone.sendto(build([ReceiverReport(agent.leg)]), agent.lent.getsockname())
    worker.wait(lambda: worker.memory.counters(agent.row)["rtcp_received"] == 1)
    worker.command(CloseLeg(agent.leg))
    assert heard(worker, agent.phone)[-1] == Goodbye((first.ssrc,))


def test_a_descriptor_that_is_no_udp_socket_is_refused(worker: RealWorker) -> None:
    customer, _ = talking(worker, 300)
    file = os.open("/dev/null", os.O_RDONLY)
    (answer,) = worker.command(OpenReports(customer.leg), descriptors=(file,))
    os.close(file)
    assert isinstance(answer, Refused)
    assert answer.code == "bad_value"


def test_a_port_for_a_leg_that_is_not_there_is_refused_and_closed(worker: RealWorker) -> None:
    before = open_files(worker)
    with udp() as lent:
        (answer,) = worker.command(OpenReports(999), descriptors=(lent.fileno(),))
    assert isinstance(answer, Refused)
    assert answer.code == "unknown_leg"
    assert open_files(worker) == before


def test_a_flood_at_one_rtcp_port_leaves_the_audio_alone(worker: RealWorker) -> None:
    customer, agent = talking(worker, 400)
    with udp() as lent, udp() as stranger:
        worker.command(OpenReports(customer.leg), descriptors=(lent.fileno(),))
        for _ in range(300):
            stranger.sendto(b"\x80\xc9\x00\x01abcd", lent.getsockname())
        for _ in range(5):
            exchange(worker, customer, agent)
        assert worker.memory.counters(customer.row)["lost"] == 0
