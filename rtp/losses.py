"""The pattern of a stream's losses: bursts and gaps as RFC 3611 §4.7.2 and its appendix A.2 count them, and runs of lost packets.

Nothing is done a packet: the window of `rtp.stream` is looked at before it has moved on by `WINDOW - SETTLED` numbers. A number
is judged once `SETTLED` later ones could have come, so that packets that overtake each other are not lost.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from rtp.arrays import Int64, UInt64
from rtp.stream import WINDOW, Streams

SETTLED: Final = 16
"""Numbers behind the highest that may still come."""
MINIMAL_GAP: Final = 16
"""Packets received between two losses that end a burst (RFC 3611 §4.7.2, recommended)."""


@dataclass(slots=True)
class Losses:
    """Counts of each leg's stream; every array has one entry a row. Packets, in the words of RFC 3611 appendix A.2."""

    serial: Int64
    """The stream that ``examined`` belongs to."""
    examined: Int64
    """The number up to which it was looked at."""
    judged: Int64
    """Numbers that were looked at, of all streams of the leg."""
    lost: Int64
    runs: Int64
    """Runs of packets lost one after the other."""
    since: Int64
    """Received since the last loss."""
    burst: Int64
    """Lost in the burst, or the lonely loss, that is open; 0 before the first."""
    received_in_gaps: Int64
    """c11"""
    bursts: Int64
    """c13: those that ended."""
    lonely: Int64
    """c14: losses within gaps."""
    received_in_bursts: Int64
    """c22"""
    resumed: Int64
    """c23: losses within bursts after packets that came."""
    repeated: Int64
    """c33: losses right after losses."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """What a report says of a stream's losses (RFC 3611 §4.7.2); densities of 256, durations in packets."""

    burst_density: int
    gap_density: int
    burst_packets: float
    gap_packets: float


def examine(losses: Losses, streams: Streams, rows: Int64) -> None:
    """Look at what has settled since the last time in the streams of these rows (n)."""
    fresh = losses.serial[rows] != streams.serial[rows]
    if fresh.any():
        begun = rows[fresh]
        losses.serial[begun], losses.examined[begun] = streams.serial[begun], streams.first[begun]
    settled = streams.highest[rows] - SETTLED
    count = np.clip(settled - losses.examined[rows], 0, WINDOW - SETTLED)
    wanted = (np.uint64(1) << count.astype(np.uint64)) - np.uint64(1)
    missing: UInt64 = ~(streams.window[rows] >> np.uint64(SETTLED)) & wanted
    losses.examined[rows] = np.maximum(settled, losses.examined[rows])
    losses.judged[rows] += count
    losses.since[rows] += count
    for index in np.flatnonzero(missing).tolist():
        _note(losses, int(rows[index]), int(missing[index]), int(count[index]))


def burst_ratio(lost: Int64, runs: Int64, judged: Int64) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """BurstR of G.107 §7.5 for rows (n): the mean length of runs of lost packets, against that of losses by chance; at least 1."""
    ratio = lost / np.maximum(runs, 1) * (1.0 - lost / np.maximum(judged, 1))
    return np.maximum(ratio, 1.0)


def pattern(losses: Losses, row: int) -> Pattern:
    """Bursts and gaps of one row's streams so far."""
    bursts, lonely = int(losses.bursts[row]), int(losses.lonely[row])
    c11, c22 = int(losses.received_in_gaps[row]), int(losses.received_in_bursts[row])
    c23, c33 = int(losses.resumed[row]), int(losses.repeated[row])
    into_loss = c23 / (c22 + c23) if c22 + c23 else 1.0
    out_of_loss = c23 / (bursts + c23 + c33) if bursts + c23 + c33 else 1.0
    in_burst = into_loss / (into_loss + out_of_loss)
    if not bursts:
        return Pattern(0, _of_256(lonely, c11 + lonely), 0.0, float(int(losses.judged[row])))
    gap = (c11 + lonely + bursts) / bursts
    whole = (c11 + lonely + 2 * bursts + c22 + 2 * c23 + c33) / bursts
    return Pattern(min(round(256 * in_burst), 255), _of_256(lonely, c11 + lonely), whole - gap, gap)


def _of_256(part: int, whole: int) -> int:
    return min((part << 8) // whole, 255) if whole else 0


def _note(losses: Losses, row: int, missing: int, count: int) -> None:
    """Count the losses of one row: bit ``count - 1`` of ``missing`` is the oldest of the numbers. All were counted as received."""
    since = int(losses.since[row]) - count
    burst = int(losses.burst[row])
    place = count
    while missing:
        bit = missing.bit_length() - 1
        missing ^= 1 << bit
        since += place - 1 - bit
        place = bit
        burst = _lose(losses, row, since, burst)
        since = 0
    losses.since[row], losses.burst[row] = since + place, burst


def _lose(losses: Losses, row: int, since: int, burst: int) -> int:
    """One loss after ``since`` packets that came; how many the open burst has then."""
    losses.lost[row] += 1
    losses.runs[row] += since > 0 or not burst
    if burst and since < MINIMAL_GAP:
        if since:
            losses.resumed[row] += 1
            losses.received_in_bursts[row] += since - 1
        else:
            losses.repeated[row] += 1
        return burst + 1
    losses.lonely[row] += burst == 1
    losses.bursts[row] += burst > 1
    losses.received_in_gaps[row] += since
    return 1
