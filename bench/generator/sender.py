"""The sending half of the legs: 20 slots of 1 ms, each a batch of precomputed packets whose headers are patched together."""

import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bench.generator.companding import FRAME
from bench.generator.formats import FORMATS
from bench.generator.memory import LATE_BINS, STALL, Memory
from bench.generator.messages import Start
from bench.generator.secrecy import Keys
from bench.generator.signals import Signal

SLOTS = 20
SLOT = 0.001
_HEADER = 12
_EVENTS = "0123456789*#ABCD"
_HELD_PACKETS, _END_PACKETS = 4, 3
"""A digit is held for 80 ms, and its end is told three times (RFC 4733 §2.5.1.4)."""

Send = Callable[[memoryview], int]


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
    pairs: list[tuple[Send, memoryview]] = field(default_factory=list)


class Sender:
    """All legs' outgoing streams. `send_slot` is the whole of its loop."""

    def __init__(self, memory: Memory, bank_frames: int) -> None:
        legs = memory.size.legs
        self._memory = memory
        self._bank = np.zeros((bank_frames, FRAME), np.uint8)
        self._bank_used = 0
        self._sources: dict[tuple[Signal, str], tuple[int, int]] = {}
        self._start = np.zeros(legs, np.int64)
        self._length = np.ones(legs, np.int64)
        self._frame = np.zeros(legs, np.int64)
        self._sequence = np.zeros(legs, np.int64)
        self._timestamp = np.zeros(legs, np.int64)
        self._ticks = np.full(legs, FRAME, np.int64)
        self._sizes = np.full(legs, FRAME, np.int64)
        self._make_packets(FRAME)
        self._slots = [Slot() for _ in range(SLOTS)]
        self._slot_of: dict[int, int] = {}
        self._sends: dict[int, Send] = {}
        self._digits: dict[int, Digit] = {}
        self._digit_payload_type = np.full(legs, 101)
        self._paused = range(0)
        self._random = np.random.default_rng()
        self.on_pressed: Callable[[int, float], None] = lambda leg, moment: None

    def _make_packets(self, widest: int) -> None:
        """A packet a leg, with room for payloads of this size; what stands in them stays."""
        before = getattr(self, "_packets", None)
        self._packets = np.zeros((len(self._start), _HEADER + widest), np.uint8)
        self._packets[:, 0] = 0x80
        if before is not None:
            self._packets[:, : before.shape[1]] = before
        self._views = [memoryview(row.data).cast("B")[: _HEADER + size] for row, size in zip(self._packets, self._sizes, strict=True)]

    def _widen(self, widest: int) -> None:
        """Make room for larger payloads than there were."""
        self._bank = np.pad(self._bank, ((0, 0), (0, widest - self._bank.shape[1])))
        self._make_packets(widest)
        for number in range(SLOTS):
            self._rebuild(number)

    def load(self, signal: Signal, codec: str, frames: NDArray[np.uint8]) -> None:
        """Keep a signal's frames, rendered elsewhere: rendering takes longer than a slot."""
        width = frames.shape[1]
        if width > self._bank.shape[1]:
            self._widen(width)
        end = self._bank_used + len(frames)
        if end > len(self._bank):
            self._bank = np.concatenate([self._bank, np.zeros((max(len(frames), len(self._bank)), self._bank.shape[1]), np.uint8)])
        self._bank[self._bank_used : end, :width] = frames
        self._sources[signal, codec] = (self._bank_used, len(frames))
        self._bank_used = end

    def start(self, command: Start, handle: socket.socket) -> None:
        """Send the signal from the leg's slot on, with a new SSRC and new numbers, closed where keys were agreed on."""
        leg, form = command.leg, FORMATS[command.codec]
        self._ticks[leg], self._sizes[leg] = form.ticks, form.payload
        self._start[leg], self._length[leg] = self._sources[command.signal, command.codec]
        self._frame[leg] = 0
        self._sequence[leg] = self._random.integers(0, 65536) if command.first < 0 else command.first - 1
        self._timestamp[leg] = self._random.integers(0, 2**32)
        self._digit_payload_type[leg] = command.digit_payload_type
        row = self._packets[leg]
        self._views[leg] = memoryview(row.data).cast("B")[: _HEADER + form.payload]
        row[1] = command.payload_types[0]
        row[8:12] = self._random.integers(0, 256, 4)
        self._sends[leg] = handle.send if command.keys is None else _closed(command.keys, handle.send)
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
        ticks = int(self._ticks[leg])
        timestamp = int(self._timestamp[leg] + ticks) & 0xFFFFFFFF
        self._digits[leg] = Digit(_EVENTS.index(digit), int(self._digit_payload_type[leg]), timestamp, beside, ticks)

    def send_slot(self, number: int, due: float) -> None:
        """Send one packet from every leg of the slot, and note how late."""
        slot = self._slots[number]
        if not slot.pairs:
            return
        self._write(slot.rows)
        pairs = slot.pairs
        pressed = [leg for leg in self._digits if self._slot_of.get(leg) == number and leg not in self._paused]
        if pressed:
            pairs = self._with_digits(slot, pressed)
        begun = time.monotonic()
        errors = 0
        for send, packet in pairs:
            try:
                send(packet)
            except OSError:  # the far end closed its port, or the buffer is full: a lost packet, counted
                errors += 1
        ended = time.monotonic()
        if ended - due > STALL:
            self._memory.note_stall(due, ended)
        self._account(slot.rows, np.linspace(begun, ended, len(slot.rows), endpoint=False), due, errors)
        for leg in pressed:
            if self._digits[leg].tells_end_first:
                self.on_pressed(leg, ended)
            if self._digits[leg].is_over:
                del self._digits[leg]

    def _write(self, rows: NDArray[np.int64]) -> None:
        self._sequence[rows] += 1
        self._timestamp[rows] += self._ticks[rows]
        frames = self._start[rows] + self._frame[rows] % self._length[rows]
        self._frame[rows] += 1
        block = np.empty((len(rows), 6), np.uint8)
        block[:, :2] = self._sequence[rows].astype(">u2").view(np.uint8).reshape(-1, 2)
        block[:, 2:] = self._timestamp[rows].astype(">u4").view(np.uint8).reshape(-1, 4)
        self._packets[rows, 2:8] = block
        self._packets[rows, _HEADER:] = self._bank[frames]

    def _with_digits(self, slot: Slot, pressed: list[int]) -> list[tuple[Send, memoryview]]:
        pairs = list(slot.pairs)
        for leg in pressed:
            if self._digits[leg].beside:
                self._sequence[leg] += 1
                pairs.append((self._sends[leg], memoryview(self._digit_packet(leg))))
            else:
                at = int(np.flatnonzero(slot.rows == leg)[0])
                pairs[at] = (pairs[at][0], memoryview(self._digit_packet(leg)))
        return pairs

    def _digit_packet(self, leg: int) -> bytes:
        ssrc = int.from_bytes(self._packets[leg, 8:12].tobytes(), "big")
        return self._digits[leg].next_packet(int(self._sequence[leg]) & 0xFFFF, ssrc)

    def _account(self, rows: NDArray[np.int64], moments: NDArray[np.float64], due: float, errors: int) -> None:
        memory = self._memory
        memory.sent[rows] += 1
        late = np.clip(((moments - due) * 10_000).astype(np.int64), 0, LATE_BINS - 1)
        memory.late += np.bincount(late, minlength=LATE_BINS)
        memory.totals[Memory.TOTALS.index("send_errors")] += errors
        if memory.size.logged:
            self._log(rows, moments)

    def _log(self, rows: NDArray[np.int64], moments: NDArray[np.float64]) -> None:
        memory = self._memory
        first = memory.total("logged")
        count = min(len(rows), memory.size.logged - first)
        memory.totals[Memory.TOTALS.index("log_overflow")] += len(rows) - count
        memory.log_time[first : first + count] = moments[:count]
        memory.log_leg[first : first + count] = rows[:count]
        memory.log_frame[first : first + count] = self._frame[rows[:count]] - 1
        memory.totals[Memory.TOTALS.index("logged")] += count

    def _rebuild(self, number: int) -> None:
        slot = self._slots[number]
        sending = [leg for leg in slot.legs if leg not in self._paused]
        slot.rows = np.array(sending, np.int64)
        slot.pairs = [(self._sends[leg], self._views[leg]) for leg in sending]


def _closed(keys: Keys, send: Callable[[bytes], int]) -> Send:
    """Sends packets closed under these keys."""
    close = keys.closing()

    def send_closed(packet: memoryview) -> int:
        return send(close(packet.tobytes()))

    return send_closed
