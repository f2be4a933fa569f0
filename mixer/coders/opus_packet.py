"""What stands in front of an Opus packet (RFC 6716 §3): how long it lasts, how many frames it holds, and packing several into one."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from mixer.arrays import Bytes, Int64

CLOCK_RATE: Final = 48_000
"""RTP ticks a second, whatever the sample rate (RFC 7587 §4.1)."""
MAX_TICKS: Final = 5_760
"""120 ms: no packet is longer (RFC 6716 §3.2.5)."""

_FIRST_HYBRID, _FIRST_CELT = 12, 16
_SILK_TICKS: Final = (480, 960, 1920, 2880)
_HYBRID_TICKS: Final = (480, 960)
_CELT_TICKS: Final = (120, 240, 480, 960)
_ONE_BYTE_LENGTHS: Final = 252


def _frame_ticks(toc: int) -> int:
    """Ticks of one frame by its configuration number (RFC 6716 §3.1 table 2)."""
    configuration = toc >> 3
    if configuration >= _FIRST_CELT:
        return _CELT_TICKS[configuration & 3]
    if configuration >= _FIRST_HYBRID:
        return _HYBRID_TICKS[configuration & 1]
    return _SILK_TICKS[configuration & 3]


FRAME_TICKS: Final[Int64] = np.array([_frame_ticks(toc) for toc in range(256)], dtype=np.int64)
"""(first byte) int64, ticks of each frame of the packet."""
_FRAMES: Final[Int64] = np.array([(1, 2, 2, 0)[toc & 3] for toc in range(256)], dtype=np.int64)
"""(first byte) int64, frames in the packet; 0 where the second byte says it."""


def ticks_of(heads: Bytes, lengths: Int64) -> Int64:
    """RTP ticks (n) int64 that packets last by their first two bytes, heads (n, 2) uint8; lengths (n) int64 of the payloads.

    0 for what is no Opus packet: no bytes, no frames, or more than 120 ms.
    """
    first = heads[:, 0]
    frames = _FRAMES[first]
    counted = np.where(lengths > 1, heads[:, 1] & 0x3F, 0)
    ticks = np.where(frames > 0, frames, counted) * FRAME_TICKS[first]
    return np.where((lengths > 0) & (ticks <= MAX_TICKS), ticks, 0)


def packet_ticks(payload: bytes) -> int:
    """The same for one payload."""
    if not payload:
        return 0
    frames = (1, 2, 2, payload[1] & 0x3F if len(payload) > 1 else 0)[payload[0] & 3]
    ticks = frames * _frame_ticks(payload[0])
    return ticks if ticks <= MAX_TICKS else 0


def tells_of_the_one_before(payload: bytes) -> bool:
    """Whether a packet carries the frame before it once more (in-band FEC, LBRR: RFC 6716 §4.2.4).

    The flags are the first bits of a SILK frame: voice activity of each 20 ms, then LBRR; with two channels the same again.
    """
    frame = first_frame(payload)
    if not frame or payload[0] >> 3 >= _FIRST_CELT:
        return False
    pieces = max(_frame_ticks(payload[0]) // _SILK_TICKS[1], 1)
    flags = frame[0] >> (7 - pieces) & 1
    if payload[0] & 4:
        flags |= frame[0] >> (6 - 2 * pieces) & 1
    return bool(flags)


def first_frame(payload: bytes) -> bytes:
    """The bytes from the first frame on, as far as its head is whole; empty where there is none, or that frame is empty."""
    match payload[0] & 3 if payload else 0:
        case 0 | 1:
            return payload[1:]
        case 2:
            length, start = _length(payload, 1)
            return payload[start:] if length else b""
    count, is_varying, is_padded = _counted(payload)
    start = 2
    while is_padded and start < len(payload) and payload[start] == 255:
        start += 1
    start += is_padded
    lengths = []
    for _ in range(count - 1 if is_varying else 0):
        length, start = _length(payload, start)
        lengths.append(length)
    is_empty = count == 0 or 0 in lengths[:1]
    return b"" if is_empty else payload[start:]


def pack(frames: Sequence[bytes]) -> bytes:
    """One packet of several that hold one frame each (RFC 6716 §3.2.5, code 3 with a length for each).

    All of one configuration; one of another is left out as a lost frame, which its place tells the decoder.
    """
    toc = frames[0][0]
    bodies = [frame[1:] if frame[0] == toc else b"" for frame in frames]
    head = bytes((toc & 0xFC | 3, 0x80 | len(bodies)))
    return head + b"".join(_written_length(len(body)) for body in bodies[:-1]) + b"".join(bodies)


def _counted(payload: bytes) -> tuple[int, bool, bool]:
    """Of a packet with code 3: how many frames, whether each has its length, whether there is padding."""
    counts = payload[1] if len(payload) > 1 else 0
    return counts & 0x3F, bool(counts & 0x80), bool(counts & 0x40)


def _length(payload: bytes, at: int) -> tuple[int, int]:
    """A frame's length and where what follows it begins (RFC 6716 §3.2.1); length 0 where it is cut off."""
    first = payload[at] if at < len(payload) else 0
    if first < _ONE_BYTE_LENGTHS:
        return first, at + 1
    second = payload[at + 1] if at + 1 < len(payload) else 0
    return 4 * second + first, at + 2


def _written_length(length: int) -> bytes:
    if length < _ONE_BYTE_LENGTHS:
        return bytes((length,))
    first = _ONE_BYTE_LENGTHS + (length & 3)
    return bytes((first, (length - first) // 4))
