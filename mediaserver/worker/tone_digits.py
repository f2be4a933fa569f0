"""Digits for a listener whose leg has no telephone-event: played to him as tones, beside what else he hears (RFC 4733 §2.5.2.2).

A tone is on while packets of its event come, for 60 ms at least; it ends with the event, or where nothing came for three packets.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from mediaserver.worker.sounds import Sounds
from mediaserver.worker.state import State
from mixer.dtmf import DIGITS
from rtp.arrays import Int64
from rtp.digits import Event

SHORTEST: Final = 0.06
"""Seconds of tone, so that any receiver takes it (Q.24 asks for 40 ms)."""
PATIENCE: Final = 0.15
"""Seconds without a packet of the event after which it is over."""


@dataclass(slots=True)
class _Tone:
    speaker: int
    """Row."""
    event: int
    """Its timestamp."""
    began: float
    until: float


class ToneDigits:
    """The tones that are on. They use the place of the leg's sound: who hears music or a prompt gets no tones."""

    def __init__(self, state: State, sounds: Sounds, change: Callable[[int], None]) -> None:
        """``change`` is told rows whose call needs a new plan."""
        self._state = state
        self._change = change
        self._tones: dict[int, _Tone] = {}
        self._first = sounds.first_digit
        self._stop_those_of_another_worker()

    def _stop_those_of_another_worker(self) -> None:
        self.stop(np.arange(self._state.rows))

    def stop(self, rows: Int64) -> None:
        """Whoever hears a digit's tone hears it fade."""
        mix = self._state.mix
        playing = rows[(mix.sound[rows] >= self._first) & (mix.sound[rows] < self._first + len(DIGITS))]
        mix.sound_goal[playing] = 0.0

    def play(self, listener: int, speaker: int, event: Event, timestamp: int, now: float) -> bool:
        """One packet of a speaker's event for a listener (rows); False where he cannot be played it."""
        tone = self._tones.get(listener)
        if tone is None or (tone.speaker, tone.event) != (speaker, timestamp):
            if tone is None and int(self._state.sender.event[listener]) == timestamp:
                return True  # an end packet that comes once more
            if not event.digit or (tone is None and int(self._state.mix.sound[listener]) >= 0):
                return False
            tone = self._tones[listener] = self._begin(listener, speaker, event, timestamp, now)
        tone.until = max(tone.began + SHORTEST, now if event.is_end else now + PATIENCE)
        return True

    def _begin(self, listener: int, speaker: int, event: Event, timestamp: int, now: float) -> _Tone:
        mix = self._state.mix
        self._state.sender.event[listener] = timestamp
        mix.sound[listener] = self._first + DIGITS.index(event.digit)
        mix.sound_position[listener], mix.sound_loops[listener] = 0, True
        mix.sound_gain[listener], mix.sound_goal[listener] = 0.0, 1.0
        self._change(listener)
        return _Tone(speaker, timestamp, now, now)

    def step(self, now: float) -> None:
        """End what is over. To be called each turn."""
        if not self._tones:
            return
        over = [listener for listener, tone in self._tones.items() if tone.until <= now]
        for listener in over:
            del self._tones[listener]
        self.stop(np.array(over, dtype=np.int64))

    def forget(self, row: int) -> None:
        """A leg ended."""
        self._tones.pop(row, None)
