"""A leg's codec becomes a wideband one, or one no more: what it said goes on in the buffers of the other rate."""

import numpy as np

from mediaserver.worker.state import State
from mixer.resampling import HISTORY, WIDE_HISTORY, Resampling
from rtp.arrays import Int16
from rtp.playout import RING, Playout
from rtp.stream import BLOCK

_UP_DELAY = 25
_DOWN_DELAY = 12
"""Samples, at the new rate, by which resampling is late."""


def turn_voice(state: State, row: int, *, is_wide: bool) -> None:
    """Take what a row's leg said over to the buffers of its new rate, so that who reads it reads on."""
    old, new = (state.playout, state.wide) if is_wide else (state.wide, state.playout)
    state.leg.wide[row] = is_wide
    new.wipe(row)
    if old.end[row]:
        _copy(old, new, row)
    old.wipe(row)
    heard = state.mix.source == row
    for lengths in (state.mix.lag,):
        lengths[heard] = lengths[heard] * 2 if is_wide else lengths[heard] // 2


def _copy(old: Playout, new: Playout, row: int) -> None:
    rows, count = np.array([row]), RING - 1
    end = old.end[rows]
    _, slots = old.slots(rows, end - count, count)
    samples = _resampled(old.history(rows, end, count), is_wide=new.samples.shape[1] > BLOCK)
    new.samples[slots] = samples.reshape(1, count, -1)
    for copied, original in ((new.held, old.held), (new.made, old.made)):
        copied[slots] = original[slots]
    new.end[rows] = end


def _resampled(samples: Int16, *, is_wide: bool) -> Int16:
    """Samples (1, n) at the other rate, in step with what they were; they are mirrored behind their end."""
    beyond = np.clip(2 * samples[:, -1:].astype(np.int32) - samples[:, -2 : -2 - 2 * BLOCK : -1], -32_768, 32_767).astype(np.int16)
    if is_wide:
        padded = np.concatenate([samples, beyond[:, :BLOCK]], axis=1)
        up = np.empty((1, 2 * padded.shape[1]), dtype=np.int16)
        Resampling(1).up(up, padded, np.zeros((1, HISTORY), dtype=np.int16))
        return up[:, _UP_DELAY : _UP_DELAY + 2 * samples.shape[1]]
    padded = np.concatenate([samples, beyond], axis=1)
    down = np.empty((1, padded.shape[1] // 2), dtype=np.int16)
    Resampling(1).down(down, padded, np.zeros((1, WIDE_HISTORY), dtype=np.int16))
    return down[:, _DOWN_DELAY : _DOWN_DELAY + samples.shape[1] // 2]
