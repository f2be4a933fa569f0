"""The numbers that we put on what we send: sequence numbers, timestamps, and how two clocks share one number space.

Rules:
- a listener who follows a source has its numbers plus a constant offset; where his codec differs, own consecutive numbers;
- he is *anchored* to one stream of it; another stream (or another source) anchors him anew: the next number, time going on;
- what the server sends by its own clock takes the next number and time, and leaves the anchor *unsettled* (negative);
- at the first packet after that: if its time was already sent, it is late and goes nowhere; else the offset advances
  by what the server inserted (never back), and the anchor is settled;
- a source that stays behind for `PATIENCE` (its own clock stood still) is anchored anew, once;
- a number below the floor, where the last anchor was set, is late. So no number ever goes out with two contents.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from rtp.arrays import Bools, Float64, Int64, UInt64, every, some
from rtp.stream import BLOCK_SECONDS

PATIENCE: Final = 0.1
"""Seconds of nothing but late packets after which a source's time is taken as it comes."""
HOLD_OVER_MAX: Final = 0.1
"""Longest wait, in seconds, for a silent source before the server's clock takes over."""


@dataclass(slots=True)
class Senders:
    """State of what we send to each leg; every array has one entry a row."""

    ssrc: Int64
    anchor: Int64
    """Serial of the stream that the offsets belong to; negative while unsettled, 0 for none."""
    floor: Int64
    """Extended number of the source below which the offsets do not hold."""
    sequence_offset: Int64
    timestamp_offset: Int64
    sequence: Int64
    """Highest number sent, extended."""
    timestamp: Int64
    """Its timestamp, 32 bits."""
    sent_at: Float64
    """When it was sent, seconds; 0.0 before the first."""
    late_since: Float64
    """When an unbroken run of late packets began; 0.0 for none."""
    event: Int64
    """Source timestamp of the telephone-event that is being relayed under own numbers; -1 for none."""
    event_timestamp: Int64
    """Timestamp under which it goes out."""
    first: Int64
    """The number before the first that was sent."""
    octets: Int64
    """Bytes of payload that were sent."""

    def begin(self, row: int, entropy: int) -> None:
        """Fresh numbers for a new leg from 80 random bits."""
        self.ssrc[row] = (entropy & 0xFFFF_FFFF) or 1
        self.timestamp[row] = (entropy >> 32) & 0xFFFF_FFFF
        self.sequence[row] = self.first[row] = (entropy >> 64) & 0x7FFF
        self.anchor[row] = 0
        self.sent_at[row] = self.late_since[row] = 0.0
        self.event[row] = -1


@dataclass(slots=True)
class Relay:
    """Packets on their way from sources to listeners (n, each listener once)."""

    listener: Int64
    """Row."""
    extended: Int64
    """The source's extended sequence number."""
    serial: Int64
    """Serial of its stream."""
    timestamp: Int64
    forward: Bools
    """Newer than all before it."""
    blocks: Int64
    """Length of a packet."""
    ticks: Int64
    """Length of a block by the listener's clock."""
    own_numbers: Bools
    """Listeners under own consecutive numbers."""


def follow_source(senders: Senders, late: UInt64, relay: Relay, now: float) -> tuple[Int64, Int64, Bools | None]:
    """Numbers and timestamps (n) of relayed packets, and which go out (None: all); late ones are counted at their listener."""
    listener = relay.listener
    sequence = relay.extended + senders.sequence_offset[listener]
    timestamp = (relay.timestamp + senders.timestamp_offset[listener]) & 0xFFFF_FFFF
    usual = (senders.anchor[listener] == relay.serial) & relay.forward
    goes: Bools | None = None
    if some(relay.own_numbers):
        sequence = np.where(relay.own_numbers, senders.sequence[listener] + 1, sequence)
    if not every(usual):
        goes = np.ones(len(listener), dtype=np.bool_)
        for index in np.flatnonzero(~usual).tolist():
            numbers = _settle(senders, relay, index, now)
            if numbers is None:
                late[listener[index]] += 1
                goes[index] = False
            else:
                sequence[index], timestamp[index] = numbers
        newest = goes & (sequence > senders.sequence[listener])
        _note(senders, listener[newest], sequence[newest], timestamp[newest], now)
    else:
        _note(senders, listener, sequence, timestamp, now)
    return sequence, timestamp, goes


def follow_event(senders: Senders, relay: Relay, now: float) -> tuple[int, int] | None:
    """Number and timestamp of one relayed telephone-event packet (a `Relay` of one); None where it cannot go out any more.

    It takes a number of the listener's space, and neither clocks him nor moves his time. Its timestamp is the event's start.
    """
    row, extended = int(relay.listener[0]), int(relay.extended[0])
    if abs(int(senders.anchor[row])) != int(relay.serial[0]):
        numbers = _anchor(senders, relay, 0, now)
        senders.sequence[row], senders.anchor[row] = numbers[0], -senders.anchor[row]
        return numbers
    timestamp = (int(relay.timestamp[0]) + int(senders.timestamp_offset[row])) & 0xFFFF_FFFF
    newest = int(senders.sequence[row])
    sequence = newest + 1 if relay.own_numbers[0] else extended + int(senders.sequence_offset[row])
    if senders.anchor[row] < 0 and sequence <= newest:
        if not relay.forward[0]:
            return None
        senders.sequence_offset[row] += newest + 1 - sequence
        senders.floor[row] = extended
        sequence = newest + 1
    elif extended < int(senders.floor[row]):
        return None
    senders.sequence[row] = max(newest, sequence)
    return sequence, timestamp


def follow_clock_with_event(senders: Senders, row: int, event: int, ticks: int) -> tuple[int, int]:
    """Number and timestamp of an event packet that is not from the listener's main source; ``event``: its timestamp at the source.

    It is inserted as what the server sends by its own clock is: the main source's next packet gives way to it.
    """
    if int(senders.event[row]) != event:
        senders.event[row] = event
        senders.event_timestamp[row] = (int(senders.timestamp[row]) + ticks) & 0xFFFF_FFFF
    senders.sequence[row] += 1
    senders.anchor[row] = -abs(int(senders.anchor[row]))
    return int(senders.sequence[row]), int(senders.event_timestamp[row])


def follow_clock(senders: Senders, listener: Int64, ticks: Int64, now: float) -> tuple[Int64, Int64]:
    """Numbers and timestamps (n) of packets that the server sends by its own clock, ``ticks`` (n) after the last ones."""
    sequence = senders.sequence[listener] + 1
    timestamp = (senders.timestamp[listener] + ticks) & 0xFFFF_FFFF
    senders.anchor[listener] = -np.abs(senders.anchor[listener])
    _note(senders, listener, sequence, timestamp, now)
    return sequence, timestamp


def hold_over(blocks: Int64, jitter: Float64) -> Float64:
    """Seconds that a listener waits for his silent source: two packets of ``blocks`` and its jitter (seconds), at most `HOLD_OVER_MAX`."""
    wait: Float64 = np.minimum(2 * blocks * BLOCK_SECONDS + jitter, HOLD_OVER_MAX)
    return wait


def pause_blocks(senders: Senders, row: int, blocks: int, now: float) -> int:
    """How far the time goes on for a packet of ``blocks`` now: the time that passed, in whole packets, at least one."""
    if senders.sent_at[row] == 0.0:
        return blocks
    packets = round((now - float(senders.sent_at[row])) / (blocks * BLOCK_SECONDS))
    return max(1, packets) * blocks


def _note(senders: Senders, listener: Int64, sequence: Int64, timestamp: Int64, now: float) -> None:
    senders.sequence[listener] = sequence
    senders.timestamp[listener] = timestamp
    senders.sent_at[listener] = now


def _settle(senders: Senders, relay: Relay, index: int, now: float) -> tuple[int, int] | None:
    """Numbers of one packet that does not simply follow the last one of its stream; None where it is late."""
    row, extended, serial = int(relay.listener[index]), int(relay.extended[index]), int(relay.serial[index])
    own = bool(relay.own_numbers[index])
    anchor = int(senders.anchor[row])
    if abs(anchor) != serial:
        return _anchor(senders, relay, index, now)
    timestamp = (int(relay.timestamp[index]) + int(senders.timestamp_offset[row])) & 0xFFFF_FFFF
    sequence = extended + int(senders.sequence_offset[row])
    if anchor == serial:
        if own or extended < int(senders.floor[row]):
            return None
        return sequence, timestamp
    if _signed(timestamp - int(senders.timestamp[row])) <= 0:
        if senders.late_since[row] == 0.0:
            senders.late_since[row] = now
        if now - float(senders.late_since[row]) < PATIENCE or not relay.forward[index]:
            return None
        return _anchor(senders, relay, index, now)
    inserted = max(0, int(senders.sequence[row]) + 1 - sequence)
    senders.sequence_offset[row] += inserted
    senders.floor[row] = extended
    senders.anchor[row] = serial
    senders.late_since[row] = 0.0
    return (int(senders.sequence[row]) + 1 if own else sequence + inserted), timestamp


def _anchor(senders: Senders, relay: Relay, index: int, now: float) -> tuple[int, int]:
    row = int(relay.listener[index])
    ticks = pause_blocks(senders, row, int(relay.blocks[index]), now) * int(relay.ticks[index])
    sequence = int(senders.sequence[row]) + 1
    timestamp = (int(senders.timestamp[row]) + ticks) & 0xFFFF_FFFF
    senders.sequence_offset[row] = sequence - int(relay.extended[index])
    senders.timestamp_offset[row] = (timestamp - int(relay.timestamp[index])) & 0xFFFF_FFFF
    senders.floor[row] = int(relay.extended[index])
    senders.anchor[row] = int(relay.serial[index])
    senders.late_since[row] = 0.0
    return sequence, timestamp


def _signed(difference: int) -> int:
    return ((difference + 0x8000_0000) & 0xFFFF_FFFF) - 0x8000_0000
