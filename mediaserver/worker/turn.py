"""One turn of the media loop: received bytes in, bytes to send out, all legs at once. No sockets and no clock in here.

`Turn.step` reads as the table of contents. Batches hold at most one packet of a leg, so arrays indexed by row never collide.
What a step leaves in the shared arrays is a whole turn's state; the turn number is written last.
"""

from collections.abc import Callable
from typing import Final

import numpy as np

from mediaserver.link.messages import MediaStarted, Notice
from mediaserver.worker.comfort_noise import ComfortNoise
from mediaserver.worker.decoding import Decoding
from mediaserver.worker.ducking import Ducking
from mediaserver.worker.due import Due
from mediaserver.worker.encoding import Encoding
from mediaserver.worker.evening import Evening
from mediaserver.worker.grace import are_held_back
from mediaserver.worker.heard_digits import HeardDigits
from mediaserver.worker.judging import Judging
from mediaserver.worker.metering import Metering
from mediaserver.worker.mixing import Mixing
from mediaserver.worker.outbox import WIDTH, Outbox
from mediaserver.worker.pacing import SLEW, Pacing
from mediaserver.worker.relayed_digits import RelayedDigits
from mediaserver.worker.reports import Reports
from mediaserver.worker.roster import Roster
from mediaserver.worker.securing import Securing
from mediaserver.worker.sounds import Sounds
from mediaserver.worker.state import Kind, State
from mediaserver.worker.taps import Taps
from mediaserver.worker.tone_digits import ToneDigits
from rtp.arrays import Bools, Bytes, Int64, every, is_alike, named, some
from rtp.header import AUDIO, HEADER, NOISE, Packets, parse
from rtp.sender import Relay, follow_clock, follow_source, hold_over
from rtp.stream import BLOCK_SECONDS, Followed, follow, place

_PASS: Final = int(Kind.PASS)
MAX_LAG: Final = 0.1
"""Seconds that the server's clock may lag before frames are left out instead of being sent in a burst."""


class Turn:
    """The core of a worker. After each `step`: send `outbox`, then what `reports` left to go, and tell `notices`."""

    def __init__(self, state: State, roster: Roster, sounds: Sounds) -> None:
        self.state = state
        self.roster = roster
        self.inbox: Final[Bytes] = np.zeros((state.rows, WIDTH), dtype=np.uint8)
        """(line, WIDTH) where the shell puts what it receives."""
        self.outbox: Final = Outbox(state)
        self.notices: Final[list[Notice]] = []
        """`MediaStarted` and `DigitReceived` of this turn."""
        self.changing: dict[int, list[int]] = {}
        """By index of a call that was planned in this turn: the rows of listeners whose gains change with their next packet."""
        self.metering: Final = Metering(state)
        """To be told to measure when the outbox has been sent."""
        self._decoding = Decoding(state, self.inbox, self.metering)
        self._mixing = Mixing(state, sounds, self._decoding)
        self._encoding = Encoding(state, self.outbox)
        self._ducking = Ducking(state, roster)
        self._evening = Evening(state, roster)
        self._tones = ToneDigits(state, sounds, roster.change_row)
        self._digits = RelayedDigits(state, roster, self.outbox, self.notices, self._tones)
        self._heard_digits = HeardDigits(state, roster, self.notices)
        self._noise = ComfortNoise(state, roster, self.outbox)
        self.reports: Final = Reports(state, roster)
        self.securing: Final = Securing(state, self.inbox, self.outbox)
        self.reports.protect, self.reports.unprotect = self.securing.close_report, self.securing.open_report
        self._judging = Judging(state)
        self.taps: Final = Taps(state, self._decoding)
        """To be told to go on when the outbox has been sent."""
        listening = (self._decoding, self.metering, self._heard_digits, self._noise)
        speaking = (self._mixing, self._encoding, self._tones)
        self._with_private_rows = (*listening, *speaking, self.securing, self.taps)
        self.pacing: Final = Pacing(state)
        """To be told where the sockets were silent."""
        self.send_relayed: Callable[[], None] = _later
        """Sends what the outbox holds when packets have been relayed: who is passed through does not wait for others' mixes."""

    def step(self, lengths: Int64, rows: Int64, now: float) -> None:
        """Take the first n lines of `inbox` (lengths (n) bytes, from rows (n), each row once) and leave what to send in `outbox`."""
        self.begin()
        self._note_batch(rows)
        self.outbox.clear()
        self.notices.clear()
        self.pacing.begin(now)
        self._tones.step(now)
        self._ducking.step(now)
        self._evening.step(now)
        self._plan(now)
        due = self._receive(lengths, rows, now) if len(rows) else []
        if self.securing.is_idle:
            self.send_relayed()
        if self.state.has_noise:
            self._noise.step(now)
        self._mix([*due, *self._clocked_by_server(now)], now)
        self.securing.close()
        self.pacing.review(now)
        self._judging.step(now)
        self.reports.step(now)
        self._settle()
        self.state.now[0] = now
        self.state.turn[0] += 1

    def seconds_to_next(self, now: float) -> float:
        """How long the server's clock has nothing to send, if no packet comes; 0.0 where it has."""
        return max(0.0, float(self.state.mix.next_due.min()) - now)

    def begin(self) -> None:
        """Note that a turn is under way, before anything of it is: an heir must know whether it was finished."""
        self.state.begun[0] = self.state.turn[0] + 1

    def _note_batch(self, rows: Int64) -> None:
        self.state.batch_row[: len(rows)] = rows
        self.state.batch[0] = len(rows)

    def _settle(self) -> None:
        for row in self._mixing.settled():
            self.roster.change_row(row)

    def _plan(self, now: float) -> None:
        if self.roster.arrived:
            self._welcome()
        if self.roster.inherited:
            self._inherit()
        self.changing = self.roster.plan(now)
        for row in self.roster.ended:
            for step in self._with_private_rows:
                step.forget(row)

    def _welcome(self) -> None:
        """Take in what is private to this worker of rows that came from another one."""
        arrived = np.array(self.roster.arrived)
        self.roster.arrived.clear()
        self.securing.welcome(arrived)
        self._tones.stop(arrived)

    def _inherit(self) -> None:
        """Tell whom it concerns which rows go on after a death."""
        inherited = np.array(self.roster.inherited)
        self.roster.inherited.clear()
        self._decoding.inherit(inherited)
        self._encoding.inherit(inherited)

    def _receive(self, lengths: Int64, rows: Int64, now: float) -> list[Due]:
        state = self.state
        lengths, rows = self.reports.set_aside(self.inbox, lengths, rows, now)
        lengths, rows = self.securing.open(lengths, rows, now)
        packets = parse(self.inbox, lengths, rows, state.leg.payload_kind, state.refusals)
        followed = follow(state.stream, state.tally, packets, state.leg.ticks, state.serial, now)
        self._note_arrival(followed.packets.row, now)
        audio = self._audio_alone(followed, now)
        if not len(audio.packets):
            return []
        rows = audio.packets.row
        position = place(state.stream, audio, state.leg.ticks[rows], now)
        resumed = self._noise.resume(audio, position, now) if state.has_noise else None
        blocks = self._decoding.blocks(audio.packets)
        self._note_packet_time(rows, blocks)
        self.pacing.note_arrivals(rows, position, now)
        self._decoding.keep(audio, position, blocks, now)
        if resumed is not None:
            self._noise.cross_over(resumed)
        self._ducking.look(rows, position, blocks, now)
        self._heard_digits.look(rows, position, blocks)
        return self._relay(audio, position, blocks, now)

    def _note_arrival(self, rows: Int64, now: float) -> None:
        state = self.state
        state.meter.last_packet[rows] = now
        heard = state.latch.heard[rows]
        if every(heard.astype(np.bool_)):
            return
        for row in rows[heard == 0].tolist():
            leg = self.roster.by_row[row]
            if leg is not None and leg.latch.source is not None:
                leg.latch.heard = True
                state.latch.heard[row] = 1
                self.notices.append(MediaStarted(leg.id, *leg.latch.source))

    def _audio_alone(self, followed: Followed, now: float) -> Followed:
        is_audio = followed.packets.kind == AUDIO
        if every(is_audio):
            return followed
        if not self.state.is_g711:
            self._decoding.pass_over(followed.packets.where(~is_audio), followed.extended[~is_audio])
        for index in np.flatnonzero(~is_audio).tolist():
            handle = self._noise.take if followed.packets.kind[index] == NOISE else self._digits.handle
            handle(self.inbox, followed, index, now)
        forward = followed.forward[is_audio]
        return Followed(
            followed.packets.where(is_audio), followed.extended[is_audio], followed.serial[is_audio], bool(forward.all()), forward
        )

    def _note_packet_time(self, rows: Int64, blocks: Int64) -> None:
        known = self.state.stream.blocks
        other = (known[rows] != blocks) & (blocks > 0)
        if some(other):
            known[rows[other]] = blocks[other]
            for row in rows[other].tolist():
                self.roster.change_row(row)

    def _relay(self, audio: Followed, position: Int64, blocks: Int64, now: float) -> list[Due]:
        """Send each packet on to those whom it clocks: as it is; or give it back as the clock of their mix."""
        due: list[Due] = []
        for column in range(self.state.follower_columns):
            listener = self.state.mix.followers[audio.packets.row, column]
            index = (listener >= 0).nonzero()[0]
            if len(index):
                due += self._relay_to(listener[index], audio, index, position[index], blocks[index], now)
        return due

    def _relay_to(self, listener: Int64, audio: Followed, index: Int64, position: Int64, blocks: Int64, now: float) -> list[Due]:
        state, packets = self.state, audio.packets
        own_numbers, ticks = state.mix.own_numbers[listener].astype(np.bool_), state.leg.ticks[listener]
        relay = Relay(
            listener=listener,
            extended=audio.extended[index],
            serial=audio.serial[index],
            timestamp=np.where(own_numbers, position * ticks, packets.timestamp[index]) if some(own_numbers) else packets.timestamp[index],
            forward=audio.forward[index],
            blocks=np.maximum(blocks, 1),
            ticks=ticks,
            own_numbers=own_numbers,
        )
        before = state.sender.timestamp[listener]
        sequence, timestamp, goes = follow_source(state.sender, state.tally.late, relay, now)
        due = Due(listener, packets.marker[index] | state.leg.send_payload_type[listener], sequence, timestamp, blocks)
        passes = state.mix.kind[listener] == _PASS
        mixes = ~passes & (blocks > 0)
        if goes is not None:
            passes, mixes = passes & goes, mixes & goes
        if some(passes):
            self._pass(packets, index, passes, due)
            if not state.is_g711:
                self._decoding.note_passed(audio, index[passes], position[passes], blocks[passes])
        if not some(mixes):
            return []
        leap = (timestamp - before).astype(np.int32) // relay.ticks - relay.blocks
        mixed = named(mixes)
        due = due.where(mixed)
        self._clock(due, packets.row[index[mixed]], position[mixed], leap[mixed], now)
        return [due]

    def _pass(self, packets: Packets, index: Int64, passes: Bools, due: Due) -> None:
        if not every(passes):
            passed = named(passes)
            due, index = due.where(passed), index[passed]
        self._encoding.interrupt(due.listener)
        sizes = packets.size[index]
        width = HEADER + int(sizes.max())
        self.outbox.room(len(index))[:, HEADER:width] = self.inbox[packets.line[index], HEADER:width]
        self.outbox.put(due.listener, due.marked_type, due.sequence, due.timestamp, sizes)

    def _clock(self, due: Due, main: Int64, position: Int64, leap: Int64, now: float) -> None:
        """Set what a main source's packets clock: its own frame is the one that came; the others leap with it where they can."""
        state, mix = self.state, self.state.mix
        mix.read[due.listener, 0] = position
        if state.has_wide:
            self._keep_place(due.listener, main, position)
        mix.next_due[due.listener] = now + hold_over(due.blocks, state.stream.jitter[main])
        leaping = (leap > 0) & (leap < 8) & (mix.count[due.listener] > 1)
        if some(leaping):
            listener, leap, blocks = due.listener[leaping], leap[leaping][:, None], due.blocks[leaping][:, None]
            read = mix.read[listener, 1:]
            spare = state.playout.end[mix.source[listener, 1:]] - read - blocks
            mix.read[listener, 1:] = np.where(read >= 0, read + np.clip(spare, 0, leap), read)

    def _keep_place(self, listener: Int64, main: Int64, position: Int64) -> None:
        """Who (n) hears his main source a little later than it comes stays there, until what came before is missing."""
        mix, wide = self.state.mix, self.state.wide
        offset = mix.offset[listener, 0]
        if some(offset > 0):
            _, slots = wide.slots(main, position - 1, 1)
            offset = np.where(wide.held[slots[:, 0]] == position - 1, offset, 0)
            mix.offset[listener, 0] = offset
            mix.read[listener, 0] -= offset > 0

    def _clocked_by_server(self, now: float) -> list[Due]:
        state, mix = self.state, self.state.mix
        listener = (mix.next_due <= now).nonzero()[0]
        if len(listener):
            held_back = are_held_back(state, listener, now)
            if held_back is not None:
                listener = listener[~held_back]
        if not len(listener):
            return []
        blocks = state.leg.frame[listener]
        ticks = blocks * state.leg.ticks[listener]
        sequence, timestamp = follow_clock(state.sender, listener, ticks + mix.pause[listener], now)
        mix.pause[listener] = 0
        self._schedule(listener, blocks, now)
        return [Due(listener, state.leg.send_payload_type[listener], sequence, timestamp, blocks)]

    def _schedule(self, listener: Int64, blocks: Int64, now: float) -> None:
        """Set when each is due next; who has fallen far behind goes on from now, his timestamps leaping over what he missed."""
        mix = self.state.mix
        following = mix.next_due[listener] + blocks * BLOCK_SECONDS
        slew = mix.slew[listener]
        if slew.any():
            moved = np.clip(slew, -SLEW, SLEW)
            mix.slew[listener] = slew - moved
            following += moved
        behind = following < now - MAX_LAG
        if some(behind):
            missed = np.where(behind, (now - following) / BLOCK_SECONDS, 0.0).astype(np.int64) // blocks * blocks
            mix.pause[listener] += missed * self.state.leg.ticks[listener]
            following = following + missed * BLOCK_SECONDS
        mix.next_due[listener] = following

    def _mix(self, parts: list[Due], now: float) -> None:
        if not parts:
            return
        due = parts[0] if len(parts) == 1 else Due.join(parts)
        if not self.state.has_wide and is_alike(due.blocks):
            self._mix_alike(due, int(due.blocks[0]), now, is_wide=False)
            return
        wide = self.state.leg.wide[due.listener] != 0
        if self.state.has_stereo:
            stereo = self.state.leg.stereo[due.listener] != 0
            if every(stereo):
                self._mix_in_stereo(due, now)
                return
            self._mix_in_stereo(due.where(stereo), now)
            due, wide = due.where(~stereo), wide[~stereo]
        if len(wide) and is_alike(due.blocks) and is_alike(wide):
            self._mix_alike(due, int(due.blocks[0]), now, is_wide=bool(wide[0]))
            return
        for blocks in np.unique(due.blocks).tolist():
            for is_wide in (False, True):
                alike = (due.blocks == blocks) & (wide == is_wide)
                if alike.any():
                    self._mix_alike(due.where(alike), blocks, now, is_wide=is_wide)

    def _mix_in_stereo(self, due: Due, now: float) -> None:
        for blocks in np.unique(due.blocks).tolist():
            alike = due if len(due.blocks) == 1 else due.where(due.blocks == blocks)
            self._encoding.put_stereo(alike, self._mixing.frames(alike.listener, blocks, now, is_wide=True, ears=2))

    def _mix_alike(self, due: Due, blocks: int, now: float, *, is_wide: bool) -> None:
        self._encoding.put(due, self._mixing.frames(due.listener, blocks, now, is_wide=is_wide))


def _later() -> None:
    """What was relayed goes with the rest of the turn."""
