"""Telephone-event payloads (RFC 4733 §2.3): one event a packet, read and told."""

from dataclasses import dataclass
from typing import Final

from rtp.arrays import Bytes

EVENTS: Final = "0123456789*#ABCD"
"""Events 0 to 15 by number (RFC 4733 §3.2)."""
LONGEST_DURATION: Final = 0xFFFF
"""Ticks; what lasts longer goes on in another segment (§2.5.1.3)."""


@dataclass(frozen=True, slots=True)
class Event:
    """One packet's event."""

    digit: str
    """One of `EVENTS`; empty for an event that is no digit."""
    is_end: bool
    duration: int
    """Ticks so far."""


def read_event(payload: bytes) -> Event | None:
    """The event of a payload; None where it is too short to be one."""
    if len(payload) < 4:
        return None
    number = payload[0]
    return Event(EVENTS[number] if number < len(EVENTS) else "", bool(payload[1] & 0x80), int.from_bytes(payload[2:4], "big"))


def scale_duration(payload: Bytes, clock: int, other: int) -> None:
    """Write the duration of a payload (bytes, 4 at least) at another clock, both in ticks a second; the longest that fits at most."""
    duration = ((int(payload[2]) << 8) | int(payload[3])) * other // clock
    payload[2:4] = divmod(min(duration, LONGEST_DURATION), 256)
