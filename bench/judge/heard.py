"""What a simulated phone heard: its packets laid out by timestamp, decoded, and put on the clock by when they left for it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.coding.codecs import Codec
from bench.simulator.phone import Packet

Int16 = NDArray[np.int16]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Heard:
    """A decoded stream and how it came."""

    samples: Int16
    """(n)"""
    rate: int
    start: float
    """When the first sample was heard, seconds: the departure of its packet, by the most punctual of all packets."""
    holes: int
    """Packets that the timestamps left out, or that stand between two."""
    jumps: int
    """Packets whose sequence number does not follow the one that came before."""
    longest_gap: float
    """Seconds between two packets, at most."""

    def between(self, start: float, end: float) -> Int16:
        """Samples heard in a span of time, zeros where nothing was."""
        first, last = (round((moment - self.start) * self.rate) for moment in (start, end))
        places = np.arange(first, last)
        there = (places >= 0) & (places < len(self.samples))
        return np.where(there, self.samples[np.clip(places, 0, len(self.samples) - 1)], np.int16(0))


def hear(packets: Sequence[Packet], codec: Codec, ptime_ms: int) -> Heard:
    """A stream as a phone with all the time in the world plays it: in order, each packet once. At least one packet."""
    ticks = codec.ticks(ptime_ms)
    first = packets[0].timestamp
    offsets = np.array([((packet.timestamp - first + 0x8000_0000) & 0xFFFF_FFFF) - 0x8000_0000 for packet in packets], np.int64)
    numbers = np.array([((packet.sequence - packets[0].sequence + 0x8000) & 0xFFFF) - 0x8000 for packet in packets], np.int64)
    slots = np.rint((offsets - offsets.min()) / ticks).astype(np.int64)
    payloads: list[bytes | None] = [None] * (int(slots.max()) + 1)
    for slot, packet in zip(slots.tolist(), packets, strict=True):
        payloads[slot] = packet.payload
    at = np.array([packet.at for packet in packets])
    return Heard(
        codec.decode(payloads, ptime_ms),
        codec.rate,
        float((at - slots * (ptime_ms / 1000.0)).min()),
        payloads.count(None) + int((offsets % ticks != 0).sum()),
        int((np.diff(np.unwrap(numbers, period=65_536)) != 1).sum()),
        float(np.diff(at).max()) if len(at) > 1 else float("inf"),
    )


def delays(said: Int16, heard: Int16, rate: int, *, window: float = 1.0, hop: float = 0.5, longest: float = 0.6) -> Floats:
    """The delay in each window in which something was said, seconds."""
    size, step, extra = round(window * rate), round(hop * rate), round(longest * rate)
    loud = 0.3 * float(np.sqrt((said.astype(np.float64) ** 2).mean()))
    found = []
    for first in range(0, min(len(said), len(heard) - extra) - size + 1, step):
        piece = said[first : first + size].astype(np.float64)
        if np.sqrt((piece**2).mean()) > loud:
            found.append(lag_of(piece, heard[first : first + size + extra].astype(np.float64), extra) / rate)
    return np.array(found)


def lag_of(piece: Floats, around: Floats, extra: int) -> int:
    """Where in ``around``, at most so many samples in, the piece is found (normalised correlation)."""
    size = 1 << (len(around) + len(piece)).bit_length()
    products = np.fft.irfft(np.fft.rfft(around, size) * np.conj(np.fft.rfft(piece, size)), size)[: extra + 1]
    sums = np.concatenate([[0.0], np.cumsum(around**2)])
    energies = sums[len(piece) :] - sums[: -len(piece)]
    return int(np.argmax(products / np.sqrt(np.maximum(energies[: extra + 1], 1.0))))
