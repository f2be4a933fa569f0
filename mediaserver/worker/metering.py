"""Levels and speech flags of what legs say, taken from a part of their packets, when the turn's packets have been sent.

The detector's flag outlasts a voice by some frames of those that it is given. So a leg is measured each `PERIOD`, but at each
packet where a flag stands while the voice has fallen: then the flag ends when it would have, had the detector heard every frame.
What several turns took is measured at once: few steps of many are cheaper than many of few. And the detector is what costs:
where a voice goes on, or a noise stays as loud as it was, it is asked each second time only.
"""

from typing import Final

import numpy as np

from mediaserver.worker.roster import ROLES
from mediaserver.worker.state import State, Wanted
from mixer.arrays import Float32, Int16
from mixer.levels import GATE_DBOV, SpeechDetector, levels_dbov
from mixer.modes import Role
from rtp.arrays import Bools, Int64
from rtp.stream import BLOCK_SECONDS

PERIOD: Final = 0.1
"""Seconds between two measurements of a leg at most."""
SLACK: Final = 0.005
"""How much later than the one before, in seconds, a packet may come and still be in its time."""
TOGETHER: Final = 0.008
"""Seconds of which everything is measured together; less than a packet time."""
FALLEN_DB: Final = 6.0
"""So far below what it was, a voice may have ended."""
FADING_DB: Final = 1.0
"""What it was fades by so much at each measurement."""
MOST_UNASKED: Final = 1
"""Measurements in a row for which the level alone keeps the flag as it is."""
SAME_DB: Final = 1.5
"""What is no speech may be so much louder or softer than it was, to be taken for the same."""
LONGEST_FRAME: Final = 3
"""Blocks that the detector takes at once."""
_SUPERVISOR: Final = ROLES.index(Role.SUPERVISOR)
_HEARD: Final = int(Wanted.HEARD)


class Metering:
    """The meters of all legs. Holds what is private to this worker: the voice detectors."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._detector = SpeechDetector()
        self._unasked = np.zeros(state.rows, dtype=np.int64)
        """(row) measurements since the detector was asked."""
        self._taken: dict[tuple[int, int], list[tuple[Int64, Int16]]] = {}
        """By samples of a block and of a frame: legs and what they said."""
        self._now = 0.0
        self._next = 0.0

    def is_due(self, rows: Int64, now: float) -> Bools:
        """Which of these legs (n), of each of which a packet came, are to be measured."""
        self._now = now
        due: Bools = self._state.meter.next[rows] <= now
        return due

    def take(self, rows: Int64, frames: Int16, block: int) -> None:
        """What legs (n) said now, frames (n, samples) with ``block`` samples to 10 ms; not to be changed afterwards."""
        self._taken.setdefault((block, frames.shape[1]), []).append((rows, frames))
        self._state.meter.next[rows] = self._now + PERIOD

    def measure(self, now: float) -> None:
        """Show what was taken, where it is time. To be called when the turn's packets have been sent: nobody waits for meters."""
        if not self._taken or now < self._next:
            return
        self._next = now + TOGETHER
        for (block, _), parts in self._taken.items():
            rows, frames = parts[0] if len(parts) == 1 else (np.concatenate(part) for part in zip(*parts, strict=True))
            self._measure(rows, frames, block, now)
        self._taken.clear()

    def forget(self, row: int) -> None:
        """The leg of this row ended."""
        self._unasked[row] = 0
        self._detector.forget(row)
        for parts in self._taken.values():
            parts[:] = [(rows[rows != row], frames[rows != row]) for rows, frames in parts]

    def _measure(self, rows: Int64, frames: Int16, block: int, now: float) -> None:
        """A supervisor whom nobody hears has a level and no flag: only who may be heard is worth the detector's time."""
        meter = self._state.meter
        level = levels_dbov(frames)
        loudest = np.maximum(level, meter.loudest[rows] - FADING_DB)
        has_fallen = level < loudest - FALLEN_DB
        is_heard = (self._state.leg.role[rows] != _SUPERVISOR) | (self._state.mix.wanted[rows] == _HEARD)
        speech = self._flags(rows, frames, block, (level > GATE_DBOV) & is_heard, self._is_as_before(rows, level, has_fallen))
        lasts = PERIOD + SLACK - frames.shape[1] // block * BLOCK_SECONDS
        meter.next[rows] = np.where(speech & has_fallen, now, now + lasts)
        meter.loudest[rows], meter.level[rows], meter.speech[rows] = loudest, level, speech

    def _is_as_before(self, rows: Int64, level: Float32, has_fallen: Bools) -> Bools:
        """Where a voice (n) goes on, or what is none has not changed."""
        meter = self._state.meter
        return np.where(meter.speech[rows] != 0, ~has_fallen, np.abs(level - meter.level[rows]) < SAME_DB)

    def _flags(self, rows: Int64, frames: Int16, block: int, sounds: Bools, is_as_before: Bools) -> Bools:
        """Who (n) speaks, of those of whom there is something to be heard."""
        kept = sounds & is_as_before & (self._unasked[rows] < MOST_UNASKED)
        self._unasked[rows] = np.where(kept, self._unasked[rows] + 1, 0)
        speech: Bools = kept & (self._state.meter.speech[rows] != 0)
        asked = (sounds & ~kept).nonzero()[0]
        if len(asked):
            speech[asked] = self._detector.speaks(rows[asked].tolist(), frames[asked, : LONGEST_FRAME * block], 100 * block)
        return speech
