"""Packet-loss concealment for PCM, for many gaps at once and at any rate, after the method of ITU-T G.711 Appendix I.

What is played in a gap follows from three things alone: what was heard before it (`HISTORY_BLOCKS`), its pitch, and the time since
it began. So nothing is kept between the calls, and a gap may be gone on with by whoever knows the three.

- The pitch is the lag from 5 to 15 ms at which the last 20 ms are most like what came before them (§I.2.3).
- The last period is repeated; from 10 ms on the last two, from 20 ms on the last three, so that it does not buzz (§I.2.4, §I.2.6).
- Every seam is overlapped over a quarter of a period.
- After the first 10 ms, 20 % of the level go each 10 ms: silence at 60 ms (§I.2.7).
- What returns is faded in over a quarter of a period and 4 ms for each further 10 ms of the gap, 10 ms at most (§I.2.8).

The appendix holds all sound back by 3.75 ms, so that the first seam can be overlapped before it is heard. Here nothing is held back:
the step at that seam is carried into the gap and let go over a quarter of a period instead.
"""

from typing import Final

import numpy as np

from mixer.arrays import Float32, Int16, Int64

HISTORY_BLOCKS: Final = 5
"""Blocks of 10 ms of the past that are looked at: three of the longest periods and a quarter, 48.75 ms."""
FADED_BLOCKS: Final = 6
"""Blocks of a gap after which nothing is left."""

_SHORTEST: Final = 0.5
_LONGEST: Final = 1.5
"""Pitch periods looked for, in blocks: 66 to 200 Hz."""
_COMPARED_BLOCKS: Final = 2
_COARSE_RATE: Final = 40
"""Samples a block to which the first search is thinned out: 4 kHz."""
_MAX_PERIODS: Final = 3


def pitch_lags(history: Int16) -> Int64:
    """The pitch period (n) in samples of what histories (n, `HISTORY_BLOCKS` · block) int16 end with; a coarse search, then a fine one."""
    block = history.shape[1] // HISTORY_BLOCKS
    wide = history.astype(np.float32)
    thin = block // _COARSE_RATE
    lag = thin * _best_lags(wide[:, ::-thin][:, ::-1], int(_SHORTEST * _COARSE_RATE), int(_LONGEST * _COARSE_RATE), _COARSE_RATE)
    shortest, longest = int(_SHORTEST * block), int(_LONGEST * block)
    nearby = np.clip(lag[:, None] + np.arange(1 - thin, thin), shortest, longest)
    compared = _COMPARED_BLOCKS * block
    times = history.shape[1] - compared + np.arange(compared)
    past = np.take_along_axis(wide[:, None, :], times - nearby[..., None], axis=2)
    likeness = _likeness(np.einsum("nkt,nt->nk", past, wide[:, -compared:]), np.einsum("nkt,nkt->nk", past, past))
    return np.asarray(np.take_along_axis(nearby, likeness.argmax(axis=1)[:, None], axis=1)[:, 0], dtype=np.int64)


def conceal(history: Int16, lag: Int64, elapsed: Int64, count: int) -> Float32:
    """What is played (n, count) in gaps that began ``elapsed`` (n) samples ago.

    history (n, `HISTORY_BLOCKS` · block) int16 ends where each gap begins, lag (n) is its pitch in samples.
    """
    block = history.shape[1] // HISTORY_BLOCKS
    times = elapsed[:, None] + np.arange(count)
    stage = np.minimum(times // block, _MAX_PERIODS - 1)
    since = times - stage * block
    quarter = (lag // 4)[:, None]
    made = _repeated(history, lag, stage + 1, times)
    joins = (stage > 0) & (since < quarter)
    if joins.any():
        into = (since + 1) / (quarter + 1)
        earlier = _repeated(history, lag, np.maximum(stage, 1), times)
        made = np.where(joins, earlier + (made - earlier) * into, made)
    step = (history[:, -1].astype(np.float32) - np.take_along_axis(history, history.shape[1] - 1 - lag[:, None], axis=1)[:, 0])[:, None]
    made += step * np.maximum(1.0 - times / quarter, 0.0)
    fade = np.clip((FADED_BLOCKS * block - times) / ((FADED_BLOCKS - 1) * block), 0.0, 1.0)
    return np.asarray(made * fade, dtype=np.float32)


def overlaps(lag: Int64, gap: Int64, block: int) -> Int64:
    """Samples (n) over which what returns after gaps of ``gap`` (n) blocks is faded in; after a gap that faded, 5 ms."""
    grown = np.minimum(lag // 4 + np.maximum(gap - 1, 0) * (2 * block // 5), block)
    return np.asarray(np.where(gap >= FADED_BLOCKS, block // 2, grown), dtype=np.int64)


def rejoin(frames: Int16, played_on: Float32, overlap: Int64) -> Int16:
    """Frames (n, m) int16 that are there again, faded in over ``overlap`` (n) samples over what would have been played on (n, m)."""
    into = np.minimum((np.arange(frames.shape[1]) + 1) / (overlap + 1)[:, None], 1.0).astype(np.float32)
    return np.rint(played_on + (frames - played_on) * into).astype(np.int16)


def cross(before: Int16, after: Int16, overlap: int) -> Int16:
    """Frames ``after`` (…, m) int16 that begin as ``before`` (…, m) and leave it within ``overlap`` samples."""
    into = np.arange(1, overlap + 1, dtype=np.float32) / (overlap + 1)
    joined = after.copy()
    joined[..., :overlap] = np.rint(before[..., :overlap] * (1.0 - into) + after[..., :overlap] * into)
    return joined


def faded_in(frame: Int16, overlap: int) -> Int16:
    """A frame (m) or (m, ears) int16 that begins with a ramp over ``overlap`` samples."""
    faded = frame.copy()
    into = np.arange(1, overlap + 1, dtype=np.float32) / np.float32(overlap)
    faded[:overlap] = np.rint(frame[:overlap].T * into).T
    return faded


def _repeated(history: Int16, lag: Int64, periods: Int64, times: Int64) -> Float32:
    """Samples (n, m) of the last ``periods`` (n, m) periods of each history, said again and again, at ``times`` (n, m) of the gap.

    The end of the loop is overlapped with what came before its beginning. It begins where the loop of one period less stands then.
    """
    samples, period = history.shape[1], lag[:, None]
    block = samples // HISTORY_BLOCKS
    begun = (periods - 1) * block
    length = periods * period
    index = (begun % period + times - begun) % length
    quarter = period // 4
    place = samples - length + index
    loop = np.take_along_axis(history, place, axis=1).astype(np.float32)
    into = (index - (length - quarter) + 1) / (quarter + 1)
    bent = into > 0
    if bent.any():
        before = np.take_along_axis(history, np.maximum(place - length, 0), axis=1)
        loop = np.where(bent, loop + (before - loop) * into, loop)
    return np.asarray(loop, dtype=np.float32)


def _best_lags(wide: Float32, shortest: int, longest: int, block: int) -> Int64:
    """The lag (n) from ``shortest`` to ``longest`` at which the end of each row is most like its past."""
    compared = _COMPARED_BLOCKS * block
    recent = np.ascontiguousarray(wide[:, -compared:])
    past = np.ascontiguousarray(wide[:, -compared - longest : wide.shape[1] - shortest])
    windows = np.lib.stride_tricks.sliding_window_view(past, compared, axis=1)
    products = np.matmul(windows, recent[:, :, None])[:, :, 0]
    squares = np.cumsum(np.pad(past.astype(np.float64) ** 2, ((0, 0), (1, 0))), axis=1)
    energies = (squares[:, compared:] - squares[:, :-compared]).astype(np.float32)
    return np.asarray(longest - np.argmax(_likeness(products, energies), axis=1), dtype=np.int64)


def _likeness(products: Float32, energies: Float32) -> Float32:
    return np.asarray(products / np.sqrt(np.maximum(energies, 1.0)), dtype=np.float32)
