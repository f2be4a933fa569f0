"""Ducking: while somebody whispers to a party, that party hears the others more softly, so that he can follow both.

The whisper's packets are looked at as they arrive, some milliseconds before they are heard; the change comes as a ramp. It ends when
nothing was whispered for `HOLD`. Who is not whispered to hears no difference.
"""

from typing import Final

import numpy as np

from mediaserver.worker.roster import Roster
from mediaserver.worker.state import State
from mixer.levels import levels_dbov
from rtp.arrays import Bools, Int64, some
from rtp.playout import Playout

HOLD: Final = 0.4
"""Seconds for which it outlasts the last word: pauses between words are shorter."""
SPOKEN_DBOV: Final = -45.0
"""Level of a packet that holds a word."""
LOOK: Final = 0.05
"""Seconds for which one look will do, once somebody is ducked."""
TOGETHER: Final = 0.006
"""Seconds of which all packets are looked at together."""


class Ducking:
    """Watches those who whisper."""

    def __init__(self, state: State, roster: Roster) -> None:
        self._state = state
        self._roster = roster
        self._ducked = set(np.flatnonzero(state.mix.ducked_until > 0.0).tolist())
        """Rows of listeners."""
        self._next_step = self._next_look = 0.0
        self._stored: list[tuple[Int64, Int64]] = []
        """Rows, and the blocks behind what was stored of them since the last look."""

    def look(self, rows: Int64, position: Int64, blocks: Int64, now: float) -> None:
        """Audio packets of rows (n) were stored at ``position`` (n), ``blocks`` (n) long."""
        self._stored.append((rows, position + blocks))
        if now < self._next_look:
            return
        self._next_look = now + TOGETHER
        rows, end = self._stored[0] if len(self._stored) == 1 else (np.concatenate(part) for part in zip(*self._stored, strict=True))
        self._stored.clear()
        listener = self._state.mix.ducks[rows]
        whispers = (listener >= 0) & (self._state.mix.ducked_until[listener] < now + HOLD - LOOK)
        if some(whispers):
            for is_wide, playout in ((False, self._state.playout), (True, self._state.wide)):
                part = whispers & ((self._state.leg.wide[rows] != 0) == is_wide)
                if some(part):
                    self._look_at(playout, rows[part], end[part], now)

    def step(self, now: float) -> None:
        """Let those go to whom nothing was whispered for a while. To be called each turn."""
        if not self._ducked or now < self._next_step:
            return
        self._next_step = now + LOOK
        until = self._state.mix.ducked_until
        for listener in [listener for listener in self._ducked if until[listener] <= now]:
            self._ducked.discard(listener)
            until[listener] = 0.0
            self._roster.duck_row(listener)

    def _look_at(self, playout: Playout, rows: Int64, end: Int64, now: float) -> None:
        spoken: Bools = levels_dbov(playout.newest(rows, end)) > SPOKEN_DBOV
        for listener in self._state.mix.ducks[rows[spoken]].tolist():
            self._state.mix.ducked_until[listener] = now + HOLD
            if listener not in self._ducked:
                self._ducked.add(listener)
                self._roster.duck_row(listener)
