"""The socket loop, in Python and in C: what is ready is read once, what is in the batch is sent, what goes wrong is counted."""

import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pytest

from rtp import socket_library
from rtp.loops import CompiledLoop, Lines, PlainLoop, SocketCounters, make_loop
from rtp.socket_library import is_compiled

KINDS = [PlainLoop, *([CompiledLoop] if is_compiled() else [])]
"""Where the installation found no compiler, there is one loop only."""


def counters(rows: int) -> SocketCounters:
    return SocketCounters(*(np.zeros(rows, dtype=np.uint64) for _ in range(3)))


@dataclass
class Bench:
    """A loop with two rows, each connected to a phone."""

    kind: type[PlainLoop] | type[CompiledLoop]
    inbox: Lines = field(default_factory=lambda: Lines.make(np.zeros((4, 64), dtype=np.uint8)))
    outbox: Lines = field(default_factory=lambda: Lines.make(np.zeros((8, 64), dtype=np.uint8)))
    counters: SocketCounters = field(default_factory=lambda: counters(8))
    ends: list[socket.socket] = field(default_factory=list)
    phones: list[socket.socket] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.loop = self.kind(self.inbox, self.outbox, self.counters)
        for row in range(2):
            phone, end = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
            for each in (phone, end):
                each.bind(("127.0.0.1", 0))
            phone.settimeout(5)
            end.setblocking(False)
            phone.connect(end.getsockname())
            end.connect(phone.getsockname())
            self.phones.append(phone)
            self.ends.append(end)
            self.loop.watch(row, end)

    def received(self, first: int = 0) -> list[tuple[int, bytes]]:
        """Row and bytes of what one round read."""
        count = self.loop.receive(first)
        lines = range(first, count)
        return [(int(self.inbox.rows[line]), self.inbox.matrix[line, : self.inbox.lengths[line]].tobytes()) for line in lines]

    def put(self, *datagrams: tuple[int, bytes]) -> None:
        """Send these, each to its row."""
        for line, (row, text) in enumerate(datagrams):
            self.outbox.matrix[line, : len(text)] = np.frombuffer(text, dtype=np.uint8)
            self.outbox.rows[line], self.outbox.lengths[line] = row, len(text)
        self.loop.send(0, len(datagrams))

    def close(self) -> None:
        for end in (*self.ends, *self.phones):
            end.close()


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__)
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    made = Bench(request.param)
    yield made
    made.close()


def test_one_datagram_of_every_ready_socket_is_read_a_round(bench: Bench) -> None:
    for text in (b"first", b"second"):
        bench.phones[0].send(text)
    bench.phones[1].send(b"other")
    assert sorted(bench.received()) == [(0, b"first"), (1, b"other")]
    assert bench.received() == [(0, b"second")]
    assert bench.received() == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_is_in_the_order_of_its_rows_whatever_came_first(kind: type[PlainLoop] | type[CompiledLoop]) -> None:
    rows = [200, 3, 64, 0, 199, 63, 65]
    inbox, outbox = (Lines.make(np.zeros((16, 64), dtype=np.uint8)) for _ in range(2))
    loop = kind(inbox, outbox, counters(256))
    pairs = {row: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM) for row in rows}
    for row, (end, _) in pairs.items():
        loop.watch(row, end)
    for row in rows:
        pairs[row][1].send(b"from %d" % row)
    assert loop.receive(0) == len(rows)
    assert inbox.rows[: len(rows)].tolist() == sorted(rows)
    texts = [inbox.matrix[line, : inbox.lengths[line]].tobytes() for line in range(len(rows))]
    assert texts == [b"from %d" % row for row in sorted(rows)]
    for end, phone in pairs.values():
        end.close()
        phone.close()


@pytest.mark.parametrize("first", [0, 4])
def test_it_is_told_when_the_sockets_were_asked_even_where_there_is_no_room_to_read(bench: Bench, first: int) -> None:
    bench.phones[0].send(b"text")
    before = time.monotonic()
    bench.received(first)
    assert before <= bench.loop.asked <= time.monotonic()


def test_rows_that_are_in_the_batch_already_are_left_for_the_next_round(bench: Bench) -> None:
    bench.phones[0].send(b"waits")
    bench.phones[1].send(b"goes")
    bench.inbox.rows[0] = 0
    assert bench.received(first=1) == [(1, b"goes")]
    assert bench.received() == [(0, b"waits")]


def test_no_more_is_read_than_there_are_lines(bench: Bench) -> None:
    for phone in bench.phones:
        phone.send(b"text")
    bench.inbox.rows[:] = 7
    assert len(bench.received(first=3)) == 1
    assert len(bench.received()) == 1
    assert bench.received(first=4) == []


def test_what_is_longer_than_a_line_is_cut_off_at_its_width(bench: Bench) -> None:
    bench.phones[0].send(b"x" * 200)
    assert bench.received() == [(0, b"x" * 64)]


def test_an_empty_datagram_is_counted_and_takes_no_line(bench: Bench) -> None:
    bench.phones[0].send(b"")
    bench.phones[1].send(b"text")
    assert bench.received() == [(1, b"text")]
    assert bench.counters.empty.tolist()[:2] == [1, 0]


def test_each_line_leaves_by_the_socket_of_its_row(bench: Bench) -> None:
    bench.put((1, b"for one"), (0, b"for nought"), (1, b"more for one"))
    assert bench.phones[0].recv(99) == b"for nought"
    assert [bench.phones[1].recv(99) for _ in range(2)] == [b"for one", b"more for one"]
    assert not bench.counters.send_errors.any()


def test_batches_of_one_length_may_grow_and_change_their_length(bench: Bench) -> None:
    for text in (b"one", b"four"):
        bench.put((0, text))
        bench.put((0, text), (0, text), (1, text), (0, text), (0, text))
        assert [bench.phones[0].recv(99) for _ in range(5)] == [text] * 5
        assert bench.phones[1].recv(99) == text


def test_lines_that_went_before_are_left_out(bench: Bench) -> None:
    bench.put((0, b"one"), (1, b"two"))
    for first, count in ((1, 2), (0, 1), (2, 2)):
        bench.loop.send(first, count)
    assert [phone.recv(99) for phone in (*bench.phones, *bench.phones)] == [b"one", b"two"] * 2
    bench.put((0, b"last"))
    assert [phone.recv(99) for phone in bench.phones[:1]] == [b"last"]


def test_a_row_without_a_socket_is_counted(bench: Bench) -> None:
    bench.put((5, b"nowhere"), (0, b"somewhere"))
    assert bench.counters.send_errors.tolist()[:6] == [0, 0, 0, 0, 0, 1]
    assert bench.phones[0].recv(99) == b"somewhere"


def test_a_refusal_is_counted_and_costs_the_next_datagram_nothing(bench: Bench) -> None:
    address = bench.phones[0].getsockname()
    bench.phones[0].close()
    bench.put((0, b"refused"))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as back:
        back.bind(address)
        back.settimeout(5)
        bench.put((0, b"arrives"))
        assert back.recv(99) == b"arrives"
    assert bench.counters.send_errors[0] == 1


def test_a_refusal_that_a_read_meets_is_counted_and_takes_no_line(bench: Bench) -> None:
    bench.phones[0].close()
    bench.put((0, b"refused"))
    assert bench.received() == []
    assert bench.counters.receive_errors[0] == 1


def test_a_row_that_is_forgotten_is_neither_read_nor_sent_to_and_may_come_back(bench: Bench) -> None:
    bench.phones[0].send(b"unread")
    bench.loop.forget(0)
    assert bench.received() == []
    bench.put((0, b"unsent"))
    assert bench.counters.send_errors[0] == 1
    bench.loop.watch(0, bench.ends[0])
    assert bench.received() == [(0, b"unread")]


def test_a_socket_is_not_watched_twice(bench: Bench) -> None:
    with pytest.raises(OSError, match="exists"):
        bench.loop.watch(1, bench.ends[0])


def test_the_compiled_loop_is_taken_where_it_is_installed_and_wanted() -> None:
    def made(*, compiled: bool) -> type:
        lines = Lines.make(np.zeros((4, 64), dtype=np.uint8))
        return type(make_loop(lines, lines, counters(2), compiled=compiled))

    assert made(compiled=True) is KINDS[-1]
    assert made(compiled=False) is PlainLoop


def test_a_library_of_another_version_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    socket_library.load_library.cache_clear()
    monkeypatch.setattr(socket_library, "VERSION", -1)
    assert not is_compiled()
    socket_library.load_library.cache_clear()
