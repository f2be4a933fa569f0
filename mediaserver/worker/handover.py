"""From packets that are passed through to packets of our own, and back: the sound goes on in phase.

Decoding and encoding once more takes time (`TANDEM_DELAY`): what is mixed comes so much later than what was passed through. If that were
faded over where it happens to fall, a tone would be faded into itself in another phase, and dip. So

- who is mixed from now on hears the source's sound go on where it was, and then a little later than it is, by as much as makes the way a
  whole number of pitch periods (10 ms at most). He stays there: the place lies in ``mix.offset``, and a gap of his source ends it;
- who is passed through from the next packet on hears the source's sound in its own time already at the end of the last mixed frame. What
  of that has not come yet is played on from what has (`mixer.concealment`).

All this is done to the main source's sound, which is heard at unity; others are heard beside it in their own time.
"""

from typing import Final

import numpy as np

from mediaserver.worker.state import Kind, State
from mixer.arrays import Int16
from mixer.concealment import HISTORY_BLOCKS, conceal, cross, pitch_lags
from mixer.formats import G722, OPUS
from mixer.mixing import saturate
from rtp.arrays import Int64

TANDEM_DELAY: Final = {G722: 22, OPUS: 104}
"""Samples at 16 kHz by which what is decoded is late against what was encoded."""
_BLOCK: Final = 160
_OVERLAP: Final = _BLOCK // 2
_COMPARED: Final = _BLOCK // 2
"""Samples before a seam that are to be alike, too."""
_STEPS: Final = 16
"""Samples between places at which the way back is tried."""


def take_over(state: State, row: int, past: Int16, frame: Int16, ahead: int) -> tuple[Int16, Int16]:
    """What a listener who was passed through has heard up to the first sample of his first frame, and that frame as he is to hear it.

    past (samples) int16 of his main source, up to the frame (samples); ahead: samples by which what he heard was earlier than what he will.
    """
    is_main = state.mix.gain[row, 0] == 1.0 and state.leg.codec[row] == state.leg.codec[state.mix.source[row, 0]]
    main = _said(state, row, len(frame) // _BLOCK, state.mix.read[row, :1]) if is_main else frame
    others = frame - main.astype(np.int32)
    sound = np.concatenate([past, main])
    heard, begins = sound[ahead : ahead + len(past)], len(past)
    overlap = min(_OVERLAP, len(frame) - ahead)
    if overlap <= 0:
        return heard, frame
    lag = _lag(sound, begins, ahead, overlap) if is_main else 0
    state.mix.offset[row, 0] = -lag % _BLOCK
    later = sound[begins - lag : begins - lag + len(frame)]
    return heard, saturate(cross(sound[begins + ahead :], later, overlap) + others)


def is_last(state: State, row: int, codec: int) -> bool:
    """Whether a listener's frame is the last one before packets of his main source are passed through to him."""
    mix = state.mix
    count = int(mix.count[row])
    if mix.kind[row] != Kind.CLOCKED or count < 2 or mix.sound[row] >= 0 or mix.gap[row, 0]:
        return False
    is_alone = mix.gain[row, 0] == mix.goal[row, 0] == 1.0 and not (mix.gain[row, 1:count].any() or mix.goal[row, 1:count].any())
    return bool(is_alone and state.leg.codec[mix.source[row, 0]] == codec)


def hand_back(state: State, row: int, frame: Int16, ahead: int) -> Int16:
    """The last frame (samples) int16 of a listener to whom packets are passed through from the next one on; ahead as in `take_over`."""
    count, lag = len(frame), int(-state.mix.offset[row, 0] % _BLOCK)
    said = _said(state, row, HISTORY_BLOCKS + count // _BLOCK, state.mix.read[row, :1] + (lag > 0))
    history = said[None, -HISTORY_BLOCKS * _BLOCK :]
    beyond = saturate(conceal(history, pitch_lags(history), np.zeros(1, dtype=np.int64), ahead))[0]
    later = said[len(said) - count - lag : len(said) - lag]
    earlier = np.concatenate([said[len(said) - count + ahead :], beyond])[-count:]
    place = _place(later, earlier)
    joined = np.concatenate([later[:place], cross(later[place:], earlier[place:], _OVERLAP)])
    return saturate(joined.astype(np.int32) + frame - later)


def _said(state: State, row: int, blocks: int, end: Int64) -> Int16:
    """The last blocks (samples) of a listener's main source, in its own time, before block ``end`` (1)."""
    source = state.mix.source[row, :1]
    return np.asarray(state.playout_of(int(source[0])).history(source, end, blocks)[0])


def _lag(sound: Int16, begins: int, ahead: int, overlap: int) -> int:
    """How much later, in samples below a block, the sound is most like what goes on ``ahead`` of ``begins``."""
    wide, count = sound.astype(np.float32), _COMPARED + overlap
    played = wide[begins + ahead - _COMPARED :][:count]
    pieces = np.lib.stride_tricks.sliding_window_view(wide[begins - _COMPARED - _BLOCK + 1 : begins + overlap], count)
    likeness = pieces @ played / np.maximum(np.sqrt(np.einsum("kn,kn->k", pieces, pieces)), 1.0)
    return _BLOCK - 1 - int(likeness.argmax())


def _place(later: Int16, earlier: Int16) -> int:
    """Where in these frames (samples) the one is most like the other, for as long as they are faded over."""
    starts = np.arange(0, len(later) - _OVERLAP + 1, _STEPS)
    ones, others = (np.lib.stride_tricks.sliding_window_view(frame.astype(np.float32), _OVERLAP)[starts] for frame in (later, earlier))
    apart = ((ones - others) ** 2).sum(axis=1)
    return int(starts[apart.argmin()])
