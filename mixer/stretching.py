"""Time scaling: a reader's place in a sound is moved by about a pitch period, and the seam is not heard.

Where the sound a period later (or earlier) is like the sound now, the one is faded into the other over a block of 10 ms: the reader
has then heard a period less (or twice). This shortens and lengthens speech and tones without a click and without a change of
pitch (overlap-add at the most similar waveform, as WSOLA does).
"""

from typing import Final

import numpy as np

from mixer.arrays import Float32, Int16, Int64

SHORTEST: Final = 0.25
"""Least move, in blocks: 2.5 ms."""
LONGEST: Final = 1.5
"""Greatest move, in blocks: 15 ms, the longest pitch period."""

_COARSE_RATE: Final = 40
"""Samples a block to which the first search is thinned out: 4 kHz."""

_NEARLY: Final = 0.02
"""Likeness that a seam may lack for leading further on."""


def best_move(sound: Int16, at: int, moves: Int64, block: int) -> tuple[int, float]:
    """The move in samples that is heard least, and how alike the sound is there: 1 the same, 0 nothing in common.

    sound (m) int16, the due frame at sample ``at``; moves (k), consecutive, are those to choose from. What is compared is the
    block of ``block`` samples from ``at`` on; so all of ``moves`` and a block more must lie within the sound.
    """
    wide = sound.astype(np.float32)
    thin = block // _COARSE_RATE
    coarse = moves[::thin]
    best = int(coarse[int(_likeness(wide, at, coarse, np.arange(0, block, thin)).argmax())])
    near = moves[np.abs(moves - best) < thin]
    likeness = _likeness(wide, at, near, np.arange(block))
    return int(near[int(likeness.argmax())]), float(likeness.max())


def best_seam(played: Float32, sound: Int16, starts: Int64) -> int:
    """Of ``starts`` (k, at least one), samples of the sound (m), the one from which it is most like ``played`` (n); the last of equals."""
    pieces = np.lib.stride_tricks.sliding_window_view(sound.astype(np.float32), len(played))[starts]
    energies = np.einsum("kn,kn->k", pieces, pieces) * np.dot(played, played)
    likeness = pieces @ played / np.maximum(np.sqrt(energies), 1.0)
    return int(starts[likeness >= likeness.max() - _NEARLY].max())


def _likeness(wide: Float32, at: int, moves: Int64, times: Int64) -> Float32:
    """Normalised correlation (k) of the sound at ``at`` with that at each of ``moves`` (k) beyond it, over ``times``."""
    now = wide[at + times]
    then = wide[at + moves[:, None] + times]
    energies = np.einsum("kt,kt->k", then, then) * np.dot(now, now)
    return np.asarray(then @ now / np.maximum(np.sqrt(energies), 1.0), dtype=np.float32)
