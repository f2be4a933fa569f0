"""Counting and keeping what comes in: loss, doubles, gaps, strangers; on real sockets, without the process around them."""

import socket
import struct
from collections.abc import Iterator

import numpy as np
import pytest

from bench.generator.memory import Memory, Size
from bench.generator.receiver import Receiver
from bench.generator.sockets import Sockets


class Wire:
    """One leg's socket, and a sender to it."""

    def __init__(self, kernel_times: bool = False, recorded: int = 5) -> None:
        self.memory = Memory(Size(legs=2, recorded=recorded))
        self.sockets = Sockets(2, kernel_times)
        self.receiver = Receiver(self.memory, self.sockets)
        port = self.sockets.open(("127.0.0.1", "127.0.0.1"))[1]
        self.sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sender.connect(("127.0.0.1", port))
        self.sockets.watch(1)
        self.receiver.start(1, 0, 101, records=True)

    def bring(self, *datagrams: bytes) -> None:
        """Read these one after the other, and judge them together."""
        for data in datagrams:
            self.sender.send(data)
            self.receiver.put_by(self.sockets.receive())
        self.receiver.settle()

    def close(self) -> None:
        self.sockets.close()
        self.sender.close()

    def packet(self, sequence: int, *, kind: int = 0, ssrc: int = 9, payload: bytes = bytes(160)) -> None:
        self.bring(packet(sequence, kind=kind, ssrc=ssrc, payload=payload))


def packet(sequence: int, *, kind: int = 0, ssrc: int = 9, payload: bytes = bytes(160)) -> bytes:
    return struct.pack("!BBHII", 0x80, kind, sequence & 0xFFFF, (sequence * 160) & 0xFFFFFFFF, ssrc) + payload


@pytest.fixture
def wire() -> Iterator[Wire]:
    made = Wire()
    yield made
    made.close()


def test_packets_are_counted_and_numbers_go_on_over_the_end(wire: Wire) -> None:
    for sequence in (65534, 65535, 65536, 65537):
        wire.packet(sequence)
    assert wire.memory.received[1] == 4
    assert wire.memory.highest[1] == 65536 + 65537
    assert wire.memory.received[0] == 0


def test_a_double_and_a_late_one_do_not_raise_the_highest_number(wire: Wire) -> None:
    for sequence in (10, 11, 11, 9):
        wire.packet(sequence)
    assert wire.memory.highest[1] == 65536 + 11
    assert wire.memory.duplicates[1] == 1


def test_what_is_judged_together_is_counted_as_if_it_were_judged_one_by_one(wire: Wire) -> None:
    wire.bring(b"strange", packet(10), packet(12, ssrc=10), packet(12), packet(1, kind=101, payload=bytes(4)), packet(13))
    memory = wire.memory
    assert (memory.strange[1], memory.received[1], memory.digits[1], memory.duplicates[1], memory.jumps[1]) == (1, 5, 1, 1, 2)
    assert memory.highest[1] == 65536 + 13
    assert memory.gaps[1].sum() == 4
    assert memory.record_sequence[:4].tolist() == [10, 12, 12, 13]


def test_a_voice_is_told_from_bytes_that_are_all_the_same(wire: Wire) -> None:
    for at in range(16):
        wire.packet(1, payload=bytes([0xD5]) * 160)
        quiet = float(wire.memory.last_voice[1])
        wire.packet(2, payload=bytes([0xD5]) * at + b"\x55" + bytes([0xD5]) * (159 - at))
        assert wire.memory.last_voice[1] > quiet
    heard = float(wire.memory.last_voice[1])
    wire.packet(3, payload=bytes(range(19)))
    assert wire.memory.last_voice[1] == heard


def test_gaps_between_packets_are_told_apart_by_milliseconds(wire: Wire) -> None:
    wire.packet(1)
    wire.memory.last_arrival[1] -= 0.0305
    before = float(wire.memory.last_arrival[1])
    wire.packet(2)
    assert wire.memory.gaps[1].sum() == 1
    milliseconds = (float(wire.memory.last_arrival[1]) - before) * 1000
    assert milliseconds > 30
    assert int(wire.memory.gaps[1].argmax()) == int(milliseconds)


def test_digits_are_counted_apart_and_not_kept(wire: Wire) -> None:
    wire.packet(1, kind=101, payload=bytes(4))
    assert (wire.memory.digits[1], wire.memory.received[1], wire.memory.total("recorded")) == (1, 1, 0)


@pytest.mark.parametrize("data", [b"", b"\x80", b"GET / HTTP/1.1\r\n\r\n", bytes(200), b"\x80\x60" + bytes(170)])
def test_what_is_no_packet_of_ours_is_counted_as_strange(wire: Wire, data: bytes) -> None:
    wire.bring(data)
    assert (wire.memory.strange[1], wire.memory.received[1]) == (1, 0)


def test_another_source_in_the_stream_is_a_jump(wire: Wire) -> None:
    wire.packet(1)
    wire.packet(2, ssrc=10)
    assert wire.memory.jumps[1] == 1


def test_payload_is_kept_as_long_as_there_is_room_and_the_rest_is_counted(wire: Wire) -> None:
    for sequence in range(1, 8):
        wire.packet(sequence, payload=bytes([sequence]) * 160)
    memory = wire.memory
    assert (memory.total("recorded"), memory.total("record_overflow")) == (5, 2)
    assert memory.record_payload[:, 0].tolist() == [1, 2, 3, 4, 5]
    assert memory.record_timestamp.tolist() == [160, 320, 480, 640, 800]
    assert np.all(memory.record_leg == 1)


def test_without_room_to_keep_anything_all_that_was_to_be_kept_is_counted() -> None:
    wire = Wire(recorded=0)
    wire.packet(1)
    assert (wire.memory.received[1], wire.memory.total("record_overflow")) == (1, 1)
    wire.close()


def test_the_kernels_time_of_arrival_is_before_ours() -> None:
    import time

    wire = Wire(kernel_times=True)
    before = time.monotonic()
    wire.packet(1)
    after = time.monotonic()
    assert before - 0.001 <= wire.memory.record_time[0] <= after
    wire.close()


def test_nothing_to_read_is_no_error(wire: Wire) -> None:
    wire.bring()
    assert wire.memory.received.sum() == 0
