"""The RTCP packets that we read and write (RFC 3550 §6, RFC 3611), as values. Times and fractions are in the units of the wire."""

from dataclasses import dataclass
from typing import Final

SENDER_REPORT: Final = 200
RECEIVER_REPORT: Final = 201
SOURCE_DESCRIPTION: Final = 202
GOODBYE: Final = 203
EXTENDED_REPORT: Final = 207
"""Packet types (RFC 3550 §12.1, RFC 3611 §2)."""

UNAVAILABLE: Final = 127
"""What stands in `VoipMetrics` where a level, a rating or a score is not known."""


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """What a receiver says of one stream (RFC 3550 §6.4.1)."""

    ssrc: int
    """Whose stream."""
    fraction_lost: int
    """Of 256, since the last report."""
    lost: int
    """Packets since the beginning, 24 bits signed."""
    highest: int
    """Highest sequence number, extended to 32 bits."""
    jitter: int
    """In ticks of the stream's clock."""
    last_report: int
    """Middle 32 bits of the NTP time of the newest sender report; 0 for none."""
    delay: int
    """Since that came, in 1/65536 s."""


@dataclass(frozen=True, slots=True)
class SenderReport:
    """A report of who sends (§6.4.1)."""

    ssrc: int
    ntp: int
    """Wall clock, 64 bits."""
    timestamp: int
    """The same moment on the stream's own clock."""
    packets: int
    octets: int
    """Of payload, modulo 2³²."""
    blocks: tuple[ReportBlock, ...] = ()


@dataclass(frozen=True, slots=True)
class ReceiverReport:
    """A report of who sends nothing (§6.4.2)."""

    ssrc: int
    blocks: tuple[ReportBlock, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceDescription:
    """Who stands behind streams: their SSRCs and canonical names (§6.5). Other items are read over."""

    names: tuple[tuple[int, bytes], ...]
    """SSRC and CNAME, empty where none was said."""


@dataclass(frozen=True, slots=True)
class Goodbye:
    """Streams that end (§6.6)."""

    ssrcs: tuple[int, ...]
    reason: bytes = b""


@dataclass(frozen=True, slots=True)
class ReceiverReferenceTime:
    """A receiver's clock, for who sends nothing and wants to know the round trip all the same (RFC 3611 §4.4)."""

    ntp: int


@dataclass(frozen=True, slots=True)
class DelaySinceReference:
    """The answer to that (one sub-block of a DLRR block, §4.5)."""

    ssrc: int
    last_reference: int
    """Middle 32 bits of its NTP time."""
    delay: int
    """Since it came, in 1/65536 s."""


@dataclass(frozen=True, slots=True)
class VoipMetrics:
    """How a stream sounds at its receiver (RFC 3611 §4.7). Rates and densities of 256, times in milliseconds."""

    ssrc: int
    loss_rate: int
    discard_rate: int
    burst_density: int
    gap_density: int
    burst_duration: int
    gap_duration: int
    round_trip: int
    end_system_delay: int
    signal_level: int = UNAVAILABLE
    """dBm0, signed."""
    noise_level: int = UNAVAILABLE
    """dBm0, signed."""
    echo_return_loss: int = UNAVAILABLE
    minimal_gap: int = 16
    """Packets received between two losses that begin a gap."""
    rating: int = UNAVAILABLE
    """R of ITU-T G.107."""
    outside_rating: int = UNAVAILABLE
    listening_score: int = UNAVAILABLE
    """MOS-LQ times ten."""
    conversation_score: int = UNAVAILABLE
    """MOS-CQ times ten."""
    receiver_configuration: int = 0
    buffer_nominal: int = 0
    buffer_largest: int = 0
    buffer_limit: int = 0


ExtendedBlock = ReceiverReferenceTime | DelaySinceReference | VoipMetrics


@dataclass(frozen=True, slots=True)
class ExtendedReport:
    """Extended report blocks (RFC 3611 §2). Blocks of other types are read over."""

    ssrc: int
    blocks: tuple[ExtendedBlock, ...]


Packet = SenderReport | ReceiverReport | SourceDescription | Goodbye | ExtendedReport
