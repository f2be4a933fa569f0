"""A moment's grace: a mix that the server clocks waits for a packet that should come any moment, rather than that it is made up.

What comes late by more than its playout reckons with would else be filled in, and its reader be behind by a packet from then on. The
listener's own buffer takes a few milliseconds without a sound, and the clock itself goes on as it was. Of a source that pauses, or is
lost, this is so for the first packet that is missing; then it is filled in, and nobody waits until it is there again.
"""

from typing import Final

import numpy as np

from mediaserver.worker.state import Kind, State
from rtp.arrays import Bools, Int64, some
from rtp.playout import UNREAD

GRACE: Final = 0.004
"""Seconds that a mix is held back at most: about as long as a machine keeps a phone, or a network a packet, for no reason."""


def are_held_back(state: State, listener: Int64, now: float) -> Bools | None:
    """Which of these listeners (n), whose clocks have struck, wait on; None where nobody does."""
    mix = state.mix
    places = int(mix.count[listener].max())
    source, read, offset = mix.source[listener, :places], mix.read[listener, :places], mix.offset[listener, :places]
    needed = read + state.leg.frame[listener][:, None] + (offset > 0)
    lacks = (needed > _ends(state, source)) & (np.arange(places) < mix.count[listener][:, None])
    if not some(lacks.any(axis=1)):
        return None
    is_heard = (mix.gain[listener, :places] != 0.0) | (mix.goal[listener, :places] != 0.0)
    waits = lacks & is_heard & (read != UNREAD) & (mix.gap[listener, :places] == 0)
    may = (mix.kind[listener] == Kind.SERVER) & (now < mix.next_due[listener] + GRACE)
    return np.asarray(waits.any(axis=1) & may)


def _ends(state: State, source: Int64) -> Int64:
    """The first block (…) after the newest of sources (…)."""
    end = state.playout.end[source]
    return np.where(state.leg.wide[source], state.wide.end[source], end) if state.has_wide else end
