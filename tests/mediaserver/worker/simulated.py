"""A simulated worker: the core without sockets, on a virtual clock, driven as signalling and phones would drive it.

`House` takes commands and packets and notes every packet that leaves; `Phone` is one leg as its remote sees it.
"""

import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mediaserver.link.memory import Memory
from mediaserver.link.messages import Admit, Applied, Command, OpenLeg, Refused, SetMedia, SetMode
from mediaserver.worker.commands import Desk
from mediaserver.worker.process import LONGEST_REST
from mediaserver.worker.roster import Roster
from mediaserver.worker.sounds import Sounds
from mediaserver.worker.state import State
from mediaserver.worker.turn import Turn
from mixer.arrays import Int16
from rtp.latch import Address
from tests.mediaserver.worker.speaking import PAYLOAD_TYPES, Voice

TURN = 0.002
MARK = 77
"""Place of the loud sample in a packet of marked ones."""
_CODES = bytes(range(256)) * 9
"""What a phone without a tone says is a piece of this."""


@dataclass
class Sent:
    """One packet that left for a phone."""

    at: float
    marker: bool
    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    rate: int = 8000
    """Samples a second of what is heard."""
    samples: Int16 = field(default_factory=lambda: np.zeros(0, dtype=np.int16), repr=False)
    """What the phone plays of it; nothing of a telephone-event."""


@dataclass
class Phone:
    """One leg as its remote sees it: what it says next and what it got."""

    leg: int
    row: int
    payload_type: int = 0
    frame: int = 160
    ssrc: int = 1
    sequence: int = 100
    timestamp: int = 5000
    phase: float = 0.0
    talking: bool = True
    tone: float = 0.0
    """Hz; 0 for a code of its own in each packet."""
    voice: Voice = field(default_factory=Voice)
    """Its codec; ``frame`` counts ticks of that one's clock."""
    level: float = 2000.0
    marked: int = 0
    """Each so many packets are silence with one loud sample, the others silence; 0 for none."""
    drift: float = 0.0
    """How much longer its packets take than they should: 100e-6 for a clock that is 100 ppm slow."""
    got: list[Sent] = field(default_factory=list)
    said: list[bytes] = field(default_factory=list)
    _samples: int = 0

    def payload(self) -> bytes:
        """The next frame's codes."""
        samples = self.frame * self.voice.rate // self.voice.form.clock_rate
        if self.marked:
            mark = b"\xff" if len(self.said) % self.marked else b"\x80"
            codes = b"\xff" * MARK + mark + b"\xff" * (self.frame - MARK - 1)
        elif self.tone or not self.voice.form.block_bytes:
            times = (self._samples + np.arange(samples)) / self.voice.rate
            codes = self.voice.encode(np.rint(self.level * np.sin(2 * np.pi * self.tone * times)).astype(np.int16))
        else:
            size = self.frame * self.voice.form.block_bytes // self.voice.form.block_ticks
            begin = (self.leg * 7 + len(self.said) * 3) & 0xFF
            codes = _CODES[begin : begin + size]
        self._samples += samples
        self.said.append(codes)
        return codes

    @property
    def seconds(self) -> float:
        """The time of a packet."""
        return self.frame / self.voice.form.clock_rate

    def speak(self, **media: Any) -> None:
        """Use another codec, or packet time, from now on."""
        before = self.voice.rate
        self.voice = Voice.of(media)
        self._samples = self._samples * self.voice.rate // before
        self.payload_type = payload_type(media)
        self.frame = media.get("ptime_ms", 20) * self.voice.form.clock_rate // 1000

    def take(self, sent: Sent) -> None:
        """A packet that came for the phone."""
        sent.rate = self.voice.rate
        if sent.payload_type == self.payload_type:
            sent.samples = self.voice.decode(sent.payload)
        self.got.append(sent)

    def packet(self, payload: bytes, *, payload_type: int | None = None, marker: bool = False, timestamp: int | None = None) -> bytes:
        """An RTP packet with the phone's next sequence number."""
        kind = self.payload_type if payload_type is None else payload_type
        stamp = self.timestamp if timestamp is None else timestamp
        head = bytes([0x80, (0x80 if marker else 0) | kind]) + (self.sequence & 0xFFFF).to_bytes(2, "big")
        self.sequence += 1
        return head + (stamp & 0xFFFF_FFFF).to_bytes(4, "big") + self.ssrc.to_bytes(4, "big") + payload

    def next_packet(self) -> bytes:
        """The next audio packet."""
        packet = self.packet(self.payload())
        self.timestamp += self.frame
        return packet


def payload_type(media: dict[str, Any]) -> int:
    """Of a codec, in all calls here."""
    return PAYLOAD_TYPES[media.get("codec", "PCMU")]


class NoPorts:
    """Ports that do nothing but remember."""

    def __init__(self) -> None:
        self.aimed: dict[int, Address | None] = {}
        self.closed: list[int] = []

    def open(self, row: int, descriptor: int) -> None:
        """Close what was lent: nobody uses it."""
        os.close(descriptor)

    def open_reports(self, row: int, descriptor: int) -> None:
        """Close what was lent: nobody uses it."""
        os.close(descriptor)

    def send_reports(self) -> None:
        """Leave them where they are, for the test to see."""

    def sort(self, row: int) -> None:
        """Nothing is sorted."""

    def aim(self, row: int, address: Address | None) -> None:
        """Remember the address."""
        self.aimed[row] = address

    def let_go(self, row: int) -> int:
        """Remember the row; nobody uses what is given away."""
        self.closed.append(row)
        return os.open("/dev/null", os.O_RDONLY)

    def take_up(self, row: int, descriptor: int, connected: int) -> None:
        """Close what was lent: nobody uses it."""
        os.close(descriptor)
        os.close(connected)

    def close(self, row: int) -> None:
        """Remember the row."""
        self.closed.append(row)


class House:
    """The core of a worker, and everybody around it."""

    def __init__(self, rows: int = 16, calls: int = 8, seats: int = 6, *, heir_of: "House | None" = None) -> None:
        """Over fresh memory, or over that of a dead one."""
        self.memory: Memory = Memory.create(rows, calls, seats) if heir_of is None else heir_of.memory
        self.entropy: random.Random = random.Random(1) if heir_of is None else heir_of.entropy
        self.sounds: Sounds = Sounds() if heir_of is None else heir_of.sounds
        self.state = State(self.memory)
        self.state.duck_gain = 1.0  # who is judged by his level is heard at it; test_ducking has its own
        self.roster = Roster(self.state)
        self.ports = NoPorts()
        self.doubted: list[int] = []
        """Legs that an heir could not adopt."""
        self.turn = Turn(self.state, self.roster, self.sounds)
        self.desk = Desk(
            self.state, self.roster, self.sounds, self.ports, self.turn.reports, self.turn.securing, self.turn.taps, self.entropy.randbytes
        )
        self.now = 1000.0
        self.phones: dict[int, Phone] = {}
        self.answers: list[tuple[float, Applied | Refused]] = []
        self.notices: list[object] = []
        self.departed: list[tuple[float, int, bytes]] = []
        self.arrived: dict[int, list[tuple[float, int]]] = {}
        """By row: when the packets that phones say by themselves were sent, and their numbers from the first on."""
        self.jitter: dict[int, Callable[[], float]] = {}
        """By row: how long each packet takes on its way; nothing where none is told."""
        self._on_the_way: list[tuple[float, int, bytes]] = []
        self._waiting: list[tuple[int, bytes]] = []
        self._next_packet: dict[int, float] = {}
        self._turned_at = 0.0
        self._request = 0

    def command(self, *commands: Command, descriptors: tuple[int, ...] = ()) -> list[int]:
        """Give commands that take effect with the next turn; their request numbers."""
        lent = iter(descriptors)
        numbers = []
        for command in commands:
            self._request += 1
            descriptor = next(lent, -1)
            self.desk.take(self._request, command, descriptor, self.now)
            numbers.append(self._request)
        return numbers

    def answer(self, request: int) -> Applied | Refused | None:
        """The answer to a request; None while it waits."""
        return next((answer for _, answer in self.answers if answer.request == request), None)

    def join(self, leg: int, call: int, role: str, *, admitted: bool = True, **media: Any) -> Phone:
        """Open a leg with ordinary media (changed by ``media``), admit it, and give it a phone that talks by itself."""
        self.command(OpenLeg(leg, call, role, False), descriptors=(os.open("/dev/null", os.O_RDONLY),))
        self.set_media(leg, **media)
        self.command(Admit(leg, admitted))
        row = self.roster.legs[leg].row
        phone = Phone(leg, row, ssrc=0x1000 + leg, phase=(leg * 0.0037) % 0.02)
        phone.speak(**media)
        self.phones[row] = phone
        self._next_packet[row] = self.now + phone.phase
        return phone

    def set_media(self, leg: int, **media: Any) -> int:
        """SetMedia with ordinary values, changed by ``media``; the request's number."""
        number = payload_type(media)
        ordinary: dict[str, Any] = {
            "address": "127.0.0.1",
            "port": 40_000 + 2 * leg,
            "codec": "PCMU",
            "receive_payload_type": number,
            "send_payload_type": number,
            "ptime_ms": 20,
            "receive_digit_payload_type": 101,
            "send_digit_payload_type": 101,
            "remote_sends": True,
            "remote_receives": True,
        }
        return self.command(SetMedia(leg, **(ordinary | media)))[0]

    def supervise(self, leg: int, call: int, mode: str = "listen", target: str = "agent", **media: Any) -> Phone:
        """Open a supervisor in a mode."""
        phone = self.join(leg, call, "supervisor", **media)
        self.command(SetMode(leg, mode, target))
        return phone

    def admit(self, phone: Phone, mode: str, target: str = "agent") -> None:
        """Let a supervisor in who was not admitted yet."""
        self.command(SetMode(phone.leg, mode, target), Admit(phone.leg, True))

    def let_begin(self, phone: Phone, phase: float) -> None:
        """Let a phone's next packet be due so many seconds from now."""
        self._next_packet[phone.row] = self.now + phase

    def arrive(self, phone: Phone, packet: bytes) -> None:
        """A datagram of a phone, taken in the next turn that has room for it."""
        self._waiting.append((phone.row, packet))

    def step(self) -> None:
        """One turn."""
        self._turned_at = self.now
        lengths: list[int] = []
        rows: list[int] = []
        left: list[tuple[int, bytes]] = []
        for row, packet in self._waiting:
            if row in rows:
                left.append((row, packet))
                continue
            self.turn.inbox[len(rows), : len(packet)] = np.frombuffer(packet, dtype=np.uint8)
            lengths.append(len(packet))
            rows.append(row)
        self._waiting = left
        self.turn.step(np.array(lengths, dtype=np.int64), np.array(rows, dtype=np.int64), self.now)
        self.desk.note_changing(self.turn.changing)
        outbox = self.turn.outbox
        for line, (row, length) in enumerate(zip(outbox.rows.tolist(), outbox.lengths.tolist(), strict=True)):
            self._deliver(row, outbox.matrix[line, :length].tobytes())
        self.turn.metering.measure(self.now)
        self.turn.taps.step(self.now)
        self.answers += [(self.now, answer) for answer in self.desk.answers(self.now)]
        self.notices += self.turn.notices
        self.now += TURN

    def run(self, seconds: float) -> None:
        """Turn for so long while every phone that talks sends its packets when they are due."""
        until = self.now + seconds
        while self.now < until:
            for row, phone in self.phones.items():
                while self._next_packet[row] <= self.now:
                    self._next_packet[row] += phone.seconds * (1.0 + phone.drift)
                    if phone.talking:
                        self._send(row, phone)
                    else:
                        phone.timestamp += phone.frame
            for at, row, packet in [journey for journey in self._on_the_way if journey[0] <= self.now]:
                self._on_the_way.remove((at, row, packet))
                self._waiting.append((row, packet))
            if self._may_rest():
                self._rest()
            else:
                self.step()

    def _may_rest(self) -> bool:
        """As the real one does: nobody says anything, the server's clock sends nothing, and the last turn was not long ago."""
        is_told = self.desk._pending or self.desk._refused
        is_due = self.now + TURN / 2 > self._turned_at + LONGEST_REST
        return not (self._waiting or is_told or is_due) and self.turn.seconds_to_next(self.now) > 0.0

    def _rest(self) -> None:
        """Let the time of a turn pass. What comes next waits for a turn at most: for that it is as if there had been one now."""
        self.state.now[0] = self.now
        self.now += TURN

    def _send(self, row: int, phone: Phone) -> None:
        self.arrived.setdefault(row, []).append((self._next_packet[row] - phone.seconds * (1.0 + phone.drift), len(phone.said)))
        packet = phone.next_packet()
        if row in self.jitter:
            self._on_the_way.append((self.now + self.jitter[row](), row, packet))
        else:
            self.arrive(phone, packet)

    def _deliver(self, row: int, packet: bytes) -> None:
        self.departed.append((self.now, row, packet))
        if row in self.phones:
            self.phones[row].take(
                Sent(
                    self.now,
                    bool(packet[1] & 0x80),
                    packet[1] & 0x7F,
                    int.from_bytes(packet[2:4], "big"),
                    int.from_bytes(packet[4:8], "big"),
                    int.from_bytes(packet[8:12], "big"),
                    packet[12:],
                )
            )
