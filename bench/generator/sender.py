"""The sending half of the legs: 20 slots of 1 ms, each a batch of packets that are put together as arrays."""

import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bench.generator.companding import FRAME
from bench.generator.formats import FORMATS
from bench.generator.memory import LATE_BINS, STALL, TARDY, Memory
from bench.generator.messages import Start
from bench.generator.signals import Signal
from bench.generator.sockets import HEADER
from rtp.loops import Lines

SLOTS = 20
SLOT = 0.001
_EVENTS = "0123456789*#ABCD"
_HELD_PACKETS, _END_PACKETS = 4, 3
"""A digit is held for 80 ms, and its end is told three times (RFC 4733 §2.5.1.4)."""
_STREAM = np.dtype(
    [(name, "i8") for name in ("sequence", "timestamp", "frame", "ticks", "start", "frames", "bytes")]
    + [("ssrc", "u4"), ("kind", "i2"), ("digit_kind", "i2")]
)
"""A leg's stream in one line of the processor's cache. start, frames: its signal's loop in the bank; bytes: of a packet."""
_LATE_BIN = 0.0001
"""Seconds of a bin of lateness."""

Send = Callable[[int], None]
"""Sends the first lines of the outbox."""


@dataclass(slots=True)
class Digit:
    """One key press under way."""

    event: int
    payload_type: int
    timestamp: int
    beside: bool
    ticks: int = FRAME
    """Of 20 ms at the leg's clock."""
    packets: int = 0

    def next_packet(self, sequence: int, ssrc: int) -> bytes:
        """The next packet of the event; 20 ms of duration more each until the end is told."""
        self.packets += 1
        held = min(self.packets, _HELD_PACKETS + 1)
        ends = 0x80 if self.packets > _HELD_PACKETS else 0
        marker = 0x80 if self.packets == 1 else 0
        header = struct.pack("!BBHII", 0x80, marker | self.payload_type, sequence, self.timestamp, ssrc)
        return header + struct.pack("!BBH", self.event, ends | 10, held * self.ticks)

    @property
    def tells_end_first(self) -> bool:
        """Whether the packet just made is the first that tells the end."""
        return self.packets == _HELD_PACKETS + 1

    @property
    def is_over(self) -> bool:
        """Whether the packet just made was the last."""
        return self.packets == _HELD_PACKETS + _END_PACKETS


@dataclass(slots=True)
class Slot:
    """The legs that send in one millisecond of the 20."""

    legs: list[int] = field(default_factory=list)
    rows: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    """Those that are not paused, in ascending order."""


class Sender:
    """All legs' outgoing streams. `send_slot` is the whole of its loop."""

    def __init__(self, memory: Memory, outbox: Lines, send: Send, bank_frames: int) -> None:
        legs = memory.size.legs
        self._memory = memory
        self._outbox = outbox
        self._send = send
        self._headers = outbox.matrix.view(_header(outbox.matrix.shape[1]))[:, 0]
        self._headers["first"] = 0x80
        self._bank = np.zeros((bank_frames, FRAME), np.uint8)
        self._bank_used = 0
        self._sources: dict[tuple[Signal, str], tuple[int, int]] = {}
        self._streams = np.zeros(legs, _STREAM)
        self._slots = [Slot() for _ in range(SLOTS)]
        self._slot_of: dict[int, int] = {}
        self._records = np.zeros(legs, np.bool_)
        """(leg) whose tardy packets are written down."""
        self._closing: dict[int, Callable[[bytes], bytes]] = {}
        """Of legs that agreed on SRTP."""
        self._digits: dict[int, Digit] = {}
        self._paused = range(0)
        self._sent: list[NDArray[np.int64]] = []
        """Of each batch since the last settlement: its legs."""
        self._random = np.random.default_rng()
        self.on_pressed: Callable[[int, float], None] = lambda leg, moment: None

    def load(self, signal: Signal, codec: str, frames: NDArray[np.uint8]) -> None:
        """Keep a signal's frames, rendered elsewhere: rendering takes longer than a slot."""
        used, width = self._bank_used, frames.shape[1]
        end = used + len(frames)
        if end > len(self._bank) or width > self._bank.shape[1]:
            kept = self._bank[:used]
            rows = len(self._bank) if end <= len(self._bank) else max(end, 2 * len(self._bank))
            self._bank = np.zeros((rows, max(width, self._bank.shape[1])), np.uint8)
            self._bank[:used, : kept.shape[1]] = kept
        self._bank[used:end, :width] = frames
        self._sources[signal, codec] = (used, len(frames))
        self._bank_used = end

    def start(self, command: Start) -> None:
        """Send the signal from the leg's slot on, with a new SSRC and new numbers, closed where keys were agreed on."""
        leg, form = command.leg, FORMATS[command.codec]
        sequence = self._random.integers(0, 65536) if command.first < 0 else command.first - 1
        timestamp, ssrc = self._random.integers(0, 2**32, 2)
        start, frames = self._sources[command.signal, command.codec]
        kinds = (command.payload_types[0], command.digit_payload_type)
        self._streams[leg] = (sequence, timestamp, 0, form.ticks, start, frames, HEADER + form.payload, ssrc, *kinds)
        self._records[leg] = command.records
        self._closing.pop(leg, None)
        if command.keys is not None:
            self._closing[leg] = command.keys.closing()
        if leg not in self._slot_of:
            number = min(range(SLOTS), key=lambda n: (len(self._slots[n].legs), self._random.random()))
            self._slot_of[leg] = number
            self._slots[number].legs.append(leg)
        self._rebuild(self._slot_of[leg])

    def stop(self, leg: int) -> None:
        """Send nothing more from this leg."""
        number = self._slot_of.pop(leg, None)
        if number is not None:
            self._slots[number].legs.remove(leg)
            self._rebuild(number)
        self._digits.pop(leg, None)

    def pause(self, legs: range) -> None:
        """Send nothing from these legs until others are named; their numbers stand still."""
        self._paused = legs
        for number in range(SLOTS):
            self._rebuild(number)

    def press(self, leg: int, digit: str, beside: bool) -> None:
        """Send a digit instead of the leg's next seven frames, or beside them."""
        stream = self._streams[leg]
        ticks = int(stream["ticks"])
        timestamp = int(stream["timestamp"] + ticks) & 0xFFFFFFFF
        self._digits[leg] = Digit(_EVENTS.index(digit), int(stream["digit_kind"]), timestamp, beside, ticks)

    def send_slot(self, number: int, due: float) -> None:
        """Send one packet from every leg of the slot, and note how late."""
        rows = self._slots[number].rows
        if not len(rows):
            return
        self._write(rows)
        pressed = [leg for leg in self._digits if self._slot_of.get(leg) == number and leg not in self._paused] if self._digits else []
        count = self._write_digits(rows, pressed) if pressed else len(rows)
        if self._closing:
            self._close(count)
        begun = time.monotonic()
        self._send(count)
        ended = time.monotonic()
        self._account(rows, begun, ended, due)
        for leg in pressed:
            if self._digits[leg].tells_end_first:
                self.on_pressed(leg, ended)
            if self._digits[leg].is_over:
                del self._digits[leg]

    def settle(self) -> None:
        """Count what was sent."""
        for rows in self._sent:
            self._memory.sent[rows] += 1
        self._sent.clear()

    def _write(self, rows: NDArray[np.int64]) -> None:
        count = len(rows)
        streams = self._streams[rows]
        streams["sequence"] += 1
        streams["timestamp"] += streams["ticks"]
        frames = streams["frame"] % streams["frames"]
        frames += streams["start"]
        streams["frame"] += 1
        self._streams[rows] = streams
        outbox, headers = self._outbox, self._headers[:count]
        for name in ("kind", "sequence", "timestamp", "ssrc"):
            headers[name] = streams[name]
        outbox.matrix[:count, HEADER : HEADER + self._bank.shape[1]] = self._bank[frames]
        outbox.lengths[:count] = streams["bytes"]
        outbox.rows[:count] = rows

    def _write_digits(self, rows: NDArray[np.int64], pressed: list[int]) -> int:
        """Put digits in their legs' lines, or into more lines; the number of lines."""
        count = len(rows)
        for leg in pressed:
            if self._digits[leg].beside:
                self._streams["sequence"][leg] += 1
                self._outbox.rows[count] = leg
                self._put(count, self._digit_packet(leg))
                count += 1
            else:
                self._put(int(np.searchsorted(rows, leg)), self._digit_packet(leg))
        return count

    def _digit_packet(self, leg: int) -> bytes:
        stream = self._streams[leg]
        return self._digits[leg].next_packet(int(stream["sequence"]) & 0xFFFF, int(stream["ssrc"]))

    def _close(self, count: int) -> None:
        """Close the lines of legs that agreed on keys."""
        outbox = self._outbox
        for line, leg in enumerate(outbox.rows[:count].tolist()):
            close = self._closing.get(leg)
            if close is not None:
                self._put(line, close(outbox.matrix[line, : outbox.lengths[line]].tobytes()))

    def _put(self, line: int, packet: bytes) -> None:
        self._outbox.matrix[line, : len(packet)] = np.frombuffer(packet, np.uint8)
        self._outbox.lengths[line] = len(packet)

    def _account(self, rows: NDArray[np.int64], begun: float, ended: float, due: float) -> None:
        memory, count = self._memory, len(rows)
        self._sent.append(rows)
        if ended - due > STALL:
            memory.note_stall(due, ended)
        if ended - due > TARDY:
            memory.note_tardy(rows[self._records[rows]], due, ended)
        first, last = (min(max(int((moment - due) / _LATE_BIN), 0), LATE_BINS - 1) for moment in (begun, ended))
        bins = last - first + 1
        for at in range(bins):  # as evenly as they were sent
            memory.late[first + at] += count * (at + 1) // bins - count * at // bins
        if memory.size.logged:
            self._log(rows, np.linspace(begun, ended, count, endpoint=False))

    def _log(self, rows: NDArray[np.int64], moments: NDArray[np.float64]) -> None:
        memory = self._memory
        first = memory.total("logged")
        count = min(len(rows), memory.size.logged - first)
        memory.totals[Memory.TOTALS.index("log_overflow")] += len(rows) - count
        memory.log_time[first : first + count] = moments[:count]
        memory.log_leg[first : first + count] = rows[:count]
        memory.log_frame[first : first + count] = self._streams["frame"][rows[:count]] - 1
        memory.totals[Memory.TOTALS.index("logged")] += count

    def _rebuild(self, number: int) -> None:
        slot = self._slots[number]
        slot.rows = np.array(sorted(leg for leg in slot.legs if leg not in self._paused), np.int64)


def _header(width: int) -> np.dtype[np.void]:
    """A packet's header in a line of so many bytes."""
    return np.dtype(
        {
            "names": ["first", "kind", "sequence", "timestamp", "ssrc"],
            "formats": ["u1", "u1", ">u2", ">u4", ">u4"],
            "offsets": [0, 1, 2, 4, 8],
            "itemsize": width,
        }
    )
