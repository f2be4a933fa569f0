"""A simulated phone: what it says, over which path, and what it gets."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bench.coding.codecs import Codec
from bench.simulator.path import CLEAN, Journey, Path, send_times

_HEADER: Final = 12


@dataclass(frozen=True, slots=True)
class Packet:
    """One RTP packet that a phone got."""

    at: float
    """When it left for the phone."""
    sequence: int
    timestamp: int
    ssrc: int
    payload_type: int
    payload: bytes


@dataclass(slots=True, eq=False)
class Phone:
    """One leg as its remote knows it. What it sends is settled before the first turn: payloads, send times and their journey."""

    leg: int
    codec: Codec
    ptime_ms: int
    payloads: Sequence[bytes] = ()
    """What it says, a packet each; begun anew at the end where more are sent."""
    count: int = 0
    """Packets that it sends."""
    path: Path = CLEAN
    seed: int = 0
    drift_ppm: float = 0.0
    phase: float = 0.0
    """Seconds after the beginning when it sends its first packet."""
    got: list[Packet] = field(default_factory=list)
    journey: Journey = field(init=False)
    sent: NDArray[np.float64] = field(init=False)
    """(count) when each packet is sent, seconds after the beginning."""

    def __post_init__(self) -> None:
        self.sent = send_times(self.count, self.ptime_ms / 1000.0, start=self.phase, drift_ppm=self.drift_ppm)
        self.journey = self.path.carry(self.sent, self.seed)

    def packet(self, number: int) -> bytes:
        """The RTP packet of this number."""
        sequence, timestamp = 1000 + 7 * self.leg + number, 9000 * self.leg + number * self.codec.ticks(self.ptime_ms)
        header = bytes([0x80, self.codec.form.payload_type | (0x80 if number == 0 else 0)]) + (sequence & 0xFFFF).to_bytes(2, "big")
        header += (timestamp & 0xFFFF_FFFF).to_bytes(4, "big") + (0x5000_0000 + self.leg).to_bytes(4, "big")
        return header + self.payloads[number % len(self.payloads)]

    def take(self, at: float, packet: bytes) -> None:
        """A packet has come."""
        sequence, timestamp = int.from_bytes(packet[2:4], "big"), int.from_bytes(packet[4:8], "big")
        self.got.append(Packet(at, sequence, timestamp, int.from_bytes(packet[8:12], "big"), packet[1] & 0x7F, packet[_HEADER:]))
