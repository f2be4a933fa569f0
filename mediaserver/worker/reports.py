"""RTCP of all legs: what comes is read, what is due is written. It ends here: nothing of it is ever passed from leg to leg.

Rules (RFC 3550 §6):
- to whom: where the leg's RTCP really comes from; before any came, where it was signalled, while RTP comes from where that was
  signalled; in the RTP stream where that was agreed on (RFC 5761). Not before the leg's media came;
- when: by chance around `LEAST_INTERVAL`, longer where there are very many legs; the first time after half of it, and at the end (BYE);
- what: SR where packets were sent lately, else RR with our clock; a block about what came since the last report, with its
  VoIP metrics; a canonical name by chance; the delay since the leg's own clock came;
- what a leg says counts where it comes from the leg and is about our stream.

Nothing is sent in here: what is to go is left in ``outgoing``. The search for what is due costs some microseconds
each `LOOK_SECONDS`, and at most `MOST_AT_ONCE` reports are made then.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from mediaserver.worker.addresses import packed, unpacked
from mediaserver.worker.metrics_block import metrics
from mediaserver.worker.plan import Leg
from mediaserver.worker.roster import Roster
from mediaserver.worker.state import State
from rtp.arrays import Bytes, Int64, some
from rtp.latch import Address
from rtp.rtcp.building import build
from rtp.rtcp.counting import FarEnd, begins, extended_as_ours, fraction_lost
from rtp.rtcp.packets import (
    DelaySinceReference,
    ExtendedBlock,
    ExtendedReport,
    Goodbye,
    Packet,
    ReceiverReferenceTime,
    ReceiverReport,
    ReportBlock,
    SenderReport,
    SourceDescription,
)
from rtp.rtcp.parsing import Malformed, parse
from rtp.rtcp.times import LEAST_INTERVAL, delay_units, interval, middle, ntp, round_trip

LOOK_SECONDS: Final = 0.064
"""Reports are written some together, which is cheaper than one at a time."""
MOST_AT_ONCE: Final = 32
MOST_A_SECOND: Final = 250
"""Reports that a worker writes a second, about: beyond 1,250 legs each is told less often, 3,000 of them each 12 s."""
NAME_BYTES: Final = 12
"""Random bytes of a canonical name (RFC 7022 §4.2 wants 96 bits)."""
_MASK: Final = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class Departure:
    """An RTCP datagram that is to be sent."""

    row: int
    datagram: bytes
    address: Address | None
    """None: where the leg's RTP goes."""


class Reports:
    """Takes what comes, and leaves in ``outgoing`` what is to go."""

    def __init__(self, state: State, roster: Roster) -> None:
        self._state = state
        self._roster = roster
        self.outgoing: Final[list[Departure]] = []
        """Since they were sent last."""
        self.wall_offset = 0.0
        """Unix time less the monotonic clock, as the shell reads them."""
        self.protect: Callable[[int, bytes], bytes | None] = _as_it_is
        """What goes to a row as it is to be sent; None where it must not be."""
        self.unprotect: Callable[[int, bytes], bytes | None] = _as_it_is
        """What came from a row, opened; None where it is not what was agreed on."""
        self._look_at = 0.0
        self._is_any_muxed = True
        counters = state.report_count
        self._refused = {
            "size": counters.dropped_rtcp_size,
            "version": counters.dropped_rtcp_version,
            "type": counters.dropped_rtcp_type,
            "padding": counters.dropped_rtcp_padding,
            "length": counters.dropped_rtcp_length,
            "content": counters.dropped_rtcp_content,
        }

    # what comes

    def set_aside(self, inbox: Bytes, lengths: Int64, rows: Int64, now: float) -> tuple[Int64, Int64]:
        """Take RTCP out of a batch of RTP ports, where it may come there; what is left of the batch (lengths and rows) is in place.

        Where it may not come, it stays, and is refused as the packet that it is not.
        """
        if not self._is_any_muxed:
            return lengths, rows
        second = inbox[: len(rows), 1]
        ours = (second & 0xE0) == 0xC0  # 192 to 223: RFC 5761 §4
        if not some(ours):
            return lengths, rows
        ours &= self._state.report.is_muxed[rows] != 0
        lines = np.flatnonzero(ours)
        for line in lines.tolist():
            self.take(int(rows[line]), inbox[line, : int(lengths[line])].tobytes(), now)
        return _without(inbox, lengths, rows, lines)

    def take_from(self, row: int, address: Address, datagram: bytes, arrived: float) -> None:
        """One datagram that came to a leg's own RTCP port."""
        leg, report = self._roster.by_row[row], self._state.report
        if leg is None or leg.closes_at or report.is_muxed[row]:
            self._state.refusals.dropped_rtcp[row] += 1
            return
        known = self._destination(leg)
        if address != known and not self._may_be(leg, address):
            self._state.report_count.dropped_rtcp_stranger[row] += 1
            return
        if self.take(row, datagram, arrived) and (address != known or not report.source_port[row]):
            report.source[row], report.source_port[row] = packed(address[0]), address[1]
            self.schedule(row, arrived)

    def take(self, row: int, datagram: bytes, arrived: float) -> bool:
        """One datagram of a leg; whether it was RTCP."""
        opened = self.unprotect(row, datagram)
        if opened is None:
            self._state.report_count.dropped_rtcp_unproven[row] += 1
            return False
        try:
            packets = parse(opened)
        except Malformed as refused:
            self._refused[refused.reason][row] += 1
            return False
        self._state.report_count.rtcp_received[row] += 1
        for packet in packets:
            self._hear(row, packet, arrived)
        return True

    def _may_be(self, leg: Leg, address: Address) -> bool:
        """Whether a leg's RTCP may come from here: from the host of its RTP, unless only what was signalled is believed."""
        return not leg.latch.strict and leg.latch.source is not None and address[0] == leg.latch.source[0]

    def _hear(self, row: int, packet: Packet, arrived: float) -> None:
        report = self._state.report
        match packet:
            case SenderReport(ssrc=ssrc, ntp=time, blocks=blocks):
                report.sender_ssrc[row], report.sender_time[row], report.sender_time_at[row] = ssrc, middle(time), arrived
                self._hear_blocks(row, blocks, arrived)
            case ReceiverReport(blocks=blocks):
                self._hear_blocks(row, blocks, arrived)
            case ExtendedReport(blocks=extended):
                for block in extended:
                    self._hear_extended(row, block, arrived)
            case SourceDescription() | Goodbye():
                pass  # who they are is known by SIP, and so is when they go

    def _hear_blocks(self, row: int, blocks: tuple[ReportBlock, ...], arrived: float) -> None:
        for block in blocks:
            if block.ssrc == int(self._state.sender.ssrc[row]) and self._state.count.sent[row]:
                self._hear_block(row, block, arrived)

    def _hear_block(self, row: int, block: ReportBlock, arrived: float) -> None:
        report, sender = self._state.report, self._state.sender
        first, newest = int(sender.first[row]), int(sender.sequence[row])
        highest = extended_as_ours(block.highest, newest)
        if highest <= first:
            return
        gaps = max(newest - first - int(self._state.count.sent[row]), 0)
        before = self._far_end(row) if report.far_at[row] else None
        told = begins(first, highest, block.lost, gaps) if before is None else before.reports(highest, block.lost, gaps)
        report.far_at[row], report.far_highest[row], report.far_lost[row] = arrived, told.highest, told.missed
        report.far_base[row], report.gap_base[row], report.gaps[row] = told.missed_base, told.gap_base, told.gaps
        report.lost[row], report.loss[row] = told.lost, told.loss
        report.jitter[row] = block.jitter / max(int(self._state.leg.clock[row]), 1)
        self._note_round_trip(row, arrived, block.last_report, block.delay)

    def _far_end(self, row: int) -> FarEnd:
        report = self._state.report
        return FarEnd(
            int(report.far_highest[row]),
            int(report.far_lost[row]),
            int(report.far_base[row]),
            int(report.gap_base[row]),
            int(report.gaps[row]),
            int(report.lost[row]),
            float(report.loss[row]),
        )

    def _hear_extended(self, row: int, block: ExtendedBlock, arrived: float) -> None:
        report = self._state.report
        match block:
            case ReceiverReferenceTime(ntp=time):
                report.reference_time[row], report.reference_time_at[row] = middle(time), arrived
            case DelaySinceReference(ssrc=ssrc, last_reference=reference, delay=delay) if ssrc == int(self._state.sender.ssrc[row]):
                self._note_round_trip(row, arrived, reference, delay)

    def _note_round_trip(self, row: int, arrived: float, sent: int, delay: int) -> None:
        trip = round_trip(arrived + self.wall_offset, sent, delay)
        if trip is not None:
            self._state.report.round_trip[row] = trip

    # what goes

    def aim(self, row: int, address: Address | None, now: float, *, muxed: bool) -> None:
        """Take what was signalled of a leg's RTCP; the same address signalled again keeps the source from which it comes."""
        report = self._state.report
        host, port = address or ("0.0.0.0", 0)
        if port != int(report.signalled_port[row]) or (packed(host) != report.signalled[row]).any():
            report.signalled[row], report.signalled_port[row], report.source_port[row] = packed(host), port, 0
        report.is_muxed[row] = muxed
        self._is_any_muxed = self._is_any_muxed or muxed
        self.schedule(row, now)

    def schedule(self, row: int, now: float) -> None:
        """See to it that a leg gets its first report, where one can go to it; called whenever that may have changed."""
        report = self._state.report
        if not (report.is_muxed[row] or (report.is_open[row] and (report.source_port[row] or report.signalled_port[row]))):
            report.next_at[row] = np.inf
        elif not np.isfinite(report.next_at[row]):
            report.next_at[row] = now + self._interval(row)

    def step(self, now: float) -> None:
        """Write what is due."""
        if now < self._look_at:
            return
        self._look_at = now + LOOK_SECONDS
        self._is_any_muxed = bool(self._state.report.is_muxed.any())
        due = np.flatnonzero(self._state.report.next_at <= now)
        for row in due[:MOST_AT_ONCE].tolist():
            self._report(row, now)

    def goodbye(self, row: int, now: float) -> None:
        """Leave a leg's last report and its BYE, where it ever got a report (§6.3.7); its own packets went before."""
        if self._state.report.sent_at[row]:
            self._report(row, now, is_last=True)
        self._state.report.next_at[row] = np.inf

    def failed(self, row: int) -> None:
        """A departure of this row could not be sent."""
        self._state.count.send_errors[row] += 1

    def _report(self, row: int, now: float, *, is_last: bool = False) -> None:
        datagram, address = self._written(row, now, is_last=is_last)
        report = self._state.report
        if datagram is not None:
            self.outgoing.append(Departure(row, datagram, address))
            report.sent_at[row] = now
            self._state.report_count.rtcp_sent[row] += 1
        report.next_at[row] = now + self._interval(row)

    def _written(self, row: int, now: float, *, is_last: bool) -> tuple[bytes | None, Address | None]:
        """A leg's report and where it goes; None where none may go now."""
        leg, is_muxed = self._roster.by_row[row], bool(self._state.report.is_muxed[row])
        if leg is None or not self._state.latch.heard[row]:
            return None, None
        address = None if is_muxed else self._destination(leg)
        if not is_muxed and (address is None or not self._state.report.is_open[row]):
            return None, None
        return self.protect(row, build(self._compound(row, now, is_last=is_last))), address

    def _destination(self, leg: Leg) -> Address | None:
        """Where a leg's RTCP goes that does not go with its RTP."""
        report, row = self._state.report, leg.row
        if report.source_port[row]:
            return unpacked(report.source[row].tobytes()), int(report.source_port[row])
        if report.signalled_port[row] and leg.latch.source == leg.latch.signalled:
            return unpacked(report.signalled[row].tobytes()), int(report.signalled_port[row])
        return None

    def _compound(self, row: int, now: float, *, is_last: bool) -> list[Packet]:
        state, ssrc = self._state, int(self._state.sender.ssrc[row])
        block = self._block(row, now)
        blocks = (block,) if block is not None else ()
        extended: list[ExtendedBlock] = []
        packets: list[Packet] = []
        time = ntp(now + self.wall_offset)
        if now - float(state.sender.sent_at[row]) < 2 * LEAST_INTERVAL and state.sender.sent_at[row]:
            packets.append(self._sender_report(row, ssrc, time, blocks, now))
        else:
            packets.append(ReceiverReport(ssrc, blocks))
            extended.append(ReceiverReferenceTime(time))
        packets.append(SourceDescription(((ssrc, state.report.name[row].tobytes().hex().encode()),)))
        if state.report.reference_time_at[row]:
            delay = delay_units(now - float(state.report.reference_time_at[row]))
            extended.append(DelaySinceReference(int(state.stream.ssrc[row]) & _MASK, int(state.report.reference_time[row]), delay))
        if block is not None:
            extended.append(metrics(state, row))
        if extended:
            packets.append(ExtendedReport(ssrc, tuple(extended)))
        if is_last:
            packets.append(Goodbye((ssrc,)))
        return packets

    def _sender_report(self, row: int, ssrc: int, time: int, blocks: tuple[ReportBlock, ...], now: float) -> SenderReport:
        """With the stream's own timestamp of this moment: that of its last packet, and what passed since (§6.4.1)."""
        sender = self._state.sender
        passed = round((now - float(sender.sent_at[row])) * int(self._state.leg.clock[row]))
        timestamp = (int(sender.timestamp[row]) + passed) & _MASK
        return SenderReport(ssrc, time, timestamp, int(self._state.count.sent[row]) & _MASK, int(sender.octets[row]) & _MASK, blocks)

    def _block(self, row: int, now: float) -> ReportBlock | None:
        """What we say of the leg's stream; None where nothing of it came since the last report."""
        stream, tally, report = self._state.stream, self._state.tally, self._state.report
        serial = int(stream.serial[row])
        if not serial:
            return None
        expected = int(stream.highest[row]) - int(stream.first[row])
        received = int(tally.received[row]) - int(stream.received_before[row])
        is_same = int(report.serial[row]) == serial
        expected_before, received_before = (int(report.expected[row]), int(report.received[row])) if is_same else (0, 0)
        if received == received_before:
            return None
        report.serial[row], report.expected[row], report.received[row] = serial, expected, received
        came_at = float(report.sender_time_at[row]) if int(report.sender_ssrc[row]) == int(stream.ssrc[row]) else 0.0
        return ReportBlock(
            ssrc=int(stream.ssrc[row]),
            fraction_lost=fraction_lost(expected - expected_before, received - received_before),
            lost=expected - received,
            highest=int(stream.highest[row]) & _MASK,
            jitter=int(float(stream.jitter[row]) * int(self._state.leg.clock[row])),
            last_report=int(report.sender_time[row]) if came_at else 0,
            delay=delay_units(now - came_at) if came_at else 0,
        )

    def _interval(self, row: int) -> float:
        least = max(LEAST_INTERVAL, len(self._roster.legs) / MOST_A_SECOND)
        return interval(self._chance(row), is_first=not self._state.report.sent_at[row], least=least)

    def _chance(self, row: int) -> float:
        """A number from 0 to 1 by the leg's name and the reports so far: no two legs keep step."""
        name = int.from_bytes(self._state.report.name[row, :8].tobytes(), "little")
        count = int(self._state.report_count.rtcp_sent[row])
        return (((name + count) * 0x9E37_79B9_7F4A_7C15 >> 24) & 0xFFFF_FFFF) / 0x1_0000_0000


def _without(inbox: Bytes, lengths: Int64, rows: Int64, lines: Int64) -> tuple[Int64, Int64]:
    """A batch without some of its lines (ascending): the last lines come in their places."""
    count = len(rows)
    for line in reversed(lines.tolist()):
        count -= 1
        inbox[line], lengths[line], rows[line] = inbox[count], lengths[count], rows[count]
    return lengths[:count], rows[:count]


def _as_it_is(_: int, datagram: bytes) -> bytes:
    return datagram
