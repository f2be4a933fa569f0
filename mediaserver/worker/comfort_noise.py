"""Comfort noise (RFC 3389): what is heard of a leg whose phone pauses, and says how its silence sounds.

Rules:
- a packet of comfort noise begins a pause, or says how its noise goes on; the first audio that is newer ends it;
- meanwhile noise of that level and colour lies in the leg's buffer as if it came in packets at their times: who mixes the leg reads
  on at his own place, and nothing is concealed. It begins over what was heard before, and is crossed with the first of what is said next;
- it clocks nobody: whose main source pauses is clocked by the server after the usual hold-over;
- who hears the leg alone gets these packets as they come, under his own payload type; where he did not negotiate that, or begins to
  hear the leg amid a pause, he hears it by the server's clock until it ends (`mediaserver.worker.plan`);
- a pause is no speech, and no loss: its packets have numbers of the stream;
- a phone whose timestamps stand still in a pause is taken to go on where its noise is.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from mediaserver.worker.outbox import Outbox
from mediaserver.worker.rates import LOUDEST
from mediaserver.worker.roster import Roster
from mediaserver.worker.shelf import soften
from mediaserver.worker.state import Kind, State
from mixer.concealment import cross
from mixer.noise import comfort_noise, read_noise
from rtp.arrays import Bytes, Int64, every, some
from rtp.header import HEADER
from rtp.playout import Playout
from rtp.sender import Relay, follow_source
from rtp.stream import BLOCK_SECONDS, Followed, place

PIECE: Final = 4
"""Blocks of noise that are made at once."""
AHEAD: Final = 8
"""Blocks of noise that are there before their time: more than the longest packet would have brought."""
FURTHEST_BACK: Final = 16
"""Blocks behind the newest at which somebody may begin to read."""
STOOD_STILL: Final = 32
"""Blocks behind the present from which on what comes after a pause is no late packet."""


@dataclass(frozen=True, slots=True)
class Resumed:
    """Legs that speak again (n), and where on their time lines."""

    rows: Int64
    position: Int64


class ComfortNoise:
    """Makes the noise of pauses. Turns without any (`State.has_noise`) do not ask."""

    def __init__(self, state: State, roster: Roster, outbox: Outbox) -> None:
        self._state = state
        self._roster = roster
        self._outbox = outbox
        self._begun: Final[set[int]] = set()
        """Rows whose pause has just begun: their first noise comes over what was heard."""

    def take(self, inbox: Bytes, followed: Followed, index: int, now: float) -> None:
        """One packet of comfort noise among `Followed`: send it on, and heed it."""
        one = np.array([index])
        packet = Followed(
            followed.packets.where(one),
            followed.extended[one],
            followed.serial[one],
            bool(followed.forward[index]),
            followed.forward[one],
        )
        line, size = int(packet.packets.line[0]), int(packet.packets.size[0])
        payload = inbox[line, HEADER : HEADER + size]
        self._relay(packet, payload, now)
        if packet.in_order:
            self._heed(packet, payload, now)

    def resume(self, audio: Followed, position: Int64, now: float) -> Resumed | None:
        """End the pauses of legs whose audio packets (n) came, to be put at ``position`` (n), which is corrected. To be told before."""
        state, noise = self._state, self._state.noise
        speaks = (noise.is_on[audio.packets.row] != 0) & audio.forward
        if not some(speaks):
            return None
        rows = audio.packets.row[speaks]
        position[speaks] = self._gone_on(rows, position[speaks], now)
        noise.is_on[rows] = 0
        state.has_noise = bool(noise.is_on.any())
        resumed = Resumed(rows, position[speaks])
        for part, playout in self._by_rate(resumed.rows):
            playout.withdraw(rows[part], resumed.position[part])
        for row in rows.tolist():
            self._begun.discard(row)
            self._plan_anew(row, Kind.CLOCKED)
        return resumed

    def cross_over(self, resumed: Resumed) -> None:
        """Let what these legs say begin out of their noise, once it is in their buffers."""
        noise = self._state.noise
        for part, playout in self._by_rate(resumed.rows):
            rows, position = resumed.rows[part], resumed.position[part]
            wanted, slots = playout.slots(rows, position, 1)
            there = playout.held[slots] == wanted
            rows, position, slots = rows[there[:, 0]], position[there[:, 0]], slots[there]
            overlap = playout.samples.shape[1] // 2
            at = position * playout.samples.shape[1]
            before = comfort_noise(rows, noise.level[rows], noise.response[rows], at, overlap)
            playout.samples[slots, :overlap] = cross(before, playout.samples[slots, :overlap], overlap)

    def step(self, now: float) -> None:
        """Make the noise that is due. To be called between a turn's receiving and its mixing."""
        state, noise = self._state, self._state.noise
        rows = noise.is_on.nonzero()[0]
        state.has_noise = bool(len(rows))
        rows = rows[state.mix.wanted[rows] != 0]
        if not len(rows):
            return
        due = self._present(rows, now)
        is_empty = np.where(state.leg.wide[rows], state.wide.end[rows], state.playout.end[rows]) == 0
        lacks = is_empty | (due - noise.end[rows] > FURTHEST_BACK)
        if some(lacks):
            noise.end[rows[lacks]] = due[lacks] - FURTHEST_BACK
        while len(rows):
            short = due + AHEAD - noise.end[rows] > 0
            rows, due = rows[short], due[short]
            self._make(rows)

    def forget(self, row: int) -> None:
        """A leg ended."""
        self._begun.discard(row)

    def _present(self, rows: Int64, now: float) -> Int64:
        """The block (n) that would come now from each of these rows (n)."""
        return np.asarray(np.floor((now - self._state.noise.transit[rows]) / BLOCK_SECONDS), dtype=np.int64)

    def _gone_on(self, rows: Int64, position: Int64, now: float) -> Int64:
        """Where packets of rows (n) amid a pause, or at its end, belong: at ``position`` (n), but where their time stood still."""
        stream = self._state.stream
        present = self._present(rows, now)
        stood = present - position > STOOD_STILL
        if some(stood):
            position = np.where(stood, present, position)
            stream.position[rows] = position
            stream.breaks[rows] += stood
        return position

    def _make(self, rows: Int64) -> None:
        """The next `PIECE` blocks of each of these rows (n)."""
        noise = self._state.noise
        for part, playout in self._by_rate(rows):
            which = rows[part]
            end, block = noise.end[which], playout.samples.shape[1]
            frames = comfort_noise(which, noise.level[which], noise.response[which], end * block, PIECE * block)
            np.clip(frames, -LOUDEST, LOUDEST, out=frames)
            for index in [index for index, row in enumerate(which.tolist()) if row in self._begun]:
                one = slice(index, index + 1)
                soften(frames[one], end[one], playout, which[one])
                self._begun.discard(int(which[index]))
            playout.store(which, end, PIECE, frames)
        noise.end[rows] += PIECE
        noise.level[rows] += (noise.goal[rows] - noise.level[rows]) / 2

    def _by_rate(self, rows: Int64) -> list[tuple[Int64, Playout]]:
        """Places in ``rows`` (n) of those of each rate, with their buffers."""
        wide = self._state.leg.wide[rows] != 0
        if every(~wide):
            return [(np.arange(len(rows)), self._state.playout)]
        groups = ((np.flatnonzero(~wide), self._state.playout), (np.flatnonzero(wide), self._state.wide))
        return [(part, playout) for part, playout in groups if len(part)]

    def _heed(self, packet: Followed, payload: Bytes, now: float) -> None:
        state, noise, rows = self._state, self._state.noise, packet.packets.row
        row = int(rows[0])
        position = place(state.stream, packet, state.leg.ticks[rows], now)
        noise.goal[row], noise.response[row] = read_noise(payload.tobytes())
        if noise.is_on[row]:
            self._gone_on(rows, position, now)
        else:
            self._begin(row, int(position[0]), now)
        meter = state.meter
        meter.level[row] = meter.loudest[row] = noise.goal[row]
        meter.speech[row], meter.next[row] = 0, now

    def _begin(self, row: int, position: int, now: float) -> None:
        state, noise = self._state, self._state.noise
        is_known = state.late.breaks[row] == state.stream.breaks[row]
        usual = float(state.late.base(np.array([row]))[0]) if is_known else np.inf
        noise.transit[row] = min(usual, now - position * BLOCK_SECONDS)
        noise.end[row] = max(position, int(state.playout_of(row).end[row]))
        noise.level[row] = noise.goal[row]
        noise.is_on[row] = state.has_noise = True
        self._begun.add(row)
        self._plan_anew(row, Kind.PASS)

    def _plan_anew(self, row: int, kind: Kind) -> None:
        """Let a call be planned anew where somebody of this kind hears the row alone, and another clock may be the right one now."""
        mix, leg, followers = self._state.mix, self._state.leg, self._state.mix.followers[row]
        followers = followers[followers >= 0]
        alone = (mix.kind[followers] == kind) & (mix.count[followers] == 1) & (leg.codec[followers] == leg.codec[row])
        if kind is Kind.PASS:
            alone &= leg.send_noise_payload_type[followers] < 0
        if alone.any():
            self._roster.change_row(row)

    def _relay(self, packet: Followed, payload: Bytes, now: float) -> None:
        """To those who hear the leg alone and take comfort noise."""
        state, packets = self._state, packet.packets
        listener = state.mix.followers[packets.row[0]]
        listener = listener[listener >= 0]
        payload_type = state.leg.send_noise_payload_type[listener]
        listener = listener[(state.mix.kind[listener] == Kind.PASS) & (payload_type >= 0)]
        for row in listener.tolist():
            one = np.array([row])
            relay = Relay(
                listener=one,
                extended=packet.extended,
                serial=packet.serial,
                timestamp=packets.timestamp,
                forward=packet.forward,
                blocks=np.maximum(state.stream.blocks[packets.row], 1),
                ticks=state.leg.ticks[one],
                own_numbers=np.zeros(1, dtype=np.bool_),
            )
            sequence, timestamp, goes = follow_source(state.sender, state.tally.late, relay, now)
            if goes is None or goes[0]:
                self._outbox.room(1)[0, HEADER : HEADER + len(payload)] = payload
                marked_type = packets.marker | state.leg.send_noise_payload_type[one]
                self._outbox.put(one, marked_type, sequence, timestamp, len(payload))
