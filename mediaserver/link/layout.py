"""Names, types and shapes of the shared arrays, and where each lies. `rtp` and `mixer` define what most of them mean.

The part of a name before the dot is the structure that the worker gathers the arrays in. Types are those of `struct`:
q int64, Q uint64, d float64, f float32, h int16, B uint8. Numbers that index or add up are int64, so that numpy never converts.
"""

from dataclasses import dataclass
from struct import calcsize
from typing import Final

SEATS: Final = -1
"""Stands for the seats of a call in a shape."""

BLOCK: Final = 80
"""Samples of a block: 10 ms at 8 kHz, the unit of playout."""
WIDE_BLOCK: Final = 160
"""The same at 16 kHz."""
PARAMETERS: Final = 160
"""Bytes for the wishes of a leg about what we send it, as `mixer.opus_parameters` writes them."""
RING: Final = 64
"""Blocks that a leg's playout buffer holds (640 ms)."""
LATENESS_BINS: Final = 32
"""Bins of the histogram of how late a leg's packets come."""
NOISE_TAPS: Final = 32
"""Samples of an impulse response that colours comfort noise."""
PAGE: Final = 4096
"""The memory is a whole number of these bytes."""
SRTP_KEY: Final = 46
"""Bytes of the longest master key with its salt."""
SRTP_SLOTS: Final = 4
"""SSRCs of a secured leg whose indexes are remembered."""
LATENESS_STEP_MS: Final = 0.5
LATENESS_STEPS: Final = 128

LEG_ARRAYS: Final[dict[str, tuple[str, tuple[int, ...]]]] = {
    # who the leg is and what was negotiated
    "leg.id": ("q", ()),
    "leg.call": ("q", ()),
    "leg.seat": ("q", ()),
    "leg.role": ("B", ()),
    "leg.strict": ("B", ()),
    "leg.admitted": ("B", ()),
    "leg.muted": ("B", ()),
    "leg.mode": ("B", ()),
    "leg.target": ("B", ()),
    "leg.hears": ("d", ()),
    "leg.heard": ("d", ()),
    "leg.has_media": ("B", ()),
    "leg.codec": ("q", ()),
    "leg.clock": ("q", ()),
    "leg.ticks": ("q", ()),
    "leg.wide": ("B", ()),
    "leg.stereo": ("B", ()),
    "leg.parameters": ("B", (PARAMETERS,)),
    "leg.frame": ("q", ()),
    "leg.send_payload_type": ("q", ()),
    "leg.send_digit_payload_type": ("q", ()),
    "leg.digit_clock": ("q", ()),
    "leg.send_noise_payload_type": ("q", ()),
    "leg.digits_in_band": ("B", ()),
    "leg.payload_kind": ("B", (128,)),
    "leg.remote_sends": ("B", ()),
    "leg.remote_receives": ("B", ()),
    "leg.closes_at": ("d", ()),
    "leg.sorts": ("B", ()),
    # what it sends us (rtp.stream.Streams)
    "stream.ssrc": ("q", ()),
    "stream.serial": ("q", ()),
    "stream.highest": ("q", ()),
    "stream.window": ("Q", ()),
    "stream.timestamp": ("q", ()),
    "stream.position": ("q", ()),
    "stream.arrival": ("d", ()),
    "stream.jitter": ("d", ()),
    "stream.blocks": ("q", ()),
    "stream.breaks": ("q", ()),
    "stream.event": ("q", ()),
    "stream.first": ("q", ()),
    "stream.received_before": ("Q", ()),
    # how late its packets come (rtp.lateness.Lateness)
    "late.fastest": ("d", ()),
    "late.before": ("d", ()),
    "late.counts": ("f", (LATENESS_BINS,)),
    "late.target": ("d", ()),
    "late.breaks": ("q", ()),
    # its frames, for those who mix it (rtp.playout.Playout)
    "playout.samples": ("h", (RING * BLOCK,)),
    "playout.held": ("q", (RING,)),
    "playout.made": ("q", (RING,)),
    "playout.end": ("q", ()),
    # the same of a leg with a wideband codec, which has nothing in the arrays above
    "wide.samples": ("h", (RING * WIDE_BLOCK,)),
    "wide.held": ("q", (RING,)),
    "wide.made": ("q", (RING,)),
    "wide.end": ("q", ()),
    # the noise of its pauses (mediaserver.worker.comfort_noise)
    "noise.is_on": ("B", ()),
    "noise.level": ("f", ()),
    "noise.goal": ("f", ()),
    "noise.response": ("f", (NOISE_TAPS,)),
    "noise.transit": ("d", ()),
    "noise.end": ("q", ()),
    # what we send it (rtp.sender.Senders)
    "sender.ssrc": ("q", ()),
    "sender.anchor": ("q", ()),
    "sender.floor": ("q", ()),
    "sender.sequence_offset": ("q", ()),
    "sender.timestamp_offset": ("q", ()),
    "sender.sequence": ("q", ()),
    "sender.timestamp": ("q", ()),
    "sender.sent_at": ("d", ()),
    "sender.late_since": ("d", ()),
    "sender.event": ("q", ()),
    "sender.event_timestamp": ("q", ()),
    "sender.first": ("q", ()),
    "sender.octets": ("q", ()),
    # whom it hears, and by which clock (mediaserver.worker.state.Mixes)
    "mix.kind": ("B", ()),
    "mix.plain": ("B", ()),
    "mix.smooth": ("B", ()),
    "mix.own_numbers": ("B", ()),
    "mix.wanted": ("B", ()),
    "mix.main": ("q", ()),
    "mix.followers": ("q", (SEATS,)),
    "mix.count": ("q", ()),
    "mix.narrow": ("q", ()),
    "mix.leads_wide": ("B", ()),
    "mix.source": ("q", (SEATS,)),
    "mix.read": ("q", (SEATS,)),
    "mix.offset": ("q", (SEATS,)),
    "mix.gap": ("q", (SEATS,)),
    "mix.gap_at": ("q", (SEATS,)),
    "mix.lag": ("q", (SEATS,)),
    "mix.waited": ("q", (SEATS,)),
    "mix.margin": ("d", (SEATS,)),
    "mix.move": ("q", (SEATS,)),
    "mix.asked": ("q", (SEATS,)),
    "mix.gain": ("f", (SEATS,)),
    "mix.goal": ("f", (SEATS,)),
    "mix.ears": ("f", (SEATS, 2)),
    "mix.next_due": ("d", ()),
    "mix.paced_by": ("q", ()),
    "mix.slew": ("d", ()),
    "mix.pause": ("q", ()),
    "mix.ducks": ("q", ()),
    "mix.ducked_until": ("d", ()),
    "mix.sound": ("q", ()),
    "mix.sound_position": ("q", ()),
    "mix.sound_loops": ("B", ()),
    "mix.sound_gain": ("f", ()),
    "mix.sound_goal": ("f", ()),
    "mix.sound_behind": ("q", ()),
    # where its packets come from (rtp.latch)
    "latch.signalled": ("B", (16,)),
    "latch.signalled_port": ("q", ()),
    "latch.source": ("B", (16,)),
    "latch.source_port": ("q", ()),
    "latch.replaced": ("B", (16,)),
    "latch.replaced_port": ("q", ()),
    "latch.opened": ("d", ()),
    "latch.heard": ("B", ()),
    "latch.peer": ("B", (16,)),
    # RTCP with it (mediaserver.worker.reported.Reported)
    "report.is_muxed": ("B", ()),
    "report.is_open": ("B", ()),
    "report.signalled": ("B", (16,)),
    "report.signalled_port": ("q", ()),
    "report.source": ("B", (16,)),
    "report.source_port": ("q", ()),
    "report.name": ("B", (12,)),
    "report.next_at": ("d", ()),
    "report.sent_at": ("d", ()),
    "report.serial": ("q", ()),
    "report.expected": ("q", ()),
    "report.received": ("q", ()),
    "report.sender_time": ("q", ()),
    "report.sender_time_at": ("d", ()),
    "report.sender_ssrc": ("q", ()),
    "report.reference_time": ("q", ()),
    "report.reference_time_at": ("d", ()),
    "report.far_at": ("d", ()),
    "report.far_highest": ("q", ()),
    "report.far_lost": ("q", ()),
    "report.far_base": ("q", ()),
    "report.gap_base": ("q", ()),
    "report.gaps": ("q", ()),
    "report.lost": ("q", ()),
    "report.loss": ("d", ()),
    "report.jitter": ("d", ()),
    "report.round_trip": ("d", ()),
    # the turn under way: rows of the packets that it took, one a line
    "batch.row": ("q", ()),
    # the pattern of its losses (rtp.losses.Losses)
    "loss.serial": ("q", ()),
    "loss.examined": ("q", ()),
    "loss.judged": ("q", ()),
    "loss.lost": ("q", ()),
    "loss.runs": ("q", ()),
    "loss.since": ("q", ()),
    "loss.burst": ("q", ()),
    "loss.received_in_gaps": ("q", ()),
    "loss.bursts": ("q", ()),
    "loss.lonely": ("q", ()),
    "loss.received_in_bursts": ("q", ()),
    "loss.resumed": ("q", ()),
    "loss.repeated": ("q", ()),
    # how it sounds (mediaserver.worker.qualities.Qualities)
    "quality.judged": ("q", ()),
    "quality.lost": ("q", ()),
    "quality.loss_up": ("d", ()),
    "quality.rating_up": ("d", ()),
    "quality.rating_heard": ("d", ()),
    "quality.mos_up": ("d", ()),
    "quality.mos_heard": ("d", ()),
    "quality.mos_up_sum": ("d", ()),
    "quality.mos_up_count": ("q", ()),
    "quality.mos_up_least": ("d", ()),
    "quality.rating_down": ("d", ()),
    "quality.mos_down": ("d", ()),
    "quality.mos_down_sum": ("d", ()),
    "quality.mos_down_count": ("q", ()),
    "quality.mos_down_least": ("d", ()),
    # meters
    "meter.last_packet": ("d", ()),
    "meter.level": ("f", ()),
    "meter.speech": ("B", ()),
    "meter.loudest": ("f", ()),
    "meter.next": ("d", ()),
    "meter.spoken": ("f", ()),
    "meter.evened": ("f", ()),
    # how it is secured (mediaserver.worker.secured.Secured)
    "secured.suite": ("B", ()),
    "secured.send_key": ("B", (SRTP_KEY,)),
    "secured.receive_key": ("B", (SRTP_KEY,)),
    "secured.is_fresh": ("B", ()),
    "secured.base": ("q", ()),
    "secured.following": ("q", ()),
    "secured.reports_sent": ("q", ()),
    # which of its secured packets came (rtp.srtp.indexes.Indexes)
    "index.ssrc": ("q", (SRTP_SLOTS,)),
    "index.following": ("q", (SRTP_SLOTS,)),
    "index.window": ("Q", (SRTP_SLOTS,)),
    "index.report_following": ("q", (SRTP_SLOTS,)),
    "index.report_window": ("Q", (SRTP_SLOTS,)),
    # counters
    "count.received": ("Q", ()),
    "count.sent": ("Q", ()),
    "count.lost": ("q", ()),
    "count.late": ("Q", ()),
    "count.duplicate": ("Q", ()),
    "count.concealed_blocks": ("Q", ()),
    "count.skipped_samples": ("Q", ()),
    "count.repeated_samples": ("Q", ()),
    "count.digits_unrelayed": ("Q", ()),
    "count.dropped_stranger": ("Q", ()),
    "count.dropped_not_sending": ("Q", ()),
    "count.dropped_beside_source": ("Q", ()),
    "count.dropped_unproven": ("Q", ()),
    "count.dropped_version": ("Q", ()),
    "count.dropped_payload_type": ("Q", ()),
    "count.dropped_comfort_noise": ("Q", ()),
    "count.dropped_size": ("Q", ()),
    "count.dropped_undecodable": ("Q", ()),
    "count.dropped_rtcp": ("Q", ()),
    "count.dropped_srtp_authentication": ("Q", ()),
    "count.dropped_srtp_replayed": ("Q", ()),
    "count.dropped_srtp_malformed": ("Q", ()),
    "count.srtp_unsent": ("Q", ()),
    "count.dropped_stale": ("Q", ()),
    "count.dropped_overflow": ("Q", ()),
    "count.handed_up": ("Q", ()),
    "count.dropped_unhanded": ("Q", ()),
    "count.rtcp_received": ("Q", ()),
    "count.rtcp_sent": ("Q", ()),
    "count.dropped_rtcp_size": ("Q", ()),
    "count.dropped_rtcp_version": ("Q", ()),
    "count.dropped_rtcp_type": ("Q", ()),
    "count.dropped_rtcp_padding": ("Q", ()),
    "count.dropped_rtcp_length": ("Q", ()),
    "count.dropped_rtcp_content": ("Q", ()),
    "count.dropped_rtcp_stranger": ("Q", ()),
    "count.dropped_rtcp_unproven": ("Q", ()),
    "count.receive_errors": ("Q", ()),
    "count.send_errors": ("Q", ()),
}
"""Arrays with one entry a row."""

CALL_ARRAYS: Final[dict[str, tuple[str, tuple[int, ...]]]] = {
    "call.id": ("q", ()),
    "call.rows": ("q", (SEATS,)),
    "call.changed": ("B", ()),
    "call.tapped": ("B", ()),
}
"""Arrays with one entry a call."""

WORKER_ARRAYS: Final[dict[str, tuple[str, tuple[int, ...]]]] = {
    "worker.turn": ("Q", ()),
    "worker.begun": ("Q", ()),
    "worker.taken": ("Q", ()),
    "worker.handling": ("q", ()),
    "worker.batch": ("q", ()),
    "worker.now": ("d", ()),
    "worker.cpu": ("d", ()),
    "worker.turn_length": ("d", ()),
    "worker.serial": ("q", ()),
    "worker.lateness": ("Q", (LATENESS_STEPS,)),
    "total.link_frames_dropped": ("Q", ()),
    "total.link_frames_refused": ("Q", ()),
    "total.turns_failed": ("Q", ()),
    "total.turns_stretched": ("Q", ()),
}
"""Arrays with one entry for the whole worker."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an array lies in the memory."""

    offset: int
    """Bytes from the start."""
    char: str
    """Type of an element, as `struct` names it."""
    shape: tuple[int, ...]
    """Axes: row, call or worker first, then those of the array."""

    @property
    def size(self) -> int:
        """Bytes."""
        count = 1
        for axis in self.shape:
            count *= axis
        return count * calcsize(self.char)


def lay_out(rows: int, calls: int, seats: int) -> tuple[dict[str, Place], int]:
    """The place of every array, and the size of the whole in bytes. The first 64 bytes are the memory's header."""
    places: dict[str, Place] = {}
    offset = 64
    for arrays, entries in ((WORKER_ARRAYS, 1), (CALL_ARRAYS, calls), (LEG_ARRAYS, rows)):
        for name, (char, shape) in arrays.items():
            axes = (entries, *(seats if axis == SEATS else axis for axis in shape))
            places[name] = Place(offset, char, axes)
            offset += -(-places[name].size // 64) * 64
    return places, -(-offset // PAGE) * PAGE
