"""Mixing kernels: the sum of what a listener hears, plain where all gains are one, with a short ramp where a gain changes."""

from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from mixer.arrays import Float32, Int16

RAMP_BLOCKS: Final = 0.5
"""Length of a gain's ramp: 5 ms."""

_MAX: Final = 32767.0


@cache
def ramp(blocks: int, block: int) -> Float32:
    """Shares (blocks · block) of the new gain over a frame of blocks of ``block`` samples: a line over 5 ms, then one."""
    steps = np.arange(1, blocks * block + 1, dtype=np.float32)
    return np.asarray(np.minimum(steps / np.float32(block * RAMP_BLOCKS), 1.0), dtype=np.float32)


def sum_plain(frames: Int16) -> Int16:
    """Sum over speakers of frames (listener, speaker, sample) with all gains one: (listener, sample).

    Up to four full-scale voices of the 14-bit domain fit; of more, the sum is taken wider and saturated once.
    """
    speakers = frames.shape[1]
    if speakers == 1:
        return frames[:, 0]
    if speakers == 2:
        return frames[:, 0] + frames[:, 1]
    if speakers <= 4:
        return np.asarray(frames.sum(axis=1, dtype=np.int16))
    return saturate(frames.sum(axis=1, dtype=np.int32))


def sum_ramped(frames: Int16, gain: Float32, goal: Float32, shares: Float32) -> Float32:
    """Sum over speakers of frames (listener, speaker, sample), each under a gain that goes from ``gain`` to ``goal`` (listener, speaker).

    shares (sample) as `ramp` gave them. A speaker whose both gains are 0 is exactly absent.
    """
    mixed = np.asarray(np.matmul(goal[:, None, :], frames.astype(np.float32))[:, 0], dtype=np.float32)
    changing = (gain != goal).any(axis=1).nonzero()[0]
    if len(changing):
        gain, change = gain[changing, :, None], (goal - gain)[changing, :, None]
        mixed[changing] = (frames[changing] * (gain + change * shares)).sum(axis=1, dtype=np.float32)
    return mixed


def sum_for_ears(frames: Int16, gain: Float32, goal: Float32, ears: Float32, shares: Float32) -> Float32:
    """The same twice, for listeners in stereo: (listener, 2 · sample), what the left ear hears, then the right one.

    ears (listener, speaker, 2): how much of each speaker reaches the left and the right one.
    """
    sums = [sum_ramped(frames, gain * ears[..., ear], goal * ears[..., ear], shares) for ear in (0, 1)]
    return np.concatenate(sums, axis=1)


def saturate(samples: npt.NDArray[np.float32] | npt.NDArray[np.int32]) -> Int16:
    """int16 of wider samples: rounded, and held at the ends; the encoder's table holds them at full scale."""
    return np.rint(np.clip(samples, -_MAX, _MAX)).astype(np.int16)
