"""Packets lost, on both sides of us: what a report says of a leg's stream, and what a leg's report says of ours.

Upstream (RFC 3550 appendix A.3): expected is what the numbers promise, lost what of it did not come.

Downstream the far end counts every hole in our numbers. Those that we passed on from the source are no loss of this leg's way:
since no number is used twice, they are the numbers that we went on by, less the packets that we sent. A far end that
begins to listen late, or counts anew, has missed nothing by that; gaps that it has not reached yet are allowed for.
"""

from dataclasses import dataclass
from typing import Final

MOST_REORDERED: Final = 16
"""Packets that a far end may take back as not lost after all, between two reports; beyond that it counts anew."""


def fraction_lost(expected: int, received: int) -> int:
    """Of 256: what of the ``expected`` since the last report did not come; 0 where more came (repeated packets)."""
    if expected <= 0 or received >= expected:
        return 0
    return min(((expected - received) << 8) // expected, 255)


@dataclass(frozen=True, slots=True)
class FarEnd:
    """How far a leg's own counting of our stream has come."""

    highest: int
    """The highest of our numbers that it got."""
    missed: int
    """Packets that it missed, as it said."""
    missed_base: int
    """What of that is from before it counted anew."""
    gap_base: int
    """Gaps that we had passed on before it began to count."""
    gaps: int
    """All gaps that we have passed on."""
    lost: int
    """Packets lost on the way to it."""
    loss: float
    """Their part (0 to 1) of what was sent since the report before."""

    def reports(self, highest: int, missed: int, gaps: int) -> "FarEnd":
        """After its next report: ``highest`` of our numbers, extended as we extend them."""
        missed_base, gap_base = self.missed_base, self.gap_base
        if missed < self.missed - MOST_REORDERED or missed <= 0 < self.missed:
            missed_base, gap_base = missed - self.lost, gaps
        lost = max(self.lost, missed - missed_base - (gaps - gap_base))
        sent = highest - self.highest - (gaps - self.gaps)
        loss = min((lost - self.lost) / sent, 1.0) if sent > 0 else 0.0
        return FarEnd(highest, missed, missed_base, gap_base, gaps, lost, loss)


def begins(first: int, highest: int, missed: int, gaps: int) -> FarEnd:
    """A far end's first report of our stream, whose numbers began after ``first``."""
    heard_of = min(gaps, max(missed, 0))
    lost = max(missed - heard_of, 0)
    sent = highest - first - gaps
    return FarEnd(highest, missed, 0, gaps - heard_of, gaps, lost, min(lost / sent, 1.0) if sent > 0 else 0.0)


def extended_as_ours(said: int, ours: int) -> int:
    """A far end's highest number (its low 16 bits count, since not everybody counts cycles) on our own scale, at most ``ours``."""
    return ours - ((ours - said) & 0xFFFF)
