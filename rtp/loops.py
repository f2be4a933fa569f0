"""The socket loop of a worker, twice: plain, and compiled from ``socket_loop.c`` where a compiler was at install. No decisions.

Both do the same, and the same tests hold them to it:

- `receive` reads one datagram of every ready socket, so that a batch has at most one of a row; rows that are in the batch
  already are left alone, and what waits beyond is read next time. Rows ascend, so that what is known of them is walked through
  in its order in memory: that saves a tenth of a turn;
- ``asked`` says when the sockets were asked: whatever came before is in the batch, or behind what is; to read it takes time, in which
  more comes, and that is not;
- a datagram that does not fit is cut off at the line's width; an empty one, and an error that a socket reports, is counted;
- `send` sends each line of a range by the socket of its row; a refusal (ICMP) belongs to an earlier datagram, so it is counted and the
  line is sent once more; whatever else the system refuses is counted, and so is a row without a socket.
"""

import ctypes
import os
import select
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from rtp.arrays import Bytes, Int64, UInt64
from rtp.socket_library import CCounters, CLines, is_compiled, load_library

MOST_READY: Final = 8192
"""Sockets read in one batch at most, so that a turn stays bounded."""


@dataclass(frozen=True, slots=True)
class Lines:
    """Datagrams of a batch, one a line."""

    matrix: Bytes
    """(line, width) their bytes."""
    lengths: Int64
    """(line)"""
    rows: Int64
    """(line) the rows that they are from, or for."""

    @classmethod
    def make(cls, matrix: Bytes) -> "Lines":
        """Lines over a matrix that is there."""
        return cls(matrix, np.zeros(len(matrix), dtype=np.int64), np.zeros(len(matrix), dtype=np.int64))


@dataclass(frozen=True, slots=True)
class SocketCounters:
    """What the loop counts, one entry a row."""

    receive_errors: UInt64
    send_errors: UInt64
    empty: UInt64


class SocketLoop(Protocol):
    """Reads and sends over sockets that each belong to one row."""

    @property
    def asked(self) -> float:
        """When the sockets were asked last what can be read, monotonic seconds."""

    def watch(self, row: int, end: socket.socket) -> None:
        """From now on read this connected, non-blocking socket for a row that has none, and send by it."""

    def forget(self, row: int) -> None:
        """Use a row's socket no more; before it is closed."""

    def fileno(self) -> int:
        """A descriptor that can be read where one of the sockets can."""

    def receive(self, first: int) -> int:
        """Read into the inbox's lines from ``first`` on; the number of lines in use afterwards."""

    def send(self, first: int, count: int) -> None:
        """Send the first ``count`` lines of the outbox, but for those before ``first``."""


class PlainLoop:
    """The loop in Python."""

    def __init__(self, inbox: Lines, outbox: Lines, counters: SocketCounters) -> None:
        self._inbox = inbox
        self._outbox = outbox
        self._counters = counters
        rows = len(counters.empty)
        self._most = min(len(inbox.matrix), MOST_READY)
        self._arriving = [memoryview(line) for line in inbox.matrix]
        self._departing = [memoryview(line) for line in outbox.matrix]
        self._of_length: dict[int, list[memoryview]] = {}
        self._ready = select.epoll()
        self._ends: dict[int, tuple[int, Callable[[memoryview], int]]] = {}
        self._descriptor = [-1] * rows
        self.asked = 0.0
        """As `SocketLoop.asked`."""
        self._send: list[Callable[[memoryview], int]] = [_nowhere] * rows

    def watch(self, row: int, end: socket.socket) -> None:
        """As `SocketLoop.watch`."""
        self._ready.register(end.fileno(), select.EPOLLIN)
        self._ends[end.fileno()] = (row, end.recv_into)
        self._send[row] = end.send
        self._descriptor[row] = end.fileno()

    def fileno(self) -> int:
        """As `SocketLoop.fileno`."""
        return self._ready.fileno()

    def forget(self, row: int) -> None:
        """As `SocketLoop.forget`."""
        descriptor = self._descriptor[row]
        self._ready.unregister(descriptor)
        del self._ends[descriptor]
        self._send[row] = _nowhere
        self._descriptor[row] = -1

    def receive(self, first: int) -> int:
        """As `SocketLoop.receive`."""
        ends, room = self._ends, min(self._most, len(self._arriving) - first)
        events = self._ready.poll(0, room) if room > 0 else []
        self.asked = time.monotonic()
        ready = sorted((ends[descriptor] for descriptor, _ in events), key=_row_of)
        if first:
            taken = set(self._inbox.rows[:first].tolist())
            ready = [(row, receive) for row, receive in ready if row not in taken]
        lengths: list[int] = []
        rows: list[int] = []
        line = first
        for row, receive in ready:
            try:
                length = receive(self._arriving[line])
            except OSError:
                self._counters.receive_errors[row] += 1
                continue
            if length:
                lengths.append(length)
                rows.append(row)
                line += 1
            else:
                self._counters.empty[row] += 1
        self._inbox.lengths[first:line] = lengths
        self._inbox.rows[first:line] = rows
        return line

    def send(self, first: int, count: int) -> None:
        """As `SocketLoop.send`."""
        rows, lengths = self._outbox.rows[first:count].tolist(), self._outbox.lengths[first:count].tolist()
        send = self._send
        for row, view in zip(rows, self._views(first, lengths), strict=False):
            try:
                send[row](view)
            except ConnectionRefusedError:
                self._send_again(row, view)
            except OSError:
                self._counters.send_errors[row] += 1

    def _views(self, first: int, lengths: list[int]) -> list[memoryview]:
        """The lines from ``first`` on as far as they are used; those of one length are kept, where whole batches are of it."""
        if not lengths or lengths.count(lengths[0]) < len(lengths):
            return [view[:length] for view, length in zip(self._departing[first:], lengths, strict=False)]
        views, count = self._of_length.get(lengths[0]), first + len(lengths)
        if views is None or len(views) < count:
            if len(self._of_length) >= _KEPT_LENGTHS:
                self._of_length.clear()
            views = [view[: lengths[0]] for view in self._departing[: 2 * count]]
            self._of_length[lengths[0]] = views
        return views[first:]

    def _send_again(self, row: int, view: memoryview) -> None:
        self._counters.send_errors[row] += 1
        try:
            self._send[row](view)
        except OSError:
            self._counters.send_errors[row] += 1


class CompiledLoop:
    """The loop in C."""

    def __init__(self, inbox: Lines, outbox: Lines, counters: SocketCounters) -> None:
        """`OSError` where no library of this version is installed."""
        self._library = load_library()
        self._kept = (inbox, outbox, counters)
        self._inbox, self._outbox, self._whole_outbox = _c_lines(inbox), _c_lines(outbox), _c_lines(outbox)
        self._counters = CCounters(counters.receive_errors.ctypes.data, counters.send_errors.ctypes.data, counters.empty.ctypes.data)
        self._descriptors = np.full(len(counters.empty), -1, dtype=np.int32)
        self._descriptors_there = self._descriptors.ctypes.data
        self._ready = select.epoll()
        self._asked = ctypes.c_double()
        references = [ctypes.byref(each) for each in (self._inbox, self._outbox, self._counters, self._asked)]
        self._inbox_there, self._outbox_there, self._counters_there, self._asked_there = references

    @property
    def asked(self) -> float:
        """As `SocketLoop.asked`."""
        return self._asked.value

    def watch(self, row: int, end: socket.socket) -> None:
        """As `SocketLoop.watch`."""
        problem = self._library.socket_loop_watch(self._ready.fileno(), end.fileno(), row)
        if problem:
            raise OSError(problem, os.strerror(problem))
        self._descriptors[row] = end.fileno()

    def fileno(self) -> int:
        """As `SocketLoop.fileno`."""
        return self._ready.fileno()

    def forget(self, row: int) -> None:
        """As `SocketLoop.forget`."""
        self._ready.unregister(int(self._descriptors[row]))
        self._descriptors[row] = -1

    def receive(self, first: int) -> int:
        """As `SocketLoop.receive`."""
        there = self._inbox_there, first, self._descriptors_there, self._counters_there, self._asked_there
        return int(self._library.socket_loop_receive(self._ready.fileno(), *there))

    def send(self, first: int, count: int) -> None:
        """As `SocketLoop.send`."""
        whole, rest = self._whole_outbox, self._outbox
        rest.bytes, rest.count = whole.bytes + first * whole.width, whole.count - first
        rest.lengths, rest.rows = whole.lengths + first * _INT64, whole.rows + first * _INT64
        self._library.socket_loop_send(self._outbox_there, count - first, self._descriptors_there, self._counters_there)


def make_loop(inbox: Lines, outbox: Lines, counters: SocketCounters, *, compiled: bool = True) -> PlainLoop | CompiledLoop:
    """The compiled loop where it is wanted and installed, else the plain one."""
    if compiled and is_compiled():
        return CompiledLoop(inbox, outbox, counters)
    return PlainLoop(inbox, outbox, counters)


_INT64: Final = 8
"""Bytes of a length, or of a row."""
_KEPT_LENGTHS: Final = 8
"""Lengths of which cut lines are kept."""


def _c_lines(lines: Lines) -> CLines:
    count, width = lines.matrix.shape
    return CLines(lines.matrix.ctypes.data, width, count, lines.lengths.ctypes.data, lines.rows.ctypes.data)


def _row_of(end: tuple[int, Callable[[memoryview], int]]) -> int:
    return end[0]


def _nowhere(_: memoryview) -> int:
    raise OSError("the row has no socket")
