"""A leg's codec becomes a wideband one, or one no more, in the midst of a call.

What it said goes on in the buffers of the other rate, so that who reads it reads on. For whom it was not resampled before, it comes
later by what resampling takes, from now on; for whom it was, it comes earlier. So the first frame of each begins where the last one
ended, and is faded over into its new time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mediaserver.worker.state import State
from mixer.arrays import Int16
from mixer.mixing import saturate
from mixer.resampling import HISTORY, WIDE_HISTORY, Resampling
from rtp.arrays import Int64
from rtp.playout import RING, Playout
from rtp.stream import BLOCK

LOUDEST: Final = 8191
"""No sample in a buffer is larger, so that sums of four fit: a filter may overshoot."""
DELAY: Final = {True: 25, False: 12}
"""Samples by which resampling to a rate is late, at that rate: to a wideband one, to a narrowband one."""
_BLOCKS: Final = {True: 2 * BLOCK, False: BLOCK}


def turn_voice(state: State, row: int, *, is_wide: bool) -> None:
    """Take what a row's leg said over to the buffers of its new rate."""
    old, new = (state.playout, state.wide) if is_wide else (state.wide, state.playout)
    state.leg.wide[row] = is_wide
    new.wipe(row)
    if old.end[row]:
        _copy(old, new, row)
    old.wipe(row)
    listed = (state.mix.source == row) & (np.arange(state.seats) < state.mix.count[:, None])
    for lengths in (state.mix.lag, state.mix.offset, state.mix.move):
        lengths[listed] = lengths[listed] * 2 if is_wide else lengths[listed] // 2
    heard = listed & (state.mix.gain > 0.0)
    for listener in np.flatnonzero(heard.any(axis=1)).tolist():
        state.turned.setdefault(listener, set()).add(row)


def _copy(old: Playout, new: Playout, row: int) -> None:
    rows, count = np.array([row]), RING - 1
    end = old.end[rows]
    _, slots = old.slots(rows, end - count, count)
    said = resampled(old.history(rows, end, count), is_wide=new.samples.shape[1] > BLOCK)
    new.samples[slots] = np.clip(said, -LOUDEST, LOUDEST).reshape(1, count, -1)
    for copied, original in ((new.held, old.held), (new.made, old.made)):
        copied[slots] = original[slots]
    new.end[rows] = end


def resampled(samples: Int16, *, is_wide: bool) -> Int16:
    """Samples (1, n) at the other rate, in step with what they were; they are mirrored behind their end."""
    beyond = saturate(2 * samples[:, -1:].astype(np.int32) - samples[:, -2 : -2 - 2 * BLOCK : -1])
    padded = np.concatenate([samples, beyond[:, :BLOCK] if is_wide else beyond], axis=1)
    if is_wide:
        out = np.empty((1, 2 * padded.shape[1]), dtype=np.int16)
        Resampling(1).up(out, padded, np.zeros((1, HISTORY), dtype=np.int16))
        return out[:, DELAY[True] : DELAY[True] + 2 * samples.shape[1]]
    out = np.empty((1, padded.shape[1] // 2), dtype=np.int16)
    Resampling(1).down(out, padded, np.zeros((1, WIDE_HISTORY), dtype=np.int16))
    return out[:, DELAY[False] : DELAY[False] + samples.shape[1] // 2]


@dataclass(frozen=True, slots=True)
class Seam:
    """Where a listener's first frame of a source that has turned is to be joined to what he heard of it."""

    index: int
    """Of the listener among those whose frames are being made."""
    source: int
    pair: tuple[int, int]
    """Listener and place in his list."""
    read: int
    """Block with which the frame begins."""
    resamples: bool
    """The source is resampled for him from now on; else, no more."""


def open_seams(state: State, listener: Int64, past: Int16, *, is_wide: bool) -> list[Seam]:
    """Seams in the frames that listeners (n) of one rate are due.

    past (ear, row, samples) is what was resampled for them last: a source that turned belongs into it from now on, or no more.
    """
    seams = []
    for index, row in enumerate(listener.tolist()):
        for source in state.turned.pop(row, ()):
            places = np.flatnonzero(state.mix.source[row, : int(state.mix.count[row])] == source)
            for place in places.tolist():
                resamples = bool(state.leg.wide[source]) != is_wide
                seam = Seam(index, source, (row, place), int(state.mix.read[row, place]), resamples)
                said = _said(state, seam, 2)
                size = HISTORY if is_wide else WIDE_HISTORY
                if not resamples:
                    said = -resampled(said, is_wide=not is_wide)
                for ear, heard in enumerate(past[:, row, :size]):
                    heard[:] = _sum(heard, said[0, -size:], _gain(state, seam, ear))
                seams.append(seam)
    return seams


def close_seams(state: State, seams: Sequence[Seam], mixed: Int16, *, is_wide: bool) -> None:
    """Fade what was mixed (n, ear, samples) for these listeners from where they were into where they are now, over 5 ms."""
    overlap = _BLOCKS[is_wide] // 2
    into = np.arange(1, overlap + 1, dtype=np.float32) / (overlap + 1)
    for seam in seams:
        blocks = mixed.shape[2] // _BLOCKS[is_wide]
        if int(state.mix.read[seam.pair]) != seam.read + blocks:
            continue
        heard = _said(state, seam, blocks + 1)
        if seam.resamples:
            heard = resampled(heard, is_wide=is_wide)
        now = heard[0, -mixed.shape[2] :][:overlap].astype(np.float32)
        start = heard.shape[1] - mixed.shape[2] - DELAY[is_wide]
        later = heard[0, start : start + overlap].astype(np.float32)
        change = now - later if seam.resamples else later - now
        for ear, begun in enumerate(mixed[seam.index, :, :overlap]):
            begun[:] = _sum(begun, change * (1.0 - into), _gain(state, seam, ear))


def _gain(state: State, seam: Seam, ear: int) -> float:
    """At which gain an ear of a seam's listener hears its source."""
    return float(state.mix.gain[seam.pair] * state.mix.ears[(*seam.pair, ear)])


def _sum(samples: Int16, more: npt.NDArray[Any], gain: float) -> Int16:
    return saturate(np.asarray(samples + more * gain, dtype=np.float32))


def _said(state: State, seam: Seam, blocks: int) -> Int16:
    """The last ``blocks`` (1, samples) that the listener of a seam has read of the source."""
    read = np.array([int(state.mix.read[seam.pair])])
    offset = np.array([int(state.mix.offset[seam.pair])])
    return state.playout_of(seam.source).history(np.array([seam.source]), read, blocks, offset)
