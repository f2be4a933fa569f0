"""A monkey at a simulated worker: calls, commands and packets by chance, written down before they are played, so that they can be
played once more without some of them. What must not hang together is told by comparing both.

`python -m tests.mediaserver.worker.monkey FIRST LAST` plays many seeds.
"""

import os
import random
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final

import numpy as np

from mediaserver.link.messages import (
    Admit,
    CloseLeg,
    CloseTap,
    Command,
    OpenLeg,
    OpenTap,
    Play,
    SetMedia,
    SetMode,
    SetMuted,
    SetVolumes,
    StopPlaying,
)
from mediaserver.link.ring import create_ring
from mixer.coders.opening import open_encoder
from mixer.formats import OPUS
from rtp.rtcp.building import build
from rtp.rtcp.packets import ReceiverReport, SourceDescription
from tests.mediaserver.worker.simulated import House
from tests.mediaserver.worker.speaking import MEDIA, PAYLOAD_TYPES
from tests.mediaserver.worker.succession import null

ROWS: Final = 16
RING_FRAMES: Final = 256
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
            mode = SetMode(leg, chance.choice(["listen", "whisper"]), "agent")
            choices += [lambda: (mode,)] * 4
            choices.append(lambda: (SetVolumes(leg, 4 * chance.random(), 4 * chance.random()),))
        self._do(at, leg, call, *chance.choice(choices)())

    def _turn(self, leg: int, mouth: Mouth) -> SetMedia:
        self.turned.add(mouth.call)
        mouth.media, mouth.ptime_ms = self._choose()
        if mouth.media == "L16 wide":
            mouth.ptime_ms = min(mouth.ptime_ms, 40)
        if self.chance.random() < 0.5:
            mouth.begin()
        return self._media(leg, mouth)


@dataclass
class Played:
    """What came of a script."""

    house: House
    got: dict[int, list[tuple[float, bytes]]] = field(default_factory=dict)
    """By leg."""
    unaccounted: list[tuple[float, int, bytes]] = field(default_factory=list)
    """Datagrams that no counter knows of."""


def play(script: Script, keeps: Callable[[Deed], bool] = lambda _: True) -> Played:
    """Play what is to be kept of a script; every number of each leg is its own, whoever else there is."""
    house = House(rows=ROWS)
    house.sounds.load("music", np.random.default_rng(1).integers(-9000, 9000, 3000).astype("<i2").tobytes())
    played, ring, descriptor, deeds = Played(house), create_ring(RING_FRAMES), -1, [deed for deed in script.deeds if keeps(deed)]
    start, place, seen = house.now, 0, 0
    entropy = random.Random(0)
    house.desk._entropy = entropy.randbytes
    waiting: list[tuple[int, int, bytes]] = []
    while house.now - start < script.seconds + 0.3:
        while place < len(deeds) and deeds[place].at <= house.now - start:
            deed = deeds[place]
            place += 1
            if isinstance(deed, Said):
                if deed.leg in house.roster.legs:
                    waiting.append((deed.leg, house.roster.legs[deed.leg].row, deed.datagram))
                continue
            for command in deed.commands:
                if isinstance(command, OpenLeg):
                    entropy.seed(command.leg)
                lends = isinstance(command, OpenLeg | OpenTap)
                descriptor = os.dup(ring) if isinstance(command, OpenTap) else null() if lends else -1
                house.command(command, descriptors=(descriptor,) if lends else ())
        taken: dict[int, tuple[int, bytes]] = {}
        left = []
        for leg, row, datagram in waiting:
            if leg not in house.roster.legs:
                continue
            if row in taken or not datagram:
                left += [(leg, row, datagram)] * bool(datagram)
            else:
                taken[row] = leg, datagram
        waiting = left
        house._waiting = [(row, datagram) for row, (_, datagram) in taken.items()]
        before = {row: accounted(house, row) for row in taken}
        owners = {row: leg.id for row, leg in enumerate(house.roster.by_row) if leg is not None}
        house.step()
        for row, (leg, datagram) in taken.items():
            if accounted(house, row) <= before[row]:
                played.unaccounted.append((house.now - start, leg, datagram))
        for at, row, packet in house.departed[seen:]:
            played.got.setdefault(owners[row], []).append((at - start, packet))
        seen = len(house.departed)
    os.close(ring)
    return played


def accounted(house: House, row: int) -> int:
    """How many datagrams of a row its counters know of."""
    counters = house.memory.counters(row)
    return sum(
        int(value)
        for name, value in counters.items()
        if name.startswith("dropped_") or name in ("received", "duplicate", "late", "rtcp_received")
    )


def wrong_numbers(got: list[tuple[float, bytes]], digit_types: frozenset[int] = frozenset({DIGIT_TYPE})) -> list[str]:
    """What is wrong with the numbers of what a leg got: one stream, no number twice, no time that runs back as numbers go on."""
    wrong: list[str] = []
    contents: dict[int, bytes] = {}
    stamps: dict[int, int] = {}
    highest, stamp = -1, -1
    for at, packet in got:
        number, when = int.from_bytes(packet[2:4], "big"), int.from_bytes(packet[4:8], "big")
        if packet[8:12] != got[0][1][8:12]:
            wrong.append(f"{at:.3f}: another SSRC")
        if highest < 0:
            highest, stamp = number + (1 << 16), when + (1 << 32)
        extended = highest + (number - highest + 0x8000) % 0x1_0000 - 0x8000
        if extended in contents:
            wrong.append(f"{at:.3f}: number {number} twice, {'with two contents' if contents[extended] != packet else 'the same'}")
        contents[extended] = packet
        if packet[1] & 0x7F not in digit_types:
            stamp += (when - stamp + (1 << 31)) % (1 << 32) - (1 << 31)
            stamps[extended] = stamp
        highest = max(highest, extended)
    ordered = sorted(stamps)
    wrong += [
        f"number {later & 0xFFFF} has time {stamps[later] & 0xFFFF_FFFF}, {stamps[later] - stamps[earlier]} after {earlier & 0xFFFF}"
        for earlier, later in pairwise(ordered)
        if stamps[later] <= stamps[earlier]
    ]
    return wrong


def differences(one: Played, other: Played, leg: int, *, whole: bool = True) -> str:
    """Where two plays differ in what a leg got, or in its numbers alone; empty where they do not."""
    first, second = one.got.get(leg, []), other.got.get(leg, [])
    for (at, packet), (_, another) in zip(first, second, strict=False):
        if packet != another and (whole or packet[:12] != another[:12]):
            return f"leg {leg} at {at:.3f}: {packet[:16].hex()} is not {another[:16].hex()}"
    return "" if len(first) == len(second) else f"leg {leg}: {len(first)} packets, or {len(second)}"


def faults(seed: int) -> list[str]:
    """Everything that is wrong with one seed."""
    script = Script(seed)
    played = play(script)
    found = [f"{at:.3f}: leg {leg} said {datagram[:16].hex()} ({len(datagram)}) for nothing" for at, leg, datagram in played.unaccounted]
    for leg, got in played.got.items():
        leaps = any(mouth.leapt for mouth in script.mouths.values() if mouth.call == script.call_of[leg])
        found += [f"leg {leg}: {wrong}" for wrong in wrong_numbers(got) if not (leaps and "has time" in wrong)]
    alone = play(script, lambda deed: not (script.role_of.get(deed.leg) == "supervisor" and not _opens(deed)))
    found += [
        f"supervised: {text}"
        for leg, role in script.role_of.items()
        if role not in ("supervisor", "agent")
        if (text := differences(played, alone, leg, whole=script.call_of[leg] not in script.turned))
    ]
    for silent in sorted(set(script.call_of.values())):
        others = play(script, lambda deed, silent=silent: not (isinstance(deed, Said) and deed.call == silent))
        found += [
            f"beside call {silent}: {text}"
            for leg, call in script.call_of.items()
            if call != silent
            if (text := differences(played, others, leg))
        ]
    return found


def _opens(deed: Deed) -> bool:
    return isinstance(deed, Told) and all(isinstance(command, OpenLeg | CloseLeg) for command in deed.commands)


def main() -> None:
    """Play seeds; tell those that something is wrong with."""
    first, last = map(int, sys.argv[1:3])
    for seed in range(first, last):
        try:
            found = faults(seed)
        except Exception as error:
            found = [f"raised {type(error).__name__}: {error}"]
            if len(sys.argv) > 3:
                raise
        if found:
            print(seed, len(found), *found[: 40 if len(sys.argv) > 3 else 3], sep="\n   ", flush=True)
    print("done", first, last)


if __name__ == "__main__":
    main()
