"""RTCP around a simulated worker: what it sends a phone, and what a phone says of what it got."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from rtp.rtcp.building import build
from rtp.rtcp.packets import Packet, ReceiverReport, ReportBlock, SenderReport, SourceDescription
from rtp.rtcp.parsing import parse
from tests.mediaserver.worker.simulated import TURN, House, Phone, Sent

WALL = 1_700_000_000.0
"""Unix time less the virtual clock."""

Told = list[tuple[float, int, list[Packet]]]
"""Reports: when, to which row, and what was reported."""


def muxed_call(**media: Any) -> tuple[House, Phone, Phone]:
    """Two parties who agreed on RTCP in their RTP streams, and who both have this media."""
    house = House()
    house.turn.reports.wall_offset = WALL
    house.desk._entropy = np.random.default_rng(1).bytes
    media["rtcp_mux"] = True
    customer, agent = house.join(1, 10, "customer", **media), house.join(2, 10, "agent", **media)
    return house, customer, agent


def run(house: House, seconds: float) -> Told:
    """Turn for so long; what was reported."""
    told: Told = []
    until = house.now + seconds
    while house.now < until:
        house.run(TURN)
        told += taken(house)
    return told


def taken(house: House) -> Iterator[tuple[float, int, list[Packet]]]:
    """The reports that wait to be sent, as if they were sent now."""
    departures = list(house.turn.reports.outgoing)
    house.turn.reports.outgoing.clear()
    for departure in departures:
        yield house.now, departure.row, parse(departure.datagram)


def reports_to(phone: Phone, told: Sequence[tuple[float, int, list[Packet]]]) -> list[tuple[float, list[Packet]]]:
    """Those for one phone."""
    return [(at, packets) for at, row, packets in told if row == phone.row]


def sender_reports(phone: Phone, told: Sequence[tuple[float, int, list[Packet]]]) -> list[tuple[float, SenderReport]]:
    """Those of them that are sender reports."""
    return [(at, packets[0]) for at, packets in reports_to(phone, told) if isinstance(packets[0], SenderReport)]


def blocks_about(phone: Phone, told: Sequence[tuple[float, int, list[Packet]]]) -> list[ReportBlock]:
    """What was said of the phone's own stream."""
    firsts = [packets[0] for _, packets in reports_to(phone, told)]
    return [block for first in firsts if isinstance(first, SenderReport | ReceiverReport) for block in first.blocks]


def say(house: House, phone: Phone, *packets: Packet) -> None:
    """The phone sends RTCP in its RTP stream."""
    house.arrive(phone, build([*packets, SourceDescription(((phone.ssrc, b"phone"),))]))


def block_on(got: Sequence[Sent], *, last_report: int = 0, delay: int = 0) -> ReportBlock:
    """What an honest phone says of what it got: everything that its numbers promised and that did not come is lost."""
    base, numbers = got[0].sequence, [(packet.sequence - got[0].sequence) % 65_536 for packet in got]
    lost = max(numbers) + 1 - len(set(numbers))
    return ReportBlock(got[0].ssrc, 0, lost, base + max(numbers), 160, last_report, delay)
