"""The shared memory as numpy arrays, gathered into the structures that the rooms below work on."""

from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mediaserver.link.layout import BLOCK, WIDE_BLOCK
from mediaserver.link.memory import Memory
from mediaserver.worker.noises import Noises
from mediaserver.worker.qualities import Qualities
from mediaserver.worker.reported import ReportCounters, Reported
from mediaserver.worker.secured import Secured, SecurityCounters
from mixer.arrays import Float32
from mixer.formats import PCMA
from rtp.arrays import Bytes, Float64, Int64, UInt64
from rtp.header import Refusals
from rtp.lateness import LEAST_TARGET, Lateness
from rtp.losses import Losses
from rtp.playout import Playout
from rtp.sender import Senders
from rtp.srtp.indexes import Indexes
from rtp.stream import Streams, Tally


class Kind(IntEnum):
    """By which clock a leg is sent what it hears."""

    NONE = 0
    """Nothing is sent to it."""
    PASS = 1
    """Its one source's packets, as they come."""
    CLOCKED = 2
    """A mix, clocked by its main source's packets; by the server while that is silent."""
    SERVER = 3
    """A mix, clocked by the server."""


class Smooth(IntEnum):
    """Whether the quick way of reading is the right one for a listener."""

    NOT = 0
    """The server is playing, or a source is being concealed."""
    WHOLLY = 1
    MOSTLY = 2
    """Yes, but he should move nearer to a source, or away from it, when that is unheard."""


class Wanted(IntEnum):
    """Whether what a leg says is decoded and kept."""

    NOT = 0
    READY = 1
    """Nobody hears it, but a supervisor may at any moment: then his first frame is there."""
    HEARD = 2


@dataclass(slots=True)
class Legs:
    """Who each row's leg is and what it negotiated; one entry a row."""

    id: Int64
    """-1 where the row is free."""
    call: Int64
    """Index of the call."""
    seat: Int64
    role: Bytes
    strict: Bytes
    admitted: Bytes
    muted: Bytes
    mode: Bytes
    """Rank + 1 of the mode; 0 for none."""
    target: Bytes
    hears: Float64
    heard: Float64
    has_media: Bytes
    codec: Int64
    clock: Int64
    """RTP ticks a second."""
    ticks: Int64
    """RTP ticks of a block of 10 ms."""
    wide: Bytes
    """Its codec is a wideband one: its audio has 16,000 samples a second, else 8,000."""
    stereo: Bytes
    """It hears in stereo: a supervisor whose Opus has two channels."""
    parameters: Bytes
    """(row, bytes) what its encoder should heed, in ASCII, filled up with zeros."""
    frame: Int64
    """Blocks of 10 ms in a packet that we send."""
    send_payload_type: Int64
    send_digit_payload_type: Int64
    digit_clock: Int64
    """Ticks a second in which telephone-events of the leg last, both ways."""
    send_noise_payload_type: Int64
    """-1 where comfort noise is not to be sent to it."""
    digits_in_band: Bytes
    """Its digits are looked for in what it says (`mediaserver.worker.heard_digits`)."""
    """-1 for none."""
    payload_kind: Bytes
    """(row, 128) what each payload type from the leg means."""
    remote_sends: Bytes
    remote_receives: Bytes
    closes_at: Float64
    """When a closed leg's row is taken at the latest; 0.0 while the leg lives."""
    sorts: Bytes
    """STUN and DTLS come to its port too (`mediaserver.worker.sorting`)."""


@dataclass(slots=True)
class Mixes:
    """Whom each leg hears and by which clock; one entry a row, and where said one for each source (row, seats)."""

    kind: Bytes
    """A `Kind`."""
    plain: Bytes
    """All gains are one, none changes, and the server is not playing."""
    smooth: Bytes
    """A `Smooth`."""
    own_numbers: Bytes
    wanted: Bytes
    """A `Wanted`."""
    main: Int64
    """Row of the source that clocks it; -1 for none."""
    followers: Int64
    """(row, seats) legs that this one clocks; -1 beyond the last."""
    count: Int64
    """How many sources are listed."""
    narrow: Int64
    """How many of them have 8,000 samples a second; they stand together, and so do the others."""
    leads_wide: Bytes
    """Those with 16,000 samples a second stand first."""
    source: Int64
    """(row, seats) rows of the sources, the main one first."""
    read: Int64
    """(row, seats) the block of each source that is due next."""
    offset: Int64
    """(row, seats) samples into that block at which it is due."""
    gap: Int64
    """(row, seats) blocks of it that were filled in since the last real one."""
    gap_at: Int64
    """(row, seats) the block of it with which that began."""
    lag: Int64
    """(row, seats) the pitch period, in samples, with which it is filled in."""
    waited: Int64
    """(row, seats) those of them that were played while waiting for a frame that may still come."""
    margin: Float64
    """(row, seats) the least margin of the last second (`rtp.playout.margins`)."""
    move: Int64
    """(row, seats) samples by which the reader should go further on; negative: back."""
    asked: Int64
    """(row, seats) reviews that have asked for that, one after the other."""
    gain: Float32
    """(row, seats) as last sent."""
    goal: Float32
    """(row, seats) as it shall be."""
    ears: Float32
    """(row, seats, 2) how much of each source reaches the left and the right ear of who hears in stereo; ones for others."""
    next_due: Float64
    """When the server sends by its own clock; inf for never."""
    paced_by: Int64
    """Row of the source by whose packets the server's clock for the leg is set; -1 for none."""
    slew: Float64
    """Seconds by which that clock is still to be moved."""
    pause: Int64
    """Ticks that the next server-clocked packet's timestamp leaps beyond one packet."""
    ducks: Int64
    """Row of the listener whom this supervisor whispers to; -1 for none."""
    ducked_until: Float64
    """Until when a listener hears the parties more softly, for the whisper's sake; 0.0: he does not."""
    sound: Int64
    """The sound that the server plays to the leg; -1 for none."""
    sound_position: Int64
    sound_loops: Bytes
    sound_gain: Float32
    sound_goal: Float32
    sound_behind: Int64
    """The looping sound that goes on once the present one, which is said once, has ended; -1 for none."""


@dataclass(slots=True)
class Latches:
    """Where packets come from and go to, as the heir of this worker needs it; one entry a row."""

    signalled: Bytes
    """(row, 16) IPv6 address, IPv4 mapped."""
    signalled_port: Int64
    source: Bytes
    source_port: Int64
    replaced: Bytes
    replaced_port: Int64
    opened: Float64
    heard: Bytes
    """A valid packet came since the media was set."""
    peer: Bytes
    """(row, 16) The host that its signalling comes from; 0.0.0.0 where that is not known."""


@dataclass(slots=True)
class Meters:
    """What watchers are shown; one entry a row."""

    last_packet: Float64
    level: Float32
    speech: Bytes
    loudest: Float32
    """What the level fell from, fading."""
    next: Float64
    """When it is measured again."""
    spoken: Float32
    """How loudly a party speaks on average, dBov; 0.0 where that is not known."""
    evened: Float32
    """Decibels by which supervisors hear it louder for that (`mediaserver.worker.evening`)."""


@dataclass(slots=True)
class Counters:
    """Counters that are not the stream's or the parser's; one entry a row."""

    sent: UInt64
    concealed_blocks: UInt64
    skipped_samples: UInt64
    repeated_samples: UInt64
    digits_unrelayed: UInt64
    dropped_stranger: UInt64
    """From where none of the leg's packets can come, or of no use to it (`rtp.latch.Verdict`, as the next three)."""
    dropped_not_sending: UInt64
    dropped_beside_source: UInt64
    dropped_unproven: UInt64
    dropped_stale: UInt64
    dropped_overflow: UInt64
    dropped_undecodable: UInt64
    """Payloads that somebody would mix and their codec could not read, or that are shorter than the 10 ms of a block."""
    receive_errors: UInt64
    send_errors: UInt64
    handed_up: UInt64
    """STUN and DTLS for signalling (`mediaserver.worker.sorting`)."""
    dropped_unhanded: UInt64
    """The same beyond what a leg may have handed up, or too long."""


DUCK_GAIN: Final = 10 ** (-12 / 20)
"""Gain of the other parties where no setting says another."""


class State:
    """Everything of one worker that outlives it."""

    def __init__(self, memory: Memory) -> None:
        self.rows: Final = memory.rows
        self.calls: Final = memory.calls
        self.seats: Final = memory.seats
        self.memory = memory
        self.leg: Final = self._gather(Legs, "leg")
        self.stream: Final = self._gather(Streams, "stream")
        self.tally: Final = self._gather(Tally, "count")
        self.refusals: Final = self._gather(Refusals, "count")
        self.count: Final = self._gather(Counters, "count")
        self.noise: Final = self._gather(Noises, "noise")
        self.sender: Final = self._gather(Senders, "sender")
        self.late: Final = self._gather(Lateness, "late")
        self.mix: Final = self._gather(Mixes, "mix")
        self.latch: Final = self._gather(Latches, "latch")
        self.meter: Final = self._gather(Meters, "meter")
        self.report: Final = self._gather(Reported, "report")
        self.report_count: Final = self._gather(ReportCounters, "count")
        self.loss: Final = self._gather(Losses, "loss")
        self.quality: Final = self._gather(Qualities, "quality")
        self.secured: Final = self._gather(Secured, "secured")
        self.security_count: Final = self._gather(SecurityCounters, "count")
        self.index: Final = self._gather(Indexes, "index")
        self.playout: Final = self._playout("playout", BLOCK)
        self.wide: Final = self._playout("wide", WIDE_BLOCK)
        """The buffers of legs with a wideband codec; theirs of the other kind are empty."""
        self.duck_gain = DUCK_GAIN
        """Gain of the other parties in the ear of who is whispered to."""
        self.evens_out = False
        """Parties come to be about equally loud in a supervisor's ear."""
        self.has_noise = bool(self.noise.is_on.any())
        """Whether any leg may be in a pause that has comfort noise."""
        self.has_wide = self.has_stereo = self.is_g711 = False
        self.note_codecs()
        self.turned: Final[dict[int, set[int]]] = {}
        """By listener: sources that have turned from one rate to the other since his last frame (`mediaserver.worker.rates`)."""
        self.follower_columns = int((self.mix.followers >= 0).any(axis=0).sum()) if self._array("worker.turn")[0] else 1
        """How many legs one source clocks at most; grows where three parties talk."""
        counts = (self.tally, self.refusals, self.count, self.report_count, self.security_count)
        groups = (
            self.leg,
            self.stream,
            self.late,
            self.noise,
            *counts,
            self.sender,
            self.mix,
            self.latch,
            self.meter,
            self.report,
            self.loss,
            self.quality,
        )
        self._of_rows = tuple(getattr(group, field.name) for group in groups for field in fields(group))
        """Every array with an entry a row, but those of the playout buffers."""
        self.call_id: Final[Int64] = self._array("call.id")
        self.call_rows: Final[Int64] = self._array("call.rows")
        self.call_changed: Final[Bytes] = self._array("call.changed")
        """A call's plan is to be made anew."""
        self.call_tapped: Final[Bytes] = self._array("call.tapped")
        """Somebody listens to a call by a tap, so what its legs say is decoded."""
        self.serial: Final[Int64] = self._array("worker.serial")
        self.turn: Final[UInt64] = self._array("worker.turn")
        """Number of the last turn that was finished."""
        self.begun: Final[UInt64] = self._array("worker.begun")
        """Number of the last turn that was begun."""
        self.taken: Final[UInt64] = self._array("worker.taken")
        """Request number of the last command that was carried out."""
        self.handling: Final = memory.view("worker.handling")
        """One more than the row whose packet is being handled by itself; 0 while none is. Of a worker that died it tells the culprit."""
        self.batch: Final = memory.view("worker.batch")
        """How many packets the turn took …"""
        self.batch_row: Final[Int64] = self._array("batch.row")
        """… and from which rows."""
        self.now: Final[Float64] = self._array("worker.now")
        self.cpu: Final[Float64] = self._array("worker.cpu")
        self.turn_length: Final[Float64] = self._array("worker.turn_length")
        self.lateness: Final[UInt64] = self._array("worker.lateness").reshape(-1)
        self.link_frames_dropped: Final[UInt64] = self._array("total.link_frames_dropped")
        self.link_frames_refused: Final[UInt64] = self._array("total.link_frames_refused")
        self.turns_failed: Final[UInt64] = self._array("total.turns_failed")
        self.turns_stretched: Final[UInt64] = self._array("total.turns_stretched")

    def wipe(self, row: int) -> None:
        """Leave nothing of the leg that had this row."""
        for array in self._of_rows:
            array[row] = 0
        self.forget_voice(row)
        self.note_codecs()
        self.forget_keys(row)
        self.leg.id[row] = -1
        self.leg.clock[row], self.leg.ticks[row], self.leg.digit_clock[row] = 8000, 80, 8000
        self.leg.send_noise_payload_type[row] = -1
        self.stream.ssrc[row] = self.stream.event[row] = -1
        self.mix.main[row] = self.mix.sound[row] = self.mix.sound_behind[row] = self.mix.ducks[row] = -1
        self.mix.followers[row] = -1
        self.mix.next_due[row] = self.report.next_at[row] = np.inf
        self.mix.paced_by[row] = -1
        self.late.fastest[row] = self.late.before[row] = np.inf
        self.late.target[row] = LEAST_TARGET
        self.meter.level[row] = self.meter.loudest[row] = -127.0

    def note_codecs(self) -> None:
        """A leg's codec changed: whether any is a wideband one, and whether all are G.711."""
        self.has_wide = bool(self.leg.wide.any())
        """Whether any leg has a wideband codec."""
        self.has_stereo = bool(self.leg.stereo.any())
        """Whether any leg hears in stereo."""
        self.is_g711 = bool((self.leg.codec <= PCMA).all())
        """Whether all legs speak G.711, so that nobody pays for the others."""

    def forget_keys(self, row: int) -> None:
        """Leave nothing of how the leg of this row was secured."""
        for field in fields(self.secured):
            getattr(self.secured, field.name)[row] = 0
        self.index.wipe(row)

    def forget_voice(self, row: int) -> None:
        """Leave nothing of what the leg of this row said. Buffers that it never used are not touched: they cost no memory then."""
        self.playout.wipe(row)
        if self.leg.wide[row] or self.wide.end[row]:
            self.wide.wipe(row)  # else it is wiped when the leg turns to it (`mediaserver.worker.rates`)

    def playout_of(self, row: int) -> Playout:
        """The buffers that hold what the leg of this row says."""
        return self.wide if self.leg.wide[row] else self.playout

    def _playout(self, prefix: str, block: int) -> Playout:
        samples, held, made, end = (self._array(f"{prefix}.{field.name}") for field in fields(Playout))
        return Playout(samples.reshape(-1, block), held.reshape(-1), made.reshape(-1), end)

    def _gather(self, kind: type[Any], prefix: str) -> Any:
        return kind(**{field.name: self._array(f"{prefix}.{field.name}") for field in fields(kind)})

    def _array(self, name: str) -> npt.NDArray[Any]:
        place = self.memory.places[name]
        count = place.size // np.dtype(place.char).itemsize
        return np.frombuffer(self.memory.map, dtype=place.char, count=count, offset=place.offset).reshape(place.shape)
