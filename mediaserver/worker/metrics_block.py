"""The VoIP metrics of one leg's stream for an extended report (RFC 3611 §4.7), from the shared arrays."""

from mediaserver.worker.state import State
from rtp.losses import MINIMAL_GAP, pattern
from rtp.playout import RING
from rtp.rtcp.packets import UNAVAILABLE, VoipMetrics
from rtp.stream import BLOCK_SECONDS

_CONCEALS: int = 0b10 << 6
"""Receiver configuration: enhanced concealment …"""
_ADAPTS: int = 0b11 << 4
"""… and an adaptive buffer (§4.7.6)."""
_LEAST_LEVEL: float = -120.0


def metrics(state: State, row: int) -> VoipMetrics:
    """How what the leg sends us arrives. What is discarded is not told: who hears the leg alone gets all that comes, however late."""
    losses = pattern(state.loss, row)
    packet_ms = int(state.stream.blocks[row]) * 10
    judged, lost = int(state.loss.judged[row]), int(state.loss.lost[row])
    level, quality = float(state.meter.level[row]), state.quality
    buffer = _ms(float(state.late.target[row]))
    return VoipMetrics(
        ssrc=int(state.stream.ssrc[row]),
        loss_rate=min((lost << 8) // judged, 255) if judged else 0,
        discard_rate=0,
        burst_density=losses.burst_density,
        gap_density=losses.gap_density,
        burst_duration=min(round(losses.burst_packets * packet_ms), 0xFFFF),
        gap_duration=min(round(losses.gap_packets * packet_ms), 0xFFFF),
        round_trip=_ms(float(state.report.round_trip[row])),
        end_system_delay=buffer,
        signal_level=round(level) if level > _LEAST_LEVEL else UNAVAILABLE,
        minimal_gap=MINIMAL_GAP,
        rating=min(round(float(quality.rating_up[row])), 100) if quality.mos_up[row] else UNAVAILABLE,
        listening_score=round(float(quality.mos_heard[row]) * 10) or UNAVAILABLE,
        conversation_score=round(float(quality.mos_up[row]) * 10) or UNAVAILABLE,
        receiver_configuration=_CONCEALS | _ADAPTS,
        buffer_nominal=buffer,
        buffer_largest=buffer,
        buffer_limit=_ms(RING * BLOCK_SECONDS),
    )


def _ms(seconds: float) -> int:
    return min(round(seconds * 1000.0), 0xFFFF)
