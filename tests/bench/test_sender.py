"""The sending half: batches of packets whose headers and payload go on as a phone's would, digits in their place or beside."""

import struct
import time

import numpy as np
import pytest

from bench.generator.memory import Memory, Size
from bench.generator.messages import Start
from bench.generator.rtp import tardy
from bench.generator.sender import SLOTS, Sender
from bench.generator.signals import Code, Signal, Tones, render
from rtp.loops import Lines


class Bench:
    """A sender with a few legs, turned by hand; keeps what each of them sends."""

    def __init__(self, legs: int = 3, logged: int = 100) -> None:
        self.memory = Memory(Size(legs=legs, logged=logged))
        self.outbox = Lines.make(np.zeros((2 * legs + 1, 700), np.uint8))
        self.sender = Sender(self.memory, self.outbox, self.send, bank_frames=10)
        self.sent: list[list[bytes]] = [[] for _ in range(legs)]

    def send(self, count: int) -> None:
        for line, leg in enumerate(self.outbox.rows[:count].tolist()):
            self.sent[leg].append(self.outbox.matrix[line, : self.outbox.lengths[line]].tobytes())

    def start(self, leg: int, signal: Signal, records: bool = False) -> None:
        self.sender.load(signal, "PCMU", render(signal, "PCMU"))
        self.sender.start(Start(leg, "", 0, "PCMU", signal, (0, 0), 101, records))

    def turn(self, times: int = 1) -> None:
        for _ in range(times):
            for number in range(SLOTS):
                self.sender.send_slot(number, time.monotonic())
        self.sender.settle()


def header(packet: bytes) -> tuple[int, int, int, int, int]:
    fields: tuple[int, int, int, int, int] = struct.unpack("!BBHII", packet[:12])
    return fields


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_leg_sends_its_loop_with_numbers_that_go_on(bench: Bench) -> None:
    signal = Code(seed=1, frames=4)
    bench.start(0, signal)
    bench.turn(6)
    packets = bench.sent[0]
    frames = render(signal, "PCMU")
    assert [packet[12:] for packet in packets] == [frames[at % 4].tobytes() for at in range(6)]
    first = header(packets[0])
    for at, packet in enumerate(packets):
        version, kind, sequence, timestamp, ssrc = header(packet)
        assert (version, kind, ssrc) == (0x80, 0, first[4])
        assert sequence == (first[2] + at) & 0xFFFF
        assert timestamp == (first[3] + 160 * at) & 0xFFFFFFFF
    assert bench.memory.sent.tolist() == [6, 0, 0]


def test_legs_are_spread_over_the_slots() -> None:
    bench = Bench(legs=40)
    for leg in range(40):
        bench.start(leg, Code(seed=leg, frames=1))
    counts = []
    for number in range(SLOTS):
        before = int(bench.memory.sent.sum())
        bench.sender.send_slot(number, time.monotonic())
        bench.sender.settle()
        counts.append(int(bench.memory.sent.sum()) - before)
    assert counts == [2] * SLOTS


def test_a_stopped_leg_is_silent_and_may_start_again_with_new_numbers(bench: Bench) -> None:
    bench.start(1, Code(seed=2))
    bench.turn(2)
    bench.sender.stop(1)
    bench.turn(3)
    assert len(bench.sent[1]) == 2
    bench.start(1, Code(seed=3))
    bench.turn()
    assert header(bench.sent[1][0])[4] != header(bench.sent[1][2])[4]


def test_a_digit_takes_the_place_of_audio_for_seven_packets(bench: Bench) -> None:
    told: list[int] = []
    bench.sender.on_pressed = lambda leg, moment: told.append(leg)
    bench.start(0, Code(seed=1))
    bench.turn()
    bench.sender.press(0, "5", beside=False)
    bench.turn(8)
    packets = bench.sent[0]
    events = packets[1:8]
    assert [packet[12] for packet in events] == [5] * 7
    assert [packet[13] >> 7 for packet in events] == [0, 0, 0, 0, 1, 1, 1]
    assert [struct.unpack("!H", packet[14:16])[0] for packet in events] == [160, 320, 480, 640, 800, 800, 800]
    assert [header(packet)[1] for packet in events] == [0x80 | 101, *[101] * 6]
    assert {header(packet)[3] for packet in events} == {header(packets[0])[3] + 160 & 0xFFFFFFFF}
    assert [header(packet)[2] for packet in packets] == [header(packets[0])[2] + at & 0xFFFF for at in range(9)]
    assert len(packets[8]) == 172
    assert told == [0]


def test_a_digit_beside_the_audio_leaves_the_audio_whole(bench: Bench) -> None:
    signal = Code(seed=1)
    bench.start(0, signal)
    bench.sender.press(0, "#", beside=True)
    bench.turn(9)
    packets = bench.sent[0]
    audio = [packet[12:] for packet in packets if len(packet) == 172]
    assert audio == [frame.tobytes() for frame in render(signal, "PCMU")[:9]]
    assert [packet[12] for packet in packets if len(packet) == 16] == [11] * 7
    assert [header(packet)[2] for packet in packets] == [header(packets[0])[2] + at & 0xFFFF for at in range(16)]


def test_lateness_is_counted_and_a_stall_is_written_down(bench: Bench) -> None:
    bench.start(0, Code(seed=1))
    number = bench.sender._slot_of[0]
    due = time.monotonic() - 0.05
    bench.sender.send_slot(number, due)
    late = np.flatnonzero(bench.memory.late)
    assert 500 <= late[0] < 700
    assert bench.memory.total("stalled") == 1
    assert bench.memory.stalls[0, 0] == due
    bench.sender.send_slot(number, time.monotonic())
    assert bench.memory.total("stalled") == 1


def test_packets_that_left_late_are_written_down_where_their_leg_is_recorded(bench: Bench) -> None:
    bench.start(0, Code(seed=1))
    bench.start(1, Code(seed=2), records=True)
    for number in range(SLOTS):
        bench.sender.send_slot(number, time.monotonic())
        assert bench.memory.total("tardy") == 0
    due = time.monotonic() - 0.003
    for leg in range(2):
        bench.sender.send_slot(bench.sender._slot_of[leg], due)
    late = tardy(bench.memory)
    assert list(late) == [1]
    assert late[1][0, 0] == due
    assert 0.003 <= late[1][0, 1] - due < 1.0


def test_signals_stay_what_they_were_when_wider_ones_and_more_of_them_come() -> None:
    bench = Bench()
    for leg, frames in enumerate((4, 9, 25)):
        bench.start(leg, Code(seed=leg, frames=frames))
    wide = Tones((400,), 2000.0)
    bench.sender.load(wide, "L16/16000", render(wide, "L16/16000"))
    bench.turn(2)
    for leg, frames in enumerate((4, 9, 25)):
        said = render(Code(seed=leg, frames=frames), "PCMU")[:2]
        assert [packet[12:] for packet in bench.sent[leg]] == [frame.tobytes() for frame in said]


def test_stalls_that_meet_are_one() -> None:
    memory = Memory(Size(legs=1))
    for due, sent in ((1.0, 1.2), (1.1, 1.3), (1.5, 1.6)):
        memory.note_stall(due, sent)
    assert memory.stalls[: memory.total("stalled")].tolist() == [[1.0, 1.3], [1.5, 1.6]]


def test_what_was_sent_is_logged_with_its_frame_until_the_log_is_full() -> None:
    bench = Bench(logged=3)
    bench.start(0, Code(seed=1, frames=2))
    bench.turn(5)
    assert bench.memory.log_frame[:3].tolist() == [0, 1, 2]
    assert (bench.memory.total("logged"), bench.memory.total("log_overflow")) == (3, 2)


def test_paused_legs_send_nothing_and_go_on_where_they_were(bench: Bench) -> None:
    for leg in range(3):
        bench.start(leg, Code(seed=leg, frames=4))
    bench.turn()
    bench.sender.pause(range(1, 3))
    bench.turn(2)
    bench.sender.pause(range(1))
    bench.turn()
    assert [len(packets) for packets in bench.sent] == [3, 2, 2]
    first, second = (header(packet) for packet in bench.sent[1])
    assert (second[2] - first[2]) & 0xFFFF == 1
    assert (second[3] - first[3]) & 0xFFFF_FFFF == 160


def test_a_digit_of_a_paused_leg_waits_with_it(bench: Bench) -> None:
    bench.start(0, Code(seed=0, frames=4))
    bench.sender.press(0, "5", False)
    bench.sender.pause(range(1))
    bench.turn()
    assert not bench.sent[0]
    bench.sender.pause(range(0))
    bench.turn()
    assert header(bench.sent[0][0])[1] & 0x7F == 101
