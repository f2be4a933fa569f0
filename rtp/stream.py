"""What arrives: extended sequence numbers, duplicates, jitter and the place of each frame on its leg's time line.

Rules (RFC 3550 §6.4.1, appendix A.1, A.8):
- a packet's extended number is the highest one seen plus the signed 16-bit difference;
- another SSRC, or a jump of more than `MAX_FORWARD` or `MAX_BACKWARD` numbers, begins a new stream with a new serial;
- a number that came already, or that is older than the window of 64, goes no further;
- the time line counts blocks of 10 ms; a timestamp that runs backwards or leaps ahead is taken as "goes on where it was".
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from rtp.arrays import Bools, Float64, Int64, UInt64, every, some
from rtp.header import Packets

BLOCK_SECONDS: Final = 0.01
"""A block, the unit of every time line, whatever a leg's clock and its audio's rate."""
BLOCKS_A_SECOND: Final = 100
BLOCK: Final = 80
"""Samples of a block at 8 kHz."""
WINDOW: Final = 64
"""Numbers behind the highest in which a late packet is still told from a repeated one."""
MAX_FORWARD: Final = 3000
MAX_BACKWARD: Final = 1000
MAX_PAUSE: Final = 3000
"""Blocks that a timestamp may leap ahead between two packets (30 s)."""
_MAX_DEVIATION: Final = 0.5
"""Largest deviation, in seconds, that goes into the jitter: more is a pause, not jitter."""


@dataclass(slots=True)
class Streams:
    """State of what each leg sends us; every array has one entry a row."""

    ssrc: Int64
    serial: Int64
    """Number of this stream among all of the worker; 0 before the first packet."""
    highest: Int64
    """Highest extended sequence number."""
    window: UInt64
    """Bit n: the number ``highest - n`` came."""
    timestamp: Int64
    """RTP timestamp of the newest audio packet."""
    position: Int64
    """Block on the leg's time line where that packet starts."""
    arrival: Float64
    """When that packet came, seconds."""
    jitter: Float64
    """RFC 3550 §6.4.1, but in seconds, so that it does not depend on the clock."""
    blocks: Int64
    """Blocks of that packet: the packet time really in use, 0 before the first."""
    breaks: Int64
    """How often the time line went on where it was although the stream did not: a new one, or a timestamp that leapt."""
    event: Int64
    """Timestamp of the last telephone-event told; -1 before the first."""
    first: Int64
    """Extended number before the first of this stream."""
    received_before: UInt64
    """What the tally of received packets stood at when this stream began."""


@dataclass(slots=True)
class Tally:
    """Counters (row) of what happened to valid packets."""

    received: UInt64
    lost: Int64
    late: UInt64
    duplicate: UInt64


@dataclass(slots=True)
class Followed:
    """Packets that go on, with what the stream says about each (n)."""

    packets: Packets
    extended: Int64
    """Extended sequence number."""
    serial: Int64
    in_order: bool
    """Whether every one of them is newer than all before it."""
    forward: Bools
    """Which of them are."""


def follow(streams: Streams, tally: Tally, packets: Packets, ticks: Int64, last_serial: Int64, now: float) -> Followed:
    """Bring each packet's stream forward; repeated and outdated packets are counted and left out.

    ticks (row) of each leg's RTP clock make a block; last_serial (1) is the last serial given out; it is counted up for new streams.
    """
    rows = packets.row
    highest = streams.highest[rows]
    ahead = packets.sequence - highest
    usual = ((ahead & 0xFFFF) == 1) & (streams.ssrc[rows] == packets.ssrc)
    if every(usual):
        extended = highest + 1
        streams.highest[rows] = extended
        streams.window[rows] = (streams.window[rows] << np.uint64(1)) | np.uint64(1)
        tally.received[rows] += 1
        return Followed(packets, extended, streams.serial[rows], True, usual)
    step = ahead.astype(np.int16).astype(np.int64)
    return _follow_unusual(streams, tally, packets, step, ticks, last_serial, now)


def place(streams: Streams, audio: Followed, ticks: Int64, now: float) -> Int64:
    """Blocks on the time line (n) where these audio packets start; ticks (n) of their clocks make a block. Jitter goes along."""
    packets = audio.packets
    rows = packets.row
    elapsed = (packets.timestamp - streams.timestamp[rows]).astype(np.int32) / ticks
    steps = np.floor(elapsed + 0.5).astype(np.int64)
    odd = (steps - 1).view(np.uint64) >= MAX_PAUSE  # below 1, or above
    if some(odd):
        streams.breaks[rows] += odd & audio.forward
        steps = np.where(odd & audio.forward, np.maximum(streams.blocks[rows], 1), steps)
        steps = np.where(odd & ~audio.forward & ((steps >= 0) | (steps < -WINDOW * 8)), -WINDOW * 8, steps)
    position = streams.position[rows] + steps
    if audio.in_order:
        _advance(streams, rows, packets.timestamp, elapsed, position, now)
    else:
        newer = audio.forward
        _advance(streams, rows[newer], packets.timestamp[newer], elapsed[newer], position[newer], now)
    return position


def _advance(streams: Streams, rows: Int64, timestamp: Int64, elapsed: Float64, position: Int64, now: float) -> None:
    """Note these packets (n) as their streams' newest; elapsed (n) blocks, with fractions, since the ones before by their timestamps."""
    deviation = np.abs(now - streams.arrival[rows] - elapsed * BLOCK_SECONDS)
    jitter = streams.jitter[rows]
    pauses = deviation > _MAX_DEVIATION
    if some(pauses):
        deviation = np.where(pauses, jitter, deviation)
    streams.jitter[rows] = jitter + (deviation - jitter) * 0.0625
    streams.arrival[rows] = now
    streams.timestamp[rows] = timestamp
    streams.position[rows] = position


def _follow_unusual(
    streams: Streams, tally: Tally, packets: Packets, step: Int64, ticks: Int64, last_serial: Int64, now: float
) -> Followed:
    rows = packets.row
    new = (streams.ssrc[rows] != packets.ssrc) | (step > MAX_FORWARD) | (step < -MAX_BACKWARD)
    if new.any():
        _begin(streams, tally, packets.where(new), ticks, last_serial, now)
        step = np.where(new, 1, step)
    outdated = step <= -WINDOW
    behind = np.clip(-step, 0, WINDOW - 1).astype(np.uint64)
    window = streams.window[rows]
    repeated = ~outdated & (step <= 0) & ((window >> behind) & np.uint64(1)).astype(np.bool_)
    tally.late[rows] += outdated
    tally.duplicate[rows] += repeated
    forward = step > 0
    ahead = np.clip(step, 0, WINDOW - 1).astype(np.uint64)
    shifted = np.where(step >= WINDOW, np.uint64(0), window << ahead) | np.uint64(1)
    fits = ~outdated & ~repeated
    extended = streams.highest[rows] + step
    streams.window[rows] = np.where(forward, shifted, np.where(fits, window | (np.uint64(1) << behind), window))
    streams.highest[rows] = np.where(forward, extended, streams.highest[rows])
    tally.lost[rows] += np.where(forward, step - 1, np.where(fits, -1, 0))
    tally.received[rows] += fits
    serial = streams.serial[rows]
    if fits.all():
        return Followed(packets, extended, serial, bool(forward.all()), forward)
    forward = forward[fits]
    return Followed(packets.where(fits), extended[fits], serial[fits], bool(forward.all()), forward)


def _begin(streams: Streams, tally: Tally, packets: Packets, ticks: Int64, last_serial: Int64, now: float) -> None:
    """Start new streams so that these packets are the next in order, and their frames come right after the old stream's."""
    rows = packets.row
    streams.ssrc[rows] = packets.ssrc
    streams.serial[rows] = last_serial[0] + 1 + np.arange(len(rows))
    last_serial[0] += len(rows)
    streams.highest[rows] = streams.first[rows] = packets.sequence - 1
    streams.received_before[rows] = tally.received[rows]
    streams.window[rows] = 0
    streams.breaks[rows] += 1
    streams.event[rows] = -1
    streams.jitter[rows] = 0.0
    streams.timestamp[rows] = (packets.timestamp - ticks[rows]) & 0xFFFF_FFFF
    streams.position[rows] = np.maximum(streams.position[rows] + streams.blocks[rows], WINDOW) - 1
    streams.arrival[rows] = now - BLOCK_SECONDS
