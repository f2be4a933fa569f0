"""Telephone-events on their way: told once to signalling, relayed between the parties, never from a supervisor.

Who has no telephone-event hears tones (`mediaserver.worker.tone_digits`).
"""

import numpy as np

from mediaserver.link.messages import DigitReceived, Notice
from mediaserver.worker.outbox import Outbox
from mediaserver.worker.plan import Leg
from mediaserver.worker.roster import Roster
from mediaserver.worker.state import Kind, State
from mediaserver.worker.tone_digits import ToneDigits
from mixer.modes import PARTIES
from rtp.arrays import Bytes, Int64
from rtp.digits import Event, read_event, scale_duration
from rtp.header import HEADER
from rtp.sender import Relay, follow_clock_with_event, follow_event
from rtp.stream import Followed


class RelayedDigits:
    """Handles the event packets of a turn one by one: they are rare."""

    def __init__(self, state: State, roster: Roster, outbox: Outbox, notices: list[Notice], tones: ToneDigits) -> None:
        self._state = state
        self._roster = roster
        self._outbox = outbox
        self._notices = notices
        self._tones = tones

    def handle(self, inbox: Bytes, followed: Followed, index: int, now: float) -> None:
        """One packet of `Followed`: tell of its event, and send it on."""
        packets = followed.packets
        row, line = int(packets.row[index]), int(packets.line[index])
        payload = inbox[line, HEADER : HEADER + int(packets.size[index])]
        leg = self._roster.by_row[row]
        event = read_event(payload.tobytes())
        if leg is None or event is None:
            self._state.refusals.dropped_size[row] += 1
            return
        timestamp = int(packets.timestamp[index])
        if event.is_end and event.digit and int(self._state.stream.event[row]) != timestamp:
            self._state.stream.event[row] = timestamp
            self._notices.append(DigitReceived(leg.id, event.digit, event.duration * 1000 // int(self._state.leg.digit_clock[row])))
        if leg.seat.role in PARTIES:
            for listener in self._roster.companions(leg):
                if listener.seat.role in PARTIES and self._hears(listener, leg):
                    self._relay(listener, leg, event, payload, followed, index, now)

    def _hears(self, listener: Leg, speaker: Leg) -> bool:
        mix = self._state.mix
        listed = mix.source[listener.row, : int(mix.count[listener.row])] == speaker.row
        return bool((mix.goal[listener.row, : len(listed)][listed] > 0).any())

    def _relay(self, listener: Leg, speaker: Leg, event: Event, payload: Bytes, followed: Followed, index: int, now: float) -> None:
        """As a telephone-event, or as tones where there is none; what can be neither, or leaves audio no room, is counted."""
        state, row = self._state, listener.row
        has_clock = state.mix.kind[row] != Kind.NONE
        if self._outbox.count >= state.rows:
            state.count.digits_unrelayed[speaker.row] += 1
        elif has_clock and state.leg.send_digit_payload_type[row] >= 0:
            self._send(listener, speaker, payload, followed, index, now)
        elif not (has_clock and self._tones.play(row, speaker.row, event, int(followed.packets.timestamp[index]), now)):
            state.count.digits_unrelayed[speaker.row] += 1

    def _timestamp(self, listener: Leg, speaker: Leg, timestamp: Int64) -> Int64:
        """An event's start (1) as the listener's relay counts it: by the source's clock, or under own numbers by blocks of its time."""
        stream, row = self._state.stream, speaker.row
        if not self._state.mix.own_numbers[listener.row]:
            return timestamp
        since = ((timestamp - stream.timestamp[row] + 0x8000_0000) & 0xFFFF_FFFF) - 0x8000_0000
        return np.asarray(stream.position[row] * listener.ticks + since * listener.ticks // speaker.ticks, dtype=np.int64)

    def _send(self, listener: Leg, speaker: Leg, payload: Bytes, followed: Followed, index: int, now: float) -> None:
        state, packets = self._state, followed.packets
        row = listener.row
        payload_type = int(state.leg.send_digit_payload_type[row])
        if state.mix.main[row] == speaker.row:
            one = slice(index, index + 1)
            relay = Relay(
                listener=np.array([row]),
                extended=followed.extended[one],
                serial=followed.serial[one],
                timestamp=self._timestamp(listener, speaker, packets.timestamp[one]),
                forward=followed.forward[one],
                blocks=np.array([listener.frame]),
                ticks=np.array([listener.ticks]),
                own_numbers=state.mix.own_numbers[row : row + 1].astype(np.bool_),
            )
            numbers = follow_event(state.sender, relay, now)
        else:
            ticks = listener.frame * listener.ticks
            numbers = follow_clock_with_event(state.sender, row, int(packets.timestamp[index]), ticks)
        if numbers is None:
            state.tally.late[row] += 1
            return
        departing = self._outbox.room(1)[0, HEADER : HEADER + len(payload)]
        departing[:] = payload
        clock = state.leg.digit_clock
        if clock[row] != clock[speaker.row]:
            scale_duration(departing, int(clock[speaker.row]), int(clock[row]))
        first = int(packets.marker[index]) | payload_type
        self._outbox.put(np.array([row]), np.array([first]), np.array([numbers[0]]), np.array([numbers[1]]), len(payload))
