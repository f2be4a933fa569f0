"""How each leg sounds, both ways, judged now and then: losses and their pattern, R and MOS; for watchers, reports and the record.

A share of the rows is looked at each `LOOK_SECONDS`: each row's losses before its window has moved on, its score each
`JUDGE_SECONDS`. *Up* is what the leg sends us, *down* what it gets from us, as far as it tells so by RTCP; neither holds what other
legs lost. A score is what one would give who hears this leg's way alone; 0.0 stands for not known.
"""

from typing import Final

import numpy as np

from mediaserver.worker.state import State
from mixer.formats import FORMATS, G722, L16_NARROW, L16_WIDE, OPUS, PCMA, PCMU, WIDEBAND
from rtp.arrays import Float64, Int64
from rtp.losses import burst_ratio, examine
from rtp.quality import rating, score
from rtp.stream import BLOCK_SECONDS

LOOK_SECONDS: Final = 0.1
LOOK_PARTS: Final = 4
"""So many looks until every row's losses were seen: 0.4 s, 40 packets of 10 ms, less than a window."""
JUDGE_PARTS: Final = 20
JUDGE_SECONDS: Final = LOOK_SECONDS * JUDGE_PARTS
TOLD_SECONDS: Final = 15.0
"""How long what a leg told of our stream counts: three of its reports."""
FAR_JITTERS: Final = 3.0
"""How many times the jitter that it tells of a leg is taken to hold back what we send it."""
_WEIGHT: Final = 0.4
"""Of the newest interval in the loss that is shown: it settles in some five seconds."""

CODECS: Final = {
    PCMU: (0.0, 25.1),
    PCMA: (0.0, 25.1),
    G722: (13.0, 10.0),
    L16_NARROW: (0.0, 25.1),
    L16_WIDE: (0.0, 25.1),
    OPUS: (0.0, 20.0),
}
"""Ie and Bpl by format. G.113 appendix I has G.711 with its appendix I concealment (0, 25.1), which PCM shares, and appendix IV
the 13 of G.722; the robustness of G.722 and both values of Opus are our own assumptions."""

_IMPAIRMENT: Final = np.array([CODECS[number][0] for number in range(len(FORMATS))])
_ROBUSTNESS: Final = np.array([CODECS[number][1] for number in range(len(FORMATS))])
_IS_WIDE: Final = np.array([form.sample_rate == WIDEBAND for form in FORMATS])


class Judging:
    """Judges; see above."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._look_at = 0.0
        self._looks = 0
        self._rows: Final = np.arange(state.rows)

    def step(self, now: float) -> None:
        """Look at some rows, where it is time."""
        if now < self._look_at:
            return
        self._look_at = now + LOOK_SECONDS
        rows = self._sending(self._looks % LOOK_PARTS, LOOK_PARTS)
        if len(rows):
            examine(self._state.loss, self._state.stream, rows)
        rows = self._sending(self._looks % JUDGE_PARTS, JUDGE_PARTS)
        if len(rows):
            self._judge_up(rows)
            self._judge_down(rows, now)
        self._looks += 1

    def _sending(self, part: int, parts: int) -> Int64:
        """Of a part of the rows, those that have sent anything."""
        rows = self._rows[part::parts]
        return np.asarray(rows[self._state.stream.serial[rows] > 0])

    def _judge_up(self, rows: Int64) -> None:
        state, quality = self._state, self._state.quality
        judged, lost = state.loss.judged[rows], state.loss.lost[rows]
        fresh = judged - quality.judged[rows]
        rows, judged, lost, fresh = rows[fresh > 0], judged[fresh > 0], lost[fresh > 0], fresh[fresh > 0]
        if not len(rows):
            return
        loss = quality.loss_up[rows]
        loss += ((lost - quality.lost[rows]) / fresh - loss) * _WEIGHT
        quality.loss_up[rows], quality.judged[rows], quality.lost[rows] = loss, judged, lost
        delay = state.report.round_trip[rows] / 2 + state.stream.blocks[rows] * BLOCK_SECONDS + state.late.target[rows]
        bursts = burst_ratio(lost, state.loss.runs[rows], judged)
        found, opinion = self._scores(rows, delay, loss, bursts)
        quality.rating_heard[rows], quality.mos_heard[rows] = self._scores(rows, np.zeros_like(delay), loss, bursts)
        quality.rating_up[rows], quality.mos_up[rows] = found, opinion
        quality.mos_up_least[rows] = _least(quality.mos_up_least[rows], opinion)
        quality.mos_up_sum[rows] += opinion
        quality.mos_up_count[rows] += 1

    def _judge_down(self, rows: Int64, now: float) -> None:
        state, quality, report = self._state, self._state.quality, self._state.report
        told = report.far_at[rows]
        rows = rows[(told > 0.0) & (now - told < TOLD_SECONDS)]
        if not len(rows):
            return
        delay = report.round_trip[rows] / 2 + state.leg.frame[rows] * BLOCK_SECONDS + report.jitter[rows] * FAR_JITTERS
        found, opinion = self._scores(rows, delay, report.loss[rows], np.ones(len(rows)))
        quality.rating_down[rows], quality.mos_down[rows] = found, opinion
        quality.mos_down_least[rows] = _least(quality.mos_down_least[rows], opinion)
        quality.mos_down_sum[rows] += opinion
        quality.mos_down_count[rows] += 1

    def _scores(self, rows: Int64, delay: Float64, loss: Float64, bursts: Float64) -> tuple[Float64, Float64]:
        codec = self._state.leg.codec[rows]
        wide = _IS_WIDE[codec]
        found = rating(delay, loss, bursts, _IMPAIRMENT[codec], _ROBUSTNESS[codec], wide)
        return found, score(found, wide)


def _least(before: Float64, now: Float64) -> Float64:
    return np.where(before > 0.0, np.minimum(before, now), now)
