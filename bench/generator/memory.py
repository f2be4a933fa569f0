"""The arrays that the RTP process writes and everybody else reads: one memory file, mapped by both."""

import mmap
import os
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike, NDArray

from bench.generator.companding import FRAME

GAP_BINS = 256
"""Bins of 1 ms; the last holds all longer gaps."""
LATE_BINS = 2000
"""Bins of 0.1 ms; the last holds all that was later."""
STALL = 0.005
"""Seconds of lateness that are written down as a stall of the generator: what is heard then is its own fault."""
STALLS = 4096
TARDY = 0.0005
"""Seconds of lateness by which a packet is written down: the least margin that playout has where all others have been punctual."""
MOST_TARDY = 1 << 18


@dataclass(frozen=True, slots=True)
class Size:
    """How much to keep. Everything is bounded; what does not fit is counted and dropped."""

    legs: int
    recorded: int = 0
    """Received packets to keep, payload included (30 bytes and the payload each)."""
    logged: int = 0
    """Sent packets to keep the moment of (24 bytes each)."""
    payload: int = FRAME
    """Bytes of a payload that are kept."""


_STREAM_FIELDS = (
    ("received", "i8"),
    ("duplicates", "i8"),
    ("jumps", "i8"),
    ("highest", "i8"),
    ("ssrc", "i8"),
    ("payload_type", "i8"),
    ("last_arrival", "f8"),
    ("last_voice", "f8"),
)
"""What each packet that comes touches: together in one line of the processor's cache a leg."""
_LEG_FIELDS: tuple[tuple[str, str, tuple[int, ...]], ...] = (
    ("sent", "i8", ()),
    ("digits", "i8", ()),
    ("strange", "i8", ()),
    ("refused", "i8", ()),
    ("longest_gap", "f8", ()),
    ("gaps", "u4", (GAP_BINS,)),
)
_RECORD_FIELDS: tuple[tuple[str, str, tuple[int, ...]], ...] = (
    ("record_time", "f8", ()),
    ("record_timestamp", "u4", ()),
    ("record_leg", "i4", ()),
    ("record_sequence", "u2", ()),
    ("record_length", "u2", ()),
)
_LOG_FIELDS: tuple[tuple[str, str, tuple[int, ...]], ...] = (("log_time", "f8", ()), ("log_leg", "i8", ()), ("log_frame", "i8", ()))
_TARDY_FIELDS: tuple[tuple[str, str], ...] = (("tardy_leg", "i4"), ("tardy_due", "f8"), ("tardy_sent", "f8"))


class Memory:
    """The shared arrays as attributes. Axes: leg, or record, or log entry first.

    sent, received, digits (packets of telephone-event), duplicates (same number again), strange (not RTP, or of no known
    payload type), refused (by the phone's SRTP: forged, plain, or again), jumps (times the stream changed SSRC), highest (extended
    sequence number, -1 before the first packet; the first is counted as one that rolled over once), last_arrival, last_voice (of a
    packet that is not silence; monotonic seconds), payload_type (of what is to come), longest_gap (seconds between two packets, since
    somebody set it to 0), gaps (leg, ms bin): counters a leg. streams: those of them that each packet touches, as records.
    late (0.1 ms bin): packets by send time minus due time. stalls (stall, 2): from when until when packets were sent more
    than `STALL` late. tardy_*: packets of recorded legs that were sent more than `TARDY` late: leg, when due, when sent.
    totals: see the names below.
    record_*: received packets, each leg's in order of arrival. log_*: sent packets: moment, leg, frame of the leg's signal since its start.
    """

    TOTALS = (
        "passes",
        "recorded",
        "record_overflow",
        "logged",
        "log_overflow",
        "send_errors",
        "skipped_slots",
        "stalled",
        "tardy",
        "tardy_overflow",
        "stopped",
        "settlements",
    )
    """settlements: how often what was sent and received has begun, or ended, to be counted: odd while that is under way."""

    def __init__(self, size: Size, descriptor: int | None = None) -> None:
        fields: list[tuple[str, DTypeLike, tuple[int, ...]]] = [("streams", np.dtype(list(_STREAM_FIELDS)), (size.legs,))]
        fields += [(name, kind, (size.legs, *rest)) for name, kind, rest in _LEG_FIELDS]
        fields += [(name, kind, (max(1, size.recorded), *rest)) for name, kind, rest in _RECORD_FIELDS]
        fields += [("record_payload", "u1", (max(1, size.recorded), size.payload))]
        fields += [(name, kind, (max(1, size.logged), *rest)) for name, kind, rest in _LOG_FIELDS]
        fields += [(name, kind, (MOST_TARDY,)) for name, kind in _TARDY_FIELDS]
        fields += [("late", "i8", (LATE_BINS,)), ("totals", "i8", (len(self.TOTALS),)), ("stalls", "f8", (STALLS, 2))]
        offsets, end = [], 0
        for _, kind, shape in fields:
            offsets.append(end)
            end += -(-int(np.prod(shape)) * np.dtype(kind).itemsize // 64) * 64
        self.size = size
        self.descriptor = os.memfd_create("bench-legs") if descriptor is None else descriptor
        if descriptor is None:
            os.ftruncate(self.descriptor, end)
        self._map = mmap.mmap(self.descriptor, end)
        for (name, kind, shape), offset in zip(fields, offsets, strict=True):
            setattr(self, name, np.ndarray(shape, kind, self._map, offset))
        for name, _ in _STREAM_FIELDS:
            setattr(self, name, self.streams[name])
        if descriptor is None:
            self.highest[:] = -1
            self.ssrc[:] = -1

    streams: NDArray[np.void]
    sent: NDArray[np.int64]
    received: NDArray[np.int64]
    digits: NDArray[np.int64]
    duplicates: NDArray[np.int64]
    strange: NDArray[np.int64]
    refused: NDArray[np.int64]
    jumps: NDArray[np.int64]
    highest: NDArray[np.int64]
    last_arrival: NDArray[np.float64]
    last_voice: NDArray[np.float64]
    longest_gap: NDArray[np.float64]
    ssrc: NDArray[np.int64]
    payload_type: NDArray[np.int64]
    gaps: NDArray[np.uint32]
    record_time: NDArray[np.float64]
    record_timestamp: NDArray[np.uint32]
    record_leg: NDArray[np.int32]
    record_sequence: NDArray[np.uint16]
    record_length: NDArray[np.uint16]
    record_payload: NDArray[np.uint8]
    log_time: NDArray[np.float64]
    log_leg: NDArray[np.int64]
    log_frame: NDArray[np.int64]
    late: NDArray[np.int64]
    totals: NDArray[np.int64]
    stalls: NDArray[np.float64]
    tardy_leg: NDArray[np.int32]
    tardy_due: NDArray[np.float64]
    tardy_sent: NDArray[np.float64]

    def note_stall(self, due: float, sent: float) -> None:
        """Packets due then were sent only now; joined to the stall before where they meet."""
        at = Memory.TOTALS.index("stalled")
        count = int(self.totals[at])
        if count and due <= self.stalls[count - 1, 1]:
            self.stalls[count - 1, 1] = sent
        elif count < STALLS:
            self.stalls[count] = due, sent
            self.totals[at] += 1

    def note_tardy(self, legs: NDArray[np.int64], due: float, sent: float) -> None:
        """Packets of legs (n) that were due then were sent only now."""
        first = self.total("tardy")
        count = min(len(legs), MOST_TARDY - first)
        self.tardy_leg[first : first + count] = legs[:count]
        self.tardy_due[first : first + count], self.tardy_sent[first : first + count] = due, sent
        self.totals[Memory.TOTALS.index("tardy")] += count
        self.totals[Memory.TOTALS.index("tardy_overflow")] += len(legs) - count

    def total(self, name: str) -> int:
        """One of `TOTALS` by name."""
        return int(self.totals[self.TOTALS.index(name)])
