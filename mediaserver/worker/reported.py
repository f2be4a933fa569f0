"""What the shared memory holds of each leg's RTCP: where it goes, when it is due, and what either end said last."""

from dataclasses import dataclass

from rtp.arrays import Bytes, Float64, Int64, UInt64


@dataclass(slots=True)
class Reported:
    """One entry a row. What came from the wire is kept in the wire's units."""

    is_muxed: Bytes
    """RTCP comes to, and goes from, the port of RTP (RFC 5761)."""
    is_open: Bytes
    """The port above is the leg's too, for RTCP."""
    signalled: Bytes
    """(row, 16) where the leg wants its RTCP: IPv6 address, IPv4 mapped."""
    signalled_port: Int64
    """0 for nowhere."""
    source: Bytes
    """(row, 16) where its RTCP really comes from."""
    source_port: Int64
    """0 before any came."""
    name: Bytes
    """(row, 12) our canonical name toward the leg, by chance (RFC 7022)."""
    next_at: Float64
    """When the next report is due; inf for never."""
    sent_at: Float64
    """When the last one was sent; 0.0 before the first."""
    serial: Int64
    """The stream that ``expected`` and ``received`` are about."""
    expected: Int64
    """Packets expected of it, as of our last report."""
    received: Int64
    sender_time: Int64
    """Middle 32 bits of the NTP time of the leg's newest sender report; 0 for none."""
    sender_time_at: Float64
    """When that came."""
    sender_ssrc: Int64
    """The stream that it was about."""
    reference_time: Int64
    """The same of its newest receiver reference time (RFC 3611)."""
    reference_time_at: Float64
    far_at: Float64
    """When the leg last told how our stream arrives; 0.0 for never."""
    far_highest: Int64
    """Highest number that it had got by then."""
    far_lost: Int64
    """Packets that it had missed, all in all."""
    far_base: Int64
    """What it counted before it began to count anew."""
    gap_base: Int64
    """Gaps of its sources that we had passed on before it counted them."""
    gaps: Int64
    """All gaps that we had passed on by then."""
    lost: Int64
    """Packets lost between us and the leg: what it missed less the gaps that we passed on."""
    loss: Float64
    """Their part (0 to 1) of what was sent between its last two reports."""
    jitter: Float64
    """At the leg, in seconds."""
    round_trip: Float64
    """Seconds; 0.0 where it is not known."""


@dataclass(slots=True)
class ReportCounters:
    """Counters (row) of RTCP datagrams."""

    rtcp_received: UInt64
    rtcp_sent: UInt64
    dropped_rtcp_size: UInt64
    dropped_rtcp_version: UInt64
    dropped_rtcp_type: UInt64
    dropped_rtcp_padding: UInt64
    dropped_rtcp_length: UInt64
    dropped_rtcp_content: UInt64
    dropped_rtcp_stranger: UInt64
    """From somewhere else than the leg."""
    dropped_rtcp_unproven: UInt64
    """From a secured leg, and not protected as was agreed."""
