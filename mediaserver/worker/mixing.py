"""What listeners hear of sources at both rates, each listener at the rate of his own codec.

Sources are kept, concealed and summed at the rate at which they speak. Only the sum of those at the other rate is resampled, once
a listener: so a narrowband listener hears narrowband sources sample by sample, whoever else speaks or listens in the call, and a
listener with a wideband codec hears all that the wideband sources said.
"""

from typing import Final

import numpy as np

from mediaserver.worker.decoding import Decoding
from mediaserver.worker.listening import Listening
from mediaserver.worker.rates import close_seams, open_seams
from mediaserver.worker.sounds import Sounds
from mediaserver.worker.state import State
from mixer.arrays import Int16
from mixer.mixing import saturate
from mixer.resampling import HISTORY, WIDE_HISTORY, Resampling
from rtp.arrays import Bools, Int64, every, some


class Mixing:
    """Makes one frame a listener. Holds what is private to this worker: the last samples that were resampled for each."""

    def __init__(self, state: State, sounds: Sounds, decoding: Decoding) -> None:
        self._state = state
        self._narrow = Listening(state, state.playout, sounds, decoding)
        self._wide = Listening(state, state.wide, sounds, decoding)
        self._resampling = Resampling(state.rows)
        self._past: Final = np.zeros((2, state.rows, WIDE_HISTORY), dtype=np.int16)
        """(ear, row, samples) of the other rate; who hears narrowband sources uses the first `HISTORY` of them."""
        self._has_past: Final[Bools] = np.zeros(state.rows, dtype=np.bool_)

    def frames(self, listener: Int64, blocks: int, now: float, *, is_wide: bool, ears: int = 1) -> Int16:
        """One frame (n, samples) int16 for each listener (n), all of one rate; in stereo (n, 2 · samples), left then right."""
        mix = self._state.mix
        first, count = listener * self._state.seats, mix.count[listener]
        if not self._state.has_wide and not self._state.turned:
            return self._narrow.frames(listener, first, count, blocks, now)
        seams = open_seams(self._state, listener, self._past[:ears], is_wide=is_wide) if self._state.turned else []
        mixed = self._at_both_rates(listener, first, count, blocks, now, ears, is_wide=is_wide)
        close_seams(self._state, seams, mixed.reshape(len(listener), ears, -1), is_wide=is_wide)
        return mixed

    def settled(self) -> list[int]:
        """Rows whose gains, or whose sound, came to their goal or end since this was asked last: their calls need a new plan."""
        rows = [*self._narrow.settled, *self._wide.settled]
        self._narrow.settled.clear()
        self._wide.settled.clear()
        return rows

    def forget(self, row: int) -> None:
        """Nothing of what the leg of this row heard is heard in what its successor hears."""
        self._past[:, row] = 0
        self._has_past[row] = False
        self._state.turned.pop(row, None)

    def _at_both_rates(self, listener: Int64, first: Int64, count: Int64, blocks: int, now: float, ears: int, *, is_wide: bool) -> Int16:
        mix = self._state.mix
        narrow = mix.narrow[listener]
        leads_wide = mix.leads_wide[listener] != 0
        first_narrow = first + np.where(leads_wide, count - narrow, 0)
        first_wide = first + np.where(leads_wide, 0, narrow)
        if is_wide:
            mixed = self._wide.frames(listener, first_wide, count - narrow, blocks, now, ears)
            return self._with_others(mixed, self._narrow, listener, first_narrow, narrow, blocks, now, ears)
        mixed = self._narrow.frames(listener, first_narrow, narrow, blocks, now, ears)
        return self._with_others(mixed, self._wide, listener, first_wide, count - narrow, blocks, now, ears)

    def _with_others(
        self, mixed: Int16, others: Listening, listener: Int64, first: Int64, count: Int64, blocks: int, now: float, ears: int
    ) -> Int16:
        """Add the sources of the other rate: ``count`` (n) from ``first`` (n) on."""
        there = count > 0
        lapsed = listener[~there & self._has_past[listener]]
        if len(lapsed):
            self._past[:, lapsed] = 0
            self._has_past[lapsed] = False
        if not some(there):
            return mixed
        all_there = every(there)
        hearing = listener if all_there else listener[there]
        part = slice(None) if all_there else there
        frames = others.frames(hearing, first[part], count[part], blocks, now, ears)
        resampled = np.empty((len(hearing), mixed.shape[1]), dtype=np.int16)
        heard, wanted = frames.shape[1] // ears, mixed.shape[1] // ears
        for ear in range(ears):
            out = resampled[:, ear * wanted : (ear + 1) * wanted]
            self._resample(out, frames[:, ear * heard : (ear + 1) * heard], self._past[ear], hearing, is_up=others is self._narrow)
        self._has_past[hearing] = True
        mixed[part] = saturate(mixed[part].astype(np.int32) + resampled)
        return mixed

    def _resample(self, out: Int16, frames: Int16, past: Int16, listener: Int64, *, is_up: bool) -> None:
        """Frames (n, samples) of one ear to the other rate; past (row, samples) of that ear."""
        before = past[listener]
        if is_up:
            self._resampling.up(out, frames, before[:, :HISTORY])
        else:
            self._resampling.down(out, frames, before)
        past[listener] = before
