"""Encoders that begin in the midst of a sound.

A decoder far away is as its last packets left it. An encoder that begins from nothing would not fit to it: with G.722 it is heard
as a burst. So a new encoder is first given what the listener has just heard, as far as that is still in the buffers, and what it
makes of it is thrown away. Where his packets were passed through until now, there is more to it: `handover`.

An heir's Opus encoders begin with a ramp and nothing else: a decoder that got nothing for so long has faded by itself, an Opus encoder
that begins says so in its first packet, and all of them at once would keep everybody waiting.
"""

from typing import Final

import numpy as np

from mediaserver.worker.handover import TANDEM_DELAY, take_over
from mediaserver.worker.rates import resampled
from mediaserver.worker.state import State
from mixer.arrays import Int16
from mixer.coders.coder import Encoder
from mixer.concealment import faded_in
from rtp.playout import RING, UNREAD

PAST_BLOCKS: Final = 10
"""Blocks of the past that an encoder is given."""
_BLOCK: Final = 160
_STEP: Final = 2 * _BLOCK


def begin(encoder: Encoder, state: State, row: int, frame: Int16, codec: int, *, was_passed: bool) -> Int16:
    """Make a listener's new encoder fit for ``frame``, which has just been read for him; the frame to encode first.

    frame (samples) int16; (samples, 2) in stereo, left first.
    was_passed: until now he was sent his source's packets as they were. Where nothing was heard before, the frame is faded in.
    """
    past = _past(state, row, len(frame) // _BLOCK, was_passed=was_passed)
    if not past.any():
        return faded_in(frame, _BLOCK)
    if was_passed:
        past, frame = take_over(state, row, past, frame, TANDEM_DELAY[codec])
    for start in range(0, len(past), _STEP):
        encoder.encode(past[start : start + _STEP].copy())
    return frame


def _past(state: State, row: int, blocks: int, *, was_passed: bool) -> Int16:
    """What a listener heard before the frame of ``blocks`` that was read for him last; before a gap, where there is one."""
    for further in range(0, RING - blocks - PAST_BLOCKS, PAST_BLOCKS):
        heard = _heard(state, row, blocks + further, was_passed=was_passed)
        if heard.any():
            break
    return heard


def _heard(state: State, row: int, back: int, *, was_passed: bool) -> Int16:
    """What he heard in the `PAST_BLOCKS` that end ``back`` blocks before the end of that frame."""
    mix, ears = state.mix, 2 if state.leg.stereo[row] else 1
    heard = np.zeros((PAST_BLOCKS * _BLOCK, ears), dtype=np.int32)
    for index in range(int(mix.count[row])):
        gain = float(mix.source[row, index] == mix.main[row]) if was_passed else float(mix.gain[row, index])
        if gain > 0.0:
            one = slice(index, index + 1)
            source = mix.source[row, one]
            playout = state.playout_of(int(source[0]))
            read = mix.read[row, one] if mix.read[row, index] != UNREAD else playout.end[source]
            said = playout.history(source, read - back, PAST_BLOCKS, mix.offset[row, one])
            wide = said if state.leg.wide[source[0]] else resampled(said, is_wide=True)
            heard += np.rint(np.outer(wide[0], gain * mix.ears[row, index, :ears])).astype(np.int32)
    saturated = np.clip(heard, -32_768, 32_767).astype(np.int16)
    return saturated if ears > 1 else saturated[:, 0]
