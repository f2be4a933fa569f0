"""The generator's sockets: batches of the inbox and the outbox, refusals, legs that are forgotten; times by the kernel or by the look."""

import socket
import time
from collections.abc import Iterator

import numpy as np
import pytest

from bench.generator.sockets import Sockets


@pytest.fixture(params=[False, True], ids=["by the look", "by the kernel"])
def sockets(request: pytest.FixtureRequest) -> Iterator[Sockets]:
    made = Sockets(3, kernel_times=request.param)
    yield made
    made.close()


def join(sockets: Sockets) -> list[socket.socket]:
    """A far end for each of three legs, which are connected and watched."""
    far = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(3)]
    for leg, (end, port) in enumerate(zip(far, sockets.open(("127.0.0.1",) * 3), strict=True)):
        end.bind(("127.0.0.1", 0))
        end.connect(("127.0.0.1", port))
        end.setblocking(False)
        sockets.connect(leg, end.getsockname())
        sockets.watch(leg)
    return far


def fill(sockets: Sockets, rows: list[int]) -> None:
    count = len(rows)
    sockets.outbox.rows[:count] = rows
    sockets.outbox.lengths[:count] = 5
    for line in range(count):
        sockets.outbox.matrix[line, :5] = np.frombuffer(b"line%d" % line, np.uint8)


def test_a_batch_is_one_packet_of_every_ready_leg_with_its_moment(sockets: Sockets) -> None:
    far = join(sockets)
    before = time.monotonic()
    for end, count in ((far[0], 2), (far[2], 1)):
        for _ in range(count):
            end.send(b"hello")
    counts = [sockets.receive() for _ in range(3)]
    assert counts == [2, 1, 0]
    assert sockets.inbox.rows[0] == 0
    assert sockets.inbox.lengths[0] == 5
    assert sockets.inbox.matrix[0, :5].tobytes() == b"hello"
    assert before - 0.001 <= sockets.arrival[0] <= time.monotonic() + 0.001


def test_lines_go_out_by_their_legs_sockets_several_of_one_leg_too(sockets: Sockets) -> None:
    far = join(sockets)
    fill(sockets, [2, 0, 2])
    sockets.send(3)
    assert [far[2].recv(100), far[2].recv(100), far[0].recv(100)] == [b"line0", b"line2", b"line1"]


def test_what_is_refused_is_counted_and_the_others_go_out(sockets: Sockets) -> None:
    far = join(sockets)
    far[1].close()
    for _ in range(2):
        fill(sockets, [0, 1, 2])
        sockets.send(3)
    assert [far[leg].recv(100) for leg in (0, 0, 2, 2)] == [b"line0", b"line0", b"line2", b"line2"]
    assert sockets.counters.send_errors.tolist() == [0, 1, 0]


def test_a_forgotten_leg_is_deaf_until_it_is_watched_again(sockets: Sockets) -> None:
    far = join(sockets)
    sockets.forget(1)
    far[1].send(b"hello")
    assert sockets.receive() == 0
    sockets.watch(1)
    assert sockets.receive() == 1
