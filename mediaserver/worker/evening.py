"""Evening out, where the settings want it (`media.agc`): in a supervisor's ear the parties come to be about equally loud.

How loudly a party speaks is averaged from its meter over some seconds of its speech; pauses do not count. From that follows a gain
within bounds, approached in small steps, each of which the call's next plan brings as a ramp. Who is near enough is left alone, so
plans come to rest. A party's own ear hears no difference: `mediaserver.worker.plan` heeds the gain for supervisors alone.
"""

from typing import Final

import numpy as np

from mediaserver.worker.roster import ROLES, Roster
from mediaserver.worker.state import State
from mixer.modes import PARTIES

GOAL_DBOV: Final = -26.0
"""How loud speech shall be: ITU-T P.56's active level of what is neither loud nor soft on a line."""
LEAST_DB: Final = -6.0
MOST_DB: Final = 12.0
"""Bounds of the gain."""
LOOK: Final = 0.1
"""Seconds between two looks at the meters, which are as old at most."""
SHARE: Final = 0.05
"""Of a look in the average: some two seconds of speech count."""
STEP_SECONDS: Final = 0.5
STEP_DB: Final = 1.0
NEAR_DB: Final = 1.5
"""Closer than that to what it should be, a gain is left as it is."""
_PARTIES: Final = np.array([role in PARTIES for role in ROLES])


class Evening:
    """Watches how loudly parties speak."""

    def __init__(self, state: State, roster: Roster) -> None:
        self._state = state
        self._roster = roster
        self._next_look = self._next_step = 0.0

    def step(self, now: float) -> None:
        """Look at the meters, and now and then change gains. To be called each turn."""
        if not self._state.evens_out or now < self._next_look:
            return
        self._next_look = now + LOOK
        self._look(now)
        if now >= self._next_step:
            self._next_step = now + STEP_SECONDS
            self._change()

    def _look(self, now: float) -> None:
        meter = self._state.meter
        speaks = (meter.speech != 0) & (now - meter.last_packet < 2 * LOOK)
        rows = np.flatnonzero(speaks & _PARTIES[self._state.leg.role])
        spoken, level = meter.spoken[rows], meter.level[rows]
        meter.spoken[rows] = np.where(spoken == 0.0, level, spoken + SHARE * (level - spoken))

    def _change(self) -> None:
        meter = self._state.meter
        rows = np.flatnonzero(meter.spoken)
        wanted = np.clip(GOAL_DBOV - meter.spoken[rows], LEAST_DB, MOST_DB)
        far = np.abs(wanted - meter.evened[rows]) > NEAR_DB
        meter.evened[rows[far]] += np.copysign(STEP_DB, (wanted - meter.evened[rows])[far]).astype(np.float32)
        for row in rows[far].tolist():
            self._roster.change_row(row)
