"""The worker's sockets: what is ready is read into the turn's inbox, what the turn made is sent. No decisions about audio.

Two epoll sets, both level-triggered: the connected sockets, each ready one read once a turn, so that a batch has at most one
packet of a leg; and the lent ones, where strangers and first packets arrive, looked at each `DOOR_SECONDS` and read
a little, so that a flood at one port costs the others nothing.
"""

import math
import os
import select
import socket
from typing import Final

from mediaserver.worker.latches import write_latch
from mediaserver.worker.outbox import Outbox
from mediaserver.worker.overflows import Overflows
from mediaserver.worker.plan import Leg
from mediaserver.worker.report_sockets import ReportSockets
from mediaserver.worker.reports import Reports
from mediaserver.worker.roster import Roster
from mediaserver.worker.securing import Securing
from mediaserver.worker.sorting import Sorting
from mediaserver.worker.state import State
from rtp.arrays import Bytes, Int64
from rtp.header import HEADER
from rtp.latch import Address, Verdict
from rtp.loops import Lines, SocketCounters, make_loop
from rtp.sockets import adopt, connect_beside, drain, plain_address

DOOR_SECONDS: Final = 0.007
"""The lent sockets are looked at so often: each fourth turn of the usual length."""
DOOR_READS: Final = 4
"""Datagrams read from one lent socket each time."""
DOOR_SOCKETS: Final = 64
"""Lent sockets read each time."""


class Sockets:
    """All sockets of a worker; implements `mediaserver.worker.ports.Ports`."""

    def __init__(
        self, state: State, roster: Roster, inbox: Bytes, outbox: Outbox, reports: Reports, securing: Securing, *, compiled: bool = True
    ) -> None:
        """compiled: whether the loop in C is taken where it is installed."""
        self._state = state
        self._securing = securing
        self.sorting: Final = Sorting(state, roster, inbox)
        """What it sorted out is to be told after each `receive`."""
        self._reports = ReportSockets(reports, self._send_along)
        self._roster = roster
        self._inbox = Lines.make(inbox)
        self._outbox = outbox
        counters = SocketCounters(state.count.receive_errors, state.count.send_errors, state.refusals.dropped_size)
        self._dropped: Final = {
            Verdict.TAKEN: state.count.dropped_stranger,  # under a key that is not the leg's
            Verdict.STRANGER: state.count.dropped_stranger,
            Verdict.NOT_SENDING: state.count.dropped_not_sending,
            Verdict.BESIDE: state.count.dropped_beside_source,
            Verdict.UNPROVEN: state.count.dropped_unproven,
        }
        self._loop = make_loop(self._inbox, outbox.lines, counters, compiled=compiled)
        self._door = select.epoll()
        self._lent: list[socket.socket | None] = [None] * state.rows
        self._beside: list[socket.socket | None] = [None] * state.rows
        self._overflows = Overflows(state, self._lent), Overflows(state, self._beside)
        self._row_of: dict[int, int] = {}
        self._door_at = 0.0
        self._any = select.poll()
        """Of the sets, and asked when there is time: a set of sets would be told of every packet."""
        for ends in (self._loop, self._door, self._reports):
            self._any.register(ends.fileno(), select.POLLIN)

    def wake_by(self, descriptor: int) -> None:
        """Have `wait` end when something can be read here too."""
        self._any.register(descriptor, select.POLLIN)

    def are_silent(self) -> bool:
        """Whether nothing can be read anywhere."""
        return not self._any.poll(0)

    def wait(self, seconds: float) -> None:
        """Sleep until something can be read, but no longer."""
        self._any.poll(math.ceil(seconds * 1000))

    def open(self, row: int, descriptor: int) -> None:
        """Take a lent socket for a row; what waits in it is older than the leg and is thrown away."""
        lent = adopt(descriptor)
        self._state.count.dropped_stale[row] += drain(lent)
        self._register(row, lent)

    def sort(self, row: int) -> None:
        """Sort what comes for a row, or do so no more, as its leg says."""
        self.sorting.note(row)

    def aim(self, row: int, address: Address | None) -> None:
        """Connect a row's second socket to a source."""
        self._close_beside(row)
        lent = self._lent[row]
        if address is None or lent is None:
            return
        try:
            beside, stale = connect_beside(lent, address)
        except OSError:
            self._state.count.send_errors[row] += 1
            return
        self._state.count.dropped_stranger[row] += stale
        self._put_beside(row, beside)

    def let_go(self, row: int) -> int:
        """Close a row's sockets but the connected one, of which a descriptor is given away; of the lent one where there is none."""
        end = self._beside[row] or self._lent[row]
        assert end is not None
        connected = os.dup(end.fileno())
        self.close(row)
        return connected

    def take_up(self, row: int, descriptor: int, connected: int) -> None:
        """Take a lent socket as it is, and the one beside it that another worker connected."""
        try:
            lent = adopt(descriptor)
        except OSError:
            os.close(connected)
            raise
        beside = socket.socket(fileno=connected)
        self._register(row, lent)
        try:
            beside.getpeername()
        except OSError:
            beside.close()  # a copy of the lent one: no source was known
            return
        self._put_beside(row, beside)

    def close(self, row: int) -> None:
        """Close all sockets of a row."""
        self._reports.close(row)
        self.sorting.forget(row)
        self._close_beside(row)
        lent = self._lent[row]
        if lent is not None:
            self._overflows[0].note(row)
            self._door.unregister(lent.fileno())
            del self._row_of[lent.fileno()]
            lent.close()
            self._lent[row] = None

    def open_reports(self, row: int, descriptor: int) -> None:
        """Take a lent socket for a row's RTCP."""
        self._reports.open(row, descriptor)

    def receive_reports(self, now: float) -> None:
        """Hand on the RTCP that came to ports of its own."""
        self._reports.receive(now)

    def send_reports(self) -> None:
        """Send the RTCP that waits."""
        self._reports.send()

    def _send_along(self, row: int, datagram: bytes) -> bool:
        """Send a datagram to where a row's RTP goes; whether it went."""
        beside = self._beside[row]
        if beside is None:
            return False
        try:
            beside.send(datagram)
        except OSError:
            return False
        return True

    @property
    def asked(self) -> float:
        """When the sockets were asked last what can be read, monotonic seconds: what came until then, and no more, has been seen."""
        return self._loop.asked

    def receive(self, now: float) -> tuple[Int64, Int64]:
        """Read what is ready into the inbox; lengths (n) and rows (n) of its first lines, each row once."""
        for overflows in self._overflows:
            overflows.step(now)
        first = self._look_at_door(now) if now >= self._door_at else 0
        count = self._loop.receive(first)
        lengths, rows = self._inbox.lengths[:count].copy(), self._inbox.rows[:count].copy()
        return (lengths, rows) if self.sorting.is_idle else self.sorting.sift(lengths, rows, now)

    def send(self) -> None:
        """Send what has come into the turn's outbox since it was sent last."""
        outbox = self._outbox
        if outbox.count > outbox.gone:
            self._loop.send(outbox.gone, outbox.count)
            outbox.gone = outbox.count

    def _look_at_door(self, now: float) -> int:
        """Read the lent sockets a little, each row at most once into the inbox; the number of lines in use afterwards."""
        self._door_at = now + DOOR_SECONDS
        inbox, line = self._inbox, 0
        for descriptor, _ in self._door.poll(0, DOOR_SOCKETS):
            row = self._row_of[descriptor]
            lent = self._lent[row]
            for _ in range(DOOR_READS):
                assert lent is not None
                try:
                    length, address = lent.recvfrom_into(inbox.matrix[line])
                except BlockingIOError:
                    break
                except OSError:
                    self._state.count.receive_errors[row] += 1
                    break
                if self.sorting.takes(row, line, length, plain_address(address), now):
                    continue
                length = self._welcomed(row, length, line, plain_address(address), now)
                if length:
                    inbox.lengths[line], inbox.rows[line] = length, row
                    line += 1
                    break
        return line

    def _welcomed(self, row: int, length: int, line: int, address: Address, now: float) -> int:
        """The length of a datagram at the door that is the leg's: from its source after all, or the packet that moves the latch; else 0.

        What moves the latch of a secured leg is proved genuine first. What is not the leg's is counted by reason.
        """
        leg = self._roster.by_row[row]
        if leg is not None and length and not leg.closes_at and address == leg.latch.source:
            return length
        verdict = Verdict.STRANGER if leg is None or leg.closes_at else self._judge(leg, length, line, address, now)
        if leg is not None and verdict is Verdict.TAKEN:
            length = self._securing.proves(row, line, length, now)
            if length:
                leg.latch.take(address)
                write_latch(self._state, row, leg.latch)
                self.aim(row, address)
                return length
        self._dropped[verdict][row] += 1
        return 0

    def _judge(self, leg: Leg, length: int, line: int, address: Address, now: float) -> Verdict:
        head, row = self._inbox.matrix[line, :HEADER].tobytes(), leg.row
        if length <= HEADER or head[0] >> 6 != 2 or not self._state.leg.payload_kind[row, head[1] & 0x7F]:
            return Verdict.STRANGER
        ssrc, sequence = int.from_bytes(head[8:12], "big"), int.from_bytes(head[2:4], "big")
        has_key = bool(self._state.secured.suite[row])
        return leg.latch.judge(address, ssrc, sequence, float(self._state.meter.last_packet[row]), now, has_key=has_key)

    def _register(self, row: int, lent: socket.socket) -> None:
        self._lent[row] = lent
        self._overflows[0].begin(row)
        self._row_of[lent.fileno()] = row
        self.sorting.note(row)
        self._door.register(lent.fileno(), select.EPOLLIN)

    def _put_beside(self, row: int, beside: socket.socket) -> None:
        self._beside[row] = beside
        self._overflows[1].begin(row)
        self._loop.watch(row, beside)

    def _close_beside(self, row: int) -> None:
        beside = self._beside[row]
        if beside is not None:
            self._overflows[1].note(row)
            self._loop.forget(row)
            self._beside[row] = None
            beside.close()
