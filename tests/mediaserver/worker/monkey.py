"""What a monkey does to a worker: calls, commands and packets by chance, written down before they are played (`monkeying`)."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import numpy as np

from mediaserver.link.messages import (
    Admit,
    CloseLeg,
    CloseTap,
    Command,
    MoveLeg,
    OpenLeg,
    OpenTap,
    Play,
    SetMedia,
    SetMode,
    SetMuted,
    SetVolumes,
    StopPlaying,
)
from mixer.coders.opening import open_encoder
from mixer.formats import OPUS
from rtp.rtcp.building import build
from rtp.rtcp.packets import ReceiverReport, SourceDescription
from tests.mediaserver.worker.speaking import MEDIA, PAYLOAD_TYPES

DIGIT_TYPE: Final = 101
PARTIES: Final = ("customer", "agent", "outside")
CLOCKS: Final = {"OPUS": 480, "L16 wide": 160}
"""Ticks of 10 ms, where they are not 80."""
BYTES: Final = {"L16": 160, "L16 wide": 320}
"""Bytes of 10 ms, where they are not 80."""
REPORT: Final = build([ReceiverReport(1), SourceDescription(((1, b"who"),))])


@dataclass(frozen=True, slots=True)
class Said:
    """A datagram of a leg."""

    at: float
    leg: int
    call: int
    datagram: bytes


@dataclass(frozen=True, slots=True)
class Told:
    """Commands that take effect in one turn."""

    at: float
    leg: int
    call: int
    commands: tuple[Command, ...]


Deed = Said | Told


@lru_cache
def opus_packets(blocks: int) -> tuple[bytes, ...]:
    """Some packets of Opus of so many blocks, one after the other."""
    encoder = open_encoder(OPUS, 16_000)
    noise = np.random.default_rng(blocks).normal(0, 1500, (12, blocks * 160))
    return tuple(encoder.encode(frame.astype(np.int16)) for frame in noise if blocks != 3)


@dataclass
class Mouth:
    """What a leg sends: on time, mostly, and as it should be, mostly."""

    chance: random.Random
    leg: int
    call: int
    media: str
    ptime_ms: int
    trouble: float
    ssrc: int = 0
    sequence: int = 0
    timestamp: int = 0
    leapt: bool = False
    """It sent something whose timestamp goes another way than time."""
    event: tuple[int, int, int] | None = None
    """Digit, timestamp and packets of a telephone-event under way."""
    deeds: list[Deed] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Another stream."""
        self.ssrc, self.timestamp = self.chance.getrandbits(32), self.chance.getrandbits(32)
        self.sequence = self.chance.choice([0, 65_530, self.chance.getrandbits(16)])

    @property
    def ticks(self) -> int:
        """Of a packet."""
        return CLOCKS.get(self.media, 80) * self.ptime_ms // 10

    def payload(self) -> bytes:
        """A frame: noise, silence, or one sound over and over."""
        if self.media == "OPUS":
            packets = opus_packets(self.ptime_ms // 10)
            return self.chance.choice(packets) if packets else b"\x08" + self.chance.randbytes(40)
        size, kind = BYTES.get(self.media, 80) * self.ptime_ms // 10, self.chance.random()
        if kind < 0.5:
            return self.chance.randbytes(size)
        return ((b"\xff" if kind < 0.7 else bytes(range(128, 168))) * size)[:size]

    def packet(self, payload: bytes, payload_type: int, *, timestamp: int | None = None, marker: bool = False) -> bytes:
        """The next of the stream."""
        stamp = self.timestamp if timestamp is None else timestamp
        head = bytes([0x80, payload_type | 0x80 * marker]) + (self.sequence & 0xFFFF).to_bytes(2, "big")
        self.sequence += 1
        return head + (stamp & 0xFFFF_FFFF).to_bytes(4, "big") + self.ssrc.to_bytes(4, "big") + payload

    def speak(self, at: float) -> None:
        """A packet time passes."""
        if self.event is not None:
            self._press(at)
        elif self.chance.random() < 0.97:
            packet = self.packet(self.payload(), PAYLOAD_TYPES[self.media.split()[0]], marker=self.chance.random() < 0.02)
            self._send(at, packet)
        else:
            self.sequence += self.chance.random() < 0.5
        self.timestamp += self.ticks
        if self.chance.random() < self.trouble:
            self._stumble(at)

    def _press(self, at: float) -> None:
        digit, stamp, packets = self.event or (0, 0, 0)
        ends = packets > 3
        body = bytes([digit, 0x80 * ends | 10]) + min(packets * self.ticks, 0xFFFF).to_bytes(2, "big")
        self._send(at, self.packet(body, DIGIT_TYPE, timestamp=stamp, marker=packets == 1))
        self.event = None if packets > 5 else (digit, stamp, packets + 1)

    def _send(self, at: float, packet: bytes) -> None:
        late = self.chance.choice([0.0, 0.0, 0.0, 0.01, 0.05]) * self.chance.random()
        self.deeds.append(Said(at + late, self.leg, self.call, packet))
        if self.chance.random() < self.trouble:
            self.deeds.append(Said(at + late + self.chance.choice([0.0, 0.02, 0.3]), self.leg, self.call, packet))

    def _stumble(self, at: float) -> None:
        chance, number = self.chance, PAYLOAD_TYPES[self.media.split()[0]]
        way = chance.randrange(10)
        self.leapt = self.leapt or way in (2, 6, 7, 8)
        match way:
            case 0:
                self.begin()
            case 1:
                self.sequence += chance.choice([1, 5, 70, 900, 2999, 20_000, -3, -70, -2000])
            case 2:
                self.timestamp += chance.choice([1, -self.ticks, 8000, 1 << 31, -100_000])
            case 3:
                self.event = (chance.randrange(18), self.timestamp, 1)
            case 4:
                self._send(at, chance.randbytes(chance.choice([0, 1, 11, 12, 13, 200, 1471, 1472])))
            case 5:
                self._send(at, REPORT)
            case 6:
                self._send(at, self.packet(self.payload(), chance.randrange(128)))
            case 7:
                whole = self.packet(
                    b"\0\0\0\0" + b"\xbe\xde\0\1" + bytes(4) + self.payload() + b"\0\0\0\4", PAYLOAD_TYPES[self.media.split()[0]]
                )
                self._send(at, bytes([0xB1]) + whole[1:])
            case 8:
                size = chance.choice([1, 39, 79, 81, 200, 700, 1459])
                self._send(at, self.packet(chance.randbytes(size), number))
            case _:
                self._send(at, self.packet(chance.randbytes(chance.randrange(6)), DIGIT_TYPE, timestamp=self.timestamp))


class Script:
    """What is done in which order: the whole of a monkey's time at the worker."""

    def __init__(self, seed: int, seconds: float = 2.0, *, troubled: bool = True) -> None:
        self.chance = random.Random(seed)
        self.seconds = seconds
        self.trouble = self.chance.choice([0.0, 0.01, 0.1]) if troubled else 0.0
        self.deeds: list[Deed] = []
        self.mouths: dict[int, Mouth] = {}
        self.call_of: dict[int, int] = {}
        self.role_of: dict[int, str] = {}
        self.is_g711 = self.chance.random() < 0.4
        """Only G.711, as most workers."""
        self.barges = self.chance.random() < 0.3
        """Supervisors are heard by customers too."""
        self.moves = self.chance.random() < 0.3
        """Legs go from call to call."""
        self.turned: set[int] = set()
        """Calls in which a codec changes, or in which there are several."""
        self._plan()
        self.deeds.sort(key=lambda deed: deed.at)

    def _plan(self) -> None:
        leg = 0
        for call in (10, 20, 30):
            begins = self.chance.choice([0.0, 0.0, self.seconds / 3])
            ends = self.chance.choice([self.seconds, self.seconds, begins + self.seconds / 3])
            roles = [*PARTIES[: self.chance.choice([1, 2, 2, 2, 2, 3])], *["supervisor"] * self.chance.randrange(3)]
            for role in roles:
                leg += 1
                self._live(leg, call, role, begins + self.chance.choice([0.0, 0.3]) * self.chance.random(), ends)
            self._do(begins + 0.1, 0, call, OpenTap(call, call, self.chance.choice(["outside", "supervisor"])))
            self._do(ends - 0.1, 0, call, CloseTap(call))

    def _do(self, at: float, leg: int, call: int, *commands: Command) -> None:
        self.deeds.append(Told(at, leg, call, commands))

    def _media(self, leg: int, mouth: Mouth, **others: Any) -> SetMedia:
        number = PAYLOAD_TYPES[mouth.media.split()[0]]
        digits = DIGIT_TYPE if self.chance.random() < 0.7 else -1
        said: dict[str, Any] = {
            "address": "127.0.0.1",
            "port": 40_000 + 2 * leg,
            "receive_payload_type": number,
            "send_payload_type": number,
            "ptime_ms": mouth.ptime_ms,
            "receive_digit_payload_type": digits,
            "send_digit_payload_type": digits,
            "remote_sends": True,
            "remote_receives": True,
            "digit_clock_rate": 100 * CLOCKS.get(mouth.media, 80),
            "rtcp_mux": self.chance.random() < 0.3,
        }
        return SetMedia(leg, **(said | MEDIA[mouth.media] | others))

    def _choose(self) -> tuple[str, int]:
        media = self.chance.choice(["PCMU", "PCMU", "PCMA"] if self.is_g711 else list(MEDIA))
        return media, self.chance.choice([20, 20, 20, 10, 30, 40, 60])

    def _live(self, leg: int, call: int, role: str, begins: float, ends: float) -> None:
        media, ptime_ms = self._choose()
        if media == "L16 wide":
            ptime_ms = min(ptime_ms, 40)
        if role != "supervisor" and any(
            (other.media, other.ptime_ms) != (media, ptime_ms)
            for other in self.mouths.values()
            if other.call == call and self.role_of[other.leg] != role
        ):
            self.turned.add(call)
        if role == "outside":
            self.turned.add(call)
        mouth = self.mouths[leg] = Mouth(random.Random(self.chance.random()), leg, call, media, ptime_ms, self.trouble)
        self.call_of[leg], self.role_of[leg] = call, role
        self._do(begins, leg, call, OpenLeg(leg, call, role, False))
        wishes = {"parameters": "stereo=1"} if media == "OPUS" and self.chance.random() < 0.5 else {}
        self._do(begins, leg, call, self._media(leg, mouth, **wishes), Admit(leg, True))
        if role == "supervisor":
            self._do(begins, leg, call, SetMode(leg, "listen", "agent"))
        at = begins + 0.02 * self.chance.random()
        while at < ends:
            mouth.speak(at)
            at += mouth.ptime_ms / 1000
            if self.chance.random() < 0.05:
                self._bother(at, leg, call, role, mouth)
        self.deeds += mouth.deeds
        if ends < self.seconds:
            self._do(ends, leg, call, CloseLeg(leg))

    def _bother(self, at: float, leg: int, call: int, role: str, mouth: Mouth) -> None:
        chance = self.chance
        choices: list[Callable[[], tuple[Command, ...]]] = [
            lambda: (SetMuted(leg, chance.random() < 0.5),),
            lambda: (Admit(leg, chance.random() < 0.7),),
            lambda: (Play(leg, "music", chance.random() < 0.5),),
            lambda: (StopPlaying(leg),),
            lambda: (self._media(leg, mouth, remote_sends=chance.random() < 0.7, remote_receives=chance.random() < 0.7),),
            lambda: (self._turn(leg, mouth),),
            lambda: (self._turn(leg, mouth),),
        ]
        if role == "supervisor":
            mode = SetMode(leg, chance.choice(["listen", "whisper", "barge"][: 2 + self.barges]), "agent")
            choices += [lambda: (mode,)] * 4
            choices.append(lambda: (SetVolumes(leg, 4 * chance.random(), 4 * chance.random()),))
        if self.moves:
            choices.append(lambda: (MoveLeg(leg, chance.choice([10, 20, 30]), role), Admit(leg, True)))
        self._do(at, leg, call, *chance.choice(choices)())

    def _turn(self, leg: int, mouth: Mouth) -> SetMedia:
        self.turned.add(mouth.call)
        mouth.media, mouth.ptime_ms = self._choose()
        if mouth.media == "L16 wide":
            mouth.ptime_ms = min(mouth.ptime_ms, 40)
        if self.chance.random() < 0.5:
            mouth.begin()
        return self._media(leg, mouth)
