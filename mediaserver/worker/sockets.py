"""The worker's sockets: what is ready is read into the turn's inbox, what the turn made is sent. No decisions about audio.

Two epoll sets, both level-triggered: the connected sockets, each ready one read once a turn, so that a batch has at most one
packet of a leg; and the lent ones, where strangers and first packets arrive, looked at each `DOOR_TURNS` turns and read
a little, so that a flood at one port costs the others nothing.
"""

import select
import socket
from collections.abc import Callable
from typing import Final

import numpy as np

from mediaserver.worker.commands import write_latch
from mediaserver.worker.outbox import Outbox
from mediaserver.worker.roster import Roster
from mediaserver.worker.state import State
from rtp.arrays import Bytes, Int64
from rtp.header import HEADER
from rtp.latch import Address
from rtp.sockets import adopt, connect_beside, drain, plain_address
from rtp.stream import BLOCK

DOOR_TURNS: Final = 4
"""The lent sockets are looked at each so many turns."""
DOOR_READS: Final = 4
"""Datagrams read from one lent socket each time."""
DOOR_SOCKETS: Final = 64
"""Lent sockets read each time."""
_USUAL_LENGTHS: Final = frozenset(HEADER + blocks * BLOCK for blocks in range(1, 7))


class Sockets:
    """All sockets of a worker; implements `mediaserver.worker.commands.Ports`."""

    def __init__(self, state: State, roster: Roster, inbox: Bytes, outbox: Outbox) -> None:
        self._state = state
        self._roster = roster
        self._inbox = inbox
        self._lines = [memoryview(inbox[line]) for line in range(len(inbox))]
        self._outbox = outbox
        self._departing = [memoryview(outbox.matrix[line]) for line in range(len(outbox.matrix))]
        self._of_length: dict[int, list[memoryview]] = {}
        self._ready = select.epoll()
        self._door = select.epoll()
        self._lent: list[socket.socket | None] = [None] * state.rows
        self._beside: list[socket.socket | None] = [None] * state.rows
        self._row_of: dict[int, int] = {}
        self._ends: dict[int, tuple[int, Callable[[memoryview], int]]] = {}
        self._send: list[Callable[[memoryview], int]] = [_nowhere] * state.rows
        self._turns = 0

    def open(self, row: int, descriptor: int) -> None:
        """Take a lent socket for a row; what waits in it is older than the leg and is thrown away."""
        lent = adopt(descriptor)
        self._state.count.dropped_stale[row] += drain(lent)
        self._lent[row] = lent
        self._row_of[lent.fileno()] = row
        self._door.register(lent.fileno(), select.EPOLLIN)

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
        self._beside[row] = beside
        self._ends[beside.fileno()] = (row, beside.recv_into)
        self._send[row] = beside.send
        self._ready.register(beside.fileno(), select.EPOLLIN)

    def close(self, row: int) -> None:
        """Close both sockets of a row."""
        self._close_beside(row)
        lent = self._lent[row]
        if lent is not None:
            self._door.unregister(lent.fileno())
            del self._row_of[lent.fileno()]
            lent.close()
            self._lent[row] = None

    def receive(self, now: float) -> tuple[Int64, Int64]:
        """Read what is ready into the inbox; lengths (n) and rows (n) of its first lines, each row once."""
        lengths: list[int] = []
        rows: list[int] = []
        self._turns += 1
        if self._turns % DOOR_TURNS == 0:
            self._look_at_door(lengths, rows, now)
        taken = set(rows)
        failed = False
        ends = self._ends
        ready = [ends[descriptor] for descriptor, _ in self._ready.poll(0, self._state.rows)]
        lines = self._lines
        if taken:
            ready = [(row, receive) for row, receive in ready if row not in taken]
            lines = lines[len(rows) :]
        for (row, receive), line in zip(ready, lines, strict=False):
            try:
                length = receive(line)
            except OSError:
                self._state.count.receive_errors[row] += 1
                length = 0
            failed = failed or not length
            lengths.append(length)
            rows.append(row)
        taken_lengths, taken_rows = np.array(lengths, dtype=np.int64), np.array(rows, dtype=np.int64)
        if failed:
            return self._without_failures(taken_lengths, taken_rows)
        return taken_lengths, taken_rows

    def _without_failures(self, lengths: Int64, rows: Int64) -> tuple[Int64, Int64]:
        """Close the gaps in the inbox where nothing, or an empty datagram, was read."""
        kept = np.flatnonzero(lengths > 0)
        self._inbox[: len(kept)] = self._inbox[kept]
        return lengths[kept], rows[kept]

    def send(self) -> None:
        """Send the turn's outbox."""
        rows, lengths = self._outbox.rows, self._outbox.lengths
        if not rows:
            return
        send = self._send
        length = lengths[0]
        if length in _USUAL_LENGTHS and lengths.count(length) == len(lengths):
            departing = self._views(length)
        else:
            departing = [view[:size] for view, size in zip(self._departing, lengths, strict=False)]
        for row, view in zip(rows, departing, strict=False):
            try:
                send[row](view)
            except ConnectionRefusedError:
                self._send_again(row, view)
            except OSError:
                self._state.count.send_errors[row] += 1

    def _views(self, length: int) -> list[memoryview]:
        views = self._of_length.get(length)
        if views is None:
            views = [view[:length] for view in self._departing]
            self._of_length[length] = views
        return views

    def _send_again(self, row: int, view: memoryview) -> None:
        """The error belonged to an earlier datagram; this one was not sent yet."""
        self._state.count.send_errors[row] += 1
        try:
            self._send[row](view)
        except OSError:
            self._state.count.send_errors[row] += 1

    def _look_at_door(self, lengths: list[int], rows: list[int], now: float) -> None:
        for descriptor, _ in self._door.poll(0, DOOR_SOCKETS):
            row = self._row_of[descriptor]
            lent = self._lent[row]
            for _ in range(DOOR_READS):
                assert lent is not None
                try:
                    length, address = lent.recvfrom_into(self._lines[len(rows)])
                except BlockingIOError:
                    break
                except OSError:
                    self._state.count.receive_errors[row] += 1
                    break
                if self._is_welcome(row, length, len(rows), plain_address(address), now):
                    lengths.append(length)
                    rows.append(row)
                    break
                self._state.count.dropped_stranger[row] += 1

    def _is_welcome(self, row: int, length: int, line: int, address: Address, now: float) -> bool:
        """Whether a datagram at the door is the leg's: from its source after all, or the packet that moves the latch."""
        leg = self._roster.by_row[row]
        if leg is None or leg.closes_at:
            return False
        if address == leg.latch.source:
            return True
        head = self._inbox[line]
        negotiated = length > HEADER and head[0] >> 6 == 2 and self._state.leg.payload_kind[row, head[1] & 0x7F] != 0
        if not negotiated or not leg.latch.accepts(address, float(self._state.meter.last_packet[row]), now):
            return False
        write_latch(self._state, leg)
        self.aim(row, address)
        return True

    def _close_beside(self, row: int) -> None:
        beside = self._beside[row]
        if beside is None:
            return
        self._ready.unregister(beside.fileno())
        del self._ends[beside.fileno()]
        self._send[row] = _nowhere
        self._beside[row] = None
        beside.close()


def _nowhere(_: memoryview) -> int:
    raise OSError("the leg has no address that could be reached")
