"""What one leg received, laid on the timeline of its RTP timestamps and of its arrival."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.generator.companding import DECODE, FRAME, RATE, decode
from bench.generator.formats import FORMATS, PTIME_MS
from bench.generator.memory import Memory

_LONGEST = 3600 * RATE
_TAPS = np.arange(-48, 49)
_HALF_BAND = np.sinc(_TAPS / 2.15) * np.blackman(len(_TAPS)) / (np.sinc(_TAPS / 2.15) * np.blackman(len(_TAPS))).sum()
"""Lets pass what 8 kHz can hold: up to 3.4 kHz as it is, nothing from 4 kHz on."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One listener's stream.

    samples (n,) float32, int16 scale, zero where nothing came; covered (n,) bool, whether something came.
    position (k,) int64 first sample of each packet, rising; arrival (k,) seconds.
    payload (k, widest) uint8, of which size (k,) int64 bytes count.
    """

    samples: NDArray[np.float32]
    covered: NDArray[np.bool_]
    position: NDArray[np.int64]
    arrival: NDArray[np.float64]
    payload: NDArray[np.uint8]
    size: NDArray[np.int64]

    def payload_of(self, packet: int) -> bytes:
        """What one packet carried."""
        return self.payload[packet, : self.size[packet]].tobytes()

    def times(self, starts: NDArray[np.int64]) -> NDArray[np.float64]:
        """When the samples at these places were heard: their packet's arrival plus their place in it."""
        at = np.clip(np.searchsorted(self.position, starts, side="right") - 1, 0, None)
        return np.asarray(self.arrival[at] + (starts - self.position[at]) / RATE)

    def windows(self, length: int, hop: int) -> NDArray[np.int64]:
        """First samples of all windows of this length in which nothing is missing."""
        starts = np.arange(0, len(self.samples) - length + 1, hop, dtype=np.int64)
        missing = np.concatenate([[0], np.cumsum(~self.covered)])
        return np.asarray(starts[missing[starts + length] == missing[starts]], np.int64)


def build(
    timestamp: NDArray[np.uint32],
    arrival: NDArray[np.float64],
    payload: NDArray[np.uint8],
    codec: str,
    lengths: NDArray[np.integer] | None = None,
) -> Recording:
    """A recording from packets in order of arrival, at 8 kHz whatever the codec; a packet far off the others' timestamps is left out.

    lengths (k): bytes of each payload that count; None: all.
    """
    if len(timestamp) == 0:
        empty = np.zeros(0, np.int64)
        return Recording(np.zeros(0, np.float32), np.zeros(0, bool), empty, np.zeros(0), np.zeros((0, FRAME), np.uint8), empty)
    wide = timestamp.astype(np.int64)
    steps = wide - np.concatenate([wide[:1], wide[:-1]])
    steps = ((steps + 2**31) & 0xFFFFFFFF) - 2**31
    position = np.cumsum(steps) * RATE // FORMATS[codec].clock_rate
    position -= position.min()
    near = position < _LONGEST
    order = np.argsort(position[near], kind="stable")
    position, arrival, payload = position[near][order], arrival[near][order], payload[near][order]
    sizes = np.full(len(payload), payload.shape[1], np.int64) if lengths is None else lengths[near][order].astype(np.int64)
    samples = np.zeros(int(position[-1]) + FRAME, np.float32)
    covered = np.zeros(len(samples), bool)
    places = position[:, None] + np.arange(FRAME)
    if codec in DECODE:
        samples[places] = decode(payload, codec)
    else:
        samples[places] = _decoded([row[:size].tobytes() for row, size in zip(payload, sizes, strict=True)], codec).reshape(-1, FRAME)
    covered[places] = True
    return Recording(samples, covered, position, arrival, payload, sizes)


def _decoded(payloads: Sequence[bytes], codec: str) -> NDArray[np.float64]:
    """All of a stream's packets decoded in one go; what was sampled twice as fast is brought to 8 kHz without moving it."""
    from bench.coding.codecs import CODECS  # the coders are large, and most benches speak G.711 alone

    sound = CODECS[codec].decode(payloads, PTIME_MS).astype(np.float64)
    return sound if CODECS[codec].rate == RATE else np.asarray(np.convolve(sound, _HALF_BAND, "same")[::2])


def of_leg(memory: Memory, leg: int, codec: str, *, since: float = -np.inf, until: float = np.inf) -> Recording:
    """What a leg received in a span of time. Looks through all records: for many legs use `of_all`."""
    count = memory.total("recorded")
    chosen = (memory.record_leg[:count] == leg) & (memory.record_time[:count] >= since) & (memory.record_time[:count] <= until)
    return _chosen(memory, np.flatnonzero(chosen), codec)


def of_all(memory: Memory, codec: str | Mapping[int, str]) -> Iterator[tuple[int, Recording]]:
    """Every leg that received something, with its recording; all in one codec, or each in its own."""
    count = memory.total("recorded")
    legs = memory.record_leg[:count]
    order = np.argsort(legs, kind="stable")
    edges = np.flatnonzero(np.diff(legs[order])) + 1
    for rows in np.split(order, edges):
        if len(rows):
            leg = int(legs[rows[0]])
            yield leg, _chosen(memory, rows, codec if isinstance(codec, str) else codec[leg])


def _chosen(memory: Memory, rows: NDArray[np.int64], codec: str) -> Recording:
    form, lengths = FORMATS[codec], memory.record_length[rows]
    rows = rows[lengths == form.payload] if form.name != "opus" else rows[lengths <= memory.size.payload]
    width = memory.size.payload if form.name == "opus" else form.payload
    payload = memory.record_payload[rows, :width]
    return build(memory.record_timestamp[rows], memory.record_time[rows], payload, codec, memory.record_length[rows])
