"""RTP headers (RFC 3550 §5.1) of a whole batch at once: bytes to arrays with everything odd sorted out, arrays to bytes.

A batch holds at most one packet of a row, so that arrays indexed by row can be written without collisions.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from rtp.arrays import Bools, Bytes, Int64, UInt64, every, named

HEADER: Final = 12
"""Bytes of a header without contributors and extension; where a payload starts once parsed."""

UNKNOWN: Final = 0
AUDIO: Final = 1
DIGIT: Final = 2
NOISE: Final = 3
"""What a payload type means to a leg: the values of its payload kinds."""

COMFORT_NOISE_TYPE: Final = 13
"""Static payload type of RFC 3389, counted by itself where it was not negotiated."""

_LINES: Final = np.arange(65_536)
_PLAIN: Final = 0x80
_HAS_PADDING: Final = 0x20
_HAS_EXTENSION: Final = 0x10


@dataclass(slots=True)
class Packets:
    """Parsed packets: one entry each, at most one of a row. Payloads start at byte 12 of their line of the matrix."""

    line: Int64
    """Line of the byte matrix."""
    row: Int64
    kind: Bytes
    """`AUDIO`, `DIGIT` or `NOISE`."""
    marker: Int64
    """0x80 or 0, as in the second byte."""
    sequence: Int64
    """16 bits."""
    timestamp: Int64
    """32 bits."""
    ssrc: Int64
    size: Int64
    """Bytes of the payload."""

    def __len__(self) -> int:
        """How many."""
        return len(self.row)

    def where(self, keep: Bools | Int64) -> "Packets":
        """Those that ``keep`` (n) marks, or names, in their order."""
        keep = named(keep)
        return Packets(
            self.line[keep],
            self.row[keep],
            self.kind[keep],
            self.marker[keep],
            self.sequence[keep],
            self.timestamp[keep],
            self.ssrc[keep],
            self.size[keep],
        )


@dataclass(slots=True)
class Refusals:
    """Counters (row) of datagrams that are no packet for the leg, by reason."""

    dropped_version: UInt64
    dropped_payload_type: UInt64
    dropped_comfort_noise: UInt64
    dropped_size: UInt64
    dropped_rtcp: UInt64


def parse(matrix: Bytes, lengths: Int64, rows: Int64, payload_kind: Bytes, refusals: Refusals) -> Packets:
    """Headers of the first n lines of ``matrix`` (lines, width) as arrays; what is refused is counted and left out.

    lengths (n) bytes of each datagram, rows (n) their legs, payload_kind (rows, 128) what each payload type means to a leg.
    Contributors, extensions and padding are cut out of the line in place. A datagram as long as a line is taken for cut off.
    """
    count = len(rows)
    head = matrix[:count, :HEADER]
    first, timestamp, ssrc = head.view(">u4").T.astype(np.int64)
    second = first >> 16
    kind = payload_kind.reshape(-1).take((rows << 7) | (second & 0x7F))
    packets = Packets(
        line=_LINES[:count],
        row=rows,
        kind=kind,
        marker=second & 0x80,
        sequence=first & 0xFFFF,
        timestamp=timestamp,
        ssrc=ssrc,
        size=lengths - HEADER,
    )
    ordinary = (head[:, 0] == _PLAIN) & kind.astype(np.bool_) & (lengths > HEADER) & (lengths < matrix.shape[1])
    if every(ordinary):
        return packets
    return packets.where(ordinary | _straightened(matrix, lengths, head, packets, ordinary, refusals))


def build(out: Bytes, marked_types: Int64, sequence: Int64, timestamp: Int64, ssrc: Int64) -> None:
    """Write headers into the first 12 bytes of ``out`` (n, width).

    marked_types (n) marker and payload type; sequence (n) and timestamp (n) are taken mod 2¹⁶ and 2³².
    """
    words = out[:, :HEADER].view(">u4")
    words[:, 0] = (marked_types << 16) | (sequence & 0xFFFF) | (_PLAIN << 24)
    words[:, 1] = timestamp
    words[:, 2] = ssrc


def _straightened(matrix: Bytes, lengths: Int64, head: Bytes, packets: Packets, ordinary: Bools, refusals: Refusals) -> Bools:
    """Of what is not ordinary: count what is refused, cut the others' headers to 12 bytes; True for those."""
    kept = np.zeros(len(ordinary), dtype=np.bool_)
    for line in np.flatnonzero(~ordinary).tolist():
        row, length = int(packets.row[line]), int(lengths[line])
        first, second = int(head[line, 0]), int(head[line, 1])
        if length < HEADER or length >= matrix.shape[1]:
            refusals.dropped_size[row] += 1
        elif first >> 6 != 2:
            refusals.dropped_version[row] += 1
        elif packets.kind[line] == UNKNOWN:
            _count_unknown(refusals, row, second)
        else:
            size = _cut_out(matrix[line], length, first)
            if size > 0:
                packets.size[line] = size
                kept[line] = True
            else:
                refusals.dropped_size[row] += 1
    return kept


def _count_unknown(refusals: Refusals, row: int, second: int) -> None:
    if 192 <= second <= 223:  # RFC 5761 §4
        refusals.dropped_rtcp[row] += 1
    elif second & 0x7F == COMFORT_NOISE_TYPE:
        refusals.dropped_comfort_noise[row] += 1
    else:
        refusals.dropped_payload_type[row] += 1


def _cut_out(line: Bytes, length: int, first: int) -> int:
    """Move the payload of one datagram to byte 12; its size, or 0 where the header lies about the length."""
    start, end = HEADER + 4 * (first & 0x0F), length
    if first & _HAS_EXTENSION:
        if start + 4 > length:
            return 0
        start += 4 + 4 * ((int(line[start + 2]) << 8) | int(line[start + 3]))
    if first & _HAS_PADDING:
        padding = int(line[length - 1])
        if padding == 0:
            return 0
        end -= padding
    size = end - start
    if size <= 0:
        return 0
    if start != HEADER:
        line[HEADER : HEADER + size] = line[start:end].copy()
    return size
